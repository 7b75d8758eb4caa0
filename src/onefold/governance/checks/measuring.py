"""Measuring: the number that a check of a relation as a whole observed, and whether it lies within its bounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from onefold.governance.checks import trend
from onefold.governance.checks.definition import Check, Distribution, Freshness, RowCount, Volume
from onefold.governance.checks.result import CheckResult
from onefold.governance.checks.sentence import duration, percent

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Observation(msgspec.Struct, frozen=True):
    """What a measure found.

    Attributes:
        fine: Whether it lies within the bounds.
        observed: The number; None where there was nothing to take it from.
        detail: In words.
        bins: Shares, for the next run.
    """

    fine: bool
    observed: float | None
    detail: str
    bins: Mapping[str, float] = {}


def measure(
    check: Check,
    row: Mapping[str, Any],
    n: int,
    rows: int,
    series: Sequence[Mapping[str, Any]],
    previous: CheckResult | None,
    at_us: int,
) -> Observation:
    """Hold what the aggregate and the series say against the bounds of check number `n`."""
    match check.kind:
        case RowCount() as kind:
            fine, detail = _within(Decimal(rows), kind.rows_min, kind.rows_max, kind.change_max, previous)
            return Observation(fine, float(rows), f"{rows:,} rows{detail}")
        case Freshness() as kind:
            return _freshness(kind, row[f"o{n}"], at_us)
        case Volume() as kind:
            return _volume(kind, series, at_us)
        case Distribution(statistic="psi") as kind:
            return _stability(kind, series, previous)
        case Distribution() as kind:
            return _statistic(kind, row[f"o{n}"], row[f"m{n}"] or 0, previous)
        case _:
            raise TypeError(f"{type(check.kind).__name__} is about rows")


def _statistic(kind: Distribution, found: Any, values: int, previous: CheckResult | None) -> Observation:
    if not values or found is None:
        return Observation(fine=False, observed=None, detail=f"{kind.column} holds no value")
    number = Decimal(found) if not isinstance(found, float) else Decimal(repr(found))
    if kind.statistic != "quantile":
        number /= values
    fine, detail = _within(number, kind.low, kind.high, kind.change_max, previous)
    return Observation(fine, float(number), f"{number:.6g}{detail}")


def _freshness(kind: Freshness, latest: Any, at_us: int) -> Observation:
    if latest is None:
        return Observation(fine=False, observed=None, detail=f"{kind.column} holds no time")
    age_us = at_us - microseconds(latest)
    return Observation(age_us <= kind.within_us, age_us / 1_000_000, f"{duration(max(age_us, 0))} old")


def _volume(kind: Volume, series: Sequence[Mapping[str, Any]], at_us: int) -> Observation:
    counts = {_date(row["bin"]): int(row["rows"]) for row in series}
    today = (_EPOCH + timedelta(microseconds=at_us)).date()
    found = trend.anomaly(counts, today, kind.days)
    if found is None:
        return Observation(
            fine=True, observed=None, detail=f"fewer than {trend.DAYS_MIN} complete days to compare with"
        )
    days = f"{found.compared} {found.day:%A}s" if found.same_weekday else f"{found.compared} days"
    told = f"{found.rows:,} rows on {found.day}, {found.expected:,.0f} usual ({days}): score {found.score:+.1f}"
    return Observation(abs(found.score) <= float(kind.threshold), found.score, told)


def _stability(kind: Distribution, series: Sequence[Mapping[str, Any]], previous: CheckResult | None) -> Observation:
    actual = trend.shares([(str(row["bin"]), int(row["rows"])) for row in series])
    if not actual:
        return Observation(fine=False, observed=None, detail=f"{kind.column} holds no value")
    expected = {name: float(share) for name, share in kind.baseline} or (dict(previous.bins) if previous else {})
    if not expected:
        return Observation(fine=True, observed=None, detail="first run: the next one compares with it", bins=actual)
    index = trend.stability(actual, expected)
    fine, detail = _within(Decimal(repr(index)), kind.low, kind.high, None, None)
    return Observation(fine, index, f"{index:.4f}{detail}", actual)


def _within(
    number: Decimal,
    low: Decimal | int | None,
    high: Decimal | int | None,
    change_max: Decimal | None,
    previous: CheckResult | None,
) -> tuple[bool, str]:
    fine = (low is None or number >= low) and (high is None or number <= high)
    if change_max is None:
        return fine, ""
    if previous is None or previous.observed is None:
        return fine, " (first run: nothing to compare with)"
    before = Decimal(repr(previous.observed))
    if before == 0:
        return fine and number == 0, " (0 before)"
    change = (number - before) / abs(before)
    return fine and abs(change) <= change_max, f" ({'+' if change >= 0 else '-'}{percent(abs(round(change, 4)))})"


def microseconds(at: Any) -> int:
    """A time, or the end of a date, as microseconds since 1970 UTC."""
    if isinstance(at, datetime):
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at
        return (utc - _EPOCH) // timedelta(microseconds=1)
    # The latest of a column of dates is the end of that day: until then the day's data may still come.
    return (datetime(at.year, at.month, at.day, tzinfo=UTC) + timedelta(days=1) - _EPOCH) // timedelta(microseconds=1)


def _date(found: Any) -> date:
    return found.date() if isinstance(found, datetime) else found
