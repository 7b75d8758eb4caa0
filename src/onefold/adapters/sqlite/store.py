"""The embedded profile store: one SQLite file, one writer at a time, any number of readers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import apsw

from onefold.adapters.sqlite import tiers
from onefold.adapters.sqlite.connections import BUSY_MS, FileOnDisk, Readers, open_writer, translated
from onefold.adapters.sqlite.snapshot import SqliteSnapshot
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.errors import UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.ports import ProfileStore, StoreCapabilities

SCHEMA_VERSION = 7
# 64 MB, about a large batch of random people. A page put at the end of a log that grows costs three times the processor
# time of one that overwrites what a checkpoint has copied, and few pages of a large store change twice in more batches:
# at 2 million people an event costs an eighth less than with 256 MB, at 10 thousand the same. 32 MB gain no more.
_CHECKPOINT_PAGES = 16_384


class SqliteProfileStore(ProfileStore):
    """Commits reach the disk before a transaction's block ends. Safe for threads; writers wait for each other."""

    # What a thousand entries become on their way fits a processor's cache; of 15,000 at once each step finds everything
    # in main memory, and some take twice as long.
    capabilities = StoreCapabilities(preferred_entries_per_write=1_000)

    def __init__(
        self,
        path: Path,
        sealer: EntrySealer,
        *,
        cache_mib: int = 96,
        tier_rows: int = tiers.ROWS_KEPT,
        change: bool = True,
    ) -> None:
        """Open the store at `path`; its directory must exist.

        `sealer` seals what people wrote into judgements. `cache_mib` bounds the writer's page cache, `tier_rows` the
        young tier of each table that has one. `change` is whether this process is the only one that has the store open,
        and may create it and bring it up to date.
        """

        def script(name: str) -> str:
            return resources.files(__package__).joinpath(f"{name}.sql").read_text()

        self._path = path
        self._sealer = sealer
        self._writer = open_writer(
            path, schema=script("store") + "".join(script(f"store_{n}") for n in range(3, SCHEMA_VERSION + 1)),
            version=SCHEMA_VERSION, cache_kib=cache_mib * 1024, checkpoint_pages=_CHECKPOINT_PAGES,
            upgrades={n - 1: script(f"store_{n}") for n in range(2, SCHEMA_VERSION + 1)}, change=change,
        )  # fmt: skip
        self._tier_rows = tier_rows
        self._file = FileOnDisk(path)
        self._readers = Readers(path)
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """Begin; commit durably at the end of the block, roll back on an exception."""
        if not self._lock.acquire(timeout=BUSY_MS / 1000):
            raise UnavailableError(f"another thread has been writing {self._path} for {BUSY_MS // 1000} s")
        try:
            with translated(self._path):
                self._file.check()
                writer = self._writer
                writer.execute("BEGIN IMMEDIATE")
                try:
                    yield SqliteTransaction(writer, self._sealer, tier_rows=self._tier_rows)
                    writer.execute("COMMIT")
                except BaseException:
                    if writer.in_transaction:  # SQLite rolls back by itself after some errors
                        writer.execute("ROLLBACK")
                    raise
        finally:
            self._lock.release()

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Read one committed state; never blocks the writer and is never blocked by it."""
        self._file.check()
        with translated(self._path), self._readers.lend() as reader:
            reader.execute("BEGIN")
            try:
                reader.execute("SELECT 1 FROM consumer LIMIT 1").fetchall()  # the first read fixes the state
                yield SqliteSnapshot(reader, self._sealer)
            finally:
                reader.execute("ROLLBACK")

    def scrub(self) -> None:
        """See to it that nothing that was deleted is left in any file: overwritten in the pages, cut from the log."""
        with self._lock, translated(self._path):
            ((busy, *_),) = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        if busy:
            raise UnavailableError(f"somebody reads {self._path}, so what was deleted is still in its log; try again")

    def pages_written(self) -> int:
        """Pages of 4 KiB the writer has logged since the store was opened: the work that grows with a store's size."""
        return int(self._writer.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE)[0])

    def close(self) -> None:
        """Let go of the file."""
        self._readers.close()
        with self._lock:
            self._writer.close()
