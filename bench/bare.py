"""The peer of `bench collect`: a bare ASGI app that appends each request's events durably to SQLite, and nothing else.

Group commit, `synchronous=FULL`, one row an event, plain bytes: no key, no encryption, no limits, no dialects.
Run as `python -m bench.bare PORT FILE`.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from typing import Any

import apsw
import msgspec
import uvicorn


class _Batch(msgspec.Struct):
    batch: list[msgspec.Raw] = []


_decode = msgspec.json.Decoder(_Batch).decode
_Job = tuple[list[bytes], asyncio.Future[None]]


def _write(path: str, jobs: queue.SimpleQueue[_Job], loop: asyncio.AbstractEventLoop) -> None:
    db = apsw.Connection(path)
    db.execute("pragma journal_mode=wal").fetchall()
    db.execute("pragma synchronous=full")
    db.execute("create table if not exists entry(offset integer primary key, body blob)")

    def settle(futures: list[asyncio.Future[None]]) -> None:
        for future in futures:
            future.set_result(None)

    while True:
        gathered = [jobs.get()]
        while not jobs.empty():
            gathered.append(jobs.get())
        with db:
            db.executemany("insert into entry(body) values(?)", ((b,) for bodies, _ in gathered for b in bodies))
        loop.call_soon_threadsafe(settle, [future for _, future in gathered])


def app(path: str) -> Any:
    """The application; its writer thread starts with the first request."""
    jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
    started = False
    answer = b'{"success":true}'

    async def handle(scope: Any, receive: Any, send: Any) -> None:
        nonlocal started
        loop = asyncio.get_running_loop()
        if not started:
            started = True
            threading.Thread(target=_write, args=(path, jobs, loop), daemon=True).start()
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        bodies = [bytes(raw) for raw in _decode(body).batch] or [body]
        future: asyncio.Future[None] = loop.create_future()
        jobs.put((bodies, future))
        await future
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    return handle


if __name__ == "__main__":
    uvicorn.run(
        app(sys.argv[2]), port=int(sys.argv[1]), log_level="error", access_log=False, loop="uvloop", http="httptools",
        lifespan="off",
    )  # fmt: skip
