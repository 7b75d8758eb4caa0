"""The server's workspaces: what HTTP needs of each, over the pipelines."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import msgspec

from onefold.adapters.sqlite import lease
from onefold.bootstrap.project import open_keys
from onefold.bootstrap.relays import relaying
from onefold.bootstrap.stores import leases_of
from onefold.bootstrap.workspace import Workspace, open_workspace, worker_name
from onefold.config import Project
from onefold.errors import OnefoldError
from onefold.model import Identifier, Verdict
from onefold.pipelines import accounts, dead_letters, judging, reading, tailing
from onefold.pipelines.processor import Processor
from onefold.ports import EventLog

DISK_FREE_MIN = 0.02
_TAIL_ENTRIES = 200


class Backend:
    """One workspace as the server sees it; may be called from any thread."""

    def __init__(self, project: Project, workspace: Workspace, *, processing: bool) -> None:
        self._project = project
        self._workspace = workspace
        self._parts = workspace.parts
        self._leases = leases_of(workspace.parts.store)
        self._processor = (
            Processor(workspace.parts, leases=self._leases, worker=worker_name(), monotonic=time.monotonic)
            if processing
            else None
        )
        self._held: ExitStack | None = None

    @property
    def name(self) -> str:
        """The workspace's name."""
        return self._parts.name

    @property
    def remote(self) -> bool:
        """Whether a look-up goes over a network."""
        return self._leases is not None

    @property
    def log(self) -> EventLog:
        """Where received items go."""
        return self._parts.log

    def start(self) -> None:
        """Take the lease and begin processing.

        Raises:
            UnavailableError: Another process is this workspace's processor.
        """
        processor = self._processor
        if processor is not None:
            with ExitStack() as held:
                if self._leases is None:
                    held.enter_context(lease.held(self._workspace.directory))
                held.enter_context(relaying(self._project, self._workspace, lambda: processor.leads))
                processor.start()
                self._held = held.pop_all()

    def wake(self) -> None:
        """The log grew."""
        if self._processor is not None:
            self._processor.wake()

    def stop(self) -> None:
        """Finish the batch under way, then end."""
        if self._processor is not None:
            self._processor.stop()
        if self._held is not None:
            self._held.close()
            self._held = None

    def ready(self) -> Mapping[str, str | None]:
        """Checks by name: None when it passes, else what is wrong."""
        return {
            "store": failure(self._look),
            "processor": None if self._processor is None else self._processor.failure,
            "disk": self._disk(),
        }

    def _look(self) -> None:
        with self._parts.store.snapshot() as snapshot:
            snapshot.offsets()
        self._parts.log.ends()

    def _disk(self) -> str | None:
        usage = shutil.disk_usage(self._workspace.directory)
        free = usage.free / usage.total
        return None if free > DISK_FREE_MIN else f"only {free:.1%} of the disk is free"

    def profile(self, identifier: Identifier) -> dict[str, Any] | None:
        """See `reading.profile`."""
        return reading.profile(self._parts, identifier)

    def timeline(self, identifier: Identifier, *, cursor: str | None, limit: int) -> dict[str, Any] | None:
        """See `reading.timeline`."""
        return reading.timeline(self._parts, identifier, cursor=cursor, limit=limit)

    def history(self, identifier: Identifier) -> dict[str, Any] | None:
        """See `reading.history`."""
        return reading.history(self._parts, identifier)

    def explain(self, a: Identifier, b: Identifier) -> dict[str, Any] | None:
        """See `reading.explain`."""
        return reading.explain(self._parts, a, b)

    def judge(
        self, verdict: Verdict, a: Identifier, b: Identifier | None, *, by: str, reason: str, request_id: str
    ) -> tuple[int, int]:
        """See `judging.say`."""
        place = judging.say(self._parts, verdict, a, b, by=by, reason=reason, request_id=request_id)
        self.wake()
        return place

    def counterpart(self, identifier: Identifier) -> Identifier:
        """See `judging.counterpart`."""
        return judging.counterpart(self._parts, identifier)

    def settle(self, place: tuple[int, int], *, timeout_seconds: float) -> bool:
        """See `judging.settle`."""
        return judging.settle(self._parts, place, timeout_seconds=timeout_seconds)

    def dead_letters(self, *, status: str | None, source: str | None, after: int, limit: int) -> list[dict[str, Any]]:
        """See `dead_letters.listed`."""
        return dead_letters.listed(self._parts, status=status, source=source, after=after, limit=limit)

    def dead_letter(self, offset: int) -> dict[str, Any]:
        """See `dead_letters.shown`."""
        return dead_letters.shown(self._parts, offset)

    def replay(self, offset: int, *, body: bytes | None) -> None:
        """See `dead_letters.replay`."""
        dead_letters.replay(self._parts, offset, body=body)
        self.wake()

    def tail(
        self, places: Mapping[int, int] | None, *, source: str, name: str, verdict: str, text: str
    ) -> tuple[list[dict[str, Any]], dict[int, int]]:
        """See `tailing.after`."""
        if places is None:
            return [], self._parts.log.ends()
        wanted, reached, found = tailing.Wanted(source, name, verdict, text), dict(places), []
        held: set[int] = set()
        for sight in tailing.after(self._parts, places, _TAIL_ENTRIES):
            partition, offset = map(int, sight.place.split(":"))
            if partition in held or sight.verdict == "pending":
                held.add(partition)
                continue
            reached[partition] = offset
            if wanted.passes(sight):
                found.append(msgspec.to_builtins(sight))
        return found, reached

    def accounts(self) -> list[dict[str, Any]]:
        """See `accounts.sources`."""
        return accounts.sources(self._parts)

    def counts(self) -> Mapping[str, int]:
        """Sizes of the store."""
        with self._parts.store.snapshot() as snapshot:
            return snapshot.counts()

    def lag(self) -> Mapping[int, int]:
        """Entries of each partition that wait to be processed."""
        with self._parts.store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        return self._parts.log.waiting(offsets)


def failure(check: Callable[[], None]) -> str | None:
    """What a check says is wrong; None when it passes."""
    try:
        check()
    except OnefoldError as error:
        return str(error)
    return None


class Opened:
    """All of a project's workspaces and its keys, open for a server."""

    def __init__(self, project: Project, *, processing: bool) -> None:
        self._workspaces = [open_workspace(project, name) for name in project.workspaces]
        self.backends = {w.parts.name: Backend(project, w, processing=processing) for w in self._workspaces}
        self.keys = open_keys(project)

    def close(self) -> None:
        """Let go of all files."""
        for workspace in self._workspaces:
            workspace.close()
        self.keys.close()
