"""A project's accounts, for the command line: who may sign in, and the links by which they choose a password."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from onefold import config
from onefold.adapters.sqlite.accounts import SqliteAccountStore
from onefold.bootstrap.project import open_accounts
from onefold.bootstrap.workspace import choose, clock_us
from onefold.config import Project
from onefold.governance import accounts
from onefold.governance.accounts import Account, AccountStore
from onefold.governance.roles import role_named
from onefold.profiles.profile import iso


def add_account(directory: Path, workspace: str | None, name: str, role: str) -> dict[str, Any]:
    """Add an account, with a one-time link by which its holder chooses a password.

    Raises:
        UsageError: There is no such role, or an account of that name.
    """
    with _store(directory) as (project, store):
        account, token = accounts.add(
            store, workspace=choose(project, workspace), name=name, role=role_named(role), now_us=clock_us(),
            random=os.urandom,
        )  # fmt: skip
        return _plain(account) | {"link": _address(project, token)}


def list_accounts(directory: Path, workspace: str | None) -> list[dict[str, Any]]:
    """All accounts, by workspace and name."""
    with _store(directory) as (project, store):
        if workspace is not None:
            choose(project, workspace)
        return [_plain(a) for a in store.accounts() if workspace in {None, a.workspace}]


def change_account(
    directory: Path, workspace: str | None, name: str, *, role: str | None = None, disabled: bool | None = None
) -> dict[str, Any]:
    """Give an account another role, or disable or enable it.

    Raises:
        NotFoundError: There is no such account.
        UsageError: There is no such role, or it is the last owner.
    """
    with _store(directory) as (project, store):
        found = accounts.find(store, choose(project, workspace), name)
        new = None if role is None else role_named(role)
        return _plain(accounts.change(store, found, now_us=clock_us(), role=new, disabled=disabled))


def reset_account(directory: Path, workspace: str | None, name: str) -> dict[str, Any]:
    """End an account's sessions, and make a one-time link for a new password.

    Raises:
        NotFoundError: There is no such account.
    """
    with _store(directory) as (project, store):
        found = accounts.find(store, choose(project, workspace), name)
        return _plain(found) | {"link": _address(project, accounts.reset(store, found, clock_us(), os.urandom))}


def owner_links(project: Project, address: str | None = None) -> dict[str, str]:
    """A one-time link for the first owner of each workspace that has none, by workspace; older ones are dead then.

    Args:
        project: The project.
        address: Where the server is reached; by default as the project says.
    """
    project.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store = open_accounts(project)
    try:
        return {
            name: _address(project, accounts.offer(store, name, None, clock_us(), os.urandom), address)
            for name in project.workspaces
            if not accounts.owners(store, name)
        }
    finally:
        store.close()


def _address(project: Project, token: str, address: str | None = None) -> str:
    # The fragment is not sent to the server, so the token is in no log and no Referer.
    stated = project.server.public_url or f"http://{project.server.host}:{project.server.port}"
    return f"{(address or stated).rstrip('/')}/setup#{token}"


def _plain(account: Account) -> dict[str, Any]:
    waiting = "invited" if account.password is None else "active"
    return {
        "id": account.id,
        "workspace": account.workspace,
        "name": account.name,
        "role": account.role,
        "status": waiting if account.disabled_us is None else "disabled",
        "created_at": iso(account.created_us),
        "signed_in_at": iso(account.seen_us),
    }


@contextmanager
def _store(directory: Path) -> Iterator[tuple[Project, AccountStore]]:
    project = config.read_project(directory)
    project.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    store: SqliteAccountStore = open_accounts(project)
    try:
        yield project, store
    finally:
        store.close()
