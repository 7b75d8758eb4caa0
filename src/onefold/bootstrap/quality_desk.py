"""The quality desk: where a server is asked what checks found, which rows they hold, and to run them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from onefold.bootstrap.check_results import CheckResults
from onefold.bootstrap.checking import chosen_checks, list_checks
from onefold.bootstrap.readers import Readers
from onefold.bootstrap.segment_rows import SegmentRows
from onefold.bootstrap.warehousing import warehouse_of
from onefold.bootstrap.workspace import Workspace
from onefold.errors import ConfigurationError, OverloadedError, UnavailableError
from onefold.governance.checks import Check, CheckResult, kind_name, sentence
from onefold.model import results
from onefold.pipelines.batch import checks as running
from onefold.profiles.profile import iso

_RETRY_SECONDS = 5.0


class QualityDesk:
    """Checks of one workspace. Safe for threads; one run of checks at a time."""

    def __init__(self, workspace: Workspace, readers: Readers, directory: Path) -> None:
        """Of an open workspace, in the project of a folder."""
        self._workspace = workspace
        self._readers = readers
        self._directory = directory
        self._results = CheckResults(workspace)
        self._held = SegmentRows(workspace, running.QUARANTINE.full_name)
        self._running = threading.Lock()

    def checks(self, runs: int) -> results.QualityChecks:
        """All checks, those first that failed, each with what its latest runs found.

        Raises:
            UnavailableError: The project's files cannot be read.
        """
        known = {(of[0].relation, of[0].check): of[:runs] for of in self._results.runs()}
        stated = self._read(lambda: list_checks(self._directory))
        found = [_check(one, known.get((one.relation, one.name), [])) for one in stated]
        return results.QualityChecks(checks=tuple(sorted(found, key=_worst_first)))

    def run(self, select: Sequence[str], relation: str | None, gate: int | None) -> results.ChecksRun:
        """Run checks, keep what they find, and hold the rows that fail.

        Raises:
            ConflictError: Somebody was erased meanwhile; run them again.
            OverloadedError: Checks run already.
            UnavailableError: There is no warehouse here, or the project's files cannot be read.
            UsageError: No check is chosen.
        """
        if not self._running.acquire(blocking=False):
            raise OverloadedError("Checks run already; ask again.", retry_after_seconds=_RETRY_SECONDS)
        try:
            own, shipped = self._read(lambda: chosen_checks(self._directory, select, relation, gate))
            warehouse = self._read(lambda: self._readers.warehouse(warehouse_of(self._workspace)))
            context = self._workspace.context
            run_id = f"{context.clock_us():x}-{os.urandom(3).hex()}"
            try:
                outcome = self._read(lambda: running.check(context, warehouse, own, shipped, run_id=run_id))
            finally:
                warehouse.close()
        finally:
            self._running.release()
        statuses = [one.status for one in outcome.report.results]
        return results.ChecksRun(
            ran=len(statuses),
            failed=statuses.count("failed"),
            warned=statuses.count("warned"),
            missing=dict(outcome.missing),
            held=outcome.held,
            released=outcome.released,
        )

    def held(self, relation: str | None, check: str | None, *, skip: int, limit: int) -> results.HeldRows:
        """Rows in quarantine, by relation and key."""
        rows = sorted(
            (
                _held(row)
                for row in self._held.all()
                if relation in {None, row["relation"]}
                and (check is None or check in msgspec.json.decode(row["checks"], type=list[str]))
            ),
            key=lambda one: (one.relation, one.key),
        )
        last = skip + limit
        return results.HeldRows(rows=tuple(rows[skip:last]), total=len(rows), next=last if last < len(rows) else None)

    def _read(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except ConfigurationError as error:
            raise UnavailableError(str(error)) from None


def _check(stated: Check, runs: Sequence[CheckResult]) -> results.QualityCheck:
    return results.QualityCheck(
        relation=stated.relation,
        name=stated.name,
        kind=kind_name(stated.kind),
        gate=stated.gate,
        severity=stated.severity,
        owner=stated.owner,
        description=stated.description,
        asks=sentence(stated),
        where=f"{stated.file}:{stated.line}" if stated.file else "",
        runs=tuple(
            results.CheckRun(
                at=iso(one.at_us) or datetime.fromtimestamp(0, UTC).isoformat(),
                status=one.status,
                rows=one.rows,
                failing=one.failing,
                observed=one.observed,
                detail=one.detail,
            )
            for one in runs
        ),
        sample=runs[0].sample if runs else (),
    )


def _worst_first(one: results.QualityCheck) -> tuple[int, str, str]:
    order = {"failed": 0, "warned": 1, "": 2, "passed": 3}
    return (order[one.runs[0].status if one.runs else ""], one.relation, one.name)


def _held(row: dict[str, Any]) -> results.HeldRow:
    return results.HeldRow(
        relation=row["relation"],
        key=row["row_key"],
        checks=tuple(msgspec.json.decode(row["checks"], type=list[str])),
        offset=row["log_offset"],
    )
