"""Results of the checks of a workspace, read from the warehouse's own files: no query is run for a metric."""

from __future__ import annotations

from typing import Any

from onefold.bootstrap.segment_rows import SegmentRows
from onefold.bootstrap.workspace import Workspace
from onefold.governance.checks import CheckResult
from onefold.pipelines.batch import checks


class CheckResults:
    """Results of a workspace's checks, read again only when there are others."""

    def __init__(self, workspace: Workspace) -> None:
        self._rows = SegmentRows(workspace, checks.RESULT.full_name)
        self._read: list[dict[str, Any]] = []
        self._known: list[list[CheckResult]] = []

    def latest(self) -> list[CheckResult]:
        """The latest result of each check; none where there is no warehouse, or nothing was checked yet."""
        return [runs[0] for runs in self.runs()]

    def runs(self) -> list[list[CheckResult]]:
        """All results, check by check, the latest of each first."""
        rows = self._rows.all()
        if rows is not self._read:
            self._read, self._known = rows, checks.by_check(rows)
        return self._known
