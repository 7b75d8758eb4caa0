"""Results of the checks of a workspace, read from the warehouse's own files: no query is run for a metric."""

from __future__ import annotations

from onefold.bootstrap.warehousing import FOLDER
from onefold.bootstrap.workspace import Workspace
from onefold.governance.checks import CheckResult
from onefold.pipelines.batch import checks


class CheckResults:
    """Results of a workspace's checks, read again only when there are others."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._names: tuple[str, ...] = ()
        self._known: list[list[CheckResult]] = []

    def latest(self) -> list[CheckResult]:
        """The latest result of each check; none where there is no warehouse, or nothing was checked yet."""
        return [runs[0] for runs in self.runs()]

    def runs(self) -> list[list[CheckResult]]:
        """All results, check by check, the latest of each first."""
        context = self._workspace.context
        if context.feed is None:
            return []
        with context.store.snapshot() as snapshot:
            segments = [s for s in snapshot.segments() if s.relation == checks.RESULT.full_name]
        names = tuple(segment.name for segment in segments)
        if names != self._names:
            from onefold.adapters.duckdb.segments import SegmentFiles  # noqa: PLC0415  only where the extra is

            files = SegmentFiles(self._workspace.directory / FOLDER, self._workspace.entries)
            rows = [row for segment in segments for row in files.read(segment).to_pylist()]
            self._names, self._known = names, checks.by_check(rows)
        return self._known
