"""Power cuts: what was acknowledged is there when the disk forgets whatever was not synced.

A shim under SQLite keeps, beside the real files, the disk as it would be found: synced bytes for certain; of unsynced
writes each 512-byte sector by the toss of a coin. kill -9 proves nothing here: the kernel keeps what a process wrote.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest

from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry, Member
from onefold.ports import Commit, NodeRow, Tally

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom)
SECTOR = 512
CUTS = 60

Write = tuple[int, bytes] | int
"""Bytes at an offset, or a length that the file was cut to."""


class Disk(apsw.VFS):
    """Passes everything on, and knows what a power cut would leave."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.below = apsw.vfs_names()[0]
        self.synced: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write]] = {}
        self.on_write: Callable[[], None] = lambda: None
        super().__init__(f"disk{seed}", self.below, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's word
        """Open a file that reports what it does."""
        return File(self, name, flags)

    def xDelete(self, filename, syncdir):  # noqa: N802 - SQLite's word
        """A deleted file is gone for good."""
        self.synced.pop(Path(filename).name, None)
        self.pending.pop(Path(filename).name, None)
        return super().xDelete(filename, syncdir)

    def cut(self, into: Path) -> None:
        """Write the files as they would be found."""
        into.mkdir()
        for name, synced in self.synced.items():
            found = bytearray(synced)
            for write in self.pending[name]:
                self.perhaps(found, write)
            (into / name).write_bytes(found)

    def perhaps(self, content: bytearray, write: Write) -> None:
        """Each sector of a write reaches the disk, or does not; so does a truncation."""
        if isinstance(write, int):
            if self.random.random() < 0.5:
                apply(content, write)
            return
        offset, data = write
        start = 0
        while start < len(data):
            end = start + SECTOR - (offset + start) % SECTOR
            if self.random.random() < 0.5:
                apply(content, (offset + start, data[start:end]))
            start = end


def apply(content: bytearray, write: Write) -> None:
    """What a write does to a file that keeps it."""
    if isinstance(write, int):
        del content[write:]
        return
    offset, data = write
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data


class File(apsw.VFSFile):
    """A file on the disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__(disk.below, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.name = Path(path or "temporary").name
        self.disk = disk
        if path and self.name not in disk.synced:
            disk.synced[self.name] = bytearray(Path(path).read_bytes())
        disk.pending.setdefault(self.name, [])

    def xWrite(self, data, offset):  # noqa: N802 - SQLite's word
        """Write; whether it lasts is open until the next sync."""
        super().xWrite(data, offset)
        self.disk.pending[self.name].append((offset, bytes(data)))
        self.disk.on_write()

    def xTruncate(self, newsize):  # noqa: N802 - SQLite's word
        """Truncate, open likewise."""
        super().xTruncate(newsize)
        self.disk.pending[self.name].append(newsize)

    def xSync(self, flags):  # noqa: N802 - SQLite's word
        """From here on it lasts."""
        self.disk.on_write()  # the moment before is the most dangerous one
        super().xSync(flags)
        for write in self.disk.pending[self.name]:
            apply(self.disk.synced[self.name], write)
        self.disk.pending[self.name].clear()


@contextmanager
def disk(seed: int) -> Iterator[Disk]:
    """Put a disk under every database that is opened in the block."""
    below = apsw.vfs_names()[0]
    made = Disk(seed)
    try:
        yield made
    finally:
        apsw.set_default_vfs(below)
        made.unregister()


def cut_at_random(under: Disk, folder: Path, acknowledged: Callable[[], int]) -> list[tuple[Path, int]]:
    """Note, at random writes from now on, what a cut would leave and what had been acknowledged by then."""
    cuts: list[tuple[Path, int]] = []

    def perhaps_cut() -> None:
        if len(cuts) < CUTS and under.random.random() < 0.15:
            into = folder / f"cut{len(cuts)}"
            under.cut(into)
            cuts.append((into, acknowledged()))

    under.on_write = perhaps_cut
    return cuts


def losses_of_the_log(folder: Path, seed: int, synchronous: str) -> tuple[int, int]:
    """Append under power cuts; the acknowledged entries of all cuts, and how many of them were lost."""
    SqliteEventLog(folder / "log.db", SEALER).close()
    acked = [0]
    with disk(seed) as under:
        log = SqliteEventLog(folder / "log.db", SEALER)
        log._writer.pragma("synchronous", synchronous)
        log._writer.pragma("wal_autocheckpoint", 12)  # checkpoints are where a missing sync does most harm
        cuts = cut_at_random(under, folder, lambda: acked[0])
        for _ in range(120):
            batch = [
                LogEntry("segment", "web", 1, acked[0] + n, os.urandom(under.random.randrange(900))) for n in range(3)
            ]
            log.append(batch)
            acked[0] += 3
        under.on_write = lambda: None
        log.close()
    lost = 0
    for found, promised in cuts:
        try:
            again = SqliteEventLog(found / "log.db", SEALER)
            there = [stored.entry.index for stored in again.read(0, 0, 9999)]
            assert again._writer.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert there == list(range(len(there)))
            assert len(there) % 3 == 0
            assert again.received() == ({"web": len(there)} if there else {})
            lost += max(0, promised - len(there))
            again.close()
        except (IntegrityError, apsw.CorruptError, AssertionError):
            if synchronous == "FULL":
                raise
            lost += promised
    assert len(cuts) == CUTS
    return sum(promised for _, promised in cuts), lost


@pytest.mark.parametrize("seed", range(3))
def test_a_power_cut_takes_nothing_acknowledged_from_the_log(tmp_path, seed):
    """Whole batches, in order, all of the acknowledged ones, and at most the one under way."""
    acknowledged, lost = losses_of_the_log(tmp_path, seed, "FULL")
    assert acknowledged > 1_000
    assert lost == 0


def test_without_syncs_the_harness_reports_loss(tmp_path):
    """Negative control: with synchronous=OFF more than a tenth is gone, so the test above can fail."""
    acknowledged, lost = losses_of_the_log(tmp_path, 9, "OFF")
    assert lost > acknowledged / 10


@pytest.mark.parametrize("seed", range(2))
def test_a_power_cut_leaves_the_store_at_a_commit(tmp_path, seed):
    """Offset, nodes, claims and counts of one moment, no earlier than the last commit that returned."""
    SqliteProfileStore(tmp_path / "profiles.db", SEALER).close()
    acked = [0]
    with disk(100 + seed) as under:
        store = SqliteProfileStore(tmp_path / "profiles.db", SEALER)
        store._writer.pragma("wal_autocheckpoint", 30)
        cuts = cut_at_random(under, tmp_path, lambda: acked[0])
        for number in range(1, 81):
            with store.transaction() as transaction:
                name = random.Random(number).randbytes(16)
                transaction.claim([name])
                row = NodeRow(Member(name, "email", 1, name, name), b"k" * 60, 1, os.urandom(300))
                tally = Tally("web", "stored", 1)
                transaction.commit(Commit(offsets={0: number}, nodes=[row], tallies=[tally]))
            acked[0] = number
        under.on_write = lambda: None
        store.close()
    assert len(cuts) == CUTS
    for found, promised in cuts:
        again = SqliteProfileStore(found / "profiles.db", SEALER)
        assert again._writer.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with again.snapshot() as seen:
            offset = seen.offsets().get(0, 0)
            assert promised <= offset <= promised + 1
            assert seen.counts()["nodes"] == seen.counts()["events"] == offset == len(list(seen.scan()))
        with again.transaction() as transaction:
            names = [random.Random(number).randbytes(16) for number in range(1, 81)]
            assert transaction.claim(names) == [number > offset for number in range(1, 81)]
        again.close()
