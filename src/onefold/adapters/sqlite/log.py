"""The embedded event log: one SQLite file, one partition or several, any number of processes."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import apsw
import msgspec

from onefold.adapters import seek
from onefold.adapters.sqlite import log_layout as layout
from onefold.adapters.sqlite.connections import FileOnDisk, Readers, open_writer, translated
from onefold.adapters.sqlite.log_layout import UNPARTITIONED, PartitionOf
from onefold.adapters.sqlite.queries import select, selected
from onefold.errors import UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry, LostEntries, StoredEntry, WorkspaceIdentity
from onefold.ports import EventLog

SCHEMA_VERSION = 4
_CACHE_KIB = 8 * 1024  # appends touch the last page only
_CHECKPOINT_PAGES = 4_096


class SqliteEventLog(EventLog):
    """Appends are one transaction each, synced to the disk before they return; safe for threads and processes.

    Entries of one append and one partition are stored as chunks, which are sealed and written as one; their offsets follow
    one another. Offsets rise over all partitions together, so those of one partition have gaps.
    """

    def __init__(
        self, path: Path, sealer: EntrySealer, *, partition_of: PartitionOf | None = None, change: bool = True
    ) -> None:
        """Open the log at `path`; its directory must exist.

        Args:
            path: The file.
            sealer: Seals and opens entries.
            partition_of: Makes it a log of several partitions, numbered from 1, for good: what it held before stays
                partition 0. The number of partitions may change later; entries keep the partition they were given.
            change: Whether this process is the only one that has the log open, and may create it, convert it, and bring
                back entries that no reader would find. Otherwise it is taken as it is.
        """
        package = resources.files(__package__)
        parts = [package.joinpath(f"log{part}.sql").read_text() for part in ("", "_partitions", "_3", "_4")]
        self._path = path
        self._sealer = sealer
        self._partition_of = partition_of
        self._writer = open_writer(
            path, schema="".join(parts), version=SCHEMA_VERSION, cache_kib=_CACHE_KIB,
            checkpoint_pages=_CHECKPOINT_PAGES, upgrades=dict(enumerate(parts[1:], start=1)), change=change,
        )  # fmt: skip
        self._file = FileOnDisk(path)
        self._readers = Readers(path)
        self._lock = threading.Lock()
        self._id: str | None = None
        self._reachable = 0
        with translated(path):
            if change:
                layout.convert(self._writer, sealer, partition_of)
            self._partitioned = layout.is_partitioned(self._writer)

    @property
    def unconverted(self) -> bool:
        """Whether several partitions are wanted, and the log has one: nobody was alone with it since."""
        return self._partition_of is not None and not self._partitioned

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none, durably; returns the position of each."""
        if not entries:
            return []
        # Sealed before the lock: others can commit meanwhile.
        partitioned = self._partitioned
        batch = layout.lay_out(entries, self._sealer, self._partition_of, partitioned=partitioned)
        with self._lock, translated(self._path):
            self._file.check()
            writer = self._writer
            writer.execute("BEGIN IMMEDIATE")
            try:
                if self._look() != partitioned:  # another process has converted the log since
                    batch = layout.lay_out(entries, self._sealer, self._partition_of, partitioned=self._partitioned)
                last = layout.insert(writer, batch)
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        return batch.positions(last)

    def _look(self) -> bool:
        """Within a transaction: whether the log is partitioned, once it is known to be this workspace's."""
        ((found, partitioned),) = select(
            self._writer,
            "SELECT (SELECT value FROM about WHERE name = 'id'), EXISTS (SELECT 1 FROM partition_end)",
        )
        if self._id is not None and found != self._id:
            raise UnavailableError(f"{self._path} is another workspace's by now; start this process again")
        self._partitioned = bool(partitioned)
        return self._partitioned

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
        self._file.check()
        with translated(self._path), self._readers.lend() as reader:
            ends = dict(select(reader, "SELECT partition, offset FROM partition_end"))
            return ends or {UNPARTITIONED: layout.last_offset(reader)}

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

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace this log belongs to."""
        with translated(self._path), self._readers.lend() as reader:
            return _identity(reader)

    def claim(self, identity: WorkspaceIdentity, *, anew: bool = False) -> WorkspaceIdentity:
        """Say which workspace this log belongs to, unless that is said already; returns what is said, the first word."""
        with translated(self._path), self._readers.lend() as reader:
            said = _identity(reader)
        if said is None or (anew and said != identity):
            with self._lock, translated(self._path):
                self._writer.execute("BEGIN IMMEDIATE")
                said = None if anew else _identity(self._writer)
                if said is None:
                    rows = (("id", identity.id), ("keys", identity.keys))
                    self._writer.executemany("INSERT OR REPLACE INTO about VALUES (?, ?)", rows)
                    said = identity
                self._writer.execute("COMMIT")
        self._id = said.id
        return said

    def current(self, partition: int, offset: int) -> LogEntry | None:
        """The entry at a position."""
        self._file.check()
        found = self.get([(partition, offset)])
        return found[0].entry if found else None

    def lost(self, offsets: Mapping[int, int]) -> list[LostEntries]:
        """Entries after these offsets that were removed. Above partition 0 offsets have gaps: known places are missed."""
        found = []
        for partition, end in self.ends().items():
            after = offsets.get(partition, 0)
            if end <= after:
                continue
            first = self.read(partition, after, 1)
            start = first[0].offset if first else end + 1
            missing = start - after - 1 if partition == UNPARTITIONED else self._placed_between(partition, after, start)
            if missing:
                found.append(LostEntries(partition, after + 1, start - 1, start - 1))
        return found

    def _placed_between(self, partition: int, after: int, before: int) -> int:
        counted = "SELECT count(*) FROM place WHERE partition = ? AND offset > ? AND offset < ?"
        with translated(self._path), self._readers.lend() as reader:
            return int(select(reader, counted, (partition, after, before))[0][0])

    def unreachable(self) -> int:
        """Entries that are stored where `read` does not find them; each call looks on from where there were none."""
        with translated(self._path), self._readers.lend() as reader:
            end = layout.last_offset(reader)
            found = layout.unreachable(reader, self._sealer, after=self._reachable)
        if not found:
            self._reachable = end
        return found

    def offsets_at(self, time_us: int) -> dict[int, int]:
        """Of each partition the last offset before that time."""
        return seek.offsets_at(self, time_us)

    def close(self) -> None:
        """Let go of the file."""
        self._readers.close()
        with self._lock:
            self._writer.close()


def _identity(connection: apsw.Connection) -> WorkspaceIdentity | None:
    said = dict(select(connection, "SELECT name, value FROM about WHERE name IN ('id', 'keys')"))
    return WorkspaceIdentity(said["id"], said["keys"]) if "id" in said else None
