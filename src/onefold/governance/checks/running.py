"""Running checks: relation by relation, one aggregate query each, and the failing rows where there are any."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import msgspec

from onefold.errors import ConfigurationError, nearest
from onefold.governance.checks import measuring, queries
from onefold.governance.checks.column import Columns, Query
from onefold.governance.checks.definition import (
    Check,
    Distribution,
    Freshness,
    Reference,
    RowCount,
    Volume,
    kind_name,
)
from onefold.governance.checks.result import CheckResult, FailingRow, History, Report, Status
from onefold.governance.checks.sentence import sentence

SAMPLE = 5
"""Keys of failing rows that a result holds."""

FAILING_MAX = 10_000
"""Most failing rows of a relation that one run reads."""

_MEASURES = (RowCount, Freshness, Distribution, Volume)


def run(
    checks: Iterable[Check],
    query: Query,
    *,
    run_id: str,
    at_us: int,
    relations: Mapping[str, Columns],
    history: History | None = None,
) -> Report:
    """Run checks; those switched off are left out.

    Args:
        checks: In the order in which results are wanted; those of a relation are run together.
        query: Runs a SQL tree.
        run_id: Names the run in its results.
        at_us: The time, microseconds UTC.
        relations: The columns of each relation there is.
        history: Earlier results, for checks that compare with the previous run.

    Raises:
        ConfigurationError: A check names a relation or column that is not there, or does not fit it.
    """
    wanted = [check for check in checks if check.severity != "off"]
    by_relation: dict[str, list[Check]] = {}
    for check in wanted:
        by_relation.setdefault(check.relation, []).append(check)
    found: dict[tuple[str, str], CheckResult] = {}
    failing: list[FailingRow] = []
    truncated = []
    for relation, group in by_relation.items():
        of = {name: relations[name] for name in _named(group, relations)}
        results = _results(group, of, query, run_id, at_us, history or {})
        rows, more = _failing(group, results, of, query, at_us)
        failing += rows
        if more:
            truncated.append(relation)
        found |= {(r.relation, r.check): r for r in results}
    return Report(tuple(found[check.relation, check.name] for check in wanted), tuple(failing), tuple(truncated))


def _named(checks: Sequence[Check], relations: Collection[str]) -> list[str]:
    """All relations that checks of one relation name."""
    names = {checks[0].relation: checks[0]}
    for check in checks:
        if isinstance(check.kind, Reference):
            names.setdefault(check.kind.relation, check)
    for name, check in names.items():
        if name not in relations:
            known = ", ".join(sorted(relations)) or "none"
            raise ConfigurationError(
                f"check `{check.name}`: there is no relation `{name}`{nearest(name, relations) or f'; there are: {known}'}",
                file=check.file or None,
                line=check.line or None,
            )
    return list(names)


def _results(
    checks: Sequence[Check], of: queries.Relations, query: Query, run_id: str, at_us: int, history: History
) -> list[CheckResult]:
    row = query(queries.aggregate(checks, of, at_us)).to_pylist()[0]
    results = []
    for n, check in enumerate(checks):
        rows, previous = int(row.get(f"n{n}", row[queries.ROWS])), next(iter(history.get(_id(check), ())), None)
        bins: Mapping[str, float] = {}
        failing: int | None = None
        observed: float | None = None
        if isinstance(check.kind, _MEASURES):
            counted = queries.series(check, of[check.relation], at_us)
            series = [] if counted is None else query(counted).to_pylist()
            seen = measuring.measure(check, row, n, rows, series, previous, at_us)
            fine, observed, detail, bins = seen.fine, seen.observed, seen.detail, seen.bins
        else:
            failing = int(row[f"f{n}"])
            fine = check.tolerance.allows(failing, rows)
            detail = f"{failing:,} of {rows:,} rows fail" if failing else f"{rows:,} rows"
        results.append(
            CheckResult(
                run=run_id, at_us=at_us, relation=check.relation, check=check.name, kind=kind_name(check.kind),
                gate=check.gate, severity=check.severity, owner=check.owner, status=_status(check, fine=fine), rows=rows,
                failing=failing, observed=observed, expected=sentence(check), detail=detail, bins=bins,
            )
        )  # fmt: skip
    samples = _samples(checks, results, of, query, at_us)
    return [msgspec.structs.replace(r, sample=samples.get(n, ())) for n, r in enumerate(results)]


def _failing(
    checks: Sequence[Check], results: Sequence[CheckResult], of: queries.Relations, query: Query, at_us: int
) -> tuple[list[FailingRow], bool]:
    """Rows that fail what is not within its tolerance, and whether there are more of them."""
    broken = [c for c, r in zip(checks, results, strict=True) if r.status == "failed" and r.failing and c.key]
    found: list[FailingRow] = []
    more = False
    for key in dict.fromkeys(check.key for check in broken):
        group = [check for check in broken if check.key == key]
        tree = queries.failing_rows(group, of, at_us, limit=FAILING_MAX + 1)
        rows = query(tree).to_pylist()
        more = more or len(rows) > FAILING_MAX
        found += [
            FailingRow(
                group[0].relation,
                tuple((name, row[name]) for name in key),
                tuple(check.name for n, check in enumerate(group) if row[f"f{n}"]),
            )
            for row in rows[:FAILING_MAX]
        ]
    return found, more


def _samples(
    checks: Sequence[Check], results: Sequence[CheckResult], of: queries.Relations, query: Query, at_us: int
) -> dict[int, tuple[str, ...]]:
    """Keys of the first failing rows of each check that has more than it may."""
    found: dict[int, tuple[str, ...]] = {}
    for n, (check, result) in enumerate(zip(checks, results, strict=True)):
        if result.failing and check.key and result.status != "passed":
            # A query each: in one for all, the rows of one check would crowd out those of another.
            rows = query(queries.failing_rows([check], of, at_us, limit=SAMPLE)).to_pylist()
            found[n] = tuple(key_text(tuple(row[name] for name in check.key)) for row in rows)
    return found


def key_text(values: tuple[Any, ...]) -> str:
    """A key as a text: its parts with slashes between."""
    return "/".join(_text(value) for value in values)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _status(check: Check, *, fine: bool) -> Status:
    if fine:
        return "passed"
    return "warned" if check.severity == "warn" else "failed"


def _id(check: Check) -> tuple[str, str]:
    return check.relation, check.name
