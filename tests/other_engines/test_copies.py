"""Copies in engines without transactions: the warehouse's rows and answers, whatever is loaded and wherever it stops."""

from __future__ import annotations

import itertools
from dataclasses import replace

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import engines, workbench
from tests.contracts.test_warehouse import alike
from tests.contracts.warehouse_queries import GIFT, QUERIES, REFUSED, gifts
from tests.engines import WORKSPACE, copy, whole
from tests.engines import contents as all_contents
from tests.own_relations import PLEDGE, STEPS, holds_what_was_done, pledges, stored
from tests.warehouse.test_engine_erasure import SECRET, nodes_of, peopled
from tests.warehouse.test_engines import BODIES, filled, numbered
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.sql_engines.engine import MarkedEngine
from onefold.adapters.sql_engines.tables import Tables
from onefold.errors import ConfigurationError, ConflictError, ExpensiveError, UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import translation
from onefold.warehouse.query import parse

ASKED = "SELECT count(*) AS n, max(sequence) AS last FROM staging.event"
LAW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOT_THERE = {"clickhouse": {}, "spark": {}, "snowflake": {}, "bigquery": {}}
"""By engine, queries that it cannot run, and why: each is refused, and when it is not any more the suite fails."""
CONTROLS = {
    "clickhouse": ("like", "case", "round", "cast"),
    "spark": ("like", "cast", "extract", "percentilecont", "timetounix"),
    "bigquery": ("extract", "div", "greatest"),
    "snowflake": ("timetounix", "explode", "arraycontains"),
}
"""By engine, rewrites without which some query means something else there."""
STRIDE = {"clickhouse": 1, "spark": 8, "snowflake": 1, "bigquery": 1}
"""By engine, of how many statements one is stopped at: a statement of Spark takes a second, and every stop loads anew."""


def contents(warehouse):
    """All rows of the logs, of a view over several and of tables of one's own, in an order of their own."""
    return {
        relation.full_name: sorted(map(repr, warehouse.run(whole(relation.full_name)).to_pylist()))
        for relation in warehouse.relations()
        if relation.kind != "view" or relation.name == "source_link"
    }


@pytest.fixture
def yard(tmp_path, queries):
    return Yard(workbench.context(), tmp_path, queries)


@pytest.fixture(scope="session")
def both(make_engine, queries, tmp_path_factory):
    """The embedded warehouse with gifts, and its copy."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    for n in range(4):
        consents = {"consent": {"categoryPreferences": {"email": bool(n % 2), "ads": False}}}
        yard.receive(
            {
                "type": "identify",
                "userId": f"u{n % 3}",
                "anonymousId": f"a{n}",
                "messageId": f"i{n}",
                "context": consents,
            },
            {"type": "track", "event": "Read", "anonymousId": f"a{n}", "messageId": f"t{n}"},
        )
    rows = gifts()
    # ClickHouse has no list that is null; an empty one stands for it.
    lists = pa.array([some or [] for some in rows["nodes"].to_pylist()], pa.list_(pa.string()))
    yard.warehouse.replace(GIFT, rows.set_column(rows.column_names.index("nodes"), "nodes", lists))
    engine = make_engine()
    copy(yard, engine)
    return yard.warehouse, engine


@pytest.mark.parametrize("name", QUERIES)
def test_the_same_query_gives_the_same_table(both, make_engine, name):
    """Columns, types, order, nulls, exact money, microseconds, all letters."""
    embedded, engine = both
    query = parse(QUERIES[name])
    if name in NOT_THERE[make_engine.name]:
        with pytest.raises(UsageError):
            engine.run(query)
        return
    wanted, found = embedded.run(query), engine.run(query)
    told = [(a, b) for a, b in zip(wanted.to_pylist(), found.to_pylist(), strict=False) if a != b]
    assert alike(wanted, found), f"{told}\n{wanted.schema}\n{found.schema}"


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
def test_what_engines_mean_differently_is_refused(both, query):
    """A part without a tried equivalent is named; it is not passed on to mean something else."""
    with pytest.raises(UsageError, match=rf"{both[1]._kind.dialect.name}: .* no tried equivalent"):
        both[1].run(parse(query))


def test_every_primitive_is_executed(both):
    """No entry of the table is there that no query runs, but for what is looked at inside of others."""
    used = {type(part) for query in QUERIES.values() for part in parse(query).walk()}
    used |= {type(part) for tree in engines.views() for part in tree.walk()}
    assert {kind.__name__ for kind in both[1]._kind.dialect.parts.keys() - used} == set()


def test_without_its_rewrite_a_primitive_means_something_else(both, make_engine):
    """The suite is red for a table that leaves a part as sqlglot writes it, so green means something."""
    embedded, engine = both
    kinds = {kind.__name__.lower(): kind for kind in engine._kind.dialect.parts}

    def differs(plain, query):
        try:
            return not alike(embedded.run(query), plain.run(query))
        except (UsageError, pa.ArrowException, ValueError):
            return True

    same = []
    for name in CONTROLS[make_engine.name]:
        parts = {**engine._kind.dialect.parts, kinds[name]: None}
        dialect = translation.Dialect(engine._kind.dialect.name, engine.dialect, parts, engine._kind.dialect.entry)
        plain = MarkedEngine(
            replace(engine._kind, dialect=dialect), engine._session, engine._process, prefix=engine.prefix
        )
        concerned = [parse(query) for query in QUERIES.values() if parse(query).find(kinds[name])]
        if not any(differs(plain, query) for query in concerned):
            same.append(name)
    assert same == []


def test_a_query_that_takes_too_much_is_ended(both):
    """The size of the answer is bounded; the engine answers the next one."""
    query = " CROSS JOIN ".join(["SELECT a.name FROM marts.gift AS a", *(f"marts.gift AS {name}" for name in "bcdefg")])
    with pytest.raises(ExpensiveError, match="more than 1 MB"):
        both[1].run(parse(query), QueryLimits(result_mb=1))
    assert both[1].run(parse("SELECT 1 AS n")).to_pylist() == [{"n": 1}]


@LAW
@given(steps=STEPS)
def test_a_copy_holds_what_was_done(both, steps):
    """Rows are there as often as they were put there, and gone once they were replaced or removed."""
    holds_what_was_done(both[1], steps)


def test_a_copy_that_does_less_is_caught(both, monkeypatch):
    """The law is red for broken engines, so green means something."""
    monkeypatch.setattr(MarkedEngine, "merge", lambda engine, relation, rows, gone=None: engine.append(relation, rows))
    with pytest.raises(AssertionError):
        holds_what_was_done(both[1], [("append", {("ann", 2024): 1}), ("merge", {("ann", 2024): 2})])


@settings(LAW, max_examples=2)
@given(
    rounds=st.lists(
        st.tuples(st.lists(BODIES, min_size=1, max_size=6), st.booleans(), st.booleans()), min_size=1, max_size=4
    )
)
def test_a_copy_is_the_warehouse(rounds, make_engine, queries, tmp_path_factory):
    """Whatever came and whenever it was loaded and copied: all relations have the same rows, views included."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    engine, many = make_engine(), 0
    for bodies, loaded, copied in rounds:
        yard.receive(*numbered(bodies, many))
        many += len(bodies)
        if loaded:
            yard.load()
        if copied:
            copy(yard, engine, load=False)
    copy(yard, engine)
    assert all_contents(engine) == all_contents(yard.warehouse)


