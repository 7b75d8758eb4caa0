"""Workers: processes that process all workspaces of a project."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from onefold.bootstrap.board import Board
from onefold.bootstrap.processing import Within
from onefold.bootstrap.server import Served, sole
from onefold.bootstrap.supervisor import CONFIGURATION, INTEGRITY, Stop, Supervisor
from onefold.bootstrap.workspace import open_workspace
from onefold.config import Project
from onefold.errors import ConfigurationError, IntegrityError, OnefoldError, UsageError
from onefold.pipelines.service import Service

_log = logging.getLogger("onefold.workers")

PATIENCE_SECONDS = 5.0
"""How long a worker waits for the lease of one whose server was killed a moment ago."""
_STATUS_SECONDS = 10.0


@contextmanager
def working(
    project: Project, board: Board, *, patience_seconds: float = 0.0
) -> Iterator[Sequence[tuple[Served, Service]]]:
    """All of a project's workspaces, processed by threads of this process until the block ends.

    Where they stand is written to `board`. `patience_seconds` is how long each waits for another processor that may be about
    to end.

    Raises:
        UnavailableError: The store takes one worker only, and there is one already.
    """
    with ExitStack() as leaving:
        found = []
        for name in project.workspaces:
            workspace = open_workspace(project, name, progress=board.slots[name])
            leaving.callback(workspace.close)
            within = Within(project, workspace, patience_seconds=patience_seconds)
            found.append((Served(workspace, within), Service(workspace.context)))
        for served, _ in found:
            served.start()
            leaving.callback(served.stop)
        yield found


def supervise(project: Project, workers: int, stop: threading.Event) -> int:
    """Keep `workers` processes working until `stop` is set; the batches under way are finished. Returns the exit code."""

    def stopping(seconds: float) -> Stop | None:
        return "drain" if stop.wait(seconds) else None

    def life(board: Board, again: bool) -> int:
        # One that shares the work may come before the store does; a single one says what is wrong and ends.
        return _work(project, board, lenient=again or workers > 1)

    supervisor = Supervisor(
        life, project.workspaces, workers=workers, stall_seconds=project.worker.stall_us / 1_000_000
    )  # fmt: skip
    code = supervisor.run(stopping)
    return 1 if code == INTEGRITY else code


def permanent(error: OnefoldError) -> int | None:
    """The exit code of an error that no further try can mend; None for others."""
    if isinstance(error, ConfigurationError | UsageError):
        return CONFIGURATION
    return INTEGRITY if isinstance(error, IntegrityError) else None


def _work(project: Project, board: Board, *, lenient: bool) -> int:
    """A worker's life. What fails it is permanent unless it is `lenient`, or the error says that a further try may help."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        with sole(project), working(project, board, patience_seconds=PATIENCE_SECONDS) as found:
            until = time.monotonic()
            while not stop.wait(max(0.0, until - time.monotonic())):
                until = time.monotonic() + _STATUS_SECONDS
                for served, service in found:
                    _log.info(
                        "working",
                        extra={"workspace": served.name, "lag_entries": sum(service.lag().values()),
                               "error": served.failure},
                    )  # fmt: skip
    except OnefoldError as error:
        code = permanent(error)
        if lenient and code is None:
            _log.warning("worker not working", extra={"error": str(error)})
            return 1
        sys.stderr.write(f"onefold: {error}\n")
        return INTEGRITY if code is None else code
    return 0
