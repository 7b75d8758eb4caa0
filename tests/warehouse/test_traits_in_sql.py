"""The stream's traits are the warehouse's: folded per node and combined per person, or asked in SQL over all events."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.profiles.aggregates import AGGREGATES, BEGIN_US, DAY_US, HOUR_US, NAMES, VALUES
from tests.warehouse.yard import Yard

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.model import Identifier, NodeId
from onefold.pipelines import judgements
from onefold.pipelines.batch import traits as batch
from onefold.pipelines.stream import process
from onefold.profiles import state as folds
from onefold.profiles.computed import series, values
from onefold.profiles.computed.trait import Trait
from onefold.profiles.profile import iso
from onefold.profiles.settings import ProfileSettings
from onefold.rules import Aggregate, Expr, RuleError, Window, parse, sql_events
from onefold.rules.aggregate import kind
from onefold.rules.tree import Compare, IsNull, Literal, Moment
from onefold.warehouse.as_of import Moment as Past
from onefold.warehouse.people import asked, members

PEOPLE = 3


@st.composite
def bodies(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Events of a few people under two identifiers each, which some of them name together; some come twice, in any order."""
    made = []
    for number in range(draw(st.integers(1, 14))):
        person = draw(st.integers(0, PEOPLE - 1))
        who = draw(st.sampled_from([{"userId": f"u{person}"}, {"anonymousId": f"a{person}"}]))
        if draw(st.integers(0, 4)) == 0:
            who = {"userId": f"u{person}", "anonymousId": f"a{draw(st.integers(0, PEOPLE - 1))}"}
        at_us = BEGIN_US + draw(st.integers(0, 9)) * draw(st.sampled_from([HOUR_US, DAY_US, 30 * DAY_US]))
        at_us += draw(st.sampled_from([0, 0, -1_000, 1_000]))  # times have milliseconds
        said = {"amount": draw(VALUES), "plan": draw(VALUES), "inner": {"deep": draw(VALUES)}}
        currency = draw(st.sampled_from([None, "USD", "eur"]))
        made.append(
            {"type": "track", "event": draw(st.sampled_from([*NAMES, "Other"])), "messageId": f"m{number}",
             "timestamp": iso(at_us), "properties": said | ({} if currency is None else {"currency": currency}), **who}
        )  # fmt: skip
    return draw(st.permutations([*made, *draw(st.lists(st.sampled_from(made), max_size=3))]))


def stream_values(context, as_of_us: int) -> dict[NodeId, dict[Aggregate, Any]]:
    """What the states of each person's nodes come to."""
    people: dict[NodeId, list[Any]] = defaultdict(list)
    with context.store.snapshot() as snapshot:
        for row in snapshot.scan():
            people[row.member.person].append(folds.open_node(context.sealer.open(row))[1])
    plan = context.profiles.computed
    found = {}
    for person, states in people.items():
        held = folds.added(states, context.profiles).computed
        found[person] = {
            trait.aggregate: values.value_at(one, one.held(held), as_of_us)
            for trait in context.profiles.traits
            for one in [plan.kept_of(trait.aggregate)]
        }
    return found


def claims(found: dict[NodeId, dict[Aggregate, Any]]) -> Iterator[tuple[Expr, frozenset[NodeId]]]:
    """For each value of each aggregate the rule that it is that, and of whom that is true on the stream."""
    having: dict[tuple[Aggregate, Any], set[NodeId]] = defaultdict(set)
    for person, of in found.items():
        for aggregate, value in of.items():
            having[aggregate, (type(value) is bool, value)].add(person)
    for (aggregate, (_, value)), people in having.items():
        if value is None:
            yield IsNull(aggregate), frozenset(people)
        else:
            literal = Moment(value) if kind(aggregate) == "time" else Literal(value)
            yield Compare("=", aggregate, literal), frozenset(people)


def assert_stream_is_warehouse(data, queries, wanted=AGGREGATES) -> None:
    """The law: a person of whom the stream says a value is one of whom the warehouse says it, and nobody else is."""
    traits = [Trait(f"t{n}", one) for n, one in enumerate(data.draw(st.lists(wanted, min_size=3, max_size=6)))]
    context = replace(workbench.context(store=MemoryProfileStore()), profiles=ProfileSettings(traits=tuple(traits)))
    with tempfile.TemporaryDirectory() as folder:
        yard = Yard(context, Path(folder), queries)
        events = data.draw(bodies())
        yard.receive(*events, batch=data.draw(st.sampled_from([1, 4, 100])))
        if data.draw(st.booleans()):
            a, b = Identifier("user_id", "u0"), Identifier("anonymous_id", "a0")
            judgements.say(yard.context, "different", a, b, by="test")
            process.drain(yard.context)
        last = max(int(datetime.fromisoformat(e["timestamp"]).timestamp() * 1_000) * 1_000 for e in events)
        as_of_us = last + data.draw(st.integers(0, 3)) * DAY_US + data.draw(st.sampled_from([0, HOUR_US, 5 * HOUR_US]))
        if data.draw(st.booleans()):
            yard.load()
        said = list(claims(stream_values(yard.context, as_of_us)))
        query = asked({f"c{n}": rule for n, (rule, _) in enumerate(said)}, as_of_us)
        rows = yard.warehouse.run(query).to_pylist()
    assert rows
    for number, (rule, people) in enumerate(said):
        true = {bytes.fromhex(row["person"].replace("-", "")) for row in rows if row[f"c{number}"]}
        assert true == people, rule


_FEW = settings(max_examples=20, database=None, suppress_health_check=list(HealthCheck))


@_FEW
@given(st.data())
def test_the_stream_says_what_the_warehouse_says(queries, data):
    """Through merges, splits, repeats, any order and batching, in windows of days and hours, of exact money."""
    assert_stream_is_warehouse(data, queries)


