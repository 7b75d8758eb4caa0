"""The evaluator of a process that processes: a thread that keeps a workspace's audiences up while the stream goes on."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConflictError, OnefoldError
from onefold.pipelines.audiences.evaluator import Evaluator

_log = logging.getLogger("onefold.audiences")

LOOK_SECONDS = 0.1
"""How often it looks whether somebody was touched or is due. An entry shows in a segment that much later at most, and
the stream gathers small batches for as long."""
RETRY_SECONDS = 1.0
BACKLOG_ENTRIES = 2_000
"""Entries that wait from which on the stream goes first."""
BACKLOG_SHARE = 3.0
"""How much longer than a round took it rests while the stream has a backlog: threads of a process take turns."""


class EvaluatorThread:
    """Evaluates round by round. Of several workers one does it."""

    def __init__(self, workspace: Workspace, leads: Callable[[], bool]) -> None:
        """Nothing runs yet; `leads` is whether this worker is the one."""
        self._context = workspace.context
        self._leads = leads
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=f"evaluator-{self._context.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the round under way, then end."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        evaluator = Evaluator(self._context)
        pause = LOOK_SECONDS
        while not self._stop.wait(pause):
            pause = LOOK_SECONDS
            if not self._leads():
                continue
            began = time.perf_counter()
            try:
                worked = evaluator.advance()
            except ConflictError:
                continue
            except OnefoldError as error:
                _log.warning("not evaluated", extra={"workspace": self._context.name, "error": str(error)})
                pause = RETRY_SECONDS
                continue
            except Exception:  # noqa: BLE001  the stream goes on without, and marks wait
                _log.exception("evaluation failed", extra={"workspace": self._context.name})
                pause = RETRY_SECONDS
                continue
            if worked.more:
                pause = (time.perf_counter() - began) * BACKLOG_SHARE if self._backlog() else 0.0

    def _backlog(self) -> bool:
        with self._context.store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        return sum(self._context.log.waiting(offsets).values()) > BACKLOG_ENTRIES
