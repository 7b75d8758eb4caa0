"""The server's workspaces: what HTTP needs of each, over the pipelines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from onefold.adapters.sqlite import occupancy
from onefold.bootstrap import registry
from onefold.bootstrap.check_results import CheckResults
from onefold.bootstrap.hub_reader import NODES_MAX, READINGS, HubReader
from onefold.bootstrap.processing import Processing
from onefold.bootstrap.project import open_keys
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.stores import address
from onefold.bootstrap.workspace import Workspace, open_workspace
from onefold.config import Project
from onefold.errors import ExpensiveError, OnefoldError, UnavailableError
from onefold.governance.checks import CheckResult
from onefold.model import Identifier, Verdict, results
from onefold.pipelines import judgements
from onefold.pipelines.maintenance import agreement, dead_letters
from onefold.pipelines.reading import balances, profiles, progress, tail
from onefold.ports import EventLog

DISK_FREE_MIN = 0.02
_TAIL_ENTRIES = 200


class Backend:
    """One workspace as the server sees it; may be called from any thread."""

    def __init__(self, workspace: Workspace, processing: Processing | None, hubs: HubReader | None = None) -> None:
        """A workspace that `processing` keeps up with its log; None when that is another's business.

        People of many identifiers are read by `hubs`; without it, as all others.
        """
        self._workspace = workspace
        self._hubs = hubs
        self._nodes_max = None if hubs is None else NODES_MAX
        self._context = workspace.context
        self._processing = processing
        self._checks = CheckResults(workspace)

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._context.name

    @property
    def remote(self) -> bool:
        """Whether a look-up goes over a network."""
        return self._context.store.capabilities.remote

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
            "disk": self._disk(),
        }

    def _look(self) -> None:
        with self._context.store.snapshot() as snapshot:
            snapshot.offsets()
        self._context.log.ends()

    def _move(self) -> None:
        if still := progress.standing(self._context):
            raise UnavailableError(progress.told(still))

    def _disk(self) -> str | None:
        usage = shutil.disk_usage(self._workspace.directory)
        free = usage.free / usage.total
        return None if free > DISK_FREE_MIN else f"only {free:.1%} of the disk is free"

    def profile(self, identifier: Identifier) -> dict[str, Any] | None:
        """See `reading.profile`.

        Raises:
            ExpensiveError: The person has many identifiers: ask `profile_of_hub`, on a thread.
        """
        return profiles.profile(self._context, identifier, nodes_max=self._nodes_max)

    def profile_of_hub(self, identifier: Identifier) -> dict[str, Any] | None:
        """The same of somebody who has many; it waits for another process."""
        return self._elsewhere("profile", identifier)

    def identifiers(self, identifier: Identifier, *, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """See `reading.identifiers`."""
        return self._read("identifiers", identifier, cursor=cursor, limit=limit)

    def timeline(self, identifier: Identifier, *, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """See `reading.timeline`."""
        return self._read("timeline", identifier, cursor=cursor, limit=limit)

    def history(self, identifier: Identifier) -> dict[str, Any] | None:
        """See `reading.history`."""
        return self._read("history", identifier)

    def explain(self, a: Identifier, b: Identifier) -> dict[str, Any] | None:
        """See `reading.explain`."""
        return self._read("explain", a, b)

    def _read(self, what: str, *given: Any, **more: Any) -> dict[str, Any] | None:
        """Read here or, where that would take long, in another process."""
        try:
            return READINGS[what](self._context, *given, **more, nodes_max=self._nodes_max)
        except ExpensiveError:
            return self._elsewhere(what, *given, **more)

    def _elsewhere(self, what: str, *given: Any, **more: Any) -> dict[str, Any] | None:
        assert self._hubs is not None  # noqa: S101  nothing is too expensive without it
        found: dict[str, Any] | None = self._hubs.read(self.name, what, *given, **more)
        return found

    def judge(
        self, verdict: Verdict, a: Identifier, b: Identifier | None, *, by: str, reason: str, request_id: str
    ) -> tuple[int, int]:
        """See `judgements.say`."""
        return judgements.say(self._context, verdict, a, b, by=by, reason=reason, request_id=request_id)

    def counterpart(self, identifier: Identifier) -> Identifier:
        """See `judgements.counterpart`."""
        return judgements.counterpart(self._context, identifier)

    def settle(self, position: tuple[int, int], *, timeout_seconds: float) -> bool:
        """See `judgements.settle`."""
        return judgements.settle(self._context, position, timeout_seconds=timeout_seconds)

    def dead_letters(
        self, *, status: str | None, source: str | None, after: int, limit: int
    ) -> list[results.DeadLetter]:
        """See `dead_letters.listed`."""
        return dead_letters.listed(self._context, status=status, source=source, after=after, limit=limit)

    def dead_letter(self, offset: int) -> results.DeadLetterContent:
        """See `dead_letters.shown`."""
        return dead_letters.shown(self._context, offset)

    def replay(self, offset: int, *, body: bytes | None) -> None:
        """See `dead_letters.replay`."""
        dead_letters.replay(self._context, offset, body=body)

    def tail(
        self, positions: Mapping[int, int] | None, *, source: str, name: str, verdict: str, finding: str, text: str
    ) -> tuple[list[tail.TailedEntry], dict[int, int]]:
        """See `tail.after`."""
        if positions is None:
            return [], self._context.log.ends()
        wanted, reached, found = tail.Wanted(source, name, verdict, finding, text), dict(positions), []
        held: set[int] = set()
        for sight in tail.after(self._context, positions, _TAIL_ENTRIES):
            partition, offset = map(int, sight.position.split(":"))
            if partition in held or sight.verdict == "pending":
                held.add(partition)
                continue
            reached[partition] = offset
            if wanted.passes(sight):
                found.append(sight)
        return found, reached

    def accounts(self) -> list[results.Account]:
        """See `balances.sources`."""
        return balances.sources(self._context)

    def counts(self) -> Mapping[str, int]:
        """Sizes of the store."""
        with self._context.store.snapshot() as snapshot:
            return snapshot.counts()

    def quality(self) -> list[CheckResult]:
        """The latest result of each data-quality check."""
        return self._checks.latest()

    def lag(self) -> Mapping[int, int]:
        """Entries of each partition that wait to be processed."""
        with self._context.store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        return self._context.log.waiting(offsets)


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
            hubs = HubReader(project)
            opening.callback(hubs.close)
            self.backends = {w.context.name: Backend(w, processing(w), hubs) for w in self._workspaces}
            self.desks = {w.context.name: QueryDesk(w) for w in self._workspaces}
            for desk in self.desks.values():
                opening.callback(desk.close)
            self.keys = open_keys(project)
            opening.callback(self.keys.close)
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
