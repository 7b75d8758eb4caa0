"""The worker beside a server: a process forked from it that processes all workspaces, while the server answers.

Threads of one Python process take turns. With 2,000 events and 500 look-ups a second the turns were all taken, and a
look-up in a hundred waited 20 ms; beside a worker it takes 4 (`python -m bench lookup`).

    server ── keeper ── worker

The keeper does nothing but supervise the worker: a server with threads cannot fork. Orders come to it over a pipe, news goes
to the server over another. A worker whose server or keeper is gone ends at once; a server without them drains and ends.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import threading
from collections.abc import Mapping
from functools import partial
from typing import IO

import msgspec

from onefold.bootstrap.board import Board
from onefold.bootstrap.processing import Processing
from onefold.bootstrap.supervisor import DRAIN_SECONDS, LOOK_SECONDS, Stop, Supervisor, alone
from onefold.bootstrap.workers import PATIENCE_SECONDS, permanent, working
from onefold.config import Project
from onefold.errors import OnefoldError, UnavailableError

_log = logging.getLogger("onefold.worker")

_GO, _STOP = b"g", b"s"


class _News(msgspec.Struct, frozen=True, gc=False):
    """A line from the worker: how it goes, by workspace, or why it could not start."""

    failures: Mapping[str, str | None] = {}
    error: str | None = None


_read_news = msgspec.json.Decoder(_News).decode


class WorkerProcess:
    """This process's worker. Made before there are threads or open files, which a fork would copy half."""

    def __init__(self, project: Project) -> None:
        """Fork it; it opens nothing until it is started."""
        # What is there now stays for good: as long as no collector touches it, the two share its memory.
        gc.collect()
        gc.freeze()
        orders, self._orders = os.pipe()
        news, telling = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._orders)
            os.close(news)
            alone(partial(_keep, project, orders, telling))
        os.close(orders)
        os.close(telling)
        self._news: IO[bytes] = os.fdopen(news, "rb")
        self._failures: Mapping[str, str | None] = {}
        self._listener: threading.Thread | None = None
        self._told_to_stop = False
        self.died = False

    def start(self) -> None:
        """Have it begin; returns once it has. Only the first call does anything.

        Raises:
            UnavailableError: It could not, and says why.
        """
        if self._listener is not None:
            return
        self._order(_GO)
        line = self._news.readline()
        first = _read_news(line) if line else _News(error="The worker ended before it began; its log lines say why.")
        if first.error is not None:
            raise UnavailableError(first.error)
        self._failures = first.failures
        self._listener = threading.Thread(target=self._listen, name="worker-news", daemon=True)
        self._listener.start()

    def failure(self, workspace: str) -> str | None:
        """What keeps it from processing a workspace; None when nothing does."""
        return "The worker has ended." if self.died else self._failures.get(workspace)

    def share(self, workspace: str) -> Processing:
        """What the server sees of it for a workspace."""
        return _Share(self, workspace)

    def stop(self) -> None:
        """Have it finish its batches and end; kill it if it takes too long. Only the first call does anything."""
        if self._told_to_stop or self._listener is None:
            return
        self._told_to_stop = True
        self._order(_STOP)
        self._listener.join(DRAIN_SECONDS + 5.0)
        if self._listener.is_alive():
            os.killpg(self._pid, signal.SIGKILL)
            self._listener.join()

    def close(self) -> None:
        """Let go of it, once. One that was never started, or not told to stop, ends at once."""
        self._told_to_stop = True
        os.close(self._orders)
        if self._listener is not None:
            self._listener.join()
        else:
            os.waitpid(self._pid, 0)
        self._news.close()

    def _order(self, word: bytes) -> None:
        with contextlib.suppress(OSError):  # it is gone, which the listener learns
            os.write(self._orders, word)

    def _listen(self) -> None:
        for line in self._news:
            with contextlib.suppress(msgspec.DecodeError):  # its last, when it was killed in the midst of it
                self._failures = _read_news(line).failures
        _, status = os.waitpid(self._pid, 0)
        code = os.waitstatus_to_exitcode(status)
        self.died = code != 0
        if not self._told_to_stop:
            # With 0 it was told to end by somebody else, such as a service manager that tells every process.
            _log.log(logging.ERROR if self.died else logging.INFO, "worker is gone", extra={"outcome": str(code)})
            os.kill(os.getpid(), signal.SIGTERM)  # the way a server is told to drain and end


class _Share(Processing):
    """One workspace's share of a forked worker."""

    def __init__(self, worker: WorkerProcess, workspace: str) -> None:
        self._worker = worker
        self._workspace = workspace

    @property
    def failure(self) -> str | None:
        """See `Processing`."""
        return self._worker.failure(self._workspace)

    def start(self) -> None:
        """Start the worker, for all workspaces."""
        self._worker.start()

    def stop(self) -> None:
        """Stop the worker, for all workspaces."""
        self._worker.stop()


def _keep(project: Project, orders: int, telling: int) -> int:
    """The keeper: see to it that there is a worker, until one ends because it should, or the server wants it to."""
    # When to end is the server's to hear, and told over the pipe.
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if os.read(orders, 1) != _GO:
        return 0

    def stopping(seconds: float) -> Stop | None:
        if not select.select([orders], [], [], seconds)[0]:
            return None
        return (
            "drain" if os.read(orders, 1) == _STOP else "kill"
        )  # killed like the server, in the midst of whatever it does

    supervisor = Supervisor(
        lambda board, again: _work(project, board, telling, again=again),
        project.workspaces,
        stall_seconds=project.worker.stall_us / 1_000_000,
        told=lambda failures: _tell(telling, _News(failures)),
    )
    return supervisor.run(stopping)


def _work(project: Project, board: Board, telling: int, *, again: bool) -> int:
    """The worker. It ends for good when it was told to, cannot start the first time, or never will."""
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())  # the lease names this process, so somebody may tell it to end
    try:
        with working(project, board, patience_seconds=PATIENCE_SECONDS) as found:
            told: Mapping[str, str | None] | None = None
            while not stop.wait(0.0 if told is None else LOOK_SECONDS):
                failures = {served.name: served.failure for served, _ in found}
                if failures != told:
                    _tell(telling, _News(failures))
                    told = failures
    except OnefoldError as error:
        code = permanent(error)
        if again and code is None:
            _log.warning("worker not started", extra={"error": str(error)})
            return 1
        _log.log(logging.ERROR if again else logging.DEBUG, "worker not started", extra={"error": str(error)})
        _tell(telling, _News(dict.fromkeys(project.workspaces, str(error)), error=str(error)))
        return 0 if code is None else code
    return 0


def _tell(telling: int, news: _News) -> None:
    with contextlib.suppress(OSError):  # the server is gone, and so is this in a moment
        os.write(telling, msgspec.json.encode(news) + b"\n")
