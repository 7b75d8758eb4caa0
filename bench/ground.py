"""The ground benches stand on: a throw-away project, a server on it, and figures from a process."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onefold import bootstrap

_PROJECT = """\
version: 1
workspace: bench
keys: {{root: "file:onefold.key"}}
server: {{port: {port}}}
limits: {{enabled: false}}
"""


class Ground:
    """A project directory with a source `web` and its key.

    Attributes:
        directory: The project.
        port: Where a server would listen.
        write_key: Key of the source `web`.
        read_key: Key for look-ups.
    """

    def __init__(self, directory: Path, *, more: str = "") -> None:
        """Write the project; `more` is added to its onefold.yaml."""
        self.directory = directory
        self.port = free_port()
        (directory / "sources").mkdir()
        (directory / "onefold.yaml").write_text(_PROJECT.format(port=self.port) + more)
        (directory / "sources" / "web.yaml").write_text("name: web\nkind: http\n")
        made = {key["name"]: key["key"] for key in bootstrap.furnish(directory)["keys"]}
        self.write_key = made["web"]
        self.read_key = made["reader"]

    @contextmanager
    def server(self, *, processing: bool = True, verb: str = "serve") -> Iterator[subprocess.Popen[bytes]]:
        """`onefold serve` (or another verb) on this project, until the block ends."""
        command = [sys.executable, "-m", "onefold", verb, "--project", str(self.directory)]
        command += [] if processing else ["--no-processing"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(f"http://127.0.0.1:{self.port}/readyz")
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)

    def get(self, path: str) -> Any:
        """A JSON answer of the server."""
        asked = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", headers={"Authorization": f"Bearer {self.read_key}"}
        )
        with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310  as above
            return json.load(answer)


@contextmanager
def ground(*, more: str = "") -> Iterator[Ground]:
    """A throw-away project."""
    directory = Path(tempfile.mkdtemp(prefix="onefold-bench-"))
    try:
        yield Ground(directory, more=more)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(url: str, *, seconds: float = 30.0) -> None:
    """Wait until `url` answers 200."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310  our own server on loopback
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise TimeoutError(f"{url} did not answer within {seconds:.0f} s")


def wait_listening(port: int, *, seconds: float = 30.0) -> None:
    """Wait until somebody listens on `port` of this machine."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listened on port {port} within {seconds:.0f} s")


def family(pid: int) -> list[int]:
    """A process, its children, and theirs: a server, its keeper and its worker, in this order."""
    children = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    return [pid, *(one for child in children for one in family(child))]


def resident_mb(pid: int) -> float:
    """Memory that a process and its children hold now, in MB of 1,000,000 bytes; what they share is counted once.

    The kernel's proportional set size: a page that several processes share counts for each by its share.
    """
    rolled_up = "".join(Path(f"/proc/{one}/smaps_rollup").read_text() for one in family(pid))
    return sum(int(kb) for kb in re.findall(r"^Pss: +(\d+) kB", rolled_up, re.MULTILINE)) * 1024 / 1e6


def quantile(ordered: list[float], q: float) -> float:
    """The q-quantile of ascending values; 0 when there are none."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] if ordered else 0.0
