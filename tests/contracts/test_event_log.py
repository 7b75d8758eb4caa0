"""The contract of `EventLog`: every promise of the port, over every adapter, and over adapters broken on purpose."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

Promise = Callable[[EventLog], None]

PROMISES: list[Promise] = []


def promise(check: Promise) -> Promise:
    PROMISES.append(check)
    return check


def sqlite_log(directory: Path) -> SqliteEventLog:
    keys = WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32)))
    return SqliteEventLog(directory / "log.db", EntrySealer(keys, os.urandom))


def partitioned_log(directory: Path) -> SqliteEventLog:
    keys = WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32)))
    return SqliteEventLog(
        directory / "log.db", EntrySealer(keys, os.urandom), partition_of=lambda entry: entry.index % 3
    )


def entry(index: int, source: str = "web") -> LogEntry:
    return LogEntry("segment", source, 1_000 + index, index, b'{"a": %d}' % index, "2026-01-01", b"{}", "req", None)


@promise
def an_empty_log_answers_with_nothing(log):
    assert log.read(0, 0, 10) == log.get([(0, 1)]) == log.append([]) == []
    assert set(log.ends().values()) == {0}
    assert log.received() == {}


@promise
def entries_come_back_as_they_were_appended(log):
    entries = [
        entry(0),
        LogEntry("unreadable", "web", 5, 0, b"\xff\x00{"),
        LogEntry("record", "crm", 5, 2, b"{}", replay_of=7),
        LogEntry("judgement", "onefold", 5, 0, b""),
    ]
    places = log.append(entries)
    assert len(set(places)) == 4
    assert [(s.partition, s.offset) for s in log.get(places)] == places
    assert [s.entry for s in log.get(places)] == entries


@promise
def a_partition_is_read_in_order_of_append(log):
    for start in (0, 3, 6):
        log.append([entry(start), entry(start + 1), entry(start + 2)])
    for partition, end in log.ends().items():
        stored = log.read(partition, 0, 99)
        offsets = [s.offset for s in stored]
        assert offsets == sorted(set(offsets))
        assert all(offset > 0 for offset in offsets)
        assert not offsets or offsets[-1] == end
        indexes = [s.entry.index for s in stored]
        assert indexes == sorted(indexes)


@promise
def reading_goes_on_after_an_offset_and_stops_at_the_limit(log):
    log.append([entry(index) for index in range(7)])
    for partition in log.ends():
        whole, paged, after = log.read(partition, 0, 99), [], 0
        while page := log.read(partition, after, 3):
            assert len(page) <= 3
            paged += page
            after = page[-1].offset
        assert paged == whole
        assert log.read(partition, after, 3) == []


@promise
def an_unknown_partition_is_empty(log):
    log.append([entry(0)])
    assert log.read(max(log.ends()) + 1, 0, 9) == []
    assert log.get([(max(log.ends()) + 1, 1)]) == []


@promise
def entries_are_got_in_the_order_asked_and_the_missing_left_out(log):
    places = log.append([entry(index) for index in range(1500)])
    asked = [places[1400], (places[0][0], 99_999), places[3], places[3], *places[:1200]]
    expected = [1400, 3, 3, *range(1200)]
    assert [s.entry.index for s in log.get(asked)] == expected


@promise
def what_was_received_is_counted_per_source(log):
    log.append([entry(0), entry(1, "crm")])
    log.append([entry(2), entry(3)])
    assert log.received() == {"web": 3, "crm": 1}


@promise
def what_waits_is_counted_per_partition(log):
    log.append([entry(index) for index in range(9)])
    for partition in log.ends():
        whole = log.read(partition, 0, 99)
        assert log.waiting({})[partition] == len(whole)
        for number, stored in enumerate(whole, 1):
            assert log.waiting({partition: stored.offset})[partition] == len(whole) - number


def filled(log: EventLog) -> dict[int, list[StoredEntry]]:
    """Append in large and small steps, with a body here and there that is larger than others together; all of it."""
    start = 0
    for size in (100, 1, 2, 70, 33, 1):
        entries = [entry(index) for index in range(start, start + size)]
        entries[size // 2] = msgspec.structs.replace(entries[size // 2], body=b"1" * 50_000)
        log.append(entries)
        start += size
    found = {partition: log.read(partition, 0, 999) for partition in log.ends()}
    assert sum(map(len, found.values())) == start
    return found


def some_offsets(found: dict[int, list[StoredEntry]]) -> list[int]:
    """Offsets of entries and those beside them, of whatever partition. Some: a log on a network takes its time."""
    offsets = {stored.offset + beside for whole in found.values() for stored in whole for beside in (-1, 0, 1)}
    return [-1, 0, *random.Random(1).sample(sorted(offsets), 40), max(offsets)]


@promise
def reading_begins_anywhere_and_ends_anywhere(log):
    found = filled(log)
    for partition, whole in found.items():
        for after in some_offsets(found):
            for limit in (1, 31, 999):
                assert log.read(partition, after, limit) == [s for s in whole if s.offset > after][:limit]


@promise
def any_entries_are_got_by_their_places(log):
    found = filled(log)
    everything = [stored for whole in found.values() for stored in whole]
    draw = random.Random(1)
    for size in (1, 2, 5, 60, len(everything)):
        some = draw.sample(everything, size)
        assert log.get([(s.partition, s.offset) for s in some]) == some
    there = {(s.partition, s.offset) for s in everything}
    elsewhere = [(p, o) for p in found for o in range(-1, len(everything) + 3) if (p, o) not in there]
    assert log.get(elsewhere) == []


@promise
def what_waits_is_counted_from_any_offset(log):
    found = filled(log)
    for offset in some_offsets(found):
        expected = {p: sum(s.offset > offset for s in whole) for p, whole in found.items()}
        assert log.waiting(dict.fromkeys(found, offset)) == expected


@promise
def no_offset_is_given_twice_whatever_the_partition(log):
    places = log.append([entry(index) for index in range(9)]) + log.append([entry(9)])
    assert len({offset for _, offset in places}) == 10


@promise
def an_append_that_fails_stores_nothing(log):
    log.append([entry(0)])
    with pytest.raises(TypeError):
        log.append([entry(1), msgspec.structs.replace(entry(2), source=["unhashable"])])
    assert log.received() == {"web": 1}
    assert sum(len(log.read(partition, 0, 9)) for partition in log.ends()) == 1
    log.append([entry(3)])
    assert log.received() == {"web": 2}


@promise
def appends_of_many_threads_stay_whole(log):
    def add(writer: int) -> None:
        for batch in range(5):
            log.append([entry(writer * 1000 + batch * 10 + item, f"s{writer}") for item in range(10)])

    writers = [threading.Thread(target=add, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert log.received() == {f"s{writer}": 50 for writer in range(4)}
    for partition in log.ends():
        stored = log.read(partition, 0, 999)
        for writer in range(4):
            own = [s.entry.index for s in stored if s.entry.source == f"s{writer}"]
            assert own == sorted(own)


ADAPTERS: dict[str, Callable[[Path], EventLog]] = {
    "memory": lambda _: MemoryEventLog(),
    "memory, partitioned": lambda _: MemoryEventLog(partitions=3, partition_of=lambda entry: entry.index % 3),
    "sqlite": sqlite_log,
    "sqlite, partitioned": partitioned_log,
}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_adapter_keeps_the_promise(adapter, check, tmp_path):
    """What the port promises, the adapter does."""
    log = ADAPTERS[adapter](tmp_path)
    try:
        check(log)
    finally:
        log.close()


class CountsFirst(MemoryEventLog):
    """Counts an item before it is stored."""

    def append(self, entries):
        """Count, then store."""
        for one in entries:
            self._received[one.source] += 1
        places = super().append(entries)
        self._received.subtract(one.source for one in entries)
        return places


class ForgetsOrder(MemoryEventLog):
    """Answers in the order of the log instead of the order asked."""

    def get(self, places):
        """The entries, sorted by place."""
        return super().get(sorted(places))


class ReadsFromTheRow(MemoryEventLog):
    """Gives what stands before the offset too, when they are stored together."""

    def read(self, partition, after, limit):
        """From the beginning of a row of eight."""
        return super().read(partition, after - after % 8 if after > 0 else after, limit)


class ReadsToTheRow(MemoryEventLog):
    """Gives more than the limit, when they are stored together."""

    def read(self, partition, after, limit):
        """To the end of a row of eight."""
        return super().read(partition, after, -(-limit // 8) * 8)


class TakesTheLastOfTheRow(MemoryEventLog):
    """Takes the entry that a row is named after for any in it."""

    def get(self, places):
        """The entries where rows of eight end."""
        return super().get([(partition, -(-offset // 8) * 8) for partition, offset in places])


class GetsOneOfTheRow(MemoryEventLog):
    """Gives one entry of a row and forgets that more were asked for."""

    def get(self, places):
        """The first asked for in each row of eight."""
        return super().get(
            list({(partition, offset // 8): (partition, offset) for partition, offset in places}.values())
        )


class CountsRows(MemoryEventLog):
    """Counts a row that was read in part as if nothing of it had been."""

    def waiting(self, offsets):
        """From the beginning of rows of eight."""
        return super().waiting({partition: offset - offset % 8 for partition, offset in offsets.items()})


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (ReadsFromTheRow, reading_begins_anywhere_and_ends_anywhere),
        (ReadsToTheRow, reading_begins_anywhere_and_ends_anywhere),
        (TakesTheLastOfTheRow, any_entries_are_got_by_their_places),
        (GetsOneOfTheRow, any_entries_are_got_by_their_places),
        (CountsRows, what_waits_is_counted_from_any_offset),
        (CountsFirst, an_append_that_fails_stores_nothing),
        (ForgetsOrder, entries_are_got_in_the_order_asked_and_the_missing_left_out),
    ],
)
def test_a_broken_adapter_is_caught(broken, caught_by):
    """The suite is red for a log that breaks a promise, so green means something."""
    with pytest.raises(AssertionError):
        caught_by(broken())


def test_the_log_is_there_after_reopening_and_gives_no_offset_twice(tmp_path):
    """A new process reads what the old one appended, and goes on after it, even if the last entries were deleted."""
    log = sqlite_log(tmp_path)
    places = log.append([entry(0), entry(1)])
    log.close()
    again = sqlite_log(tmp_path)
    assert [s.entry for s in again.get(places)] == [entry(0), entry(1)]
    again._writer.execute("DELETE FROM entry").fetchall()
    assert again.append([entry(2)]) == [(0, 3)]
    again.close()


def test_a_log_that_becomes_partitioned_keeps_what_it_held_and_where(tmp_path):
    """Places stay as they were given, whatever the number of partitions is later."""
    places = []
    for start, opened in ((0, sqlite_log), (3, partitioned_log), (6, sqlite_log), (9, partitioned_log)):
        log = opened(tmp_path)
        places += log.append([entry(start), entry(start + 1), entry(start + 2)])
        assert [s.entry.index for s in log.get(places)] == list(range(start + 3))
        assert {(s.partition, s.offset) for p in log.ends() for s in log.read(p, 0, 99)} == set(places)
        assert log.ends() == {p: max(o for q, o in places if q == p) for p in {p for p, _ in places}}
        log.close()
    assert [p for p, _ in places] == [0, 0, 0, 1, 2, 3, 1, 1, 1, 1, 2, 3]
    assert sqlite_log(tmp_path).get([(2, places[0][1]), (0, places[4][1])]) == []
