"""What the SQLite stores promise beyond the ports: files, processes, full disks, damage."""

from __future__ import annotations

import os
import subprocess
import sys

import apsw
import pytest

from onefold.adapters.sqlite.lease import held
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import ConfigurationError, IntegrityError, UnavailableError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import Judgement, LogEntry, Member
from onefold.ports import Changes, NodeRow

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom)
A = b"a" * 16

APPENDING = """
import os, sys
from pathlib import Path
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import LogEntry
log = SqliteEventLog(Path(sys.argv[1]), EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"l" * 32), os.urandom))
for batch in range(20):
    log.append([LogEntry("segment", sys.argv[2], 1, batch * 5 + item, b"{}") for item in range(5)])
"""

HOLDING = """
import sys, time
from pathlib import Path
from onefold.adapters.sqlite.lease import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def entries(count: int, size: int = 10) -> list[LogEntry]:
    return [LogEntry("segment", "web", 1, index, os.urandom(size)) for index in range(count)]


def save(store: SqliteProfileStore, offset: int, names: list[bytes], size: int = 100) -> None:
    rows = [NodeRow(Member(n, "email", 1, n, n), b"k" * 60, 1, os.urandom(size)) for n in names]
    with store.transaction() as transaction:
        transaction.claim(names)
        transaction.write(Changes(offsets={0: offset}, nodes=rows))


def test_processes_append_to_one_log_together(tmp_path):
    """Three processes that also create the file at the same moment: nothing lost, nothing mixed up."""
    path = tmp_path / "log.db"
    started = [subprocess.Popen([sys.executable, "-c", APPENDING, path, f"s{n}"]) for n in range(3)]
    assert [process.wait(60) for process in started] == [0, 0, 0]
    log = SqliteEventLog(path, SEALER)
    assert log.received() == {"s0": 100, "s1": 100, "s2": 100}
    stored = log.read(0, 0, 999)
    assert [s.offset for s in stored] == list(range(1, 301))
    for source in ("s0", "s1", "s2"):
        assert [s.entry.index for s in stored if s.entry.source == source] == list(range(100))
    log.close()


def test_nothing_personal_is_readable_in_the_files(tmp_path):
    """Neither what an event said nor what a person wrote into a judgement."""
    log, store = SqliteEventLog(tmp_path / "log.db", SEALER), SqliteProfileStore(tmp_path / "profiles.db", SEALER)
    log.append([LogEntry("segment", "web", 1, 0, b"ann@example.org", shared=b"ann@example.org")])
    with store.transaction() as transaction:
        said = Judgement(A, "shared", A, None, 1, "steward@example.org", "Ann's family")
        transaction.write(Changes(offsets={0: 1}, judgements=[said]))
    everything = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert len(everything) > 10_000
    assert b"example.org" not in everything
    assert b"family" not in everything
    log.close()
    store.close()


def test_commits_are_synced_and_deleted_content_is_overwritten(tmp_path):
    """The settings that durability and erasure rest on are those of the open connection."""
    for opened in (SqliteEventLog(tmp_path / "log.db", SEALER), SqliteProfileStore(tmp_path / "profiles.db", SEALER)):
        pragma = opened._writer.pragma
        assert (pragma("journal_mode"), pragma("synchronous"), pragma("secure_delete")) == ("wal", 2, 1)
        opened.close()


def test_a_full_disk_refuses_the_batch_whole_and_recovers_by_itself(tmp_path):
    """`UnavailableError`, nothing changed, reading goes on; and when there is space again, so does writing."""
    log, store = SqliteEventLog(tmp_path / "log.db", SEALER), SqliteProfileStore(tmp_path / "profiles.db", SEALER)
    log.append(entries(3))
    save(store, 1, [A])
    names = [index.to_bytes(16, "big") for index in range(2_000)]
    for opened in (log, store):
        opened._writer.pragma("max_page_count", 40)
    with pytest.raises(UnavailableError, match="full"):
        log.append(entries(500, size=1_000))
    with pytest.raises(UnavailableError, match="full"):
        save(store, 2, names, size=1_000)
    assert log.received() == {"web": 3}
    assert len(log.read(0, 0, 999)) == 3
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 1}
        assert seen.counts()["nodes"] == 1
    for opened in (log, store):
        opened._writer.pragma("max_page_count", 1_000_000)
    assert log.append(entries(500, size=1_000))[0] == (0, 4)
    save(store, 2, names)
    with store.snapshot() as seen:
        assert seen.counts()["nodes"] == 2_001
    log.close()
    store.close()


@pytest.mark.parametrize(("store", "name"), [(SqliteEventLog, "log.db"), (SqliteProfileStore, "profiles.db")])
def test_a_file_that_is_not_ours_is_refused(tmp_path, store, name):
    """A newer schema, another program's database, a file that is no database, a directory that is not there."""
    opened = store(tmp_path / name, SEALER)
    opened._writer.pragma("user_version", 99)
    opened.close()
    with pytest.raises(ConfigurationError, match="newer Onefold"):
        store(tmp_path / name, SEALER)
    other = apsw.Connection(str(tmp_path / "other.db"))
    other.execute("CREATE TABLE t (x)").fetchall()
    other.close()
    with pytest.raises(ConfigurationError, match="not a file this Onefold can use"):
        store(tmp_path / "other.db", SEALER)
    (tmp_path / "noise.db").write_bytes(os.urandom(8192))
    with pytest.raises(IntegrityError, match="damaged"):
        store(tmp_path / "noise.db", SEALER)
    with pytest.raises(UnavailableError):
        store(tmp_path / "absent" / name, SEALER)


def test_a_damaged_file_is_reported_and_not_read_on(tmp_path):
    """Zeroed pages are an `IntegrityError`, not an empty answer."""
    path = tmp_path / "profiles.db"
    store = SqliteProfileStore(path, SEALER)
    names = [index.to_bytes(16, "big") for index in range(500)]
    save(store, 1, names)
    store.close()
    content = bytearray(path.read_bytes())
    content[8192:] = b"\xaa" * (len(content) - 8192)
    path.write_bytes(content)
    with pytest.raises(IntegrityError), SqliteProfileStore(path, SEALER).snapshot() as seen:
        seen.nodes(names)


def test_a_writer_in_another_process_is_waited_for_and_then_reported(tmp_path, monkeypatch):
    """A lock that does not go away is `UnavailableError`, and readers are not held up by it."""
    store = SqliteProfileStore(tmp_path / "profiles.db", SEALER)
    save(store, 1, [A])
    other = apsw.Connection(str(tmp_path / "profiles.db"))
    other.execute("BEGIN IMMEDIATE").fetchall()
    store._writer.set_busy_timeout(50)
    with pytest.raises(UnavailableError, match="locked"):
        save(store, 2, [b"b" * 16])
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 1}
    other.execute("ROLLBACK").fetchall()
    save(store, 2, [b"b" * 16])
    other.close()
    store.close()


def test_there_is_one_holder_of_the_lease_and_it_ends_with_its_process(tmp_path):
    """A second is told which process has it; a killed one leaves nothing to clean up."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, tmp_path], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(UnavailableError, match=str(holder.pid)), held(tmp_path):
        pass
    holder.kill()
    holder.wait()
    holder.stdout.close()
    with held(tmp_path), pytest.raises(UnavailableError), held(tmp_path):
        pass


def test_a_closed_store_says_so(tmp_path):
    """No reader is opened behind a closed store."""
    store = SqliteProfileStore(tmp_path / "profiles.db", SEALER)
    store.close()
    with pytest.raises(UnavailableError, match="closed"), store.snapshot():
        pass
