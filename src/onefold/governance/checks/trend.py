"""Trends: whether a number is unusual beside those before it, and how far a distribution has moved."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from statistics import median

import msgspec

SCALE = 1.4826
"""Makes the median absolute deviation of a normal distribution its standard deviation."""

WEEKDAYS_MIN = 4
"""So many days of the same weekday are compared with each other; with fewer, all days are compared."""

DAYS_MIN = 7
"""With fewer complete days before it, nothing can be said of a day."""

SHARE_MIN = 1e-4
"""A share smaller than this counts as this: the logarithm of nothing is not a number."""

_ABSENT = "(other)"


class Anomaly(msgspec.Struct, frozen=True):
    """How unusual a day is.

    Attributes:
        day: The last complete UTC day.
        rows: Its rows.
        expected: The median of the days it is compared with.
        score: (rows - expected) / spread; see `anomaly`.
        compared: With how many days.
        same_weekday: Whether those are all of its weekday.
    """

    day: date
    rows: int
    expected: float
    score: float
    compared: int
    same_weekday: bool


def anomaly(counts: Mapping[date, int], today: date, days: int) -> Anomaly | None:
    """How unusual the rows of yesterday are beside those of the `days` days before; None when there is too little to say.

    The days compared are those of the same weekday if there are at least four, else all. With m their median and MAD the
    median of |x - m|, the score is (rows - m) / max(1.4826 * MAD, sqrt(m), 1): a robust z-score, whose spread is never
    below that of counts that arrive independently. A day without rows counts as 0, from the first day with any.

    Args:
        counts: Rows by UTC day.
        today: The day that is not over yet; it and later ones are left out.
        days: How far to look back.
    """
    past = [day for day in counts if day < today]
    if not past:
        return None
    day = today - timedelta(days=1)
    first = max(min(past), day - timedelta(days=days))
    before = [first + timedelta(days=n) for n in range((day - first).days)]
    if len(before) < DAYS_MIN:
        return None
    same = [one for one in before if one.weekday() == day.weekday()]
    compared = same if len(same) >= WEEKDAYS_MIN else before
    values = [counts.get(one, 0) for one in compared]
    middle = median(values)
    spread = max(SCALE * median(abs(value - middle) for value in values), math.sqrt(middle), 1.0)
    rows = counts.get(day, 0)
    return Anomaly(day, rows, middle, (rows - middle) / spread, len(compared), compared is same)


def stability(actual: Mapping[str, float], expected: Mapping[str, float]) -> float:
    """The population stability index: the sum over all bins of (a - e) * ln(a / e), with shares of at least 0.0001.

    Values that `expected` does not name are one bin together. Below 0.1 is commonly read as stable, above 0.25 as moved.
    """
    merged = dict.fromkeys(expected, 0.0)
    for name, share in actual.items():
        at = name if name in expected else _ABSENT
        merged[at] = merged.get(at, 0.0) + share
    total = 0.0
    for name, share in merged.items():
        a, e = max(share, SHARE_MIN), max(expected.get(name, 0.0), SHARE_MIN)
        total += (a - e) * math.log(a / e)
    return total


def shares(counts: Sequence[tuple[str, int]]) -> dict[str, float]:
    """Each count as a share of all; empty when there is nothing."""
    total = sum(rows for _, rows in counts)
    return {name: rows / total for name, rows in counts} if total else {}
