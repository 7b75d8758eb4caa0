"""Backups are taken while the files are in use, prove themselves, and come back whole."""

from __future__ import annotations

import os
import threading

import pytest

from onefold.adapters.sqlite import backup
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import IntegrityError, UsageError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry
from onefold.ports import Changes, Tally

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom)
LOG, STORE, KEYS = "log.db", "profiles.db", "keys.bin"


def opened(directory):
    directory.mkdir(exist_ok=True)
    (directory / KEYS).write_bytes(b"wrapped keys")
    return SqliteEventLog(directory / LOG, SEALER), SqliteProfileStore(directory / STORE, SEALER)


def work(log, store, batches):
    """Append ten entries and consume them, per batch."""
    for _ in range(batches):
        (_, last) = log.append([LogEntry("segment", "web", 1, index, os.urandom(200)) for index in range(10)])[-1]
        with store.transaction() as transaction:
            transaction.claim([os.urandom(16) for _ in range(10)])
            transaction.write(Changes(offsets={0: last}, tallies=[Tally("web", "stored", 10)]))


def take(home, to):
    return backup.take([home / STORE, home / LOG], [home / KEYS], to)


def state(log, store):
    with store.snapshot() as seen:
        return seen.offsets(), seen.tallies(), log.ends(), log.received(), len(log.read(0, 0, 100_000))


def test_a_backup_comes_back_as_it_was_taken(tmp_path):
    """State and keys return to the moment of the backup; what was there is set aside."""
    home, copy, aside = tmp_path / "home", tmp_path / "copy", tmp_path / "aside"
    log, store = opened(home)
    work(log, store, 3)
    before = state(log, store)
    assert take(home, copy) == sum((copy / name).stat().st_size for name in (STORE, LOG, KEYS))
    work(log, store, 2)
    log.close()
    store.close()
    (home / KEYS).write_bytes(b"other")
    backup.put_back(copy, home, aside=aside)
    assert (home / KEYS).read_bytes() == b"wrapped keys"
    assert (aside / KEYS).read_bytes() == b"other"
    log, store = SqliteEventLog(home / LOG, SEALER), SqliteProfileStore(home / STORE, SEALER)
    assert state(log, store) == before
    work(log, store, 1)
    log.close()
    store.close()


def test_a_backup_taken_under_load_is_consistent(tmp_path):
    """The log holds all the store has consumed, and the store is of one moment, while a writer goes on all the time."""
    home = tmp_path / "home"
    log, store = opened(home)
    work(log, store, 5)
    stop = threading.Event()

    def write():
        while not stop.is_set():
            work(log, store, 1)

    writer = threading.Thread(target=write)
    writer.start()
    for attempt in range(5):
        take(home, tmp_path / f"copy{attempt}")
    stop.set()
    writer.join()
    log.close()
    store.close()
    for attempt in range(5):
        copy = tmp_path / f"copy{attempt}"
        log, store = SqliteEventLog(copy / LOG, SEALER), SqliteProfileStore(copy / STORE, SEALER)
        offsets, tallies, ends, received, readable = state(log, store)
        assert offsets[0] == tallies[0].count
        assert offsets[0] <= ends[0] == received["web"] == readable
        log.close()
        store.close()


def test_an_altered_backup_is_refused_and_nothing_changes(tmp_path):
    """One flipped bit, one missing file, or no manifest."""
    home, copy = tmp_path / "home", tmp_path / "copy"
    log, store = opened(home)
    work(log, store, 1)
    take(home, copy)
    log.close()
    store.close()
    before = {path.name: path.read_bytes() for path in home.iterdir()}
    content = bytearray((copy / STORE).read_bytes())
    content[5000] ^= 1
    (copy / STORE).write_bytes(content)
    with pytest.raises(IntegrityError, match="altered"):
        backup.put_back(copy, home, aside=tmp_path / "aside")
    (copy / STORE).unlink()
    with pytest.raises(IntegrityError, match="missing"):
        backup.put_back(copy, home, aside=tmp_path / "aside")
    (copy / backup.MANIFEST).unlink()
    with pytest.raises(UsageError, match="no backup"):
        backup.put_back(copy, home, aside=tmp_path / "aside")
    assert {path.name: path.read_bytes() for path in home.iterdir()} == before
    assert not (tmp_path / "aside").exists()


def test_a_damaged_database_is_not_backed_up(tmp_path):
    """A backup of damage would replace a good one; it is left without a manifest, so it never counts as one."""
    home, copy = tmp_path / "home", tmp_path / "copy"
    log, store = opened(home)
    work(log, store, 30)
    log.close()
    store.close()
    content = bytearray((home / LOG).read_bytes())
    content[-8192:] = b"\xaa" * 8192
    (home / LOG).write_bytes(content)
    with pytest.raises(IntegrityError, match="damaged"):
        take(home, copy)
    assert not (copy / backup.MANIFEST).exists()


def test_no_backup_is_overwritten(tmp_path):
    """A directory that exists is refused."""
    (tmp_path / "copy").mkdir()
    with pytest.raises(UsageError, match="exists"):
        take(tmp_path, tmp_path / "copy")
