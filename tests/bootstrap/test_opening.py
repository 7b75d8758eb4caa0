"""Opening a workspace: the right parts or none, nothing made twice, nothing changed by who only reads."""

import json
import os
import shutil
import stat
import threading

import pytest
from tests import workbench
from tests.plain import balances
from typer.testing import CliRunner

from onefold import bootstrap, cli, config
from onefold.adapters.sqlite import backup, occupancy
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.occupancy import Occupancy
from onefold.bootstrap import opening, registry
from onefold.errors import ConfigurationError, NotFoundError, OnefoldError, UnavailableError
from onefold.pipelines.maintenance import agreement

PROJECT = (
    'version: 1\nworkspace: main\nkeys: {{root: "file:onefold.key"}}\nserver: {{port: 1}}\nlog: {{partitions: {}}}\n'
)
READING = (
    ("sources",), ("doctor",), ("profile", "user_id:u1"), ("history", "user_id:u1"), ("verify",), ("preview",),
    ("dlq", "list"), ("explain", "user_id:u1", "user_id:u2"), ("keys", "list"),
)  # fmt: skip


@pytest.fixture
def here(tmp_path):
    directory = tmp_path / "project"
    (directory / "sources").mkdir(parents=True)
    (directory / "sources" / "web.yaml").write_text("name: web\nkind: http\n")
    configure(directory)
    bootstrap.furnish(directory)
    return directory


def configure(directory, partitions=1):
    (directory / "onefold.yaml").write_text(PROJECT.format(partitions))


def events(*names):
    return [workbench.entry({"type": "track", "event": "Read", "userId": "u1", "messageId": n}) for n in names]


def open_log(directory, **how):
    return opening.open_keys_and_log(config.read_project(directory), "main", **how)


def run(directory, *argv):
    return CliRunner().invoke(cli.app, [*argv, "--project", str(directory)], catch_exceptions=True)


def stored(directory):
    """How many events are stored once everything is processed."""
    with bootstrap.opened(directory, None) as workspace:
        assert bootstrap.catch_up(workspace)
        return sum(account["stored"] for account in balances.sources(workspace.context))


def converted(directory):
    with bootstrap.opened(directory, None, start=False) as workspace:
        return set(workspace.context.log.ends()) != {0}


def test_a_reading_command_converts_nothing_under_a_process_that_appends(here):
    """The worst of it: 200 for events that nobody ever reads."""
    with bootstrap.opened(here, None) as server:
        bootstrap.catch_up(server)
        configure(here, partitions=4)
        for command in READING:
            run(here, *command)
            server.context.log.append(events(command[0]))
        assert server.context.log.ends().keys() == {0}
    assert stored(here) == len(READING)


@pytest.mark.parametrize("command", READING, ids=" ".join)
def test_a_reading_command_changes_no_file_and_makes_none(here, command):
    """Of a workspace that waits to be converted, one that has not begun, and one of an earlier schema."""
    run(here, *command)
    assert not (here / "data" / "main").exists()
    with bootstrap.opened(here, None) as workspace:
        workspace.context.log.append(events("a"))
        bootstrap.catch_up(workspace)
    configure(here, partitions=4)
    run(here, *command)
    assert not converted(here)
    before = contents(here / "data" / "main")
    run(here, *command)
    assert contents(here / "data" / "main") == before


def contents(directory):
    return {
        path.name: path.read_bytes()
        for path in directory.iterdir()
        if path.is_file() and not path.name.endswith(("-shm", "-wal", ".lock"))
    }


def test_a_reading_command_upgrades_no_schema(here):
    """It says what to do; a start that is alone does it."""
    open_log(here).close()
    (here / registry.FILE).unlink()  # earlier versions knew none
    old = SqliteEventLog(here / "data" / "main" / "log.db", None)
    old._writer.execute("DROP TABLE about; PRAGMA user_version = 3").fetchall()
    old.close()
    with pytest.raises(ConfigurationError, match="onefold migrate"):
        open_log(here, start=False)
    result = run(here, "migrate")
    assert result.exit_code == 0, result.output
    open_log(here, start=False).close()


def test_a_log_that_a_process_has_open_is_not_upgraded_even_by_a_start(here):
    """SQLite's own lock tells of processes of versions that know no lock of ours."""
    import apsw

    with bootstrap.opened(here, None):
        pass
    path = here / "data" / "main" / "log.db"
    old = apsw.Connection(str(path))
    old.execute("DROP TABLE about; PRAGMA user_version = 3").fetchall()
    with pytest.raises(ConfigurationError, match="other processes have it open"):
        open_log(here)
    assert old.pragma("user_version") == 3
    old.close()


