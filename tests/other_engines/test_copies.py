"""Copies in engines without transactions: the contracts of copies and of queries, and wherever a load or an erasure stops."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from tests import workbench
from tests.contracts.answers import Answers, receive_people
from tests.contracts.copies import SECRET, Copies, filled, nodes_of, peopled
from tests.contracts.warehouse_queries import GIFT, gifts
from tests.engines import WORKSPACE, copy, stored_rows
from tests.own_relations import PLEDGE, STEPS, holds_what_was_done, pledges, stored
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.sql_engines import tables
from onefold.adapters.sql_engines.engine import MarkedEngine
from onefold.adapters.sql_engines.tables import OWN, Tables
from onefold.errors import ConflictError
from onefold.warehouse.query import parse
from onefold.warehouse.relations import LOGS

ASKED = "SELECT count(*) AS n, max(sequence) AS last FROM staging.event"
LAW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="session")
def both(make_engine, queries, tmp_path_factory):
    """The embedded warehouse with gifts, and its copy."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    receive_people(yard)
    rows = gifts()
    # ClickHouse and BigQuery have no list that is null; an empty one stands for it.
    lists = pa.array([some or [] for some in rows["nodes"].to_pylist()], pa.list_(pa.string()))
    yard.warehouse.replace(GIFT, rows.set_column(rows.column_names.index("nodes"), "nodes", lists))
    engine = make_engine()
    copy(yard, engine)
    return yard.warehouse, engine


class TestAnswers(Answers):
    """Of each engine."""


class TestCopies(Copies):
    """Of each engine."""


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


def test_the_last_row_is_found_however_far_back_it_is(both, monkeypatch):
    """By it the next load tells whether the history is the same; after an erasure it can be far before the mark."""
    engine = both[1]
    latest = max(
        row["last"]
        for log in LOGS
        for row in both[0].run(parse(f"SELECT max(sequence) AS last FROM {log.full_name}")).to_pylist()  # noqa: S608  our names
        if row["last"] is not None
    )
    for near in (1_000_000, 0):
        monkeypatch.setattr(tables, "_NEAR", near)
        assert engine.state().latest[0] == latest


def test_a_step_that_another_came_before_is_not_seen(yard, make_engine):
    """Whoever is overtaken in the midst of a step is told, and what it brought is there once."""
    filled(yard)
    engine = make_engine()
    copy(yard, engine)
    yard.receive({"type": "track", "event": "Read", "anonymousId": "late", "messageId": "late"})
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
    assert stored_rows(engine) == stored_rows(yard.warehouse)


class Slow:
    """A session in which something happens after the first rows have arrived."""

    def __init__(self, session):
        self._session, self.meanwhile = session, None

    def __getattr__(self, name):
        return getattr(self._session, name)

    def insert(self, table, rows):
        self._session.insert(table, rows)
        self._happen()

    def show(self, rows):
        shown = self._session.show(rows)
        if shown is not None:
            self._happen()
        return shown

    def _happen(self):
        happening, self.meanwhile = self.meanwhile, None
        if happening is not None:
            happening()


def slowly_loaded(yard, engine, nodes):
    """Load a first step in the midst of which somebody is erased; how many rows of them are there then."""
    engine.prepare(WORKSPACE)
    engine._session.meanwhile = lambda: engine.erase(nodes)
    with (
        pinned(yard.context.store, yard.files) as segments,
        pytest.raises(ConflictError, match="not seen"),
    ):
        engine.load(next(iter(segments.steps(0))))
    return engine.count(nodes)


def test_rows_that_waited_while_somebody_was_erased_do_not_come(yard, make_engine, monkeypatch):
    """A load that was stopped for minutes goes on after an erasure: it adds nothing, by two guards."""
    peopled(yard)
    nodes, add = nodes_of(yard, "ann"), Tables.add
    assert slowly_loaded(yard, make_engine(Slow), nodes) == 0
    monkeypatch.setattr(Tables, "sweep", lambda _: None)
    assert slowly_loaded(yard, make_engine(Slow), nodes) == 0
    monkeypatch.setattr(Tables, "add", lambda tables, log, rows, epoch: add(tables, log, rows, epoch + 1))
    assert slowly_loaded(yard, make_engine(Slow), nodes) > 0, "the negative control"


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
            stops += 1
            continue
        session.left = None
        break
    assert stored_rows(engine) == stored_rows(yard.warehouse)
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


def in_tables(engine, make_engine):
    """Whether any table of the copy holds the word, whatever its name."""
    schema = engine.prefix + OWN
    rows = [
        make_engine.session.fetch("SELECT * FROM " + make_engine.kind.name(schema, name)).to_pylist()  # noqa: S608  our names
        for name in make_engine.session.tables(schema)
    ]
    return SECRET in str(rows)


def killed_in_the_midst(engine):
    """Leave a table aside, and relations half replaced, as a kill does: one that was there, and one that never was."""
    aside = engine._tables.aside(PLEDGE, conformed(PLEDGE, pledges({(SECRET, 2024): 1})))
    aside.__enter__()
    replacing = engine._tables.replacing(PLEDGE, None)
    table = replacing.__enter__()
    engine._session.insert(table, conformed(PLEDGE, pledges({(SECRET, 2025): 2})))
    engine._tables._turn(PLEDGE, table)
    other = engine._tables.replacing(msgspec.structs.replace(PLEDGE, name="never_finished"), None)
    engine._session.insert(other.__enter__(), conformed(PLEDGE, pledges({(SECRET, 2026): 3})))
    return aside, replacing, other


def test_what_a_kill_left_aside_goes_with_an_erasure(yard, make_engine, monkeypatch):
    """Tables that nothing names hold people, too; the relation that was being replaced is what it was before."""
    filled(yard, 1)
    engine = make_engine()
    copy(yard, engine)
    engine.replace(PLEDGE, pledges({("ann", 2024): 1}))
    left = killed_in_the_midst(engine)
    assert in_tables(engine, make_engine)
    with monkeypatch.context() as broken:  # the negative control
        broken.setattr(Tables, "sweep", lambda _: None)
        engine.erase(nodes_of(yard, "u1") or [bytes(16)])
    assert in_tables(engine, make_engine)
    engine.erase([bytes(16)])
    assert not in_tables(engine, make_engine)
    assert stored(engine) == []
    del left
