"""A collector's workspaces: keys and log, and no profile store."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from onefold.bootstrap.opening import open_keys_and_log
from onefold.bootstrap.project import open_keys
from onefold.bootstrap.server import DISK_FREE_MIN, failure
from onefold.config import Project
from onefold.errors import UnavailableError
from onefold.governance.checks import CheckResult
from onefold.model import results
from onefold.ports import EventLog


class Collecting:
    """One workspace as a collector sees it; may be called from any thread."""

    def __init__(self, project: Project, name: str) -> None:
        self._name = name
        self._opened = open_keys_and_log(project, name)
        self._log = self._opened.log

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._name

    @property
    def log(self) -> EventLog:
        """Where received items go."""
        return self._log

    def start(self) -> None:
        """Nothing to begin: another process processes."""

    def stop(self) -> None:
        """Nothing to end."""

    def ready(self) -> Mapping[str, str | None]:
        """Checks by name: None when it passes, else what is wrong."""
        return {"log": failure(self._look), "disk": _disk(self._opened.directory)}

    def _look(self) -> None:
        self._log.ends()
        self._log.identity()
        if self._log.unreachable():
            raise UnavailableError("Entries are in no partition that is read; stop all processes, then start one.")

    def accounts(self) -> list[results.Account]:
        """Accounts are for those to say who see what became of the items."""
        return []

    def counts(self) -> Mapping[str, int]:
        """There is no store here."""
        return {}

    def quality(self) -> list[CheckResult]:
        """There is no warehouse here."""
        return []

    def lag(self) -> Mapping[int, int]:
        """How far processing is, this process does not know."""
        return {}

    def close(self) -> None:
        """Let go of the log."""
        self._opened.close()


def _disk(directory: Path) -> str | None:
    usage = shutil.disk_usage(directory)
    free = usage.free / usage.total
    return None if free > DISK_FREE_MIN else f"only {free:.1%} of the disk is free"


class CollectingOnly:
    """All of a project's workspaces and its keys, open for a server that collects only."""

    def __init__(self, project: Project) -> None:
        self.backends = {name: Collecting(project, name) for name in project.workspaces}
        self.keys = open_keys(project)

    def close(self) -> None:
        """Let go of all."""
        for backend in self.backends.values():
            backend.close()
        self.keys.close()
