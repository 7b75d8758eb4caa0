"""Rows of the embedded log: chunks, the single entries that earlier schemas wrote, and damage to either."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import apsw
import msgspec
import pytest

from onefold.adapters.sqlite import log_layout
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.log_layout import CHUNK_BYTES, CHUNK_ENTRIES
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom)


def entry(index: int, body: bytes = b"{}") -> LogEntry:
    return LogEntry("segment", "web", 1, index, body)


def indexes(log: SqliteEventLog, partition: int = 0, after: int = 0, limit: int = 999) -> list[int]:
    return [stored.entry.index for stored in log.read(partition, after, limit)]


def earlier(path: Path, schema: int, partitions: list[int]) -> list[tuple[int, int]]:
    """A log as an earlier schema left it, one entry a row, in these partitions; the entries' places."""
    package = resources.files(log_layout.__package__)
    scripts = [package.joinpath(name).read_text() for name in ("log.sql", "log_partitions.sql")]
    places = [(partition, offset) for offset, partition in enumerate(partitions, 1)]
    file = apsw.Connection(str(path))
    file.execute("".join(scripts[:schema])).fetchall()
    file.executemany("INSERT INTO entry VALUES (?, ?)", ((o, SEALER.seal(entry(o - 1))) for _, o in places)).fetchall()
    if any(partitions):
        file.executemany("INSERT INTO place VALUES (?, ?)", places).fetchall()
        file.executemany("INSERT INTO partition_end VALUES (?, ?)", dict([(0, 0), *places]).items()).fetchall()
    file.pragma("user_version", schema)
    file.close()
    return places


@pytest.mark.parametrize("schema", [1, 2])
def test_a_log_of_an_earlier_schema_goes_on(tmp_path, schema):
    """Its entries are read, got and counted beside new ones, across the border too, without being rewritten."""
    path = tmp_path / "log.db"
    places = earlier(path, schema, [0] * 50)
    log = SqliteEventLog(path, SEALER)
    before = log._writer.execute("SELECT * FROM entry ORDER BY offset").fetchall()
    places += log.append([entry(index) for index in range(50, 130)])
    assert places == [(0, offset) for offset in range(1, 131)]
    for after in (0, 1, 48, 49, 50, 51, 60, 129, 130):
        assert indexes(log, after=after) == list(range(after, 130))
        assert indexes(log, after=after, limit=20) == list(range(after, min(130, after + 20)))
        assert log.waiting({0: after}) == {0: 130 - after}
    assert [s.entry.index for s in log.get([places[60], places[3], places[50], places[49]])] == [60, 3, 50, 49]
    assert log._writer.execute("SELECT * FROM entry WHERE offset <= 50 ORDER BY offset").fetchall() == before
    assert log._writer.pragma("user_version") == 4
    log.close()


@pytest.mark.parametrize("schema", [1, 2])
def test_a_log_of_an_earlier_schema_becomes_partitioned(tmp_path, schema):
    """What it held is partition 0, and stays there."""
    path = tmp_path / "log.db"
    places = earlier(path, schema, [0, 0])
    log = SqliteEventLog(path, SEALER, partition_of=lambda entry: entry.index % 3)
    assert log.append([entry(2), entry(3)]) == [(3, 3), (1, 4)]
    assert [s.entry.index for s in log.get([*places, (1, 4), (1, 1)])] == [0, 1, 3]
    assert log.waiting({0: 1}) == {0: 1, 1: 1, 3: 1}
    log.close()


def test_a_partitioned_log_of_the_second_schema_goes_on(tmp_path):
    """Old rows of each partition count and are read as one entry, new ones as many."""
    path = tmp_path / "log.db"
    places = earlier(path, 2, [1 + index % 2 for index in range(20)])
    log = SqliteEventLog(path, SEALER, partition_of=lambda entry: entry.index % 2)
    places += log.append([entry(index) for index in range(20, 100)])
    for partition in (1, 2):
        whole = log.read(partition, 0, 999)
        assert [s.entry.index for s in whole] == list(range(partition - 1, 100, 2))
        for number in range(50):
            after = whole[number].offset
            assert log.waiting({partition: after})[partition] == 49 - number
            assert log.read(partition, after, 7) == whole[number + 1 : number + 8]
    assert [s.entry.index for s in log.get(places)] == list(range(100))
    log.close()


