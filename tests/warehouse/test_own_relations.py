"""Relations of one's own, embedded and in a copy: append, replace, merge and drop do what they say, whatever the order."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from tests import workbench
from tests.engines import WORKSPACE, postgres_engine
from tests.own_relations import PLEDGE, STEPS, holds_what_was_done, pledges, stored
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import merging
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.postgres.engine import PostgresEngine
from onefold.errors import ConflictError, UsageError
from onefold.warehouse.relations import EVENT

TEN = {("ann", year): year for year in range(2010, 2020)}
LAW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The embedded warehouse, and an engine on PostgreSQL."""
    process = QueryProcess()
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), process)
    engine = postgres_engine(process)
    engine.prepare(WORKSPACE)
    yield yard.warehouse, engine
    engine.close()
    process.close()


@LAW
@given(steps=STEPS)
def test_the_embedded_warehouse_holds_what_was_done(both, steps):
    """Rows are there as often as they were put there, and gone once they were replaced or removed."""
    holds_what_was_done(both[0], steps)


@LAW
@given(steps=STEPS)
def test_a_copy_holds_what_was_done(both, steps):
    """The same on PostgreSQL."""
    holds_what_was_done(both[1], steps)


def merges_that_only_add(engine, relation, rows, *, gone=None):
    engine.append(relation, rows)


def merges_that_keep_what_is_gone(engine, relation, rows, *, gone=None):
    MERGE(engine, relation, rows)


def replaces_that_add(engine, relation, rows):
    engine.append(relation, rows)


MERGE = PostgresEngine.merge


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("merge", merges_that_only_add),
        ("merge", merges_that_keep_what_is_gone),
        ("replace", replaces_that_add),
        ("drop", lambda *_: None),
    ],
)
def test_a_copy_that_does_less_is_caught(both, monkeypatch, name, broken):
    """The law is red for broken engines, so green means something."""
    both[1].replace(PLEDGE, pledges({}))
    monkeypatch.setattr(PostgresEngine, name, broken)
    one, other = {("ann", 2024): 1}, {("ann", 2024): 2, ("bob", 2024): 3}
    steps = [("append", one), ("merge", other), ("gone", one, {"bob"}), ("replace", one), ("drop",), ("append", one)]
    with pytest.raises(AssertionError):
        holds_what_was_done(both[1], steps)


def test_a_merge_writes_only_the_files_that_it_concerns(yard):
    """A large file of which no row is replaced stays; small ones become one, so that there are never many."""
    large = {(f"d{n}", 2024): n for n in range(200)}
    yard.warehouse.replace(PLEDGE, pledges(large))
    (first,) = files(yard)
    for n in range(20):
        yard.warehouse.merge(PLEDGE, pledges({("ann", 2000 + n): n}))
    assert first in files(yard)
    assert len(files(yard)) <= 6
    yard.warehouse.merge(PLEDGE, pledges({("d7", 2024): -1}))
    assert first not in files(yard)
    found = yard.rows("SELECT count(*) AS n, count(DISTINCT (donor, year)) AS keys FROM marts.pledge")
    assert found == [{"n": 220, "keys": 220}]


def files(yard):
    with yard.context.store.snapshot() as snapshot:
        return [segment.name for segment in snapshot.segments() if segment.relation == PLEDGE.full_name]


def interrupted(yard, monkeypatch):
    """Merge a row; meanwhile somebody else merges the same key."""
    rival = iter([{("bob", 2024): 1}])
    plain = merging.merged

    def slow(*given):
        done = plain(*given)
        for rows in rival:
            yard.warehouse.merge(PLEDGE, pledges(rows))
        return done

    monkeypatch.setattr("onefold.adapters.duckdb.warehouse.merged", slow)
    yard.warehouse.replace(PLEDGE, pledges({(f"d{n}", 2024): n for n in range(50)}))
    yard.warehouse.merge(PLEDGE, pledges({("bob", 2024): 2}))
    return yard.rows("SELECT amount::INTEGER AS n FROM marts.pledge WHERE donor = 'bob'")


def test_two_merges_at_once_leave_one_row_a_key(yard, monkeypatch):
    """A merge that another came before begins again."""
    assert interrupted(yard, monkeypatch) == [{"n": 2}]


def test_merges_that_expect_nothing_double_rows(yard, monkeypatch):
    """The negative control: without what a change expects of the relation, both rows of a key stay."""
    commit = type(yard.warehouse)._commit

    def unexpecting(warehouse, change):
        commit(warehouse, msgspec.structs.replace(change, expected={}))

    monkeypatch.setattr(type(yard.warehouse), "_commit", unexpecting)
    assert len(interrupted(yard, monkeypatch)) == 2


def test_what_cannot_be_merged_is_refused(both):
    """A relation of the stream, and one without a key, on both."""
    for warehouse in both:
        with pytest.raises(UsageError, match="made by the stream"):
            warehouse.append(EVENT, pledges({}).select([]))
        with pytest.raises(UsageError, match="no key"):
            warehouse.merge(msgspec.structs.replace(PLEDGE, key=()), pledges({}))


def test_a_merge_that_fails_in_the_midst_changes_nothing(both, monkeypatch):
    """On PostgreSQL it is one transaction: rows that were removed come back."""
    engine = both[1]
    engine.replace(PLEDGE, pledges(TEN))
    removed = type(engine)._remove_same

    def failing(*given):
        removed(*given)
        raise ConflictError("in the midst")

    monkeypatch.setattr(type(engine), "_remove_same", failing)
    with pytest.raises(ConflictError):
        engine.merge(PLEDGE, pledges({("ann", 2012): 1}))
    monkeypatch.undo()
    assert stored(engine) == sorted(((*key, n) for key, n in TEN.items()), key=repr)