def test_a_rule_reads_a_trait_by_its_name_in_the_warehouse(yard):
    """As the aggregate that it is a name for, windows included."""
    at = ["2026-09-01", "2026-09-19", "2026-09-20"]
    yard.receive(*({"type": "track", "event": "Gift", "userId": f"u{n // 2}", "messageId": f"m{n}", "timestamp": day}
                   for n, day in enumerate(at)))  # fmt: skip
    named = {"trait.recent": Aggregate("count", "Gift", within=Window(5, DAY_US))}
    query = members(parse("trait.recent = 1"), workbench.NOW_US, named)
    assert len(yard.warehouse.run(query)) == 2
    assert len(yard.warehouse.run(members(parse("trait.recent = 1"), workbench.NOW_US + 4 * DAY_US, named))) == 1
    with pytest.raises(RuleError, match="no field `trait"):
        members(parse("trait.recent = 1"), workbench.NOW_US)


def assert_query_is_fold(data, queries, wanted=AGGREGATES) -> None:
    """The law: one query works out what folding each person's events one by one does, now and as of any past."""
    found = data.draw(st.lists(wanted, min_size=1, max_size=6, unique=True))
    traits = [Trait(f"t{n}", one) for n, one in enumerate(found)]
    context = replace(workbench.context(store=MemoryProfileStore()), profiles=ProfileSettings(traits=tuple(traits)))
    with tempfile.TemporaryDirectory() as folder:
        yard = Yard(context, Path(folder), queries)
        events = data.draw(bodies())
        yard.receive(*events)
        times = [datetime.fromisoformat(e["timestamp"]) for e in events]
        past = data.draw(st.none() | st.sampled_from(times))
        moment = None if past is None else Past(happened_by=past.replace(tzinfo=None))
        as_of_us = int((past or max(times)).timestamp() * 1_000) * 1_000
        worked = batch.values_of(yard.warehouse, traits, yard.context.profiles, as_of_us, moment)
        assert not worked.folded
        assert worked.values == batch._folded(yard.warehouse, traits, yard.context.profiles, as_of_us, moment)


@_FEW
@given(st.data())
def test_a_query_works_out_what_the_fold_does(queries, data):
    """Values of all kinds, and people without such events."""
    assert_query_is_fold(data, queries)


@pytest.mark.parametrize(
    ("where", "what", "wrong", "seen_in"),
    [
        (
            batch, "_values",
            lambda column, trait, own=batch._values: [int(value) for value in own(column, trait)],
            Aggregate("sum", "Gift", "amount"),
        ),
        (
            sql_events.aggregate, "bounds",
            lambda window, as_of_us, own=sql_events.aggregate.bounds: own(window, as_of_us - window.tile_us),
            Aggregate("count", "Gift", within=Window(1, DAY_US)),
        ),
        (sql_events, "_or_none", lambda value: value, Aggregate("streak", "Gift", None, parse("amount > 0"), per="day")),
    ],
    ids=["cents are cut", "a window of yesterday", "nothing is not nought"],
)  # fmt: skip
def test_a_query_that_works_out_something_else_is_found(queries, monkeypatch, where, what, wrong, seen_in):
    """Negative controls of the law above."""
    monkeypatch.setattr(where, what, wrong)
    law = settings(_FEW, phases=[Phase.generate], max_examples=120)(
        given(st.data())(lambda data: assert_query_is_fold(data, queries, st.just(seen_in)))
    )
    with pytest.raises((AssertionError, ExceptionGroup)):
        law()


def test_a_trait_that_no_query_can_state_is_folded(yard):
    """The reason is told, and the others are asked in SQL."""
    yard.receive(*({"type": "track", "event": "Gift", "userId": "ann", "messageId": f"m{n}",
                    "properties": {"fund": fund}} for n, fund in enumerate(["a1", "b", "c3"])))  # fmt: skip
    traits = [
        Trait("numbered", Aggregate("count", "Gift", where=parse(r"matches(fund, '\d')"))),
        Trait("gifts", Aggregate("count", "Gift")),
    ]
    worked = batch.values_of(yard.warehouse, traits, yard.context.profiles, workbench.NOW_US)
    assert list(worked.values.values()) == [{"numbered": 2, "gifts": 3}]
    assert list(worked.folded) == ["numbered"]
    assert "engines read the rest differently" in worked.folded["numbered"]
    shown = [batch.preview(trait, worked, workbench.NOW_US) for trait in traits]
    assert [(one.method, one.because is None) for one in shown] == [("fold", False), ("sql", True)]


@pytest.mark.parametrize(
    ("where", "what", "wrong", "seen_in"),
    [
        (
            series, "_with_late", lambda earlier, tile, partial, of: earlier,
            Aggregate("unique_count", "Gift", per="day"),
        ),
        (series, "united", lambda parts, of, span: next(iter(parts)), Aggregate("count", "Gift")),
        (
            values, "tiles_within", lambda window, as_of_us, own=values.tiles_within: range(
                own(window, as_of_us).start + 1, own(window, as_of_us).stop
            ),
            Aggregate("count", "Gift", within=Window(1, DAY_US)),
        ),
    ],
    ids=["a late event is forgotten", "only one node of a person counts", "a window one tile too short"],
)  # fmt: skip
def test_planted_mistakes_are_found(queries, monkeypatch, where, what, wrong, seen_in):
    """Negative controls: the comparison is red for each of these."""
    monkeypatch.setattr(where, what, wrong)
    law = settings(_FEW, phases=[Phase.generate], max_examples=120)(
        given(st.data())(lambda data: assert_stream_is_warehouse(data, queries, st.just(seen_in)))
    )
    with pytest.raises((AssertionError, ExceptionGroup)):
        law()
