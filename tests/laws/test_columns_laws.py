"""Folding very many events at once leaves the bytes that folding them one by one does, whatever the aggregates and events."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.profiles.aggregates import AGGREGATES, DAY_US, HOUR_US, NAMES, histories

from onefold.profiles.computed import columns, grouped
from onefold.profiles.computed import plan as computing
from onefold.profiles.computed.series import Span, encode
from onefold.rules import Aggregate, Window, parse
from onefold.rules.tree import Then

_ASKING = st.builds(
    Aggregate,
    st.sampled_from(["count", "sum", "most_frequent"]),
    st.sampled_from(NAMES),
    st.sampled_from([None, "amount"]),
    st.sampled_from([parse("event.source = 'web'"), parse("event.at > '2024-10-06' and amount > 0")]),
).filter(lambda one: (one.property is None) == (one.function == "count"))
"""Conditions about what is beside an event's properties."""
_BOUNDS = st.tuples(st.integers(1, 4), st.integers(2, 4))
"""Most values and tiles: so few that they are reached."""


def table(events, plan):
    """The events as the warehouse gives them: ids, times, and the JSON of what is read of the properties."""
    ordered = sorted(events, key=lambda pair: (pair[0], pair[1].timestamp_us, pair[1].id))
    one_by_one = [e for _, e in ordered]
    names = columns.members(plan)
    stated = [
        [msgspec.json.encode(e.properties[name]).decode() if name in e.properties else None for e in one_by_one]
        for name in names
    ]
    return pa.table(
        {
            "node": pa.array([node for node, _ in ordered], pa.binary()),
            "event_id": pa.array([e.id for e in one_by_one], pa.binary()),
            "event_at": pa.array([e.timestamp_us for e in one_by_one], pa.timestamp("us")),
            "name": pa.array([e.name for e in one_by_one], pa.string()),
            "source": pa.array([e.source for e in one_by_one], pa.string()),
        }
        | {columns.member_column(n): pa.array(column, pa.string()) for n, column in enumerate(stated)}
    )


def one_by_one(events, plan):
    """What the stream's fold leaves at each node, by node."""
    found = {}
    for node, event in events:
        computing.fold(found.setdefault(node, {}), event, plan)
    return {node: encode(held) for node, held in found.items() if held}


@given(st.data())
def test_what_many_events_add_up_to_is_what_they_add_up_to_one_by_one(data):
    """Byte for byte: duplicates of values, late events, exact money, tiles of hours to years, and what is over a bound."""
    assert_same_bytes(data, AGGREGATES | _ASKING)


def assert_same_bytes(data, wanted):
    """The law, for aggregates of some kind."""
    aggregates = data.draw(st.lists(wanted, min_size=1, max_size=5))
    values_max, tiles_max = data.draw(_BOUNDS)
    plan = computing.plan(aggregates, values_max=values_max, tiles_max=tiles_max)
    ids = [bytes([number]) * 16 for number in (1, 2, 200)]
    events = [(data.draw(st.sampled_from(ids)), event) for event in data.draw(histories(max_size=20))]
    found = columns.folded(table(events, plan), plan, values_max)
    assert {node: encode(held) for node, held in found.items()} == one_by_one(events, plan)


def planted(name):
    """One planted mistake, what to put in whose place, and the aggregates that it is about."""
    added, pairs, keep = grouped.Added, grouped._pairs, columns._within_span
    return {
        "tiles that begin an hour late": (
            columns, "HOUR_US", columns.HOUR_US - 3, Aggregate("count", "Gift", within=Window(3, HOUR_US)),
        ),
        "a horizon one tile short": (
            columns, "_within_span", lambda kept, found: keep(
                msgspec.structs.replace(kept, span=Span(kept.span.horizon - 1, kept.span.most)), found
            ), Aggregate("count", "Gift", within=Window(3, DAY_US)),
        ),
        "the earliest tiles are kept": (
            columns, "_within_span", lambda kept, found: found, Aggregate("streak", "Gift", per="day"),
        ),
        "tiles of two nodes that meet are one": (
            added, "starts", lambda found: np.flatnonzero(np.r_[True, found.tiles[1:] != found.tiles[:-1]]),
            Aggregate("count", "Gift"),
        ),
        "the first decimals only": (
            grouped, "_number", lambda scaled: Decimal(scaled[0]).scaleb(-scaled[1]).normalize(),
            Aggregate("sum", "Gift", "amount"),
        ),
        "the last of the values that are too many": (
            grouped, "_pairs", lambda found, many, rank_of, ranks, values_max: pairs(
                found, many, [ranks - 1 - rank for rank in rank_of], ranks, values_max
            ), Aggregate("unique_count", "Gift", "plan"),
        ),
        "the first of equally late events": (
            grouped, "_dated", lambda found, rows, right=grouped._dated: right(found, rows - (rows > 0)),
            Aggregate("last", "Gift"),
        ),
        "a value counts once": (
            grouped, "_pairs", lambda *given: (*pairs(*given)[:2], np.minimum(pairs(*given)[2], 1)),
            Aggregate("most_frequent", "Gift", "plan"),
        ),
        "what follows opens, too": (
            grouped, "_followed", lambda found, starts, right=grouped._followed: right(
                found._replace(values=[(0, 0, None)] * len(found.values)), starts
            ), Aggregate("exists", "Gift", then=Then("Visit", Window(1, DAY_US))),
        ),
    }[name]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "tiles that begin an hour late",
        "a horizon one tile short",
        "the earliest tiles are kept",
        "tiles of two nodes that meet are one",
        "the first decimals only",
        "the last of the values that are too many",
        "the first of equally late events",
        "a value counts once",
        "what follows opens, too",
    ],
)
def test_planted_mistakes_are_found(name, monkeypatch):
    """Negative controls: the law fails for each of these."""
    where, what, wrong, aggregate = planted(name)
    law = settings(database=None, phases=[Phase.generate], max_examples=1_000)(
        given(st.data())(lambda data: assert_same_bytes(data, st.just(aggregate)))
    )
    monkeypatch.setattr(where, what, wrong)
    with pytest.raises((AssertionError, ValueError, ExceptionGroup)):
        law()
