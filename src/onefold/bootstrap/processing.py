"""Processing a workspace in this process: the processor, the lease it works under, and the relay that goes with it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Protocol

from onefold.adapters.sqlite import lease
from onefold.bootstrap.evaluator_thread import EvaluatorThread
from onefold.bootstrap.housekeeping import HousekeepingThread
from onefold.bootstrap.loader_thread import LoaderThread
from onefold.bootstrap.relay import relaying
from onefold.bootstrap.workspace import Workspace, worker_name
from onefold.config import Project
from onefold.pipelines.stream.processor import Processor


class Processing(Protocol):
    """Who keeps a workspace's profiles up with its log, as a server sees it. May be called from any thread."""

    @property
    def failure(self) -> str | None:
        """What keeps it from going on, in a sentence without personal data; None when nothing does."""
        ...

    def start(self) -> None:
        """Begin.

        Raises:
            UnavailableError: Another process is this workspace's processor.
        """
        ...

    def stop(self) -> None:
        """Finish the batch under way, then end."""
        ...


class Within(Processing):
    """A thread of this process."""

    def __init__(self, project: Project, workspace: Workspace, *, patience_seconds: float = 0.0) -> None:
        """`patience_seconds` is how long to wait for a processor that may be about to end."""
        self._project = project
        self._workspace = workspace
        self._patience_seconds = patience_seconds
        self._leases = workspace.context.store.leases
        self._processor = Processor(
            workspace.context, leases=self._leases, worker=worker_name(), monotonic=time.monotonic
        )
        self._loader = LoaderThread(workspace, lambda: self._processor.leads)
        self._evaluator = EvaluatorThread(workspace, lambda: self._processor.leads)
        self._housekeeping = HousekeepingThread(workspace, project.directory, lambda: self._processor.leads)
        self._held: ExitStack | None = None

    @property
    def failure(self) -> str | None:
        """See `Processing`."""
        return self._processor.failure

    def start(self) -> None:
        """See `Processing`."""
        with ExitStack() as held:
            if self._leases is None:
                held.enter_context(lease.held(self._workspace.directory, patience_seconds=self._patience_seconds))
            held.enter_context(relaying(self._project, self._workspace, lambda: self._processor.leads))
            self._loader.start()
            held.callback(self._loader.stop)
            self._evaluator.start()
            held.callback(self._evaluator.stop)
            self._housekeeping.start()
            held.callback(self._housekeeping.stop)
            self._processor.start()
            self._held = held.pop_all()

    def stop(self) -> None:
        """See `Processing`."""
        self._processor.stop()
        if self._held is not None:
            self._held.close()
            self._held = None
