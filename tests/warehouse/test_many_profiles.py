"""However many people a load is about, it holds a file's rows of them, and what is read is the same."""

from __future__ import annotations

import pytest
from tests.engines import contents, copy, postgres_engine
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb import compaction, loader
from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.compaction import Compactor
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import UnavailableError
from onefold.warehouse.relations import PROFILE_CHANGE

AT_ONCE, PEOPLE = 3, 10


@pytest.fixture
def small(monkeypatch):
    """Few rows are a file."""
    monkeypatch.setattr(loader, "PROFILE_ROWS", AT_ONCE)
    monkeypatch.setattr(compaction, "RUN_ROWS", 2 * AT_ONCE)


def crowd(yard: Yard, load: int = 0) -> None:
    yard.receive(*({"type": "identify", "userId": f"u{n}", "messageId": f"{load}-{n}"} for n in range(PEOPLE)))


def files(yard: Yard) -> list[int]:
    with yard.context.store.snapshot() as snapshot:
        return [segment.rows for segment in snapshot.segments() if segment.relation == PROFILE_CHANGE.full_name]


def most_held(yard: Yard, consumed=iter) -> int:
    """How many profiles were worked out, at most, and in no file yet."""
    made, held = yard.loader._profiler, [0]

    def watched(*stated):
        for number, row in enumerate(made(*stated), 1):
            written = len(list(yard.files.directory.glob(f"{PROFILE_CHANGE.full_name}-*.segment")))
            held.append(number - written * AT_ONCE)
            yield row

    yard.loader._profiler = lambda *stated: consumed(watched(*stated))
    yard.load()
    return max(held)


@pytest.mark.usefixtures("small")
def test_a_load_holds_no_more_profiles_than_a_file_has(yard):
    """They are written as they are worked out, and counted by one load."""
    crowd(yard)
    assert most_held(yard) == AT_ONCE
    assert sorted(files(yard)) == [PEOPLE % AT_ONCE] + [AT_ONCE] * (PEOPLE // AT_ONCE)


@pytest.mark.usefixtures("small")
def test_a_load_that_works_out_all_at_once_is_noticed(yard):
    """The negative control."""
    crowd(yard)
    assert most_held(yard, list) == PEOPLE


@pytest.mark.usefixtures("small")
def test_profiles_in_many_files_are_those_of_one_load(yard, queries):
    """Compacted or not, read here or in a copy: the files of a load are one step of it, and each profile is there once."""
    for load in range(3):
        crowd(yard, load)
        yard.load()
    before = contents(yard.warehouse)
    assert len(before["golden.profile"]) == PEOPLE
    with pinned(yard.context.store, yard.files) as segments:
        profiles = [
            sum(rows.num_rows for log, rows in step.parts if log == PROFILE_CHANGE) for step in segments.steps(0)
        ]
    assert [many for many in profiles if many] == [PEOPLE] * 3
    assert Compactor(yard.context.store, yard.files, segments=2).compact()
    assert len(files(yard)) > 1
    assert max(files(yard)) <= 2 * AT_ONCE
    assert contents(yard.warehouse) == before
    engine = postgres_engine(queries)
    try:
        copy(yard, engine)
        assert contents(engine) == before
    finally:
        engine.close()


@pytest.mark.usefixtures("small")
def test_a_load_that_failed_half_way_works_out_everybody_the_next_time(yard, monkeypatch):
    """Whom it concerns was used up by then, and is told by what is loaded and by the feed."""
    crowd(yard)
    write = SegmentFiles.write

    def full(files, relation, rows, **stated):
        if relation == PROFILE_CHANGE and rows.num_rows < AT_ONCE:
            raise UnavailableError("the disk is full")
        return write(files, relation, rows, **stated)

    yard.loader.load(profiles=False)
    with monkeypatch.context() as disk, pytest.raises(UnavailableError):
        disk.setattr(SegmentFiles, "write", full)
        yard.load()
    assert files(yard) == []
    assert yard.load() == PEOPLE
    assert sum(files(yard)) == len(yard.rows("SELECT person FROM golden.profile")) == PEOPLE
