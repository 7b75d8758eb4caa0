"""Which profile store a project uses, and how commands open it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.config import Project
from onefold.config.secret import secret_text
from onefold.errors import ConfigurationError
from onefold.governance.encryption import EntrySealer
from onefold.ports import ProfileStore

if TYPE_CHECKING:
    from onefold.adapters.postgres.store import PostgresProfileStore

STORE = "profiles.db"
VARIABLE = "ONEFOLD_STORE"
_SCHEMES = ("postgresql://", "postgres://")


def with_store(project: Project, stated: str | None) -> Project:
    """The project with the store at this address, for commands of this process and of those it starts."""
    if stated:
        os.environ[VARIABLE] = stated
        address(project)
    return project


def address(project: Project) -> str | None:
    """The PostgreSQL address of a project's profile store; None when the store is a file.

    Raises:
        ConfigurationError: The reference leads to nothing, or to something else than an address.
    """
    stated = os.environ.get(VARIABLE)
    if not stated and project.store.dsn is not None:
        stated = secret_text(project.store.dsn, os.environ)
    if not stated:
        return None
    if not stated.startswith(_SCHEMES):
        raise ConfigurationError(f"the address of the profile store must begin with {_SCHEMES[0]}")
    return stated


def open_store(project: Project, name: str, directory: Path, sealer: EntrySealer, *, change: bool) -> ProfileStore:
    """Open the profile store of a workspace; `change` is whether a file may be made, and brought up to date.

    Raises:
        ConfigurationError: The address is wrong, the extra is not installed, or the tables are not there.
        UnavailableError: The server does not answer.
    """
    dsn = address(project)
    if dsn is None:
        return SqliteProfileStore(directory / STORE, sealer, change=change)
    return _postgres(dsn, name, sealer)


def migrate_postgres(
    dsn: str,
    workspaces: tuple[str, ...],
    *,
    role: str | None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, list[int]]:
    """Bring each workspace's schema up to date; the migrations applied, by workspace.

    `progress` is told the number of a migration that fills rows, and how many it has filled so far.
    """
    _extra()
    from onefold.adapters.postgres import migrations  # noqa: PLC0415  only where the extra is
    from onefold.adapters.postgres.connections import schema_of  # noqa: PLC0415  as above

    return {name: migrations.migrate(dsn, schema_of(name), role=role, progress=progress) for name in workspaces}


def _postgres(dsn: str, name: str, sealer: EntrySealer) -> PostgresProfileStore:
    _extra()
    from onefold.adapters.postgres.store import PostgresProfileStore  # noqa: PLC0415  only where the extra is

    return PostgresProfileStore(dsn, name, sealer)


def _extra() -> None:
    try:
        import psycopg  # noqa: F401, PLC0415  asked whether it is there
    except ImportError:
        raise ConfigurationError("a store on PostgreSQL needs the extra: pip install 'onefold[postgres]'") from None
