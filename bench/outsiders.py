"""Rude outsiders: what anybody can do to a server without its leave, and what somebody with a page's public key can.

`python -m bench.outsiders ATTACK PORT SECONDS KEY` does one of them from a process of its own, from several addresses of this
machine, and starts anew whenever it is cut off.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import itertools
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

ADDRESSES = 8
"""Addresses that the outsiders come from, `127.0.66.1` and so on."""
_numbers = itertools.count()


class Target(NamedTuple):
    """Where to, until when (by the monotonic clock), and with which public key."""

    port: int
    until: float
    key: str

    def over(self) -> bool:
        """Whether it is time to go."""
        return time.monotonic() >= self.until

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection from the next address."""
        source = (f"127.0.66.{next(_numbers) % ADDRESSES + 1}", 0)
        return await asyncio.open_connection("127.0.0.1", self.port, local_addr=source)


Attack = Callable[[Target], Awaitable[None]]


def _post(path: str, length: int, more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n{more}\r\n".encode()


async def _hold(target: Target, sent: bytes, drip: bytes = b"") -> None:
    """Send something, then hold the connection, with a drip of bytes or none, until cut off."""
    while not target.over():
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            reader, writer = await target.connect()
            try:
                writer.write(sent)
                ended = asyncio.ensure_future(reader.read(1))
                while not target.over() and not ended.done():
                    await asyncio.wait({ended}, timeout=0.5)
                    if drip and not ended.done():
                        writer.write(drip)
                ended.cancel()
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.25)


async def _send(target: Target, sent: bytes, fresh: Callable[[], bytes] | None = None) -> None:
    """Send something whole and read the answer, over and over; with `fresh`, something new each time."""
    while not target.over():
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            _, writer = pair = await target.connect()
            try:
                writer.write(fresh() if fresh else sent)
                await asyncio.wait_for(pair[0].read(65_536), 5)
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.01)


async def _flood(target: Target, first: bytes, chunk: bytes, chunks: int) -> None:
    """Send bytes without end, as fast as they are taken."""
    while not target.over():
        with contextlib.suppress(OSError):
            _, writer = await target.connect()
            try:
                writer.write(first)
                for _ in range(chunks):
                    writer.write(chunk)
                    await writer.drain()
                    if target.over():
                        break
            finally:
                writer.transport.abort()
        await asyncio.sleep(0.05)


async def _unread(target: Target) -> None:
    """Ask for a large answer again and again, and read none."""
    asked = b"GET /static/array.js HTTP/1.1\r\nHost: x\r\n\r\n"
    while not target.over():
        with contextlib.suppress(OSError):
            _, writer = await target.connect()
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            try:
                for _ in range(16):
                    writer.write(asked)
                    await asyncio.sleep(0.2)
                await asyncio.sleep(2)
            finally:
                writer.transport.abort()


def _many(how: Callable[[Target], Awaitable[None]], count: int) -> Attack:
    async def attack(target: Target) -> None:
        await asyncio.gather(*(how(target) for _ in range(count)))

    return attack


def _swollen(key: str) -> bytes:
    """One person, with traits that are long lists in fields of ever new names."""
    items = [
        {"type": "identify", "userId": "swollen", "traits": {f"t{next(_numbers)}": ["x" * 100] * 30 for _ in range(10)}}
        for _ in range(10)
    ]
    body = json.dumps({"writeKey": key, "batch": items}).encode()
    return _post("/v1/batch", len(body)) + body


def _backtracking(key: str) -> bytes:
    """Values that a regular expression of the tracking plan takes for ever to refuse, were it to backtrack."""
    item = {"type": "track", "event": "Patterned", "userId": "u", "properties": {"code": "a" * 60 + "!"}}
    body = json.dumps({"writeKey": key, "batch": [item] * 100}).encode()
    return _post("/v1/batch", len(body)) + body


def _batch(key: str) -> bytes:
    body = json.dumps({"writeKey": key, "batch": [{"type": "track", "event": "x", "userId": "u"}] * 20_000}).encode()
    return _post("/v1/batch", len(body)) + body


_BOMB = gzip.compress(b" " * 8_000_000)
_DEEP = b"[" * 3_000_000
_ITEMS = b'{"batch":[' + b"{}," * 1_000_000 + b"{}]}"

ATTACKS: dict[str, Attack] = {
    "idle connections": _many(lambda t: _hold(t, b""), 1_100),
    "half-sent headers": _many(lambda t: _hold(t, b"POST /v1/t HTTP/1.1\r\nHost: x\r\nX-A: "), 1_100),
    "half-sent bodies": _many(lambda t: _hold(t, _post("/v1/t", 4_000_000) + b"{" * 1_000), 1_100),
    "trickle": _many(lambda t: _hold(t, b"GET / HTTP/1.1\r\nX-A: ", b"a"), 600),
    "huge headers": _many(lambda t: _flood(t, b"GET / HTTP/1.1\r\nX-A: ", b"a" * 65_536, 4_800), 4),
    "many headers": _many(lambda t: _flood(t, b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 10_000, 5_000), 4),
    "pipelines": _many(lambda t: _flood(t, b"", b"GET / HTTP/1.1\r\n\r\n" * 3_000, 1_000), 4),
    "bodies to the API": _many(lambda t: _flood(t, _post("/api/v1/judgements", 1 << 30), b"a" * 65_536, 1 << 14), 4),
    "bodies without a key": _many(lambda t: _send(t, _post("/v1/batch", 4_000_000) + b'{"a":' + b" " * 3_999_995), 4),
    "bombs": _many(lambda t: _send(t, _post("/v1/batch", len(_BOMB)) + _BOMB), 8),
    "deep nesting": _many(lambda t: _send(t, _post("/v1/batch", len(_DEEP)) + _DEEP), 4),
    "empty items": _many(lambda t: _send(t, _post("/v1/batch", len(_ITEMS)) + _ITEMS), 4),
    "large batches with a page's key": _many(lambda t: _send(t, _batch(t.key)), 4),
    "swollen people": _many(lambda t: _send(t, b"", lambda: _swollen(t.key)), 2),
    "backtracking patterns": _many(lambda t: _send(t, _backtracking(t.key)), 2),
    "unread answers": _many(_unread, 200),
    "no HTTP": _many(lambda t: _send(t, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 16),
}
"""What outsiders do, by name."""


async def _main(name: str, port: int, seconds: float, key: str) -> None:
    await ATTACKS[name](Target(port, time.monotonic() + seconds, key))


if __name__ == "__main__":
    logging.disable()  # that a connection was cut is what is wanted
    asyncio.run(_main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))
