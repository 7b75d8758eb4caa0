"""A proxy that does to connections what networks do: holds, drops, resets, delays and cuts them.

It stands on a free port of loopback, on a thread with an event loop of its own, before a TCP port or a Unix socket. What it
holds back it delivers when it is healed, as TCP would: a network that comes back loses nothing that was under way.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

UP, DOWN = "up", "down"
"""From the client to the server, and back."""
_CHUNK = 65_536


class Proxy:
    """Switched from any thread.

    Attributes:
        port: Where it listens.
        passed: Bytes passed on so far, by direction.
    """

    def __init__(self, upstream: str | tuple[str, int], *, port: int = 0) -> None:
        self._upstream = upstream
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: dict[str, asyncio.Event] = {}
        self._refusing = False
        self._pace: tuple[int, float] = (_CHUNK, 0.0)
        self._cut: tuple[str, int, Callable[[], None]] | None = None
        self._trip: tuple[bytes, Callable[[], None], Callable[[], None]] | None = None
        self.passed = {UP: 0, DOWN: 0}
        self._thread.start()
        self.port: int = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)

    async def _listen(self, port: int) -> int:
        self._held = {UP: asyncio.Event(), DOWN: asyncio.Event()}
        for gate in self._held.values():
            gate.set()
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", port)
        return self._server.sockets[0].getsockname()[1]

    # What it can be told.

    def silence(self, *directions: str) -> None:
        """Pass nothing on, in these directions (both, if none is named); connections stay open, new ones are accepted."""
        self._do(lambda: [self._held[d].clear() for d in directions or (UP, DOWN)])

    def refuse(self) -> None:
        """Reset new connections at once; those that are open go on."""
        self._do(lambda: setattr(self, "_refusing", True))

    def reset(self) -> None:
        """Reset every open connection."""
        self._do(self._reset)

    def slow(self, *, chunk: int = _CHUNK, pause: float) -> None:
        """Pass on so many bytes at a time, each after a pause."""
        self._do(lambda: setattr(self, "_pace", (chunk, pause)))

    def cut_after(self, direction: str, count: int, *, then: str = "reset") -> None:
        """After so many more bytes in one direction, in the middle of whatever that is: `reset`, or `silence`."""
        act = self._reset if then == "reset" else self._hush
        self._do(lambda: setattr(self, "_cut", (direction, self.passed[direction] + count, act)))

    def when_asked(self, words: bytes, *, hold: str) -> None:
        """Once a client sends these bytes: hold that request itself (UP), or pass it on and hold the answer (DOWN)."""
        both = [self._held[UP], self._held[DOWN]]
        before, after = (both, []) if hold == UP else ([], both)
        self._do(
            lambda: setattr(
                self, "_trip", (words, lambda: [g.clear() for g in before], lambda: [g.clear() for g in after])
            )
        )

    def heal(self) -> None:
        """Be a good network again, and deliver what was held."""

        def well() -> None:
            self._refusing, self._pace, self._cut, self._trip = False, (_CHUNK, 0.0), None, None
            for gate in self._held.values():
                gate.set()

        self._do(well)

    @property
    def silent(self) -> bool:
        """Whether anything is held."""
        return not all(gate.is_set() for gate in self._held.values())

    def close(self) -> None:
        """Reset everything and end."""
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # How it does it.

    def _do(self, act: Callable[[], object]) -> None:
        done = threading.Event()
        self._loop.call_soon_threadsafe(lambda: (act(), done.set()))
        assert done.wait(10), "the proxy's loop is stuck"

    def _hush(self) -> None:
        for gate in self._held.values():
            gate.clear()

    def _reset(self) -> None:
        for writer in list(self._open):
            abort(writer)

    async def _end(self) -> None:
        self._server.close()
        self._reset()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            abort(writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            abort(writer)
            return
        self._open.add(writer)
        await self._held[UP].wait()  # what is silent connects nobody to the other side
        if isinstance(self._upstream, str):
            there, back = await asyncio.open_unix_connection(self._upstream)
        else:
            there, back = await asyncio.open_connection(*self._upstream)
        self._open.add(back)
        try:
            await asyncio.gather(self._pump(UP, reader, back), self._pump(DOWN, there, writer))
        finally:
            self._open -= {writer, back}

    async def _pump(self, direction: str, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await source.read(_CHUNK):
                await self._pass(direction, data, sink)
            await self._held[direction].wait()  # nor does the news that somebody hung up get through
        with suppress(OSError):
            sink.close()

    async def _pass(self, direction: str, data: bytes, sink: asyncio.StreamWriter) -> None:
        after = None
        if direction == UP and self._trip is not None and self._trip[0] in data:
            _, before, after = self._trip
            self._trip = None
            before()
        while data:
            chunk, pause = self._pace
            if pause:
                await asyncio.sleep(pause)
            await self._held[direction].wait()
            piece, act = data[:chunk], None
            if self._cut is not None and self._cut[0] == direction:
                left = self._cut[1] - self.passed[direction]
                if left <= len(piece):
                    piece, act, self._cut = piece[:left], self._cut[2], None
            data = data[len(piece) :]
            sink.write(piece)
            self.passed[direction] += len(piece)
            await sink.drain()
            if act is not None:
                await asyncio.sleep(0.005)  # let the first half arrive, so that it is a half that the other side has
                act()
        if after is not None:
            after()


def abort(writer: asyncio.StreamWriter) -> None:
    """Close so that the other side is told of a reset, not of an end."""
    found = writer.get_extra_info("socket")
    if found is not None and found.family == socket.AF_INET:
        with suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def proxied(upstream: str | tuple[str, int], *, port: int = 0) -> Iterator[Proxy]:
    """A proxy before a server, until the block ends."""
    made = Proxy(upstream, port=port)
    try:
        yield made
    finally:
        made.close()
