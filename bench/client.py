"""A load client: raw HTTP/1.1 over kept-alive connections, in a process of its own, so that the server keeps a core.

Run as `python -m bench.client SPEC RESULT` where SPEC is JSON; writes one JSON document to the file RESULT: requests,
seconds, errors and latencies. Not to a pipe: a result read from one has been seen without its end.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

LATENCY_SAMPLES = 200_000
_numbers = itertools.count()


class _Connection(asyncio.Protocol):
    """Sends the next request when the last one was answered; a paced connection waits for its turn."""

    def __init__(self, requests: Iterator[bytes], until: float, result: dict[str, Any], interval: float) -> None:
        self.requests = requests
        self.until = until
        self.result = result
        self.interval = interval
        self.buffer = b""
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.due = time.perf_counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]  # a stream protocol gets a stream
        self._send()

    def _send(self) -> None:
        now = time.perf_counter()
        if now >= self.until:
            self._finish()
            return
        if self.interval and now < self.due:
            asyncio.get_running_loop().call_later(self.due - now, self._send)
            return
        # A paced request is timed from when it was due: a server that stalls cannot hide it (coordinated omission).
        self.started = self.due if self.interval else now
        self.due += self.interval
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        headers = self.buffer[:head].lower()
        at = headers.find(b"content-length:")
        length = int(headers[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < head + 4 + length:
            return
        if headers[9:12] == b"200":
            self.result["requests"] += 1
        else:
            self.result["errors"] += 1
        if len(self.result["latencies_ms"]) < LATENCY_SAMPLES:
            self.result["latencies_ms"].append(round((time.perf_counter() - self.started) * 1e3, 3))
        self.buffer = self.buffer[head + 4 + length :]
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.result["errors"] += 1
            self.done.set_result(None)

    def _finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)
        self.transport.close()


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """One request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def _drive(spec: dict[str, Any]) -> dict[str, Any]:
    raw = Path(spec["requests"]).read_bytes()
    requests, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + 4], "big")
        requests.append(raw[at + 4 : at + 4 + size])
        at += 4 + size
    result: dict[str, Any] = {"requests": 0, "errors": 0, "latencies_ms": []}
    loop = asyncio.get_running_loop()
    connections = spec["connections"]
    interval = connections / spec["rate"] if spec.get("rate") else 0.0
    shared = itertools.cycle(requests)
    started = time.perf_counter()
    until = started + spec["seconds"]
    protocols: list[_Connection] = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(
            lambda: _Connection(shared, until, result, interval), "127.0.0.1", spec["port"]
        )
        protocols.append(protocol)
        if interval:
            await asyncio.sleep(interval / connections)
    await asyncio.wait([p.done for p in protocols], timeout=spec["seconds"] + 30)
    result["seconds"] = time.perf_counter() - started
    return result


class Client(NamedTuple):
    """A client that was started, and the file that will hold its result."""

    process: subprocess.Popen[bytes]
    result: Path


def start(*, port: int, requests: Path, connections: int, seconds: float, rate: float = 0.0) -> Client:
    """Start the client. `rate` is requests a second in all, 0 for flat out."""
    spec = {"port": port, "requests": str(requests), "connections": connections, "seconds": seconds, "rate": rate}
    result = requests.with_name(f"{requests.name}-{next(_numbers)}.json")
    command = [sys.executable, "-m", "bench.client", json.dumps(spec), str(result)]
    return Client(subprocess.Popen(command), result)


def finish(client: Client) -> dict[str, Any]:
    """Wait for a client and read its result, latencies sorted."""
    if client.process.wait() != 0:
        raise RuntimeError(f"the load client ended with code {client.process.returncode}")
    result: dict[str, Any] = json.loads(client.result.read_bytes())
    result["latencies_ms"].sort()
    return result


def write_requests(path: Path, requests: Iterable[bytes]) -> None:
    """Write requests for a client to read, each after its length in four bytes."""
    with path.open("wb") as file:
        for one in requests:
            file.write(len(one).to_bytes(4, "big") + one)


if __name__ == "__main__":
    import uvloop

    Path(sys.argv[2]).write_text(json.dumps(uvloop.run(_drive(json.loads(sys.argv[1])))))
