"""Copies of the warehouse in engines: exactly its rows, however often and from wherever it is loaded, whoever is killed."""

import itertools
import multiprocessing
import os
import signal
from dataclasses import replace

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import engines, workbench
from tests.contracts.warehouse_queries import GIFT, gifts
from tests.engines import WORKSPACE, contents, copy, postgres_engine
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.postgres.engine import PostgresEngine
from onefold.bootstrap.engines import load
from onefold.errors import ConfigurationError, ConflictError
from onefold.ports.engine import Step

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


@pytest.fixture
def engine(queries):
    made = postgres_engine(queries)
    yield made
    made.close()


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


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rounds=st.lists(
        st.tuples(st.lists(BODIES, min_size=1, max_size=6), st.booleans(), st.booleans()), min_size=1, max_size=4
    )
)
def test_a_copy_is_the_warehouse(rounds, queries, tmp_path_factory):
    """Whatever came and whenever it was loaded and copied: all relations have the same rows, views included."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    engine, many = postgres_engine(queries), 0
    try:
        for bodies, loaded, copied in rounds:
            yard.receive(*numbered(bodies, many))
            many += len(bodies)
            if loaded:
                yard.load()
            if copied:
                copy(yard, engine, load=False)
        copy(yard, engine)
        wanted = contents(yard.warehouse)
        # PostgreSQL holds no NUL in text; its picture stands for it, as in the profile store.
        plain = {name: [row.replace("\\x00", "␀") for row in rows] for name, rows in wanted.items()}
        assert contents(engine) == plain
    finally:
        engine.close()


def test_a_load_takes_only_what_is_new(yard, engine):
    """Loaded again it takes in nothing, and after more came only that; tables of one's own follow their files."""
    filled(yard)
    first = copy(yard, engine)
    assert (first.rows > 0, first.anew) == (True, False)
    assert copy(yard, engine).rows == 0
    yard.receive({"type": "track", "event": "Read", "anonymousId": "new", "messageId": "x"})
    yard.warehouse.replace(GIFT, gifts())
    more = copy(yard, engine)
    assert (0 < more.rows < first.rows, more.tables) == (True, 1)
    assert copy(yard, engine).tables == 0
    assert contents(engine) == contents(yard.warehouse)
    yard.warehouse.drop(GIFT)
    copy(yard, engine)
    assert contents(engine) == contents(yard.warehouse)


def test_a_history_made_anew_replaces_the_one_before(yard, engine, queries, tmp_path):
    """After a rebuild numbers begin again; the copy is told by its last row, and is emptied first."""
    filled(yard)
    copy(yard, engine)
    later = replace(workbench.context(), clock_us=itertools.count(workbench.NOW_US + 1_000_000).__next__)
    other = Yard(later, tmp_path / "rebuilt", queries)
    filled(other, 5)
    done = copy(other, engine)
    assert done.anew
    assert contents(engine) == contents(other.warehouse)


def test_an_engine_holds_one_workspace(yard, engine):
    """Another workspace's rows are not put beside those of the first."""
    filled(yard, 1)
    copy(yard, engine)
    with pytest.raises(ConfigurationError, match="another workspace"):
        engine.prepare("f" * 32)


def test_of_two_loads_at_once_one_is_told(yard, engine):
    """A step that does not begin where the engine is changes nothing."""
    filled(yard)
    copy(yard, engine)
    before = contents(engine)
    with pinned(yard.context.store, yard.files) as segments:
        stale = list(segments.steps(0))[1]
        with pytest.raises(ConflictError):
            engine.load(stale)
    assert contents(engine) == before


class MarkFirst(PostgresEngine):
    """Broken: the mark has a transaction of its own, and each part has."""

    def load(self, step: Step) -> None:
        super().load(msgspec.structs.replace(step, parts=()))
        for part in step.parts:
            super().load(msgspec.structs.replace(step, parts=[part], before=step.until))


def killed_at(yard, kind, prefix, point):
    """Load in a process that is killed as it takes its `point`-th part; whether it was."""

    def child():
        engine, taken = kind(engines.address(engines.OWNER), None, prefix=prefix), 0

        def deadly(parts):
            nonlocal taken
            for part in parts:
                if taken == point:
                    os.kill(os.getpid(), signal.SIGKILL)
                taken += 1
                yield part

        load_step = engine.load
        engine.load = lambda step: load_step(msgspec.structs.replace(step, parts=deadly(step.parts)))
        with pinned(yard.context.store, yard.files) as segments:
            load(engine, segments, "copy", WORKSPACE)
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(120)
    return process.exitcode == -signal.SIGKILL


def exact_after_kills(yard, kind, queries):
    """Kill a load at each part it takes, one kill after the other, and look at the copy each time."""
    engine = postgres_engine(queries)
    try:
        point = 0
        while killed_at(yard, kind, engine.prefix, point):
            held = engine.state()
            with pinned(yard.context.store, yard.files) as segments:
                ends = {0} | {step.until for step in segments.steps(0)}
                assert held.sequence in ends
                assert segments.continues(held)
            point = (point + 1) % 3  # parts that were taken stay, so the next is not far
            if held.sequence == max(ends):
                break
            if point == 0:
                copy_one_step(yard, engine)
        copy(yard, engine)
        assert contents(engine) == contents(yard.warehouse)
    finally:
        engine.close()


def copy_one_step(yard, engine):
    with pinned(yard.context.store, yard.files) as segments:
        engine.load(next(iter(segments.steps(engine.state().sequence))))


def test_killed_at_any_part_a_copy_is_as_it_was_after_some_step(yard, queries):
    """Kill -9 in the midst of a step leaves what was before it; the next load makes the copy whole."""
    filled(yard, 4)
    exact_after_kills(yard, PostgresEngine, queries)


def test_an_engine_that_commits_its_mark_on_its_own_is_caught(yard, queries):
    """The test of kills is red for a broken engine, so green means something."""
    filled(yard, 4)
    with pytest.raises(AssertionError):
        exact_after_kills(yard, MarkFirst, queries)
