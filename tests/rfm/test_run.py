"""A run over the warehouse scores everybody as plain Python does, in every engine, and one by one as all together."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.engines import copy, postgres_engine
from tests.rfm import oracle
from tests.warehouse.yard import Yard

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


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, st.lists(definitions(), min_size=1, max_size=4))
def test_a_run_is_what_plain_python_says(queries, tmp_path_factory, events, tried):
    """Ties, ends of days and of the lookback, amounts that cannot be read, other currencies; one by one as all together."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("rfm"), queries)
    known = filled(yard, events)
    for definition in tried:
        held(definition, [yard.warehouse], known)


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
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
