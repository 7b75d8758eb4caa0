"""The contract of copies: exactly the warehouse's rows, however often and from wherever they are loaded, and erasable.

Whoever runs it has the fixtures `queries`, `yard` and `make_engine`; the latter makes engines of one kind, each with nothing
in it, and tells by `nul` what a NUL in text becomes there.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import datetime

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.engines import contents, copy, stored_rows
from tests.own_relations import PLEDGE, pledges
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.compaction import Compactor
from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.duckdb.trimming import Trimmer
from onefold.bootstrap import engines as bootstrap
from onefold.errors import ConfigurationError, ConflictError, UsageError
from onefold.model import Column, Relation
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT, PROFILE_CHANGE
from onefold.warehouse.retention import Retention
from onefold.warehouse.upkeep import RETENTION

PEOPLE = st.sampled_from(["ann", "bob", "cid"])
BODIES = st.one_of(
    st.builds(lambda who, on: {"type": "track", "event": "Order Completed", "anonymousId": f"{who}{on}"}, PEOPLE, PEOPLE),
    st.builds(lambda who, on: {"type": "identify", "userId": who, "anonymousId": f"{on}{who}"}, PEOPLE, PEOPLE),
    st.builds(lambda who, on: {"type": "alias", "userId": who, "previousId": on}, PEOPLE, PEOPLE),
    st.builds(
        lambda who, said: {
            "type": "track", "event": "é\0'\"\\,\n", "userId": who, "properties": {"x": "\0", "total": 0.1},
            "context": {"consent": {"categoryPreferences": {"email": said}}},
        },
        PEOPLE, st.booleans(),
    ),
)  # fmt: skip
DAY_SECONDS = 86_400
SECRET = "zq-7731-gonehopefully"
SCORES = Relation("golden", "rfm", (Column("person", "uuid", required=True), Column("r", "integer")), key=("person",))
NOTES = Relation("marts", "note", (Column("note", "text", "personal"),))


def numbered(bodies, start=0):
    return [body | {"messageId": f"m{n}"} for n, body in enumerate(bodies, start)]


def filled(yard, loads=3):
    """Some loads of the warehouse, one after the other."""
    for n in range(loads):
        yard.receive(
            {"type": "identify", "userId": f"u{n % 2}", "anonymousId": f"a{n}", "messageId": f"i{n}"},
            {"type": "track", "event": "Read", "anonymousId": f"a{n}", "messageId": f"t{n}"},
        )
        yard.load()


def peopled(yard, other=SECRET):
    """Two people who once had a device in common, which events of both name; and what was computed of them."""
    for who in ("ann", other):
        yard.receive(
            {
                "type": "identify",
                "userId": who,
                "anonymousId": f"d-{who}",
                "messageId": f"i{who}",
                "traits": {"note": who},
            },
            {"type": "track", "event": "Read", "userId": who, "properties": {"by": who}, "messageId": f"t{who}"},
        )
        yard.load()
    yard.receive({"type": "track", "event": "Read", "userId": "ann", "anonymousId": f"d-{other}", "messageId": "both"})
    yard.load()
    yard.warehouse.replace(SCORES, yard.warehouse.run(parse("SELECT person, 1 AS r FROM golden.profile")))
    yard.warehouse.replace(NOTES, yard.warehouse.run(parse("SELECT properties AS note FROM staging.event")))


def aged(yard):
    """Six events, one on each of six days and in a load of its own, of one person and of another."""
    for day in range(6):
        body = {"type": "identify", "userId": f"u{day % 2}", "timestamp": workbench.iso(day * DAY_SECONDS)}
        yard.receive(body | {"messageId": f"d{day}", "traits": {"note": SECRET if day < 4 else "kept"}})
        yard.load()


def trim(yard, *, rows_before, values_before, history=False):
    """Take out of the files rows and values from before a day; of profiles, if that is stated, all but the present."""
    now_us = workbench.NOW_US + 10 * DAY_SECONDS * 1_000_000
    first_us = int(datetime.fromisoformat(workbench.iso(0)).timestamp()) * 1_000_000
    kept_us = {day: now_us - first_us - int(day * DAY_SECONDS * 1_000_000) for day in (rows_before, values_before)}
    kept = {EVENT.full_name: kept_us[rows_before]} | ({PROFILE_CHANGE.full_name: 1} if history else {})
    retention = Retention(kept, {"personal": kept_us[values_before]})
    return Trimmer(yard.context.store, yard.files, retention, lambda: now_us).trim()


def nodes_of(yard, value):
    found = yard.warehouse.run(parse("SELECT node, value FROM golden.identity")).to_pylist()
    return [bytes.fromhex(row["node"].replace("-", "")) for row in found if value in row["value"]]


def eraser_of(yard):
    return Eraser(yard.context.store, yard.context.feed, yard.files, yard.loader, yard.context.clock_us)


def interrupted(*_):
    """What a kill does."""
    raise KeyboardInterrupt


class Copies:
    """What holds for every engine."""

    @settings(
        max_examples=3,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(
        rounds=st.lists(
            st.tuples(st.lists(BODIES, min_size=1, max_size=6), st.booleans(), st.booleans()), min_size=1, max_size=4
        )
    )
    def test_a_copy_is_the_warehouse(self, rounds, make_engine, queries, tmp_path_factory):
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
        wanted = contents(yard.warehouse)
        assert contents(engine) == {
            name: [row.replace("\\x00", make_engine.nul) for row in rows] for name, rows in wanted.items()
        }

    def test_a_load_takes_only_what_is_new(self, yard, make_engine):
        """Loaded again it takes in nothing, and after more came only that; tables of one's own follow their files."""
        engine = make_engine()
        filled(yard)
        first = copy(yard, engine)
        assert (first.rows > 0, first.anew) == (True, False)
        assert copy(yard, engine).rows == 0
        yard.receive({"type": "track", "event": "Read", "anonymousId": "new", "messageId": "x"})
        yard.warehouse.replace(PLEDGE, pledges({("ann", 2024): 1}))
        more = copy(yard, engine)
        assert (0 < more.rows < first.rows, more.tables) == (True, 1)
        assert copy(yard, engine).tables == 0
        assert stored_rows(engine) == stored_rows(yard.warehouse)
        yard.warehouse.drop(PLEDGE)
        copy(yard, engine)
        assert stored_rows(engine) == stored_rows(yard.warehouse)

    def test_a_history_made_anew_replaces_the_one_before(self, yard, make_engine, queries, tmp_path):
        """After a rebuild numbers begin again; the copy is told by its last row, and is emptied first."""
        engine = make_engine()
        filled(yard)
        copy(yard, engine)
        later = replace(workbench.context(), clock_us=itertools.count(workbench.NOW_US + 1_000_000).__next__)
        other = Yard(later, tmp_path / "rebuilt", queries)
        filled(other, 5)
        assert copy(other, engine).anew
        assert stored_rows(engine) == stored_rows(other.warehouse)

    def test_an_engine_holds_one_workspace(self, yard, make_engine):
        """Another workspace's rows are not put beside those of the first."""
        engine = make_engine()
        filled(yard, 1)
        copy(yard, engine)
        with pytest.raises(ConfigurationError, match="another workspace"):
            engine.prepare("f" * 32)

    def test_a_step_that_does_not_begin_where_the_copy_is_changes_nothing(self, yard, make_engine):
        """Of two loads at once one is told."""
        engine = make_engine()
        filled(yard)
        copy(yard, engine)
        before = stored_rows(engine)
        with pinned(yard.context.store, yard.files) as segments:
            stale = list(segments.steps(0))[1]
            with pytest.raises(ConflictError):
                engine.load(stale)
        assert stored_rows(engine) == before

    def test_a_copy_erases_what_the_warehouse_erases(self, yard, make_engine):
        """What is left is what a new copy of the erased warehouse has, at once in no relation; a load brings none back."""
        peopled(yard)
        engine, fresh = make_engine(), make_engine()
        copy(yard, engine)
        nodes, eraser = nodes_of(yard, SECRET), eraser_of(yard)
        assert nodes
        assert SECRET in str(stored_rows(engine)), "the sweep finds what is there"
        assert engine.count(nodes) == eraser.count(nodes)
        assert engine.erase(nodes) == eraser.erase(nodes)
        assert SECRET not in str(stored_rows(engine))
        assert engine.count(nodes) == 0
        assert engine.erase(nodes) == 0
        copy(yard, engine)  # relations that tell of the erasure
        copy(yard, fresh)
        assert stored_rows(engine) == stored_rows(fresh)
        engine.compact()
        again = copy(yard, engine)
        assert (again.rows, again.anew, again.tables) == (0, False, 0)
        assert stored_rows(engine) == stored_rows(fresh)

    def test_a_load_erases_whoever_was_erased_from_the_warehouse(self, yard, make_engine, monkeypatch):
        """Nobody tells the copy: it lacks whom the files lack, killed in the midst or not; who came back later stays."""
        peopled(yard)
        nodes, eraser = nodes_of(yard, SECRET), eraser_of(yard)
        engine, fresh = make_engine(), make_engine()
        copy(yard, engine)
        concerned = engine.count(nodes)
        eraser.erase(nodes)
        with monkeypatch.context() as broken:  # the negative control
            broken.setattr(bootstrap, "_gone", lambda *_: [])
            broken.setattr(engine, "put", lambda *_: None)
            assert copy(yard, engine).erased == 0
        assert engine.count(nodes) == concerned
        yard.receive({"type": "track", "event": "Read", "userId": SECRET, "messageId": "again"})
        yard.load()
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(engine, "compact", interrupted)
            copy(yard, engine)
        compacted = []
        with monkeypatch.context() as told:
            told.setattr(engine, "compact", lambda compact=engine.compact: compacted.append(compact()))
            after = copy(yard, engine)
        assert (after.anew, len(compacted)) == (False, 1)
        copy(yard, fresh)
        assert stored_rows(engine) == stored_rows(fresh)
        assert SECRET in str(stored_rows(engine)["golden.profile_change"]), "who came back is there"

    def test_a_load_tells_how_many_rows_it_erased(self, yard, make_engine):
        """As many as the warehouse lost, of people and of whom only a judgement names; and again none."""
        peopled(yard)
        engine = make_engine()
        copy(yard, engine)
        gone = eraser_of(yard).erase(nodes_of(yard, SECRET))
        assert gone > 0
        assert [copy(yard, engine).erased for _ in range(2)] == [gone, 0]
        assert SECRET not in str(stored_rows(engine))

    def test_a_load_takes_out_what_retention_took_out_of_the_files(self, yard, make_engine, monkeypatch):
        """Without anything new: rows that are too old and values of a class are gone, and again nothing is done."""
        aged(yard)
        engine = make_engine()
        copy(yard, engine)
        before = stored_rows(engine)
        assert trim(yard, rows_before=3.5, values_before=4.5)
        with monkeypatch.context() as broken:  # the negative control
            broken.setattr(bootstrap.engine_retention, "carry", lambda *_: 0)
            broken.setattr(engine, "put", lambda *_: None)
            copy(yard, engine)
            assert stored_rows(engine) == before
        after = copy(yard, engine)
        assert (after.rows, after.anew, after.expired) == (0, False, 3)
        assert stored_rows(engine) == stored_rows(yard.warehouse)
        assert [SECRET in str(rows["staging.event"]) for rows in (before, stored_rows(engine))] == [True, False]
        compacted = []
        with monkeypatch.context() as told:
            told.setattr(engine, "compact", lambda: compacted.append(1))
            assert copy(yard, engine).expired == 0
        assert not compacted

    def test_retention_reaches_a_copy_wherever_a_load_of_it_was_killed(self, yard, make_engine, monkeypatch):
        """Rows that are too old go from profiles too; files that were compacted before the copy was loaded are told."""
        aged(yard)
        engine = make_engine()
        copy(yard, engine)
        assert trim(yard, rows_before=3.5, values_before=4.5, history=True)
        assert Compactor(yard.context.store, yard.files, rows=1).compact()
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(engine, "compact", interrupted)
            copy(yard, engine)
        with monkeypatch.context() as killed, pytest.raises(KeyboardInterrupt):
            killed.setattr(engine, "put", interrupted)
            copy(yard, engine)
        assert not copy(yard, engine).anew
        assert stored_rows(engine) == stored_rows(yard.warehouse)
        yard.receive({"type": "track", "event": "Read", "userId": "u1", "messageId": "later"})
        assert trim(yard, rows_before=4.7, values_before=5.7)
        assert copy(yard, engine).expired
        assert stored_rows(engine) == stored_rows(yard.warehouse)

    def test_a_load_anew_has_what_is_kept_and_is_not_late(self, yard, make_engine):
        """As a first load, and a copy of an earlier version that knows nothing of retention catches up."""
        aged(yard)
        engine, fresh = make_engine(), make_engine()
        copy(yard, engine)
        assert trim(yard, rows_before=3.5, values_before=4.5)
        assert copy(yard, engine, anew=True).anew
        for each in (engine, fresh):
            copy(yard, each)
            assert stored_rows(each) == stored_rows(yard.warehouse)
            assert copy(yard, each).expired == 0
        trim(yard, rows_before=4.7, values_before=5.7)
        engine.drop(RETENTION)
        assert copy(yard, engine).expired == 1
        assert stored_rows(engine) == stored_rows(yard.warehouse)

    def test_a_relation_of_the_copys_own_loses_its_rows_to_an_erasure(self, yard, make_engine):
        """What was put into the copy itself cannot be told apart, either, so it is emptied."""
        filled(yard, 1)
        engine = make_engine()
        copy(yard, engine)
        engine.replace(PLEDGE, pledges({(SECRET, 2024): 1}))
        engine.erase(nodes_of(yard, "u0"))
        assert engine.run(parse("SELECT * FROM marts.pledge")).num_rows == 0

    def test_what_cannot_be_merged_is_refused(self, make_engine):
        """A relation without a key, and one of the stream."""
        engine = make_engine()
        with pytest.raises(UsageError, match="no key"):
            engine.merge(msgspec.structs.replace(PLEDGE, key=()), pledges({}))
        with pytest.raises(UsageError, match="made by the stream"):
            engine.drop(EVENT)