@pytest.mark.parametrize("alone", [True, False])
def test_a_log_is_converted_by_a_start_that_is_alone_and_by_no_other(here, alone):
    """A second start takes it as it is, and says that it is not yet what the configuration wants."""
    first = open_log(here)
    configure(here, partitions=4)
    if alone:
        first.close()
    second = open_log(here)
    assert second.log.unconverted is not alone
    assert (set(second.log.ends()) == {0}) is not alone or second.log.ends() == {0: 0}
    second.log.append(events("a", "b"))
    second.close()
    first.close()
    assert stored(here) == 2


def test_an_appender_sees_that_another_process_converted_the_log(here):
    """Inside its own transaction: what it appends is where readers look."""
    first = open_log(here)
    first.log.append(events("a"))
    path = here / "data" / "main" / "log.db"
    converting = SqliteEventLog(path, first.entries, partition_of=lambda _: 2)  # as if it were alone
    assert first.log.append(events("b")) == [(1, 2)]
    assert converting.unreachable() == 0
    converting.close()
    first.close()
    assert stored(here) == 2


def test_entries_that_no_reader_finds_are_told_everywhere_and_brought_back(here, monkeypatch):
    """What an appender of an earlier version does, which does not look."""
    with bootstrap.opened(here, None) as workspace:
        workspace.context.log.append(events("a"))
        bootstrap.catch_up(workspace)
        configure(here, partitions=4)
        path = workspace.directory / "log.db"
        SqliteEventLog(path, workspace.entries, partition_of=lambda _: 2).close()
        with monkeypatch.context() as earlier:
            earlier.setattr(SqliteEventLog, "_look", lambda log: log._partitioned)
            workspace.context.log.append(events("b", "c"))
        assert [d.kind for d in agreement.disagreements(workspace.context)] == ["unreachable"]
        told = [run(here, "doctor"), run(here, "verify")]
        assert [result.exit_code for result in told] == [1, 1]
        assert all("in no partition that is read" in result.output for result in told)
    assert stored(here) == 3
    assert run(here, "verify").exit_code == 0


def test_keys_are_made_once_however_many_start_at_once(tmp_path):
    """The second finds the first's; neither deletes anything."""
    path = tmp_path / "keys.bin"
    barrier, made = threading.Barrier(8), []

    def create(number):
        barrier.wait()
        made.append((backup.create_durably(path, b"%d" % number), number))

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (winner,) = [number for won, number in made if won]
    assert path.read_bytes() == b"%d" % winner
    assert [file.name for file in tmp_path.iterdir()] == ["keys.bin"]


def test_threads_that_begin_one_workspace_at_once_agree_on_it(here):
    """Whichever is first gives it its identity."""
    found = []
    barrier = threading.Barrier(4)

    def begin():
        barrier.wait()
        opened = open_log(here)
        found.append(opened.identity)
        opened.close()

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1


def test_other_keys_than_the_logs_are_refused_before_anything_is_appended(here, tmp_path):
    """A folder that was copied before the first start makes keys of its own."""
    other = tmp_path / "other"
    shutil.copytree(here, other)
    for directory in (here, other):
        with bootstrap.opened(directory, None):
            pass
    shutil.copy(other / "data" / "main" / "keys.bin", here / "data" / "main" / "keys.bin")
    with pytest.raises(ConfigurationError, match="begun with other keys"):
        open_log(here)


@pytest.mark.parametrize("gone", ["data", "data/main", "data/main/keys.bin", "data/main/log.db"])
def test_data_that_are_gone_are_no_new_start(here, gone):
    """It says what was expected where; nothing is made in its place. Without its entry the project begins anew."""
    with bootstrap.opened(here, None):
        pass
    (here / gone).rename(here / "away")
    before = made(here)
    with pytest.raises(ConfigurationError, match=r"is missing, and the workspace main \(\w{8}\) was begun in"):
        bootstrap.Opened(config.read_project(here), alone=True)
    with pytest.raises(ConfigurationError):
        bootstrap.CollectingOnly(config.read_project(here))
    assert made(here) == before
    assert run(here, "sources").exit_code == 1
    if gone in ("data", "data/main"):
        (here / registry.FILE).unlink()
        with bootstrap.opened(here, None):
            pass


