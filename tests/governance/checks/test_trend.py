"""Trends: what is unusual beside what was before."""

from __future__ import annotations

import datetime as dt
import math
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.governance.checks import trend

TODAY = dt.date(2026, 11, 26)


def days(values):
    """Counts of the days that end yesterday."""
    return {TODAY - dt.timedelta(days=len(values) - n): value for n, value in enumerate(values)}


def test_a_busy_weekday_is_not_unusual():
    """A day is held against its weekday, once there are four of those."""
    values = [1000 if (TODAY - dt.timedelta(days=57 - n)).weekday() == 2 else 100 for n in range(57)]
    found = trend.anomaly(days(values), TODAY, 56)
    assert (found.rows, found.expected, found.compared, found.same_weekday) == (1000, 1000, 8, True)
    assert found.score == 0
    plain = trend.anomaly(days([100] * 20 + [1000]), TODAY, 20)
    assert plain.score == pytest.approx(900 / 10)


def test_a_day_without_rows_counts_as_none():
    """Silence is what the check is for; days before the first with rows are not."""
    counts = days([100] * 20)
    del counts[TODAY - dt.timedelta(days=1)]
    found = trend.anomaly(counts, TODAY, 56)
    assert (found.rows, found.compared) == (0, 19)
    assert found.score == pytest.approx(-100 / 10)


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=6))
def test_little_says_nothing(values):
    """Six days before are not enough; today and what lies ahead never count."""
    assert trend.anomaly(days(values), TODAY, 56) is None
    assert trend.anomaly({TODAY: 5, TODAY + dt.timedelta(days=1): 7}, TODAY, 56) is None


@given(st.lists(st.integers(0, 10_000), min_size=8, max_size=20), st.integers(1, 1_000))
def test_score_is_the_documented_formula(values, more):
    """One outlier among the days before moves neither the median nor the spread by much; the score rises with the rows."""
    found = trend.anomaly(days(values), TODAY, 56)
    before = values[:-1]
    middle = median(before)
    spread = max(1.4826 * median(abs(v - middle) for v in before), math.sqrt(middle), 1)
    assert found.score == pytest.approx((values[-1] - middle) / spread)
    assert trend.anomaly(days([*before, values[-1] + more]), TODAY, 56).score > found.score


SHARES = st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1), min_size=1).map(
    lambda found: {name: share / sum(found.values()) for name, share in found.items()}
)


@given(SHARES, SHARES)
def test_stability_index_is_zero_for_what_did_not_move(actual, expected):
    """And never below."""
    assert trend.stability(actual, actual) == pytest.approx(0)
    assert trend.stability(actual, expected) >= -1e-12