def test_a_load_takes_only_what_is_new(yard, engine):
    """Loaded again it takes in nothing, and after more came only that; tables of one's own follow their files."""
    filled(yard)
    first = copy(yard, engine)
    assert (first.rows > 0, first.anew) == (True, False)
    assert copy(yard, engine).rows == 0
    yard.receive({"type": "track", "event": "Read", "anonymousId": "new", "messageId": "x"})
    yard.warehouse.replace(PLEDGE, pledges({("ann", 2024): 1}))
    more = copy(yard, engine)
    assert (0 < more.rows < first.rows, more.tables) == (True, 1)
    assert copy(yard, engine).tables == 0
    assert contents(engine) == contents(yard.warehouse)
    yard.warehouse.drop(PLEDGE)
    copy(yard, engine)
    assert contents(engine) == contents(yard.warehouse)


def test_a_history_made_anew_replaces_the_one_before(yard, engine, queries, tmp_path):
    """After a rebuild numbers begin again; the copy is told by its last row, and is emptied first."""
    filled(yard)
    copy(yard, engine)
    later = replace(workbench.context(), clock_us=itertools.count(workbench.NOW_US + 1_000_000).__next__)
    other = Yard(later, tmp_path / "rebuilt", queries)
    filled(other, 5)
    assert copy(other, engine).anew
    assert contents(engine) == contents(other.warehouse)


def test_an_engine_holds_one_workspace(yard, engine):
    """Another workspace's rows are not put beside those of the first."""
    filled(yard, 1)
    copy(yard, engine)
    with pytest.raises(ConfigurationError, match="another workspace"):
        engine.prepare("f" * 32)


def test_of_two_loads_at_once_one_is_told(yard, engine):
    """A step that does not begin where the engine is changes nothing, and one that another came before is not seen."""
    filled(yard)
    copy(yard, engine)
    before = contents(engine)
    with pinned(yard.context.store, yard.files) as segments:
        steps = list(segments.steps(0))
        with pytest.raises(ConflictError):
            engine.load(steps[1])
    assert contents(engine) == before
    filled_more = {"type": "track", "event": "Read", "anonymousId": "late", "messageId": "late"}
    yard.receive(filled_more)
    yard.load()
    with pinned(yard.context.store, yard.files) as segments:
        *earlier, step = segments.steps(engine.state().sequence)
        for each in earlier:
            engine.load(each)
        parts = list(step.parts)

        def interrupted():
            yield parts[0]
            engine.load(msgspec.structs.replace(step, parts=parts))
            yield from parts[1:]

        with pytest.raises(ConflictError, match="not seen"):
            engine.load(msgspec.structs.replace(step, parts=interrupted()))
    assert contents(engine) == contents(yard.warehouse)


