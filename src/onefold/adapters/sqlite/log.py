"""The embedded event log: one SQLite file, one partition, any number of processes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from itertools import count
from pathlib import Path

from onefold.adapters.sqlite.connections import Readers, open_writer, translated
from onefold.adapters.sqlite.queries import select, select_in
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

PARTITION = 0
SCHEMA_VERSION = 1
_CACHE_KIB = 8 * 1024  # appends touch the last page only
_CHECKPOINT_PAGES = 4_096


class SqliteEventLog(EventLog):
    """Appends are one transaction each, synced to the disk before they return; safe for threads and processes."""

    def __init__(self, path: Path, sealer: EntrySealer) -> None:
        """Open or create the log at `path`; its directory must exist."""
        schema = resources.files(__package__).joinpath("log.sql").read_text()
        self._path = path
        self._sealer = sealer
        self._writer = open_writer(
            path, schema=schema, version=SCHEMA_VERSION, cache_kib=_CACHE_KIB, checkpoint_pages=_CHECKPOINT_PAGES
        )
        self._readers = Readers(path)
        self._lock = threading.Lock()

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none, durably; returns the place of each."""
        if not entries:
            return []
        seal = self._sealer.seal
        sealed = [seal(entry) for entry in entries]  # before the lock: others can commit meanwhile
        per_source = Counter(entry.source for entry in entries)
        with self._lock, translated(self._path):
            writer = self._writer
            writer.execute("BEGIN IMMEDIATE")
            try:
                last = _last_offset(select(writer, "SELECT seq FROM sqlite_sequence WHERE name = 'entry'"))
                writer.executemany(
                    "INSERT INTO entry (offset, sealed) VALUES (?, ?)", zip(count(last + 1), sealed, strict=False)
                )
                writer.executemany(
                    "INSERT INTO received VALUES (?, ?) ON CONFLICT DO UPDATE SET items = items + excluded.items",
                    per_source.items(),
                )
                writer.execute("COMMIT")
            except BaseException:
                if writer.in_transaction:
                    writer.execute("ROLLBACK")
                raise
        return [(PARTITION, offset) for offset in range(last + 1, last + 1 + len(sealed))]

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` committed entries with offset > `after`, in order."""
        if partition != PARTITION:
            return []
        with translated(self._path), self._readers.lend() as reader:
            rows = select(
                reader, "SELECT offset, sealed FROM entry WHERE offset > ? ORDER BY offset LIMIT ?", (after, limit)
            )
        opened = self._sealer.open
        return [StoredEntry(PARTITION, offset, opened(sealed)) for offset, sealed in rows]

    def get(self, places: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these places, in the order asked; those not there are left out."""
        wanted = {offset for partition, offset in places if partition == PARTITION}
        with translated(self._path), self._readers.lend() as reader:
            found = dict(select_in(reader, "SELECT offset, sealed FROM entry WHERE offset IN (", wanted))
        opened = self._sealer.open
        return [
            StoredEntry(PARTITION, offset, opened(found[offset]))
            for partition, offset in places
            if partition == PARTITION and offset in found
        ]

    def ends(self) -> dict[int, int]:
        """Last offset of the one partition."""
        with translated(self._path), self._readers.lend() as reader:
            rows = select(reader, "SELECT seq FROM sqlite_sequence WHERE name = 'entry'")
        return {PARTITION: _last_offset(rows)}

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with translated(self._path), self._readers.lend() as reader:
            return dict(select(reader, "SELECT source, items FROM received"))

    def close(self) -> None:
        """Let go of the file."""
        self._readers.close()
        with self._lock:
            self._writer.close()


def _last_offset(rows: list[tuple[int]]) -> int:
    return rows[0][0] if rows else 0
