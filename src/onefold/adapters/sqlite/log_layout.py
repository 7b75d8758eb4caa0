"""The layout of the embedded log: how entries become rows, which partition each row is in, and rows that are in none.

A log is partitioned for good once it was opened with more than one partition by a process that was alone with it. Each
append looks inside its own transaction how the log is laid out, so that no process goes on with what it knew.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, count

import apsw
import msgspec

from onefold.adapters.sqlite.queries import select
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry

UNPARTITIONED = 0
"""The partition of entries appended while the log had only one."""
CHUNK_ENTRIES = 32
CHUNK_BYTES = 32 * 1024
"""A row holds so many entries at most, and so many bytes of what they carry unless it is one entry."""
_RECOVERED_AT_ONCE = 1_000

PartitionOf = Callable[[LogEntry], int]
"""Which partition an entry belongs to, counted from 0."""

# Rows of a partitioned log that lie beyond partition 0 and in no other. One look-up a row; where it ends stands in `about`.
_NOWHERE = (
    "SELECT e.offset, e.sealed FROM entry e WHERE e.offset >"
    " max(?, coalesce((SELECT value FROM about WHERE name = 'reachable'), 0),"
    " coalesce((SELECT offset FROM partition_end WHERE partition = 0), 9223372036854775807))"
    " AND NOT EXISTS (SELECT 1 FROM partition_end n CROSS JOIN place p ON p.partition = n.partition AND p.offset = e.offset)"
    " ORDER BY e.offset LIMIT ?"
)


class Batch(msgspec.Struct):
    """The entries of an append, sealed in rows.

    Attributes:
        partitions: Of each entry, in the order they were given.
        rows: Partition, number of entries, and sealed entries of each row.
        received: Entries per source.
        partitioned: Whether the rows have places.
    """

    partitions: list[int]
    rows: list[tuple[int, int, bytes]]
    received: Counter[str]
    partitioned: bool

    def positions(self, last: int) -> list[tuple[int, int]]:
        """Where each entry is, if the log's last offset was `last` before."""
        sizes: dict[int, int] = {}
        for partition, entries, _ in self.rows:
            sizes[partition] = sizes.get(partition, 0) + entries
        starts = accumulate(sizes.values(), initial=last + 1)
        offsets = {partition: count(start) for partition, start in zip(sizes, starts, strict=False)}
        return [(partition, next(offsets[partition])) for partition in self.partitions]


def lay_out(
    entries: Sequence[LogEntry], sealer: EntrySealer, partition_of: PartitionOf | None, *, partitioned: bool
) -> Batch:
    """Entries as rows of a log that is partitioned, or not. Where no partition is wanted, all go to partition 1."""
    seal = sealer.seal_all
    if not partitioned:
        partitions, groups = [UNPARTITIONED] * len(entries), {UNPARTITIONED: entries}
    else:
        partitions = [1 if partition_of is None else 1 + partition_of(entry) for entry in entries]
        groups = _grouped(entries, partitions)
    rows = [(p, len(chunk), seal(chunk)) for p, group in groups.items() for chunk in _chunks(group)]
    return Batch(partitions, rows, Counter(entry.source for entry in entries), partitioned)


def insert(writer: apsw.Connection, batch: Batch, *, counted: bool = True) -> int:
    """Write rows within a transaction; the last offset before them. `counted` is False for entries received before."""
    last = last_offset(writer)
    ends = list(accumulate((items for _, items, _ in batch.rows), initial=last))[1:]
    writer.executemany(
        "INSERT INTO entry (offset, sealed) VALUES (?, ?)",
        ((end, sealed) for end, (_, _, sealed) in zip(ends, batch.rows, strict=True)),
    )
    if counted:
        writer.executemany(
            "INSERT INTO received VALUES (?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
            batch.received.items(),
        )
    if batch.partitioned:
        placed = [(p, end, items) for end, (p, items, _) in zip(ends, batch.rows, strict=True)]
        writer.executemany("INSERT INTO place (partition, offset, items) VALUES (?, ?, ?)", placed)
        writer.executemany(
            "INSERT INTO partition_end VALUES (?, ?) ON CONFLICT DO UPDATE SET offset = excluded.offset",
            {p: end for p, end, _ in placed}.items(),
        )
    return last


def convert(writer: apsw.Connection, sealer: EntrySealer, partition_of: PartitionOf | None) -> None:
    """Partition the log if that is wanted, and bring back what no reader finds. The caller is alone with the log."""
    writer.execute("BEGIN IMMEDIATE")
    try:
        if partition_of is not None and not is_partitioned(writer):
            writer.execute("INSERT INTO partition_end VALUES (0, ?)", (last_offset(writer),))
        while rows := select(writer, _NOWHERE, (0, _RECOVERED_AT_ONCE)):
            # At the end of the log, not in their places: those who read may have passed them.
            for offset, sealed in rows:
                entries = sealer.open_all(sealed)
                insert(writer, lay_out(entries, sealer, partition_of, partitioned=True), counted=False)
                writer.execute("DELETE FROM entry WHERE offset = ?", (offset,))
        if is_partitioned(writer):
            writer.execute(
                "INSERT INTO about VALUES ('reachable', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                (last_offset(writer),),
            )
    except BaseException:
        writer.execute("ROLLBACK")
        raise
    writer.execute("COMMIT")


def unreachable(connection: apsw.Connection, sealer: EntrySealer, *, after: int = 0) -> int:
    """Entries of a partitioned log that are in no partition, of those after an offset; not all, if they are many."""
    rows = select(connection, _NOWHERE, (after, _RECOVERED_AT_ONCE))
    return sum(len(sealer.open_all(sealed)) for _, sealed in rows)


def is_partitioned(connection: apsw.Connection) -> bool:
    """Whether the log is partitioned, be it in one partition."""
    return bool(select(connection, "SELECT 1 FROM partition_end LIMIT 1"))


def last_offset(connection: apsw.Connection) -> int:
    """The last offset ever given."""
    rows = select(connection, "SELECT seq FROM sqlite_sequence WHERE name = 'entry'")
    return rows[0][0] if rows else 0


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
