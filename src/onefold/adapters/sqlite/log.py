"""The embedded event log: one SQLite file, one partition or several, any number of processes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from itertools import count
from pathlib import Path

import apsw

from onefold.adapters.sqlite.connections import Readers, open_writer, translated
from onefold.adapters.sqlite.queries import select, select_in
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

UNPARTITIONED = 0
"""The partition of entries appended while the log had only one."""
SCHEMA_VERSION = 2
_CACHE_KIB = 8 * 1024  # appends touch the last page only
_CHECKPOINT_PAGES = 4_096

Place = Callable[[LogEntry], int]
"""Which partition an entry belongs to, counted from 0."""


class SqliteEventLog(EventLog):
    """Appends are one transaction each, synced to the disk before they return; safe for threads and processes.

    Offsets rise over all partitions together, so those of one partition have gaps.
    """

    def __init__(self, path: Path, sealer: EntrySealer, *, place: Place | None = None) -> None:
        """Open or create the log at `path`; its directory must exist.

        `place` makes it a log of several partitions, numbered from 1, for good: what it held before stays partition 0.
        The number of partitions may change later; entries keep the partition they were given.
        """
        package = resources.files(__package__)
        partitions = package.joinpath("log_partitions.sql").read_text()
        self._path = path
        self._sealer = sealer
        self._writer = open_writer(
            path, schema=package.joinpath("log.sql").read_text() + partitions, version=SCHEMA_VERSION,
            cache_kib=_CACHE_KIB, checkpoint_pages=_CHECKPOINT_PAGES, upgrades={1: partitions},
        )  # fmt: skip
        self._readers = Readers(path)
        self._lock = threading.Lock()
        with translated(path):
            self._place = _partitioned(self._writer, place)

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none, durably; returns the place of each."""
        if not entries:
            return []
        seal, place = self._sealer.seal, self._place
        sealed = [seal(entry) for entry in entries]  # before the lock: others can commit meanwhile
        per_source = Counter(entry.source for entry in entries)
        partitions = [UNPARTITIONED] * len(entries) if place is None else [1 + place(entry) for entry in entries]
        with self._lock, translated(self._path):
            writer = self._writer
            writer.execute("BEGIN IMMEDIATE")
            try:
                last = _last_offset(writer)
                places = list(zip(partitions, count(last + 1), strict=False))
                writer.executemany(
                    "INSERT INTO entry (offset, sealed) VALUES (?, ?)", zip(count(last + 1), sealed, strict=False)
                )
                writer.executemany(
                    "INSERT INTO received VALUES (?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
                    per_source.items(),
                )
                if place is not None:
                    writer.executemany("INSERT INTO place VALUES (?, ?)", places)
                    writer.executemany(
                        "INSERT INTO partition_end VALUES (?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
                        dict(places).items(),
                    )
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        return places

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` committed entries with offset > `after`, in order."""
        with translated(self._path), self._readers.lend() as reader:
            if partition == UNPARTITIONED:
                rows = select(
                    reader,
                    "SELECT offset, sealed FROM entry WHERE offset > ? AND offset <="
                    " coalesce((SELECT offset FROM partition_end WHERE partition = 0), 9223372036854775807)"
                    " ORDER BY offset LIMIT ?",
                    (after, limit),
                )
            else:
                rows = select(
                    reader,
                    "SELECT e.offset, e.sealed FROM place p CROSS JOIN entry e ON e.offset = p.offset"
                    " WHERE p.partition = ? AND p.offset > ? ORDER BY p.offset LIMIT ?",
                    (partition, after, limit),
                )
        opened = self._sealer.open
        return [StoredEntry(partition, offset, opened(sealed)) for offset, sealed in rows]

    def get(self, places: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these places, in the order asked; those not there are left out."""
        wanted = {offset for _, offset in places}
        select_entries = (
            "SELECT e.offset, e.sealed, coalesce((SELECT p.partition FROM place p WHERE p.offset = e.offset"
            " AND p.partition IN (SELECT partition FROM partition_end)), 0) FROM entry e WHERE e.offset IN ("
        )
        with translated(self._path), self._readers.lend() as reader:
            found = {(row[2], row[0]): row[1] for row in select_in(reader, select_entries, wanted)}
        opened = self._sealer.open
        return [StoredEntry(*there, opened(found[there])) for there in places if there in found]

    def ends(self) -> dict[int, int]:
        """Last offset of each partition."""
        with translated(self._path), self._readers.lend() as reader:
            ends = dict(select(reader, "SELECT partition, offset FROM partition_end"))
            return ends or {UNPARTITIONED: _last_offset(reader)}

    def waiting(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """How many entries of each partition lie after these offsets; takes as long as walking their index."""
        counts = {}
        for partition, end in self.ends().items():
            after = offsets.get(partition, 0)
            if after >= end:
                counts[partition] = 0
                continue
            with translated(self._path), self._readers.lend() as reader:
                if partition == UNPARTITIONED:
                    counted = "SELECT count(*) FROM entry WHERE offset > ? AND offset <= ?"
                    rows = select(reader, counted, (after, end))
                else:
                    counted = "SELECT count(*) FROM place WHERE offset > ? AND offset <= ? AND partition = ?"
                    rows = select(reader, counted, (after, end, partition))
            counts[partition] = rows[0][0]
        return counts

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with translated(self._path), self._readers.lend() as reader:
            return dict(select(reader, "SELECT source, items FROM received"))

    def close(self) -> None:
        """Let go of the file."""
        self._readers.close()
        with self._lock:
            self._writer.close()


def _partitioned(writer: apsw.Connection, place: Place | None) -> Place | None:
    """How to place new entries in this file: once partitioned, always, be it in one partition."""
    writer.execute("BEGIN IMMEDIATE")
    try:
        already = bool(select(writer, "SELECT 1 FROM partition_end LIMIT 1"))
        if place is not None and not already:
            writer.execute("INSERT INTO partition_end VALUES (0, ?)", (_last_offset(writer),))
    finally:
        writer.execute("COMMIT")
    return place or ((lambda _: 0) if already else None)


def _last_offset(connection: apsw.Connection) -> int:
    rows = select(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'entry'")
    return rows[0][0] if rows else 0
