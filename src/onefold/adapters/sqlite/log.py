"""The embedded event log: one SQLite file, one partition or several, any number of processes."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import resources
from itertools import accumulate, count
from pathlib import Path

import apsw
import msgspec

from onefold.adapters.sqlite.connections import Readers, open_writer, translated
from onefold.adapters.sqlite.queries import select, selected
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

UNPARTITIONED = 0
"""The partition of entries appended while the log had only one."""
SCHEMA_VERSION = 3
CHUNK_ENTRIES = 32
CHUNK_BYTES = 32 * 1024
"""A row holds so many entries at most, and so many bytes of what they carry unless it is one entry."""
_CACHE_KIB = 8 * 1024  # appends touch the last page only
_CHECKPOINT_PAGES = 4_096

PartitionOf = Callable[[LogEntry], int]
"""Which partition an entry belongs to, counted from 0."""


class SqliteEventLog(EventLog):
    """Appends are one transaction each, synced to the disk before they return; safe for threads and processes.

    Entries of one append and one partition are stored as chunks, which are sealed and written as one; their offsets follow
    one another. Offsets rise over all partitions together, so those of one partition have gaps.
    """

    def __init__(self, path: Path, sealer: EntrySealer, *, partition_of: PartitionOf | None = None) -> None:
        """Open or create the log at `path`; its directory must exist.

        `partition_of` makes it a log of several partitions, numbered from 1, for good: what it held before stays partition 0.
        The number of partitions may change later; entries keep the partition they were given.
        """
        package = resources.files(__package__)
        first, second, third = (package.joinpath(f"log{part}.sql").read_text() for part in ("", "_partitions", "_3"))
        self._path = path
        self._sealer = sealer
        self._writer = open_writer(
            path, schema=first + second + third, version=SCHEMA_VERSION,
            cache_kib=_CACHE_KIB, checkpoint_pages=_CHECKPOINT_PAGES, upgrades={1: second, 2: third},
        )  # fmt: skip
        self._readers = Readers(path)
        self._lock = threading.Lock()
        with translated(path):
            self._partition_of = _partitioned(self._writer, partition_of)

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none, durably; returns the position of each."""
        if not entries:
            return []
        # Sealed before the lock: others can commit meanwhile.
        partition_of, seal = self._partition_of, self._sealer.seal_all
        per_source = Counter(entry.source for entry in entries)
        partitions = (
            [UNPARTITIONED] * len(entries) if partition_of is None else [1 + partition_of(entry) for entry in entries]
        )
        groups = {UNPARTITIONED: entries} if partition_of is None else _grouped(entries, partitions)
        rows = [(p, len(chunk), seal(chunk)) for p, group in groups.items() for chunk in _chunks(group)]
        with self._lock, translated(self._path):
            writer = self._writer
            writer.execute("BEGIN IMMEDIATE")
            try:
                last = _last_offset(writer)
                ends = list(accumulate((items for _, items, _ in rows), initial=last))[1:]
                writer.executemany(
                    "INSERT INTO entry (offset, sealed) VALUES (?, ?)",
                    ((end, sealed) for end, (_, _, sealed) in zip(ends, rows, strict=True)),
                )
                writer.executemany(
                    "INSERT INTO received VALUES (?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
                    per_source.items(),
                )
                if partition_of is not None:
                    placed = [(p, end, items) for end, (p, items, _) in zip(ends, rows, strict=True)]
                    writer.executemany("INSERT INTO place (partition, offset, items) VALUES (?, ?, ?)", placed)
                    writer.executemany(
                        "INSERT INTO partition_end VALUES (?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
                        {p: end for p, end, _ in placed}.items(),
                    )
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        starts = accumulate(map(len, groups.values()), initial=last + 1)
        offsets = {partition: count(start) for partition, start in zip(groups, starts, strict=False)}
        return [(partition, next(offsets[partition])) for partition in partitions]

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` committed entries with offset > `after`, in order."""
        if partition == UNPARTITIONED:
            statement = (
                "SELECT offset, sealed FROM entry WHERE offset > ? AND offset <="
                " coalesce((SELECT offset FROM partition_end WHERE partition = 0), 9223372036854775807)"
                " ORDER BY offset LIMIT ?"
            )
            values: tuple[int, ...] = (after, limit)
        else:
            statement = (
                "SELECT e.offset, e.sealed FROM place p CROSS JOIN entry e ON e.offset = p.offset"
                " WHERE p.partition = ? AND p.offset > ? ORDER BY p.offset LIMIT ?"
            )
            values = (partition, after, limit)
        found: list[StoredEntry] = []
        opened = self._sealer.open_all
        with (
            translated(self._path),
            self._readers.lend() as reader,
            selected(reader, statement, values) as rows,
        ):
            for end, sealed in rows:
                entries = opened(sealed)
                start = end - len(entries) + 1
                if start <= after:
                    entries, start = entries[after - end :], after + 1
                found += [StoredEntry(partition, offset, entry) for offset, entry in enumerate(entries, start)]
                if len(found) >= limit:
                    break
        return found[:limit]

    def get(self, positions: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these positions, in the order asked; those not there are left out."""
        wanted = sorted({offset for _, offset in positions})
        statement = (
            "SELECT e.offset, e.sealed, coalesce((SELECT p.partition FROM place p WHERE p.offset = e.offset"
            " AND p.partition IN (SELECT partition FROM partition_end)), 0) FROM entry e WHERE e.offset IN"
            # The row of an offset is the first that ends there or after. One parameter, so one statement, for all.
            " (SELECT (SELECT min(offset) FROM entry WHERE offset >= w.value) FROM json_each(?) w) ORDER BY e.offset"
        )
        found: dict[tuple[int, int], LogEntry] = {}
        opened, met = self._sealer.open_some, 0
        with (
            translated(self._path),
            self._readers.lend() as reader,
            selected(reader, statement, (msgspec.json.encode(wanted).decode(),)) as rows,
        ):
            for end, sealed, partition in rows:
                start, met = met, bisect_right(wanted, end, met)
                some = opened(sealed, [end - offset for offset in wanted[start:met]])
                found.update({(partition, end - back): entry for back, entry in some.items()})
        return [StoredEntry(*there, found[there]) for there in positions if there in found]

    def ends(self) -> dict[int, int]:
        """Last offset of each partition."""
        with translated(self._path), self._readers.lend() as reader:
            ends = dict(select(reader, "SELECT partition, offset FROM partition_end"))
            return ends or {UNPARTITIONED: _last_offset(reader)}

    def waiting(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """How many entries of each partition lie after these offsets; partitions are counted by their index."""
        return {
            partition: self._after(partition, offsets.get(partition, 0), end) for partition, end in self.ends().items()
        }

    def _after(self, partition: int, after: int, end: int) -> int:
        """How many entries of a partition lie after one offset and up to another."""
        if after >= end:
            return 0
        if partition == UNPARTITIONED:
            # Its offsets have no gaps, except where retention took what was before the first that is there.
            first = self.read(partition, after, 1)
            return end - first[0].offset + 1 if first else 0
        # Of the row that `after` is in the middle of, only the rest counts.
        counted = (
            "SELECT coalesce(sum(min(items, offset - ?)), 0) FROM place"
            " WHERE partition = ? AND offset > ? AND offset <= ?"
        )
        with translated(self._path), self._readers.lend() as reader:
            ((items,),) = select(reader, counted, (after, partition, after, end))
        return int(items)

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with translated(self._path), self._readers.lend() as reader:
            return dict(select(reader, "SELECT source, items FROM received"))

    def close(self) -> None:
        """Let go of the file."""
        self._readers.close()
        with self._lock:
            self._writer.close()


def _grouped(entries: Sequence[LogEntry], partitions: Sequence[int]) -> dict[int, Sequence[LogEntry]]:
    """The entries of each partition, in order."""
    groups: defaultdict[int, list[LogEntry]] = defaultdict(list)
    for partition, entry in zip(partitions, entries, strict=True):
        groups[partition].append(entry)
    return {**groups}


def _chunks(entries: Sequence[LogEntry]) -> Iterator[Sequence[LogEntry]]:
    """Entries in order, as many together as may be; what is too large is halved until it fits or stands alone."""
    for start in range(0, len(entries), CHUNK_ENTRIES):
        yield from _fitting(entries[start : start + CHUNK_ENTRIES])


def _fitting(entries: Sequence[LogEntry]) -> Iterator[Sequence[LogEntry]]:
    if len(entries) == 1 or sum(len(e.body) + len(e.shared or b"") for e in entries) <= CHUNK_BYTES:
        yield entries
    else:
        middle = len(entries) // 2
        yield from _fitting(entries[:middle])
        yield from _fitting(entries[middle:])


def _partitioned(writer: apsw.Connection, partition_of: PartitionOf | None) -> PartitionOf | None:
    """The partition of new entries in this file: once partitioned, always, be it in one partition."""
    writer.execute("BEGIN IMMEDIATE")
    try:
        already = bool(select(writer, "SELECT 1 FROM partition_end LIMIT 1"))
        if partition_of is not None and not already:
            writer.execute("INSERT INTO partition_end VALUES (0, ?)", (_last_offset(writer),))
    finally:
        writer.execute("COMMIT")
    return partition_of or ((lambda _: 0) if already else None)


def _last_offset(connection: apsw.Connection) -> int:
    rows = select(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'entry'")
    return rows[0][0] if rows else 0
