"""Workers: processes that process, and the one that keeps them alive."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from onefold.bootstrap.processing import Within
from onefold.bootstrap.server import Backend, sole
from onefold.bootstrap.workspace import open_workspace
from onefold.config import Project

_log = logging.getLogger("onefold.workers")

PATIENCE_SECONDS = 5.0
"""How long a worker waits for the lease of one whose server was killed a moment ago."""
_LOOK_SECONDS = 0.2
_STATUS_SECONDS = 10.0
_RESTART_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)
_LIVED_LONG_SECONDS = 60.0
_DRAIN_SECONDS = 25.0


def work(project: Project, stop: threading.Event) -> None:
    """Process all of a project's workspaces in this process until `stop` is set; the batch under way is finished.

    Raises:
        UnavailableError: The store takes one worker only, and there is one already.
    """
    with sole(project), working(project, patience_seconds=PATIENCE_SECONDS) as backends:
        while not stop.wait(_STATUS_SECONDS):
            for backend in backends:
                _log.info(
                    "working",
                    extra={"workspace": backend.name, "lag_entries": sum(backend.lag().values()),
                           "error": backend.failure},
                )  # fmt: skip


@contextmanager
def working(project: Project, *, patience_seconds: float = 0.0) -> Iterator[Sequence[Backend]]:
    """All of a project's workspaces, processed by threads of this process until the block ends.

    `patience_seconds` is how long each waits for another processor that may be about to end.

    Raises:
        UnavailableError: The store takes one worker only, and there is one already.
    """
    with ExitStack() as leaving:
        backends = []
        for name in project.workspaces:
            workspace = open_workspace(project, name)
            leaving.callback(workspace.close)
            backends.append(Backend(workspace, Within(project, workspace, patience_seconds=patience_seconds)))
        for backend in backends:
            backend.start()
            leaving.callback(backend.stop)
        yield backends


def supervise(command: Sequence[str], workers: int, stop: threading.Event) -> None:
    """Keep `workers` processes of this program running with the arguments `command`, until `stop` is set.

    One that ends by itself is started again, later each time it did not live long.
    """
    full = [sys.executable, "-m", "onefold", *command]
    crews = [_Place(full) for _ in range(workers)]
    while not stop.wait(_LOOK_SECONDS):
        for place in crews:
            place.keep()
    for place in crews:
        place.end()
    until = time.monotonic() + _DRAIN_SECONDS
    for place in crews:
        place.wait(max(0.0, until - time.monotonic()))


class _Place:
    """One worker's place: the process in it, and when the next may be started."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self._started = self._not_before = 0.0
        self._failures = 0

    def keep(self) -> None:
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._failures = 0 if now - self._started > _LIVED_LONG_SECONDS else self._failures + 1
            pause = _RESTART_SECONDS[min(self._failures, len(_RESTART_SECONDS) - 1)]
            _log.warning("worker ended", extra={"outcome": str(code), "milliseconds": int(pause * 1000)})
            self._process, self._not_before = None, now + pause
        if now >= self._not_before:
            self._process = subprocess.Popen(self._command)  # noqa: S603  ourselves, with our own arguments
            self._started = now

    def end(self) -> None:
        if self._process is not None:
            self._process.terminate()

    def wait(self, seconds: float) -> None:
        if self._process is not None:
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
