"""Computed traits: whatever the order, the division among nodes and the moment, the value is that of all events at once."""

from __future__ import annotations

import functools

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.profiles.aggregates import AGGREGATES, DAY_US, HOUR_US, by_definition, histories

from onefold.profiles import state
from onefold.profiles.computed import plan as computing
from onefold.profiles.computed import series, values
from onefold.profiles.computed.trait import Trait
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState
from onefold.rules import Aggregate, Window


def settings_for(aggregates, **more):
    """Settings in which these aggregates are traits."""
    traits = tuple(Trait(f"t{number}", one) for number, one in enumerate(aggregates))
    return ProfileSettings(traits=traits, **more)


def folded(events, told) -> NodeState:
    """A node at which these events happened, as it is stored."""
    total = state.empty()
    for one in events:
        state.fold(total, one, told)
    return state.decode(state.encode(total))


def moments(events):
    """Moments at which values are asked for: after all events, as far as the ends of windows."""
    last = max((e.timestamp_us for e in events), default=0)
    return st.builds(
        lambda step, unit, off: last + max(0, step * unit + off),
        st.integers(0, 6), st.sampled_from([HOUR_US, DAY_US]), st.sampled_from([0, 1, -1]),
    )  # fmt: skip


@given(st.data())
def test_a_trait_is_what_all_events_at_once_come_to(data):
    """Folded in any order, divided among nodes, stored in between: the value is that by definition, at any later moment."""
    assert_values_by_definition(data, AGGREGATES)


def assert_values_by_definition(data, wanted):
    """The law, for aggregates of some kind."""
    aggregates = data.draw(st.lists(wanted, min_size=1, max_size=4))
    told = settings_for(aggregates)
    events = data.draw(histories())
    shuffled = data.draw(st.permutations(events))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(events)), max_size=3)))
    parts = [folded(shuffled[a:b], told) for a, b in zip([0, *cuts], [*cuts, len(events)], strict=True)]
    total = state.added(data.draw(st.permutations(parts)), told)
    at_us = data.draw(moments(events))
    for aggregate in aggregates:
        kept = told.computed.kept_of(aggregate)
        found = values.value_at(kept, kept.held(total.computed), at_us)
        assert found == by_definition(aggregate, events, at_us), aggregate
        assert type(found) is not float


@given(st.data())
def test_the_order_and_division_of_events_leave_the_same_bytes(data):
    """What is kept of traits, limits included, does not know how the events came."""
    aggregates = data.draw(st.lists(AGGREGATES, min_size=1, max_size=3))
    told = settings_for(aggregates, state_bytes=128)  # 4 values, 4 tiles
    events = data.draw(histories())
    shuffled = data.draw(st.permutations(events))
    cut = data.draw(st.integers(0, len(events)))
    whole = state.encode(folded(events, told))
    assert state.encode(folded(shuffled, told)) == whole
    halves = folded(shuffled[:cut], told), folded(shuffled[cut:], told)
    assert state.encode(functools.reduce(lambda a, b: state.merge_same_node(a, b, told), halves)) == whole


@given(st.data())
def test_a_value_stays_until_the_moment_that_is_told(data):
    """`next_change` is never too late: until then, the value is what it was."""
    aggregate = data.draw(AGGREGATES)
    told, events = settings_for([aggregate]), data.draw(histories())
    kept = told.computed.kept_of(aggregate)
    held = kept.held(folded(events, told).computed)
    found = None if held is None else values.value(kept, held)
    if not isinstance(found, values.Windowed):
        return
    at_us = data.draw(moments(events))
    until = found.next_change(at_us)
    later = data.draw(st.integers(at_us, at_us + 10 * DAY_US if until is None else until - 1))
    assert by_definition(aggregate, events, later) == by_definition(aggregate, events, at_us)


def broken(name):
    """One planted mistake: what to put in whose place."""
    tile, first = values.tile_us, computing.series.added
    return {
        "a late event is forgotten": (series, "_with_late", lambda earlier, tile, partial, of: earlier),
        "an event in the latest tile replaces it": (
            series, "added", lambda held, tile, partial, of, span: series.Series(tile, partial, held.earlier)
            if tile == held.tile else first(held, tile, partial, of, span),
        ),
        "a horizon one tile short": (
            series, "_pruned", lambda earlier, last, span, whole=series._pruned: whole(
                earlier, last, series.Span(max(1, span.horizon - 1), span.most) if span.horizon else span
            ),
        ),
        "parts of a person's nodes: only the first counts": (
            computing.series, "united", lambda parts, of, span: next(iter(parts)),
        ),
        "a window one tile too long": (
            values, "tiles_within", lambda window, as_of_us, own=values.tiles_within: range(
                own(window, as_of_us).start - 1, own(window, as_of_us).stop
            ),
        ),
        "the last of equally common values": (
            values, "_FINISHED", values._FINISHED | {
                "most_frequent": lambda total: values.untagged(max(total, key=lambda t: (total[t], t)))
            },
        ),
        "an average that is rounded up": (
            values, "_DIGITS", values._DIGITS.__class__(prec=60, rounding="ROUND_UP"),
        ),
        "a streak that ignores gaps": (values, "_streak", len),
        "tiles counted in other units": (values, "tile_us", lambda aggregate: tile(aggregate) // 2),
    }[name]  # fmt: skip


def near(name):
    """The aggregates that a mistake is about."""
    if "average" in name:
        return st.just(Aggregate("average", "Gift", "amount"))
    if "equally" in name:
        return st.just(Aggregate("most_frequent", "Gift", "amount"))
    if "horizon" in name or "window" in name:
        return st.just(Aggregate("count", "Gift", within=Window(1, DAY_US)))
    return AGGREGATES


@pytest.mark.parametrize(
    "name",
    [
        "a late event is forgotten",
        "an event in the latest tile replaces it",
        "a horizon one tile short",
        "parts of a person's nodes: only the first counts",
        "a window one tile too long",
        "the last of equally common values",
        "an average that is rounded up",
        "a streak that ignores gaps",
        "tiles counted in other units",
    ],
)
def test_planted_mistakes_are_found(name, monkeypatch):
    """Negative controls: the first law fails for each of these."""
    where, what, wrong = broken(name)
    monkeypatch.setattr(where, what, wrong)
    law = settings(database=None, phases=[Phase.generate], max_examples=1_000)(
        given(st.data())(lambda data: assert_values_by_definition(data, near(name)))
    )
    with pytest.raises((AssertionError, ValueError, ExceptionGroup)):
        law()
