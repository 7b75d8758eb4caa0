"""kill -9 at enumerated system calls of the commands: each can simply be run again, and nothing is lost or half there."""

import random
import shutil
import time

import pytest
from tests import workbench
from tests.faults import figures, ledger, spine
from tests.faults.scale import RELEASE, scaled
from tests.faults.stage import points
from tests.pipelines.breaking import breaking_fold
from tests.plain import profiles
from tests.running import project

from onefold import bootstrap
from onefold.errors import ConfigurationError
from onefold.model import Identifier
from onefold.pipelines.maintenance.rebuild import state_hash

pytestmark = [pytest.mark.xdist_group("kills-of-commands"), pytest.mark.timeout(3600 if RELEASE else 280)]
CALLS = ("openat", "pwrite64", "fdatasync", "fsync", "rename", "unlink", "ftruncate", "mkdir", "write")
ROWS = 300
BATCHES = 20


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A project that has collected and processed, as every test here finds it."""
    with project() as here:
        spine.work(str(here.directory), str(here.directory / "ledger"), str(BATCHES))
        home = tmp_path_factory.mktemp("busy") / "project"
        shutil.copytree(here.directory, home)
    return home


def state(directory):
    """The hash of a project's state, once it has caught up."""
    with bootstrap.opened(directory, None) as workspace:
        assert bootstrap.catch_up(workspace)
        assert bootstrap.verify(workspace).equal
        return state_hash(workspace.context)


def at_every_point(zygote, tmp_path, source, argv, number, *, always=()):
    """Copies of `source` in which the command was killed at points spread over its run, with the point."""
    log = tmp_path / "calls"
    first = tmp_path / "unhurt"
    shutil.copytree(source, first)
    counted = zygote.count(*argv(first), log=log)
    shutil.rmtree(first)
    places = points(counted, 1_000, always) + points(counted, number, [call for call in CALLS if call not in always])
    for place, (call, k) in enumerate(places):
        directory = tmp_path / f"killed{place}"
        shutil.copytree(source, directory)
        code = zygote.struck(f"{call}:signal=SIGKILL:when={k}", *argv(directory), log=log)
        assert code in {0, -9}, zygote.errors.read_text()
        yield directory, (call, k), code == -9
        shutil.rmtree(directory)


def noted(what, started, struck):
    figures.note(f"kills of {what}", kills=struck, seconds=round(time.monotonic() - started, 1))


def test_kills_of_load(zygote, tmp_path, busy):
    """The file is loaded again after the kill: every row is there once."""
    file = tmp_path / "people.csv"
    file.write_text("customer_id,email\n" + "".join(f"p{n},p{n}@mail.example\n" for n in range(ROWS)))
    started, struck = time.monotonic(), 0

    def argv(directory):
        return ("load", str(file), "--source", "crm", "--project", str(directory))

    for directory, point, died in at_every_point(zygote, tmp_path, busy, argv, scaled(16, 100)):
        struck += died
        assert zygote.run(*argv(directory)) == 0, zygote.errors.read_text()
        with bootstrap.opened(directory, None) as workspace:
            for n in random.Random(str(point)).sample(range(ROWS), 20):
                profile = profiles.profile(workspace.context, Identifier("email", f"p{n}@mail.example"))
                assert profile is not None, point
                assert profile["counters"]["events"] == 1, point
            with workspace.context.store.snapshot() as snapshot:
                stored = {t.source: t.count for t in snapshot.tallies() if t.outcome == "stored"}
            assert stored["crm"] == ROWS, point
            assert bootstrap.verify(workspace).equal, point
    noted("load", started, struck)
    assert struck > scaled(10, 60)


def test_kills_of_dlq_replay(zygote, tmp_path, busy, monkeypatch):
    """The replay is run again after the kill: every dead letter is sent, and each event counts once."""
    broken = tmp_path / "broken"
    shutil.copytree(busy, broken)
    with monkeypatch.context() as while_broken, bootstrap.opened(broken, None) as workspace:
        breaking_fold(while_broken)
        workspace.context.log.append(
            [
                workbench.entry({"type": "track", "event": "Break", "userId": f"b{n}", "messageId": f"b{n}"}, index=n)
                for n in range(12)
            ]
        )
        assert bootstrap.catch_up(workspace)
    started, struck = time.monotonic(), 0

    def argv(directory):
        return ("dlq", "replay", "--reason", "internal_error", "--project", str(directory))

    for directory, point, died in at_every_point(zygote, tmp_path, broken, argv, scaled(12, 80)):
        struck += died
        assert zygote.run(*argv(directory)) == 0, zygote.errors.read_text()
        with bootstrap.opened(directory, None) as workspace:
            for n in range(12):
                profile = profiles.profile(workspace.context, Identifier("user_id", f"b{n}"))
                assert profile is not None, point
                assert profile["counters"]["events"] == 1, point
            with workspace.context.store.snapshot() as snapshot:
                letters = snapshot.dead_letters(status="open", source=None, after=(0, 0), limit=1_000)
            assert not [d for d in letters if d.reason == "internal_error"], point
            assert bootstrap.verify(workspace).equal, point
    noted("dlq replay", started, struck)
    assert struck > scaled(6, 50)


