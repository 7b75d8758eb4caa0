"""Aggregates of events inside rules: how they are written, what they mean, when windows move them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.rules import (
    Aggregate,
    RuleError,
    Then,
    Window,
    aggregates,
    bind,
    evaluate,
    fingerprint,
    next_change,
    parse,
)
from onefold.rules import aggregate as meaning
from onefold.rules.time import DAY_US, HOUR_US
from onefold.rules.tree import Compare, Field, Literal
from onefold.rules.values import plain_number, tagged, untagged

GIFT = "Donation Completed"
POSITIVE = Compare(">", Field("amount"), Literal(0))
MONTH = Window(30, DAY_US)
NOON = 100 * DAY_US + DAY_US // 2


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (f"count('{GIFT}')", Aggregate("count", GIFT)),
        (f"events('{GIFT}')", Aggregate("count", GIFT)),
        (f"first_event('{GIFT}')", Aggregate("first", GIFT)),
        (f"last_event('{GIFT}')", Aggregate("last", GIFT)),
        (f"exists('{GIFT}' within 12 hours)", Aggregate("exists", GIFT, within=Window(12, HOUR_US))),
        (f"SUM('{GIFT}'.amount where amount > 0 within 30 days)", Aggregate("sum", GIFT, "amount", POSITIVE, MONTH)),
        (f"avg('{GIFT}'.gift.net within 2 weeks)", Aggregate("average", GIFT, "gift.net", None, Window(14, DAY_US))),
        (f"most_frequent('{GIFT}'.\"Fund name\")", Aggregate("most_frequent", GIFT, "Fund name")),
        (f"unique_count('{GIFT}' per year)", Aggregate("unique_count", GIFT, per="year")),
        (f"streak('{GIFT}' where amount > 0 per month)", Aggregate("streak", GIFT, None, POSITIVE, per="month")),
        (
            f"exists('A' within 30 days then not '{GIFT}' where amount > 0 within 1 day)",
            Aggregate("exists", "A", within=MONTH, then=Then(GIFT, Window(1, DAY_US), POSITIVE, absent=True)),
        ),
        ("exists('A' then 'B' within 0 days)", Aggregate("exists", "A", then=Then("B", Window(0, DAY_US)))),
    ],
)
def test_it_is_read(text, tree):
    """Each clause has its place in the tree."""
    assert parse(text) == tree


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("count('A' within 30) > 1", "needs its unit|should be its unit"),
        ("count('A' within 30 fortnights) > 1", "no such unit"),
        ("count('A' within 30 dais) > 1", "did you mean `days`"),
        ("count('A' within 1 year) > 1", "365 days"),
        ("count('A' within 1.5 days) > 1", "whole number"),
        ("count('A' within 99999999999 days) > 1", "whole number"),
        ("count('A'.b) > 1", "of events, not of a property"),
        ("sum('A') > 1", "needs a property"),
        ("streak('A') > 1", "needs a period"),
        ("streak('A' per decade) > 1", "no such period"),
        ("streak('A' per year within 30 days) > 1", "no `within`"),
        ("count('A' per year) > 1", "`per` belongs to"),
        ("count('A' then 'B' within 1 day) > 1", "`then` belongs to"),
        ("exists('A' then 'B')", "how long it may take"),
        ("count('A' where a = 1 where b = 2) > 1", "stated twice"),
        ("count(A) > 1", "in quotes"),
        ("count('') > 1", "1 to 200 characters"),
        ("count('A' since 2020) > 1", "After the event there can be"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text, says):
    """And with what to write instead."""
    with pytest.raises(RuleError, match=says) as caught:
        parse(text)
    assert caught.value.place is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("count('A' where count('B') > 1) > 1", "cannot ask for other events"),
        ("count('A' where days_since(event.at) > 1) > 1", "use `within`"),
        ("count('A' where a + 1) > 1", "gives a number"),
        ("count('A' where event.at > 5) > 1", "number where a comparison with a time"),
    ],
)
def test_conditions_that_no_fold_could_keep_are_refused_when_they_are_bound(text, says):
    """A condition is about the event alone."""
    with pytest.raises(RuleError, match=says):
        bind(parse(text), {})


def test_a_fingerprint_tells_meanings_apart_and_ways_of_writing_them_not():
    """It is the key of what is kept."""

    def of(text):
        (one,) = aggregates(parse(text))
        return fingerprint(one)

    assert of("count('A' where a = 1 and b = 2)") == of("count( 'A' where b = 2.0 and (a = 1))")
    assert of("count('A' where not (a = 1 or b = 2))") == of("count('A' where not (b = 2 or a = 1))")
    different = ["count('A')", "count('B')", "count('A' where a = 1)", "count('A' where a = true)",
                 "count('A' where a = '1')", "count('A' within 1 day)", "count('A' within 24 hours)", "exists('A')",
                 "exists('A' then 'B' within 1 day)", "exists('A' then not 'B' within 1 day)"]  # fmt: skip
    assert len({of(text) for text in different}) == len(different)
    assert of("count('A')") == "8b2ccb7f3881dc05bf524db917b99b4d", "stored states have this key: it must never change"


@given(st.integers(0, 400), st.sampled_from([HOUR_US, DAY_US]), st.integers(-40 * DAY_US, 40 * DAY_US))
def test_a_window_is_whole_tiles_and_its_ends_are_told(tiles, tile_us, offset):
    """An event is inside exactly from `enters_at` on until before `leaves_at`."""
    window, at_us = Window(tiles, tile_us), NOON + offset

    def inside(as_of_us):
        start, stop = meaning.bounds(window, as_of_us)
        return start <= at_us < stop

    enters, leaves = meaning.enters_at(window, at_us), meaning.leaves_at(window, at_us)
    assert inside(at_us)
    assert inside(enters)
    assert not inside(enters - 1)
    assert inside(leaves - 1)
    assert not inside(leaves)
    assert inside(at_us + tiles * tile_us), "all of the last so many hours or days is inside"


class Kept:
    """Counts events of these times in a window: what a store of states gives a row."""

    def __init__(self, window, times):
        self._window, self._times = window, times

    def at(self, as_of_us):
        start, stop = meaning.bounds(self._window, as_of_us)
        return sum(start <= t < stop for t in self._times)

    def next_change(self, as_of_us):
        moments = [f(self._window, t) for t in self._times for f in (meaning.enters_at, meaning.leaves_at)]
        return min((m for m in moments if m > as_of_us), default=None)


RULES = ["count('A' within 2 days) >= 2", "count('A' within 2 days) = 1 or days_since(t) > 3",
         "count('A' within 2 days) * 2 > n and days_since(t) < 4", "days_since(t) > count('A' within 2 days)",
         "not (count('A' within 2 days) between 1 and n)", "count('A' within 2 days) = days_since(t)"]  # fmt: skip
MOMENTS = st.integers(-4 * 24, 2 * 24).map(lambda hour: NOON + hour * HOUR_US)


def never_late(text, times, row, asked):
    """The law: until the moment given, the answer stays; at it, it is another."""
    bound = bind(parse(text), {"t": "time", "n": "number"})
    (one,) = bound.aggregates
    row = {**row, fingerprint(one): Kept(one.within, times)}
    moment = asked(bound, row, NOON)
    now = evaluate(bound, row, NOON)
    days = range(NOON // DAY_US + 1, NOON // DAY_US + 12)
    assert all(evaluate(bound, row, d * DAY_US) is now for d in days if moment is None or d * DAY_US < moment)
    assert moment is None or evaluate(bound, row, moment) is not now


ROWS = st.fixed_dictionaries({}, optional={"t": MOMENTS, "n": st.integers(0, 4)})


@given(st.sampled_from(RULES), st.lists(MOMENTS, max_size=4), ROWS)
def test_the_next_change_of_a_rule_with_a_window_is_exact(text, times, row):
    """However windows and elapsed time work together."""
    never_late(text, times, row, next_change)


def test_a_next_change_that_forgets_windows_breaks_the_law():
    """Negative control."""

    def forgetful(bound, row, as_of_us):
        return next_change(bound, {name: value for name, value in row.items() if name == "t"}, as_of_us)

    with pytest.raises(AssertionError):
        never_late("count('A' within 2 days) >= 1", [NOON], {}, forgetful)


def test_a_row_without_a_value_has_what_no_events_give():
    """Nothing of a person who never did it is unknown, but for values and times."""
    fields = {"n": "number"}
    for text in ("count('A') = 0", "sum('A'.b) = 0", "not exists('A' within 3 days)", "streak('A' per year) = 0",
                 "last('A') is null", "average('A'.b) is null", "most_frequent('A'.b) is null"):  # fmt: skip
        assert evaluate(bind(parse(text), fields), {}, NOON) is True, text


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0.1, "0.1"), ("0.10", "0.10"), (" 7 ", "7"), (-3, "-3"), (1e20, None), ("1e5", None), ("1,234", None), ("", None),
        (True, None), (None, None), (0.1234567890123, None), (10**15, None), (999_999_999_999_999, "999999999999999"),
        (float("nan"), None), ("\u0661", None), (-0.0, "0.0"), ("9\n", None),
    ],
)  # fmt: skip
def test_numbers_that_add_up_are_plain(value, number):
    """What is no plain number adds nothing, so sums stay exact."""
    assert plain_number(value) == (None if number is None else Decimal(number))


@given(st.booleans() | st.integers(-(10**9), 10**9) | st.decimals(-9, 9, places=3) | st.text(max_size=9))
def test_tagged_values_come_back(value):
    """And kinds stay apart."""
    assert untagged(tagged(value)) == value
    assert tagged(value)[0] == {bool: "b", str: "s"}.get(type(value), "n")
