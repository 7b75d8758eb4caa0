"""A backup is all it takes to go on elsewhere but the root key, and nothing of other workspaces."""

import os
import shutil

import pytest
from tests import workbench
from tests.plain import profiles

from onefold import bootstrap, config
from onefold.adapters.keys.keyfile import KeyFile
from onefold.adapters.sqlite import accounts as account_files
from onefold.bootstrap import registry, scratch
from onefold.bootstrap.project import key_store, open_accounts
from onefold.errors import IntegrityError, UnavailableError
from onefold.governance import access, accounts, passwords
from onefold.model import Identifier
from onefold.pipelines.reading import progress

PROJECT = 'version: 1\nworkspaces: [main, other]\nkeys: {root: "file:onefold.key"}\nserver: {port: 1}\n'


def furnished(directory):
    (directory / "sources").mkdir(parents=True)
    (directory / "onefold.yaml").write_text(PROJECT)
    for name, workspace in (("web", "main"), ("shop", "other")):
        (directory / "sources" / f"{name}.yaml").write_text(f"name: {name}\nkind: http\nworkspace: {workspace}\n")
    return {key["name"]: key["key"] for key in bootstrap.furnish(directory)["keys"]}


def fill(directory, count=40):
    with bootstrap.opened(directory, "main") as workspace:
        sent = [{"type": "track", "event": "Read", "userId": f"u{n % 5}", "messageId": str(n)} for n in range(count)]
        workspace.context.log.append([workbench.entry(body) for body in sent])
        assert bootstrap.catch_up(workspace)


def people(directory):
    with bootstrap.opened(directory, "main", start=False) as workspace:
        assert bootstrap.verify(workspace).equal
        return [profiles.profile(workspace.context, Identifier("user_id", f"u{n}")) for n in range(5)]


@pytest.fixture
def here(tmp_path):
    directory = tmp_path / "project"
    return directory, furnished(directory)


def backed_up(directory, to):
    with bootstrap.opened(directory, "main", start=False) as workspace:
        bootstrap.backup(config.read_project(directory), workspace, to)
    return to


def alive(directory):
    with key_store(config.read_project(directory)) as store:
        return {key.name: key for key in store.keys() if key.revoked_us is None}


def test_a_lost_machine_goes_on_on_an_empty_one(here, tmp_path):
    """Project files, root key, backup, one command: the SDK's old write key is accepted, and the people are the same."""
    directory, keys = here
    fill(directory)
    before, copy = people(directory), backed_up(directory, tmp_path / "copy")
    empty = tmp_path / "empty"
    empty.mkdir()
    for name in ("onefold.yaml", "onefold.key"):
        shutil.copy(directory / name, empty / name)
    shutil.copytree(directory / "sources", empty / "sources")
    shutil.rmtree(directory)
    bootstrap.restore(empty, "main", copy)
    assert people(empty) == before
    assert alive(empty).keys() == {"web", "reader"}
    assert alive(empty)["web"].digest == access.digest(keys["web"])
    assert bootstrap.restore(empty, "main", copy)["workspace"] == "main"  # the backup was not written to


def test_a_backup_holds_no_keys_of_other_workspaces(here, tmp_path):
    directory, _ = here
    fill(directory)
    copy = backed_up(directory, tmp_path / "copy")
    content = (copy / "keys.db").read_bytes()
    with key_store(config.read_project(directory)) as store:
        for key in store.keys():
            assert (key.digest in content) == (key.workspace == "main")


PASSWORD = "correct horse battery staple"


def signing_in(directory):
    """Ann, an owner who is signed in, Mia, who was invited, and Zoe of another workspace; Ann's session."""
    store = open_accounts(config.read_project(directory))
    for name, workspace, role in (("ann", "main", "owner"), ("mia", "main", "marketer"), ("zoe", "other", "owner")):
        made, link = accounts.add(store, workspace=workspace, name=name, role=role, now_us=1, random=os.urandom)
        if name == "ann":
            ann = accounts.set_up(store, link, name=None, password=PASSWORD, now_us=2, random=os.urandom)
            session, _ = accounts.begin(store, ann, 3, os.urandom)
        elif name == "zoe":
            accounts.begin(store, made, 3, os.urandom)
    store.close()
    return session


def signed_in_as(directory, session):
    """Who may sign in, with the role and the password's hash of each; and whose session this is."""
    store = open_accounts(config.read_project(directory))
    found = {account.name: (account.role, account.password) for account in store.accounts()}
    alive_ = accounts.alive(store, session, 4)
    store.close()
    return found, None if alive_ is None else alive_[1].name


