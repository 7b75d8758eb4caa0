"""The server's workspaces: the edge of each, where items arrive, and the service that answers for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from onefold.adapters.sqlite import occupancy
from onefold.bootstrap import openid, registry
from onefold.bootstrap.check_results import CheckResults
from onefold.bootstrap.household_places import HouseholdPlaces
from onefold.bootstrap.housekeeping import Reconciliations
from onefold.bootstrap.hub_reader import HubReader
from onefold.bootstrap.identity_evidence import EvidenceDesk
from onefold.bootstrap.identity_planning import ProjectIdentity
from onefold.bootstrap.processing import Processing
from onefold.bootstrap.project import open_accounts, open_keys
from onefold.bootstrap.project_desks import project_desks
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.rfm import RfmRuns
from onefold.bootstrap.segment_desk import SegmentDesk
from onefold.bootstrap.segment_files import SegmentFiles
from onefold.bootstrap.sights import ProjectSights
from onefold.bootstrap.stores import address
from onefold.bootstrap.warehousing import warehouse_opener
from onefold.bootstrap.workspace import Workspace, open_workspace
from onefold.config import Project
from onefold.errors import OnefoldError, UnavailableError
from onefold.pipelines.maintenance import agreement
from onefold.pipelines.reading import progress
from onefold.pipelines.service import Service
from onefold.ports import EventLog
from onefold.warehouse.sight import Sights

DISK_FREE_MIN = 0.02
_SHARED = (
    "The files of a project with several workspaces belong to all of them, so that a key of one cannot change them; edit "
    "them where the project is."
)


class Served:
    """One workspace of a server; may be called from any thread."""

    def __init__(self, workspace: Workspace, processing: Processing | None) -> None:
        """A workspace that `processing` keeps up with its log; None when another process does."""
        self._workspace = workspace
        self._context = workspace.context
        self._processing = processing

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._context.name

    @property
    def log(self) -> EventLog:
        """Where received items go."""
        return self._context.log

    def start(self) -> None:
        """Begin processing.

        Raises:
            UnavailableError: Another process is this workspace's processor.
        """
        if self._processing is not None:
            self._processing.start()

    def stop(self) -> None:
        """Finish the batch under way, then end."""
        if self._processing is not None:
            self._processing.stop()

    @property
    def failure(self) -> str | None:
        """What keeps the processor from going on; None when nothing does, or there is none here."""
        return None if self._processing is None else self._processing.failure

    def ready(self) -> Mapping[str, str | None]:
        """Checks by name: None when it passes, else what is wrong."""
        return {
            "store": failure(self._look),
            "agreement": failure(lambda: agreement.require(self._context)),
            "processor": self.failure,
            "progress": failure(self._move),
            "disk": disk(self._workspace.directory),
        }

    def _look(self) -> None:
        with self._context.store.snapshot() as snapshot:
            snapshot.offsets()
        self._context.log.ends()

    def _move(self) -> None:
        if still := progress.standing(self._context):
            raise UnavailableError(progress.told(still))


def disk(directory: Path) -> str | None:
    """What is wrong with the room on the disk; None when there is enough."""
    usage = shutil.disk_usage(directory)
    free = usage.free / usage.total
    return None if free > DISK_FREE_MIN else f"only {free:.1%} of the disk is free"


def failure(check: Callable[[], None]) -> str | None:
    """What a check says is wrong; None when it passes."""
    try:
        check()
    except OnefoldError as error:
        return str(error)
    return None


class Opened:
    """All of a project's workspaces and its keys, open for a server."""

    def __init__(
        self,
        project: Project,
        processing: Callable[[Workspace], Processing | None] = lambda _: None,
        *,
        alone: bool = False,
    ) -> None:
        """Open them.

        Args:
            project: The project.
            processing: Says who keeps a workspace up with its log, None for somebody elsewhere.
            alone: Whether this server processes, and so may be the only one where the store takes one worker.

        Raises:
            UnavailableError: Another server or worker is there already.
        """
        with ExitStack() as opening:
            if alone:
                opening.enter_context(sole(project))
            self._workspaces = []
            for name in project.workspaces:
                workspace = open_workspace(project, name)
                opening.callback(workspace.close)
                self._workspaces.append(workspace)
            files = SegmentFiles(project.directory, locked=_SHARED if len(project.workspaces) > 1 else "")
            hubs = HubReader(project)
            opening.callback(hubs.close)
            self.edges = {w.context.name: Served(w, processing(w)) for w in self._workspaces}
            self.services = {
                w.context.name: Service(
                    w.context,
                    hubs,
                    quality=CheckResults(w).latest,
                    rfm=RfmRuns(w).runs,
                    reconciled=Reconciliations(w).latest,
                    warehouse=warehouse_opener(w, opening),
                    wanted=files.wanted,
                    places=HouseholdPlaces(w),
                    evidence=EvidenceDesk(w).pair,
                    identity=ProjectIdentity(w),
                )
                for w in self._workspaces
            }
            readers = Readers(project.directory)
            self.desks = {w.context.name: QueryDesk(w, readers) for w in self._workspaces}
            self.segment_desks = {
                w.context.name: SegmentDesk(
                    w, files, self.services[w.context.name].audiences, self.desks[w.context.name], readers
                )
                for w in self._workspaces
            }
            self.project_desks = {
                w.context.name: project_desks(w, self.desks[w.context.name], readers, project.directory)
                for w in self._workspaces
            }
            for desk in self.desks.values():
                opening.callback(desk.close)
            self.sights: Sights = ProjectSights(project.directory)
            self.keys = open_keys(project)
            opening.callback(self.keys.close)
            self.openid = openid.of(project)
            self.accounts = open_accounts(project)
            opening.callback(self.accounts.close)
            self._held = opening.pop_all()

    def close(self) -> None:
        """Let go of all files."""
        self._held.close()


@contextmanager
def sole(project: Project) -> Iterator[None]:
    """Be the one server or worker that processes a project's workspaces, where the store takes one worker only.

    Raises:
        UnavailableError: There is one already. One that was killed is none, although its worker may live a moment longer.
    """
    with ExitStack() as held:
        for name in project.workspaces if address(project) is None else ():
            directory = project.data / name
            registry.check(project, name, directory)
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            mine = occupancy.Occupancy(directory, occupancy.SERVER)
            held.callback(mine.close)
            if not mine.try_alone():
                who = ", ".join(map(str, mine.holders())) or "unknown"
                raise UnavailableError(
                    f"Process {who} serves or processes the workspace {name} already: stop it, or leave the work to it "
                    "(`onefold serve --no-processing`)."
                )
        yield
