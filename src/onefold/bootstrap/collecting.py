"""A collector's workspaces: keys and log, and no profile store."""

from __future__ import annotations

from collections.abc import Mapping

from onefold.bootstrap.opening import open_keys_and_log
from onefold.bootstrap.project import open_accounts, open_keys
from onefold.bootstrap.project_desks import ProjectDesks
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.segment_desk import SegmentDesk
from onefold.bootstrap.server import disk, failure
from onefold.config import Project
from onefold.errors import UnavailableError
from onefold.pipelines.service import Service
from onefold.ports import EventLog
from onefold.warehouse.sight import Sights, builtin


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
        return {"log": failure(self._look), "disk": disk(self._opened.directory)}

    def _look(self) -> None:
        self._log.ends()
        self._log.identity()
        if self._log.unreachable():
            raise UnavailableError("Entries are in no partition that is read; stop all processes, then start one.")

    def close(self) -> None:
        """Let go of the log."""
        self._opened.close()


class CollectingOnly:
    """All of a project's workspaces and its keys, open for a server that collects only."""

    def __init__(self, project: Project) -> None:
        self.edges = {name: Collecting(project, name) for name in project.workspaces}
        # What became of the items, others know.
        self.services: Mapping[str, Service] = {}
        self.desks: Mapping[str, QueryDesk] = {}
        self.sights: Sights = builtin
        self.segment_desks: Mapping[str, SegmentDesk] = {}
        self.project_desks: Mapping[str, ProjectDesks] = {}
        self.keys = open_keys(project)
        self.accounts = open_accounts(project)

    def close(self) -> None:
        """Let go of all."""
        for edge in self.edges.values():
            edge.close()
        self.keys.close()
        self.accounts.close()
