"""A running server for tests: the product itself, in a process of its own, on a throw-away project."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.ground import Ground, family


class Server:
    """A server and how tests speak to it."""

    def __init__(self, here: Ground) -> None:
        self.here = here

    def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes, dict[str, str]]:
        """One request: status, body, headers in lower case."""
        connection = http.client.HTTPConnection("127.0.0.1", self.here.port, timeout=20)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.getheaders()}
        finally:
            connection.close()

    def post(self, path: str, body: Any) -> int:
        """Send JSON with the write key; the status."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, raw, Authorization=f"Bearer {self.here.write_key}")[0]

    def get(self, path: str) -> tuple[int, Any]:
        """Ask with the read key."""
        status, body, _ = self.send("GET", path, Authorization=f"Bearer {self.here.read_key}")
        return status, json.loads(body) if body else None

    def account(self) -> dict[str, Any]:
        """The account of the source `web`, once nothing is pending."""
        for _ in range(400):
            status, found = self.get("/api/v1/sources")
            if status == 429:  # a suite of many tests on one server may ask too often
                time.sleep(1.0)
                continue
            assert status == 200, found
            rows = found["sources"] if isinstance(found, dict) else found
            mine = next((a for a in rows if a["source"] == "web"), None)
            if mine is not None and mine["pending"] == 0:
                return mine
            time.sleep(0.05)
        raise AssertionError("the server did not catch up within 20 s")

    def profile(self, identifier: str) -> dict[str, Any]:
        """The profile behind an identifier."""
        status, found = self.get(f"/api/v1/profiles/{identifier}")
        assert status == 200, (identifier, status)
        return found

    def timeline(self, identifier: str) -> list[dict[str, Any]]:
        """All events of a person, newest first."""
        events, cursor = [], ""
        while True:
            status, page = self.get(f"/api/v1/profiles/{identifier}/timeline?limit=100{cursor}")
            assert status == 200, page
            events += page["events"]
            if not page["next"]:
                return events
            cursor = f"&cursor={page['next']}"


@contextmanager
def project(*, more: str = "") -> Iterator[Ground]:
    """A throw-away project; `more` is added to its onefold.yaml."""
    directory = Path(tempfile.mkdtemp(prefix="onefold-test-"))
    try:
        yield Ground(directory, more=more)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def running() -> Iterator[Server]:
    """A server on a throw-away project."""
    with project() as here, here.server():
        yield Server(here)


def kill(process: subprocess.Popen[bytes], *, seconds: float = 10.0) -> None:
    """Kill a server with SIGKILL; its worker, which then ends by itself, is gone too when this returns."""
    beside = family(process.pid)[1:]
    process.kill()
    process.wait(seconds)
    assert gone(beside, seconds), "a worker outlived its server"


def gone(pids: list[int], seconds: float = 10.0) -> bool:
    """Whether these processes are no more, within that time."""
    until = time.monotonic() + seconds
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True