def test_kills_of_rebuild(zygote, tmp_path, busy):
    """Whatever the moment, the next start has the same state, and so has a second rebuild."""
    before, started, struck = state(busy), time.monotonic(), 0

    def argv(directory):
        return ("rebuild", "--project", str(directory))

    for directory, point, died in at_every_point(zygote, tmp_path, busy, argv, scaled(12, 100), always=("rename",)):
        struck += died
        assert state(directory) == before, point
        assert zygote.run(*argv(directory)) == 0, zygote.errors.read_text()
        assert state(directory) == before, point
        assert not list(directory.rglob(".rebuild-*")), point
    noted("rebuild", started, struck)
    assert struck > scaled(10, 60)


def test_kills_of_backup(zygote, tmp_path, busy):
    """A backup cut short is refused as a backup; what it was taken from is untouched."""
    before, started, struck = state(busy), time.monotonic(), 0

    def argv(directory):
        return ("backup", str(directory / "copy"), "--project", str(directory))

    for directory, point, died in at_every_point(zygote, tmp_path, busy, argv, scaled(12, 80)):
        struck += died
        whole = zygote.run("restore", str(directory / "copy"), "--project", str(directory)) == 0
        assert whole == (directory / "copy" / "manifest.json").exists(), point
        assert state(directory) == before, point
    noted("backup", started, struck)
    assert struck > scaled(8, 50)


def test_kills_of_restore(zygote, tmp_path, busy):
    """A restore cut short leaves either state whole, or a workspace that refuses to open until it is run again."""
    copy = tmp_path / "copy"
    shutil.copytree(busy, tmp_path / "first")
    assert zygote.run("backup", str(copy), "--project", str(busy)) == 0
    before = state(busy)
    later = tmp_path / "later"
    shutil.copytree(busy, later)
    spine.work(str(later), str(later / "ledger"), "3")
    after, started, struck, refused = state(later), time.monotonic(), 0, 0

    def argv(directory):
        return ("restore", str(copy), "--project", str(directory))

    for directory, point, died in at_every_point(zygote, tmp_path, later, argv, scaled(8, 120), always=("rename",)):
        struck += died
        try:
            assert state(directory) in {before, after}, point
        except ConfigurationError:
            refused += 1
        assert zygote.run(*argv(directory)) == 0, (point, zygote.errors.read_text())
        assert state(directory) == before, point
        assert not list(directory.rglob(".*.incoming")), point
    noted("restore", started, struck)
    assert struck > scaled(8, 60)
    assert refused > 0


def test_a_workspace_emptied_by_a_restore_is_found_out(tmp_path, busy):
    """Control: had it opened in the midst of a restore, a new and empty workspace would stand in its place."""
    directory = tmp_path / "emptied"
    shutil.copytree(busy, directory)
    state(directory)
    for name in ("log.db", "profiles.db", "keys.bin"):
        next(directory.rglob(name)).unlink()
    with pytest.raises(ConfigurationError, match="put the data back"):
        state(directory)


def test_a_load_that_counts_rows_twice_is_found_out(zygote, tmp_path, busy):
    """Control: with a product that forgets what it has seen, the second load is counted again."""
    file = tmp_path / "people.csv"
    file.write_text("customer_id,email\n" + "".join(f"p{n},p{n}@mail.example\n" for n in range(20)))
    directory = tmp_path / "twice"
    shutil.copytree(busy, directory)
    argv = ("load", str(file), "--source", "crm", "--project", str(directory))
    for _ in range(2):
        assert zygote.run(*argv, program="tests.faults.buggy:twofold") == 0, zygote.errors.read_text()
    with bootstrap.opened(directory, None) as workspace:
        profile = profiles.profile(workspace.context, Identifier("email", "p3@mail.example"))
        assert profile["counters"]["events"] == 2
    assert ledger.faults(ledger.found(directory, spine.PEOPLE), []) != []
