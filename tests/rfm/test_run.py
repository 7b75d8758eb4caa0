"""A run over the warehouse scores everybody as plain Python does, in every engine, and one by one as all together."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp
from tests import workbench
from tests.engines import copy, postgres_engine
from tests.rfm import oracle
from tests.warehouse.yard import Yard

from onefold.pipelines.batch import rfm
from onefold.rfm import CutPoint, CutPoints, Definition, score
from onefold.rfm import query as queries_of_rfm
from onefold.rfm.outcome import outcome

AS_OF_US = workbench.NOW_US
DAY_US = oracle.DAY_US
PEOPLE = [f"p{n}" for n in range(12)]
NAMES = ("Order Completed", "Gift 'given'", "Other")
AMOUNTS = st.one_of(
    st.sampled_from([1, 2, 5, 5.0, 0.1, "3.50", "1,000", "", None, True, "5", -2, 10**16, "٣", 1.5]),
    st.decimals(0, 50, places=2).map(str),
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(NAMES),
        # Around the ends of the lookback and of days, and where many are of one day.
        st.sampled_from([0, 1, DAY_US, 9 * DAY_US, 10 * DAY_US]).flatmap(
            lambda back: st.integers(-2, 2).map(lambda more: AS_OF_US // DAY_US * DAY_US - back + more * 3_600_000_000)
        ),
        st.fixed_dictionaries(
            {},
            optional={
                "total": AMOUNTS,
                "a b": AMOUNTS,
                "currency": st.sampled_from(["USD", "usd ", "EUR", "", None, "?", 7]),
            },
        ),
    ),
    max_size=40,
)
BINS = CutPoints(
    *(tuple(CutPoint(value) for value in values) for values in ((0, 1, 5, 9), (1, 2, 3, 4))),
    tuple(CutPoint(Decimal(value)) for value in ("0", "2.5", "5", "20")),
)


def definitions():
    """Definitions of every kind."""
    return st.builds(
        lambda events, amount, lookback, method: Definition(
            name="tried", events=events, amount=amount, lookback_days=lookback, method=method,
            bins=BINS if method == "bins" else None,
        ),
        st.sampled_from([NAMES[:1], NAMES[:2]]), st.sampled_from([(), ("total",), ("a b", "total")]),
        st.sampled_from([None, 1, 10]), st.sampled_from(["quantiles", "ntile", "bins"]),
    )  # fmt: skip


def filled(yard, events):
    """The events in the warehouse, and with their people's ids."""
    stamp = [datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at) for _, _, at, _ in events]
    yard.receive(*(
        {"type": "track", "event": name, "userId": who, "messageId": str(n), "properties": properties,
         "timestamp": stamp[n].isoformat()}
        for n, (who, name, _, properties) in enumerate(events)
    ))  # fmt: skip
    yard.load()
    ids = {
        row["value"]: row["person"].replace("-", "") for row in yard.rows("SELECT value, person FROM golden.identity")
    }
    at = {row["message_id"]: row["at"] for row in yard.rows(
        "SELECT message_id, epoch_us(event_at) AS at FROM staging.event")}  # fmt: skip
    return [(ids[who], name, at[str(n)], properties) for n, (who, name, _, properties) in enumerate(events)]


def scored(rows):
    """Person → measures and scores, of rows of a run."""
    return {
        str(row["person"]).replace("-", ""): (
            (row["recency_days"], row["frequency"], row["monetary"]), (row["r"], row["f"], row["m"], row["segment"])
        )
        for row in rows.to_pylist()
    }  # fmt: skip


def held(definition, warehouses, events):
    """The run of each warehouse is that of plain Python, and each person alone gets what all together got."""
    values = oracle.measures(definition, events, AS_OF_US)
    wanted = {person: (values[person], found) for person, found in oracle.scores(definition, values).items()}
    contents = set()
    for warehouse in warehouses:
        run, rows = outcome(definition, warehouse.run(queries_of_rfm.whole(definition, AS_OF_US)), AS_OF_US, AS_OF_US)
        found = scored(rows)
        assert found == wanted
        assert (run.people, run.events) == (len(values), sum(often for _, often, _ in values.values()))
        assert sum(people for _, people in run.cells.values()) == run.people
        for person, (measures, stated) in found.items():
            assert score(definition, run.cut_points, *measures, person=person) == stated
        contents.add((run.cut_points, tuple(run.cells.items())))
    assert len(contents) == 1


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.lists(definitions(), min_size=1, max_size=4))
def test_a_run_is_what_plain_python_says(queries, tmp_path_factory, events, tried):
    """Ties, ends of days and of the lookback, amounts that cannot be read, other currencies; one by one as all together."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("rfm"), queries)
    known = filled(yard, events)
    for definition in tried:
        held(definition, [yard.warehouse], known)


@settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.lists(definitions(), min_size=3, max_size=3))
def test_postgresql_says_the_same(queries, tmp_path_factory, events, tried):
    """A copy of the warehouse in the customer's engine gives the same people the same scores."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("rfm"), queries)
    known = filled(yard, events)
    engine = postgres_engine(queries)
    try:
        copy(yard, engine)
        for definition in tried:
            held(definition, [yard.warehouse, engine], known)
    finally:
        engine.close()


