"""Flipped bits and torn tails: damage is told, and never read as if it were what was written."""

import os
import random
import shutil

import apsw
import msgspec
import pytest
from tests import workbench
from tests.faults import figures, spine
from tests.faults.scale import scaled
from tests.running import project

from onefold import bootstrap, config
from onefold.adapters.sqlite import backup
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.errors import IntegrityError, OnefoldError, UsageError
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry

SEALER = EntrySealer(workbench.KEYS, os.urandom)
pytestmark = pytest.mark.xdist_group("damage")


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A project with data."""
    with project() as here:
        spine.work(str(here.directory), str(here.directory / "ledger"), "10")
        kept = tmp_path_factory.mktemp("home") / "project"
        shutil.copytree(here.directory, kept)
    return kept


def flipped(content, bit):
    return content[: bit // 8] + bytes([content[bit // 8] ^ 1 << bit % 8]) + content[bit // 8 + 1 :]


def opens(directory):
    """Whether a project's workspace opens; damage is told as such."""
    try:
        with bootstrap.opened(directory, None):
            return True
    except IntegrityError:
        return False


def test_every_flipped_bit_and_every_torn_tail_of_the_keys_is_told(tmp_path, home):
    """`keys.bin` is authenticated: no altered or shortened one is taken, not even an empty one."""
    directory = tmp_path / "project"
    shutil.copytree(home, directory)
    keys = next(directory.rglob("keys.bin"))
    sound = keys.read_bytes()
    assert opens(directory)
    bits = range(0, 8 * len(sound), scaled(7, 1))
    for bit in bits:
        keys.write_bytes(flipped(sound, bit))
        assert not opens(directory), bit
    for length in range(len(sound)):
        keys.write_bytes(sound[:length])
        assert not opens(directory), length
    keys.write_bytes(sound)
    assert opens(directory)
    figures.note("damaged keys", bits=len(bits), tails=len(sound), silent=0)


def test_every_damaged_backup_is_refused(tmp_path, home):
    """A bit or the tail of any of its files, the manifest's too: it is not put back."""
    directory, copy = tmp_path / "project", tmp_path / "copy"
    shutil.copytree(home, directory)
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.backup(config.read_project(directory), workspace, copy)
    draw, told = random.Random(4), 0
    for file in sorted(copy.iterdir()):
        sound = file.read_bytes()
        for number in range(scaled(40, 2_000)):
            bit = draw.randrange(8 * len(sound))
            file.write_bytes(flipped(sound, bit) if number % 2 else sound[: bit // 8])
            assert refused(copy), (file.name, bit)
            told += 1
        file.write_bytes(sound)
    assert not refused(copy)
    figures.note("damaged backups", told=told, silent=0)


def refused(copy):
    """Whether a backup is refused."""
    try:
        backup.check(copy)
    except (IntegrityError, UsageError):
        return True
    return False


def read_damaged(path, sealer, tries):
    """Flip a bit of a log at a time, and read it: how often that was told, and how often an entry was another."""
    log = SqliteEventLog(path, sealer)
    written = [
        workbench.entry(body, index=index)
        for number in range(40)
        for index, body in enumerate(spine.batch_from(number))
    ]
    log.append(written)
    log.close()
    sound, draw, told, silent = path.read_bytes(), random.Random(5), 0, 0
    for _ in range(tries):
        path.write_bytes(flipped(sound, draw.randrange(8 * len(sound))))
        try:
            log = SqliteEventLog(path, sealer)
            try:
                found = [s.entry for s in log.read(0, 0, 1_000)]
            finally:
                log.close()
        except (OnefoldError, apsw.Error):
            told += 1
        except (msgspec.DecodeError, UnicodeDecodeError):
            told += 1  # of the control, which has no better word for it
        else:
            # An entry that is not read at all is missed by the account, which counts what was received.
            silent += any(entry not in written for entry in found)
        for left in ("-wal", "-shm"):
            path.with_name(path.name + left).unlink(missing_ok=True)
    return told, silent


def test_no_flipped_bit_of_the_log_changes_an_entry_silently(tmp_path):
    """Entries are sealed and authenticated: each is read as it was written, or reading says that it is damaged."""
    tries = scaled(400, 20_000)
    told, silent = read_damaged(tmp_path / "log.db", SEALER, tries)
    figures.note("flipped bits of the log", tries=tries, told=told, silent=silent)
    assert told > tries / 10
    assert silent == 0


class Plain:
    """Seals nothing."""

    seal_all = staticmethod(msgspec.msgpack.Encoder().encode)
    open_all = staticmethod(msgspec.msgpack.Decoder(list[LogEntry]).decode)


def test_without_seals_flipped_bits_are_silent(tmp_path):
    """Control: the same flips in a log of plain entries are read as if they were right."""
    _, silent = read_damaged(tmp_path / "log.db", Plain(), 400)
    assert silent > 0
