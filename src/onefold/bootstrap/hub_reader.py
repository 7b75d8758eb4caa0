"""Reading hubs, people of thousands of identifiers, in a process of its own: on the event loop everybody else would wait.

A thread would not do: threads of one Python process take turns, and a look-up of somebody else waits for several of them.
The process is started with the first hub that somebody asks for, reads only, and ends with its server.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from onefold.bootstrap.workspace import Workspace, open_workspace
from onefold.config import Project
from onefold.errors import UnavailableError
from onefold.pipelines.reading import explanations, graph, profiles
from onefold.pipelines.reading.kept import KeptPeople
from onefold.pipelines.service import HubReading

READINGS: dict[str, Callable[..., Any]] = {
    "identifiers": profiles.identifiers,
    "timeline": profiles.timeline,
    "history": profiles.history,
    "explain": explanations.explain,
    "graph": graph.graph,
}
"""What may be read here or there, besides the profile."""
NODES_MAX = 200
"""Nodes of a person that are read where everybody's requests are answered."""
_LOOK_SECONDS = 1.0
_ANSWER_SECONDS = 30.0


class HubReader(HubReading):
    """A process that reads hubs, one request after the other. May be used from any thread."""

    nodes_max = NODES_MAX

    def __init__(self, project: Project) -> None:
        self._project = project
        self._pool: ProcessPoolExecutor | None = None
        self._lock = threading.Lock()

    def read(self, workspace: str, what: str, *given: Any, **more: Any) -> Any:
        """The profile, or one of `READINGS`, of a workspace, given these arguments.

        Raises:
            UnavailableError: The process ended, or takes too long.
        """
        try:
            return self._submit(workspace, what, given, more).result(_ANSWER_SECONDS)
        except BrokenProcessPool:
            with self._lock:
                self._pool = None
            raise UnavailableError("The process that reads people of many identifiers ended; ask again.") from None
        except TimeoutError:
            raise UnavailableError("Reading this person takes too long; ask again later.") from None

    def _submit(self, workspace: str, what: str, given: tuple[Any, ...], more: dict[str, Any]) -> Future[Any]:
        with self._lock:
            if self._pool is None:
                # Spawned, not forked: this process has threads and open files by now.
                context = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, context, _begin, (self._project, os.getpid()))
            return self._pool.submit(_read, workspace, what, given, more)

    def close(self) -> None:
        """End the process; what it is at is not waited for."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(wait=False, cancel_futures=True)


class _Reading:
    """What the process holds: the project, and what was opened of it."""

    project: Project
    opened: dict[str, tuple[Workspace, KeptPeople]]


def _begin(project: Project, parent: int) -> None:
    _Reading.project, _Reading.opened = project, {}
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(0)


def _read(name: str, what: str, given: tuple[Any, ...], more: dict[str, Any]) -> Any:
    if name not in _Reading.opened:
        _Reading.opened[name] = (open_workspace(_Reading.project, name, start=False), KeptPeople())
    workspace, kept = _Reading.opened[name]
    if what == "profile":
        return kept.profile(workspace.context, *given)
    return READINGS[what](workspace.context, *given, **more)