# Each person once, at values with ties at the cut points, so that every planted mistake has somebody to show it.
TELLING = [
    (person, NAMES[0], AS_OF_US - back * DAY_US, {"total": total, "currency": "USD"})
    for person, back, total in zip(
        PEOPLE, (0, 0, 0, 1, 1, 2, 3, 9, 9, 4, 5, 5), (1, 1, 1, 2, 2, 3, 4, 4, 9, 9, 12, 30), strict=True
    )
]


def not_reversed(tree):
    """Many days are good."""
    for part in list(tree.find_all(exp.Sub)):
        if isinstance(part.this, exp.Literal) and part.this.name == "6":
            part.replace(part.expression.copy())
    return tree


def at_least(tree):
    """A cut point that equals the value counts as below it, so that ties move up."""
    for part in list(tree.find_all(exp.GT)):
        part.replace(exp.GTE(this=part.this.copy(), expression=part.expression.copy()))
    return tree


def split_ties(tree):
    """Fifths of people where fifths by value were asked for."""
    return queries_of_rfm.whole(Definition(name="tried", events=NAMES[:1], amount=("total",), method="ntile"), AS_OF_US)


def a_day_longer(tree):
    """The lookback begins a day early."""
    for part in [part for part in tree.find_all(exp.GTE) if part.this.name == "event_at"]:
        earlier = exp.Sub(
            this=part.expression.copy(), expression=exp.Interval(this=exp.Literal.string("1"), unit=exp.var("DAY"))
        )
        part.set("expression", earlier)
    return tree


def all_currencies(tree):
    """Amounts of other currencies are added as well."""
    for part in list(tree.find_all(exp.Sum)):
        if isinstance(part.this, exp.Case):
            part.set("this", exp.column("amount"))
    return tree


@pytest.mark.parametrize("planted", [not_reversed, at_least, split_ties, a_day_longer, all_currencies])
def test_a_planted_mistake_is_caught(yard, monkeypatch, planted):
    """Control: the comparison is red for each of these, and green without."""
    definition = Definition(name="tried", events=NAMES[:1], amount=("total",), lookback_days=5)
    euros = ("p1", NAMES[0], AS_OF_US, {"total": 500, "currency": "EUR"})
    known = filled(yard, [*TELLING, euros])
    held(definition, [yard.warehouse], known)
    broken = planted(queries_of_rfm.whole(definition, AS_OF_US))
    monkeypatch.setattr(queries_of_rfm, "whole", lambda *_: broken)
    # Where nobody is left with the lowest score, it has no cut point.
    with pytest.raises((AssertionError, IndexError)):
        held(definition, [yard.warehouse], known)


def test_scores_are_of_the_latest_moment_and_runs_are_history(yard):
    """A run of an earlier moment is kept, and leaves scores as they are; one of the same moment takes its place."""
    gifts = Definition(name="gifts", events=NAMES[:1], amount=("total",))
    acts = Definition(name="acts", events=NAMES[:1], method="ntile")
    filled(yard, TELLING)
    for definition, back in ((gifts, 0), (acts, 0), (gifts, 4), (gifts, 0)):
        rfm.run(yard.warehouse, definition, as_of_us=AS_OF_US - back * DAY_US, now_us=AS_OF_US)
    kept = rfm.kept_runs(yard.warehouse)
    assert {name: [run.people for run in runs] for name, runs in kept.items()} == {"gifts": [12, 5], "acts": [12]}
    assert kept["gifts"][0].content != kept["gifts"][1].content
    told = rfm.result(kept["gifts"][0])
    assert sum(part.people for part in told.segments) == sum(cell.people for cell in told.cells) == 12
    rows = yard.rows(
        "SELECT rfm, count(*) AS people, min(as_of) = max(as_of) AS one FROM golden.rfm GROUP BY rfm ORDER BY 1"
    )
    assert rows == [{"rfm": "acts", "people": 12, "one": True}, {"rfm": "gifts", "people": 12, "one": True}]
    again = rfm.run(yard.warehouse, gifts, as_of_us=AS_OF_US, now_us=AS_OF_US + 1, keep=False)
    assert again.content == kept["gifts"][0].content
    assert rfm.kept_runs(yard.warehouse) == kept


def test_nobody_is_scored_where_nobody_acted(yard):
    """An empty warehouse has an empty run, without cut points."""
    run = rfm.run(yard.warehouse, Definition(name="gifts", events=("Gift",)), as_of_us=AS_OF_US, now_us=AS_OF_US)
    assert (run.people, run.cells, run.cut_points) == (0, {}, CutPoints())
    assert rfm.kept_runs(yard.warehouse)["gifts"] == [run]