def made(directory):
    return sorted(path for path in directory.rglob("*") if path.suffix != ".lock")


def test_another_workspace_in_the_place_of_the_one_that_was_begun_is_refused(here, tmp_path):
    """As when another disk is mounted there."""
    other = tmp_path / "other"
    shutil.copytree(here, other)
    for directory in (here, other):
        with bootstrap.opened(directory, None):
            pass
    shutil.rmtree(here / "data")
    shutil.copytree(other / "data", here / "data")
    with pytest.raises(ConfigurationError, match="is another disk mounted"):
        open_log(here)


def test_a_workspace_that_was_never_begun_is_not_begun_by_reading(here):
    with pytest.raises(NotFoundError, match="has not begun"):
        open_log(here, start=False)


def test_files_are_for_their_owner_only(here):
    """Whatever the umask says, and also files that an earlier version made."""
    before = os.umask(0o022)
    try:
        with bootstrap.opened(here, None) as workspace:
            workspace.context.log.append(events("a"))
            (workspace.directory / "log.db").chmod(0o644)
        with bootstrap.opened(here, None):
            modes = {path: stat.S_IMODE(path.stat().st_mode) for path in (here / "data").rglob("*") if path.is_file()}
    finally:
        os.umask(before)
    assert modes
    assert {mode & 0o077 for mode in modes.values()} == {0}


@pytest.mark.parametrize("act", ["restore", "rebuild", "migrate"])
@pytest.mark.parametrize("kind", ["collect", "serve --no-processing"])
def test_what_replaces_files_is_refused_beside_a_process_that_has_them_open(here, tmp_path, kind, act):
    """But for a rebuild beside a collector, which has no store. The process goes on undisturbed."""
    with bootstrap.opened(here, None) as workspace:
        workspace.context.log.append(events("a"))
        bootstrap.catch_up(workspace)
        bootstrap.backup(config.read_project(here), workspace, tmp_path / "backup")
    project = config.read_project(here)
    beside = bootstrap.CollectingOnly(project) if kind == "collect" else bootstrap.Opened(project)
    try:
        result = run(here, act, *([str(tmp_path / "backup")] if act == "restore" else []))
        if (kind, act) != ("collect", "rebuild"):
            assert isinstance(result.exception, UnavailableError)
        beside.edges["main"].log.append(events("b"))
    finally:
        beside.close()
    assert stored(here) == 2


def test_a_log_that_is_moved_away_under_a_process_is_not_appended_to(here):
    """Without that look it is acknowledged into a file that nobody opens again."""
    with bootstrap.opened(here, None) as workspace:
        path = workspace.directory / "log.db"
        path.rename(workspace.directory / "aside.db")
        with pytest.raises(UnavailableError, match="gone"):
            workspace.context.log.append(events("a"))
        shutil.copy(workspace.directory / "aside.db", path)
        with pytest.raises(UnavailableError, match="replaced"):
            workspace.context.log.append(events("a"))


def test_who_holds_files_is_named(tmp_path):
    held = Occupancy(tmp_path, occupancy.LOG)
    held.share()
    other = Occupancy(tmp_path, occupancy.LOG)
    pid = os.fork()
    if pid == 0:
        threading.Event().wait(60)
        os._exit(0)
    try:
        with pytest.raises(UnavailableError, match=r"uses it; stop it"):
            other.alone("A test")
        held.close()
        with pytest.raises(UnavailableError, match=f"{pid}|another process"):
            other.alone("A test")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    other.alone("A test")
    other.close()


def test_the_registry_that_cannot_be_read_is_told(here):
    (here / registry.FILE).write_text("{")
    with pytest.raises(ConfigurationError, match=registry.FILE):
        open_log(here)


def test_rules_that_a_workspace_cannot_be_opened_with_fail_the_doctor(here):
    """Also before the workspace was begun."""
    (here / "profile.yaml").write_text("attributes: {x: {survivorship: nonsense}}\n")
    result = run(here, "doctor", "--json")
    assert result.exit_code == 1
    checks = {line["check"]: line["ok"] for line in map(json.loads, result.output.splitlines())}
    assert not checks["rules"]
    assert "disk" in checks


def test_errors_are_of_the_kind_that_says_what_to_do(here):
    """Not a traceback, whatever is missing."""
    with bootstrap.opened(here, None):
        pass
    (here / "onefold.key").unlink()
    with pytest.raises(OnefoldError, match="no root key"):
        open_log(here)
