"""Others: visitors and an application beside rude outsiders, and how long their requests take.

`python -m bench.others PORT SECONDS WRITE_KEY READ_KEY PATIENCE RESULT` writes one JSON document to the file RESULT.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

VISITS_PER_S = 25
LOOKUPS_PER_S = 25


class Others:
    """Visitors and an application, and how long their requests took."""

    def __init__(self, port: int, write_key: str, read_key: str, patience: float) -> None:
        self._port = port
        self._patience = patience
        basic = base64.b64encode(f"{write_key}:".encode()).decode()
        event = json.dumps({"type": "track", "event": "Read", "userId": "visitor"}).encode()
        head = f"POST /v1/t HTTP/1.1\r\nHost: x\r\nOrigin: https://a.test\r\nAuthorization: Basic {basic}\r\n"
        self._visit = f"{head}Connection: close\r\nContent-Length: {len(event)}\r\n\r\n".encode() + event
        asked = "GET /api/v1/profiles/user_id:visitor HTTP/1.1\r\nHost: x\r\n"
        self._lookup = f"{asked}Authorization: Bearer {read_key}\r\n\r\n".encode()
        self._kept: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.times_ms: list[float] = []
        self.failed = 0
        self.again = 0

    async def run(self, seconds: float) -> None:
        """Send and look up at an even pace; the person looked up is there before anybody is timed."""
        await self._until_ok(self._visitor)
        await self._until_ok(self._application)
        until = time.perf_counter() + seconds
        await asyncio.gather(
            self._pace(self._visitor, VISITS_PER_S, until), self._pace(self._application, LOOKUPS_PER_S, until)
        )

    async def _until_ok(self, ask: Callable[[], Awaitable[int]]) -> None:
        """Until it is answered 200, or patience is at its end, which the requests that follow will tell."""
        until = time.perf_counter() + self._patience
        while time.perf_counter() < until:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                if await asyncio.wait_for(ask(), self._patience) == 200:
                    return
            await asyncio.sleep(0.05)

    async def _pace(self, ask: Callable[[], Awaitable[int]], rate: float, until: float) -> None:
        due = time.perf_counter()
        under_way: set[asyncio.Task[None]] = set()
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            under_way.add(asyncio.ensure_future(self._timed(ask, due)))
            due += 1 / rate
        await asyncio.gather(*under_way)

    async def _timed(self, ask: Callable[[], Awaitable[int]], due: float) -> None:
        while time.perf_counter() - due < self._patience:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError):
                if await asyncio.wait_for(ask(), self._patience) == 200:
                    self.times_ms.append((time.perf_counter() - due) * 1e3)
                    return
            self.again += 1
            await asyncio.sleep(0.01)
        self.failed += 1

    async def _visitor(self) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(self._visit)
            return await _status(reader)
        finally:
            writer.transport.abort()

    async def _application(self) -> int:
        kept = self._kept.pop() if self._kept else await asyncio.open_connection("127.0.0.1", self._port)
        try:
            kept[1].write(self._lookup)
            status = await _status(kept[0])
        except BaseException:
            kept[1].transport.abort()
            raise
        self._kept.append(kept)
        return status


async def _status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    lowered = head.lower()
    at = lowered.find(b"content-length:")
    if at >= 0:
        await reader.readexactly(int(lowered[at + 15 :].split(b"\r\n", 1)[0]))
    return int(head[9:12])


def _main(port: str, seconds: str, write_key: str, read_key: str, patience: str, result: str) -> None:
    others = Others(int(port), write_key, read_key, float(patience))
    asyncio.run(others.run(float(seconds)))
    found = {"times_ms": others.times_ms, "failed": others.failed, "again": others.again}
    Path(result).write_text(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
