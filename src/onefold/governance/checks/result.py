"""A result: what one check found in one run, and the rows that failed, by their keys. No values of the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from onefold.governance.checks.definition import Severity

Status = Literal["passed", "warned", "failed"]


class CheckResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found.

    Attributes:
        run: Id of the run.
        at_us: When the run began; rules count from it.
        relation: What was checked.
        check: Name of the check.
        kind: Its kind, in the word of project files.
        gate: The gate it belongs to, or None.
        severity: `error` or `warn`.
        owner: Who answers for it.
        status: `passed`; `failed`, or `warned` where the severity is `warn`.
        rows: Rows looked at.
        failing: Rows that fail; None for a check of the relation as a whole.
        observed: The number held against bounds; None for a check about rows, and where there was no value.
        expected: What the check asks, in words.
        detail: What was found, in words.
        sample: Keys of some failing rows, as texts, where the check did not pass.
        bins: Share of each value or bin, for the next run to compare with.
    """

    run: str
    at_us: int
    relation: str
    check: str
    kind: str
    gate: int | None
    severity: Severity
    owner: str
    status: Status
    rows: int
    failing: int | None
    observed: float | None
    expected: str
    detail: str
    sample: tuple[str, ...] = ()
    bins: Mapping[str, float] = {}

    @property
    def share(self) -> float | None:
        """Failing rows as a share of those looked at; None for a check of the relation as a whole."""
        if self.failing is None:
            return None
        return self.failing / self.rows if self.rows else 0.0


class FailingRow(msgspec.Struct, frozen=True):
    """A row that fails checks of severity `error` that are not within their tolerance.

    Attributes:
        relation: Where it is.
        key: Names and values of its key columns.
        checks: Names of the checks it fails.
    """

    relation: str
    key: tuple[tuple[str, Any], ...]
    checks: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """What a run found.

    Attributes:
        results: One a check, in the order given.
        failing: Rows that fail, at most `truncated_at` a relation.
        truncated: Relations that have more failing rows than these.
    """

    results: tuple[CheckResult, ...]
    failing: tuple[FailingRow, ...] = ()
    truncated: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether any check of severity `error` failed."""
        return any(result.status == "failed" for result in self.results)


History = Mapping[tuple[str, str], Sequence[CheckResult]]
"""Earlier results of each check, by relation and name, the latest first."""


def history(results: Sequence[CheckResult]) -> dict[tuple[str, str], list[CheckResult]]:
    """Results as a history, whatever their order."""
    found: dict[tuple[str, str], list[CheckResult]] = {}
    for result in sorted(results, key=lambda one: one.at_us, reverse=True):
        found.setdefault((result.relation, result.check), []).append(result)
    return found