def test_people_sign_in_after_a_lost_machine_and_sessions_do_not_go_on(here, tmp_path, monkeypatch):
    """The owner's password is accepted on an empty machine; nobody is signed in there."""
    directory, _ = here
    fill(directory, 3)
    session = signing_in(directory)
    assert signed_in_as(directory, session)[1] == "ann"
    copy = backed_up(directory, tmp_path / "copy")
    content = (copy / "keys.db").read_bytes()
    assert (b"zoe" in content, access.digest(session) in content) == (False, False)
    for name in ("empty", "control"):
        (tmp_path / name).mkdir()
        for file in ("onefold.yaml", "onefold.key"):
            shutil.copy(directory / file, tmp_path / name / file)
        shutil.copytree(directory / "sources", tmp_path / name / "sources")
    bootstrap.restore(tmp_path / "empty", "main", copy)
    found, whose = signed_in_as(tmp_path / "empty", session)
    assert {name: role for name, (role, _) in found.items()} == {"ann": "owner", "mia": "marketer"}
    assert (passwords.matches(PASSWORD, found["ann"][1]), found["mia"][1], whose) == (True, None, None)
    assert not passwords.matches("another password", found["ann"][1])
    # Control: as it was, without accounts, nobody could sign in.
    monkeypatch.setattr(account_files, "merge", lambda *_: None)
    bootstrap.restore(tmp_path / "control", "main", copy)
    assert signed_in_as(tmp_path / "control", session) == ({}, None)


def test_an_account_that_is_there_stays_as_it_is(here, tmp_path):
    """What was done since the backup is not undone: a disabled account stays disabled, a new password the one that counts."""
    directory, _ = here
    fill(directory, 3)
    signing_in(directory)
    copy = backed_up(directory, tmp_path / "copy")
    bootstrap.change_account(directory, "main", "mia", disabled=True, role="steward")
    bootstrap.restore(directory, "main", copy)
    (mia,) = [one for one in bootstrap.list_accounts(directory, "main") if one["name"] == "mia"]
    assert (mia["status"], mia["role"]) == ("disabled", "steward")


def test_a_key_revoked_since_the_backup_stays_revoked(here, tmp_path):
    directory, _ = here
    fill(directory)
    copy = backed_up(directory, tmp_path / "copy")
    bootstrap.revoke_key(directory, alive(directory)["web"].id)
    bootstrap.restore(directory, "main", copy)
    assert "web" not in alive(directory)


def test_a_backup_under_another_root_key_moves_nothing(here, tmp_path):
    directory, _ = here
    fill(directory)
    copy = backed_up(directory, tmp_path / "copy")
    (directory / "onefold.key").unlink()
    KeyFile.create(directory / "onefold.key")
    home = directory / "data" / "main"
    before = sorted(path.name for path in home.iterdir() if path.suffix != ".lock")
    with pytest.raises(IntegrityError):
        bootstrap.restore(directory, "main", copy)
    assert sorted(path.name for path in home.iterdir() if path.suffix != ".lock") == before


def test_a_restore_beside_an_open_workspace_is_refused_and_the_control_is_not(here, tmp_path, monkeypatch):
    """Control: without the locks the same restore goes through."""
    directory, _ = here
    fill(directory)
    copy = backed_up(directory, tmp_path / "copy")
    with bootstrap.opened(directory, "main"):
        with pytest.raises(UnavailableError, match="uses it"):
            bootstrap.restore(directory, "main", copy)
        monkeypatch.setattr("onefold.adapters.sqlite.occupancy.Occupancy._lock", lambda *_: True)
        bootstrap.restore(directory, "main", copy)


def test_the_registry_follows_a_restore(here, tmp_path):
    directory, _ = here
    fill(directory)
    copy = backed_up(directory, tmp_path / "copy")
    project = config.read_project(directory)
    first = registry.begun(project)["main"].id
    shutil.rmtree(directory / "data" / "main")
    (directory / registry.FILE).unlink()
    with bootstrap.opened(directory, "main"):
        pass
    assert registry.begun(project)["main"].id != first
    bootstrap.restore(directory, "main", copy)
    assert registry.begun(project)["main"].id == first


def test_scratch_folders_of_killed_commands_go_and_of_living_ones_stay(tmp_path):
    """Whoever holds one lives: the lock on it ends with the process."""
    (tmp_path / ".scratch-left").mkdir()
    with scratch.folder(tmp_path) as held:
        assert not (tmp_path / ".scratch-left").exists()
        assert scratch.sweep(tmp_path) == 0
        assert held.exists()
    assert not held.exists()


def test_entries_that_wait_without_progress_are_told_after_a_while(here):
    """By what the store and the log say: nobody processes here. With nothing waiting nothing is told."""
    directory, _ = here
    with bootstrap.opened(directory, "main") as workspace:
        context = workspace.context
        assert progress.standing(context, seconds=0) == {}
        now = context.clock_us()
        context.log.append([workbench.entry({"type": "track"}, received_at_us=now - 90_000_000)])
        assert progress.standing(context, seconds=60).keys() == {0}
        assert progress.standing(context, seconds=600) == {}
        assert bootstrap.catch_up(workspace)
        context.log.append([workbench.entry({"type": "track"}, received_at_us=now - 90_000_000)])
        assert progress.standing(context, seconds=60) == {}  # the store moved just now