def test_a_row_holds_a_chunk_and_what_is_too_large_for_one_stands_alone(tmp_path):
    """Entries share a row up to a number and a size, counting what they state in common; none is refused."""
    log = SqliteEventLog(tmp_path / "log.db", SEALER)
    log.append([entry(index) for index in range(2 * CHUNK_ENTRIES + 3)])
    log.append([entry(0), entry(1), entry(2, b"1" * (CHUNK_BYTES + 1)), entry(3)])
    log.append([msgspec.structs.replace(entry(index), shared=b"1" * (CHUNK_BYTES // 4)) for index in range(8)])
    rows = log._writer.execute("SELECT sealed FROM entry ORDER BY offset").fetchall()
    held = [len(SEALER.open_all(sealed)) for (sealed,) in rows]
    assert held[:3] == [CHUNK_ENTRIES, CHUNK_ENTRIES, 3]
    assert held[3:6] == [2, 1, 1]
    assert sum(held[6:]) == 8
    assert max(held[6:]) == 2
    assert indexes(log, after=2 * CHUNK_ENTRIES + 3) == [0, 1, 2, 3, *range(8)]
    log.close()


def test_what_was_removed_from_the_beginning_is_neither_read_nor_counted(tmp_path):
    """Retention may take whole rows away; places in them are empty then."""
    log = SqliteEventLog(tmp_path / "log.db", SEALER)
    places = log.append([entry(index) for index in range(100)])
    log._writer.execute("DELETE FROM entry WHERE offset <= ?", (2 * CHUNK_ENTRIES,)).fetchall()
    left = list(range(2 * CHUNK_ENTRIES, 100))
    assert indexes(log) == left
    assert [s.entry.index for s in log.get(places)] == left
    assert log.waiting({}) == {0: len(left)}
    log._writer.execute("DELETE FROM entry").fetchall()
    assert log.get(places) == []
    assert log.waiting({}) == {0: 0}
    log.close()


def alter(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change what the row at offset 10 holds."""
    file = apsw.Connection(str(path))
    ((sealed,),) = file.execute("SELECT sealed FROM entry WHERE offset = 10").fetchall()
    file.execute("UPDATE entry SET sealed = ? WHERE offset = 10", (change(sealed),)).fetchall()
    file.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda sealed: b"\x01" + sealed[1:],
        lambda sealed: b"\x03" + sealed[1:],
        lambda sealed: sealed[:100] + bytes([sealed[100] ^ 1]) + sealed[101:],
        lambda sealed: sealed[:-1],
        lambda sealed: sealed[:1],
        lambda sealed: b"",
    ],
)
def test_a_chunk_that_was_altered_is_told(tmp_path, change):
    """Another byte in it, or another claim of what it is: neither `read` nor `get` takes it."""
    log = SqliteEventLog(tmp_path / "log.db", SEALER)
    places = log.append([entry(index, b"0" * 50) for index in range(10)])
    assert indexes(log) == list(range(10))
    alter(tmp_path / "log.db", change)
    with pytest.raises(IntegrityError):
        log.read(0, 0, 99)
    with pytest.raises(IntegrityError):
        log.get(places[:1])
    log.close()


def test_single_entries_and_chunks_do_not_pass_for_one_another(tmp_path):
    """A row's first byte says what it is, and only the truth opens."""
    path = tmp_path / "log.db"
    earlier(path, 2, [0] * 10)
    log = SqliteEventLog(path, SEALER)
    assert indexes(log) == list(range(10))
    alter(path, lambda sealed: b"\x02" + sealed[1:])
    with pytest.raises(IntegrityError):
        log.read(0, 0, 99)
    # Sealed alone, a list would be a chunk if only the byte told them apart.
    listed = SEALER.seal_bytes(msgspec.msgpack.encode([entry(1), entry(2)]))
    alter(path, lambda _: b"\x02" + listed[1:])
    with pytest.raises(IntegrityError):
        log.get([(0, 10)])
    log.close()


def test_a_reader_that_stops_early_holds_nothing(tmp_path):
    """Reading that ends at its limit, or at damage, ends its transaction, so that the file beside the log can shrink."""
    path = tmp_path / "log.db"
    log = SqliteEventLog(path, SEALER)
    for _ in range(3):
        log.append([entry(index) for index in range(10)])
    alter(path, lambda _: b"\x00")
    assert len(log.read(0, 10, 5)) == 5
    with pytest.raises(IntegrityError) as kept:
        log.read(0, 0, 99)
    log.append([entry(0)])
    blocked, pages, copied = log._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0]
    assert (blocked, pages, copied) == (0, 0, 0)
    assert kept.value
    log.close()