class Stopping:
    """A session that ends, as if by a kill, at its `left`-th statement that changes something."""

    def __init__(self, session):
        self._session, self.left = session, None

    def __getattr__(self, name):
        found = getattr(self._session, name)
        if name not in {"execute", "insert"}:
            return found

        def counted(*given):
            if self.left is not None:
                if not self.left:
                    raise KeyboardInterrupt
                self.left -= 1
            return found(*given)

        return counted


def exact_wherever_it_stops(yard, make_engine):
    """Stop a load at each statement; the copy is then what it was after some step, and the next load makes it whole."""
    engine = make_engine(Stopping)
    engine.prepare(WORKSPACE)
    session, stops = engine._session, 0
    yard.warehouse.replace(PLEDGE, pledges({("ann", 2024): 1}))
    while True:
        session.left = stops
        try:
            copy(yard, engine)
        except KeyboardInterrupt:
            session.left = None
            held = engine.state()
            with pinned(yard.context.store, yard.files) as segments:
                assert held.sequence in {0} | {step.until for step in segments.steps(0)}
                assert segments.continues(held)
            seen = engine.run(parse(ASKED)).to_pylist()[0]
            wanted = yard.rows(f"{ASKED} WHERE sequence <= {held.sequence}")
            assert [seen] == wanted
            stops += STRIDE[make_engine.name]
            continue
        session.left = None
        break
    assert contents(engine) == contents(yard.warehouse)
    assert stops > 5


def test_stopped_at_any_statement_a_copy_is_as_it_was_after_some_step(yard, make_engine):
    """Rows beyond the mark are not seen, and do not come twice."""
    filled(yard, 2)
    exact_wherever_it_stops(yard, make_engine)


@pytest.mark.parametrize("broken", ["the mark first", "nothing is cut"])
def test_an_engine_that_marks_first_or_keeps_leftovers_is_caught(yard, make_engine, monkeypatch, broken):
    """The test of stops is red for broken engines, so green means something."""
    filled(yard, 2)
    load = MarkedEngine.load
    if broken == "the mark first":

        def marking(engine, step):
            load(engine, msgspec.structs.replace(step, parts=()))
            load(engine, msgspec.structs.replace(step, before=step.until))

        monkeypatch.setattr(MarkedEngine, "load", marking)
    else:
        monkeypatch.setattr(Tables, "_seen", lambda tables, log: " ".join(["SELECT * FROM", tables.log(log)]))
    with pytest.raises((AssertionError, ConflictError)):
        exact_wherever_it_stops(yard, make_engine)


def test_a_copy_erases_what_the_warehouse_erases(yard, make_engine):
    """What is left is what a new copy of the erased warehouse has, and a load brings none back."""
    peopled(yard)
    engine, fresh = make_engine(), make_engine()
    copy(yard, engine)
    nodes = nodes_of(yard, SECRET)
    eraser = Eraser(yard.context.store, yard.loader._feed, yard.files, yard.loader, yard.context.clock_us)
    assert nodes
    assert engine.count(nodes) == eraser.count(nodes)
    assert engine.erase(nodes) == eraser.erase(nodes)
    assert engine.count(nodes) == 0
    assert engine.erase(nodes) == 0
    copy(yard, engine)  # relations that tell of the erasure
    copy(yard, fresh)
    assert contents(engine) == contents(fresh)
    assert SECRET not in str(contents(engine))
    engine.compact()
    again = copy(yard, engine)
    assert (again.rows, again.anew) == (0, False)
    assert contents(engine) == contents(fresh)


def test_an_erasure_that_leaves_names_is_caught(yard, make_engine, monkeypatch):
    """The negative control: others' events keep the name where they are not changed."""
    peopled(yard)
    engine = make_engine()
    copy(yard, engine)
    nodes = nodes_of(yard, SECRET)
    monkeypatch.setattr(engine._tables, "kind", replace(engine._kind, overlaps=lambda ids, column: "1 = 0"))
    engine.erase(nodes)
    monkeypatch.undo()
    assert engine.count(nodes) > 0


def test_what_cannot_be_merged_is_refused(both):
    """A relation of the stream, and one without a key."""
    with pytest.raises(UsageError, match="no key"):
        both[1].merge(msgspec.structs.replace(PLEDGE, key=()), pledges({}))
    both[1].replace(PLEDGE, pledges({("bob", 2025): None}))
    assert stored(both[1]) == [("bob", 2025, None)]
