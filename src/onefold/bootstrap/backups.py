"""Backups of a workspace: all it takes to go on elsewhere but the root key, and their way back."""

from __future__ import annotations

import contextlib
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from onefold import config
from onefold.adapters.sqlite import accounts as account_files
from onefold.adapters.sqlite import backup as backups
from onefold.adapters.sqlite import keys as key_files
from onefold.adapters.sqlite import lease, manifest, occupancy
from onefold.bootstrap import registry
from onefold.bootstrap.logs import LOG
from onefold.bootstrap.opening import KEYS, key_manager
from onefold.bootstrap.stores import STORE, address
from onefold.bootstrap.warehousing import FOLDER, SEGMENT_SUFFIX, copy_segments
from onefold.bootstrap.workspace import Workspace, choose, clock_us, open_workspace
from onefold.config import Project
from onefold.errors import UsageError
from onefold.governance.encryption import open_keys

KEY_FILE = "keys.db"
_TRIES = 5


def check_backup(project: Project) -> None:
    """Refuse what a backup does not hold, before anything is opened.

    Raises:
        UsageError: The store is in PostgreSQL.
    """
    if address(project) is not None:
        raise UsageError(
            "The profile store is in PostgreSQL: copy it with `pg_dump`, and this workspace's folder after it; see "
            "docs/how-to/run-on-postgres.md."
        )


def backup(project: Project, workspace: Workspace, to: Path) -> dict[str, Any]:
    """Copy what a workspace is into a new directory, while it may be in use.

    That is its store, log, wrapped keys, the warehouse's segment files, the keys issued for its sources and readers, and
    the accounts by which people sign in.

    Raises:
        UsageError: The directory exists, or the store is in PostgreSQL.
    """
    check_backup(project)
    directory, name = workspace.directory, workspace.context.name
    databases = [directory / file for file in (STORE, LOG) if (directory / file).exists()]  # Kafka keeps its own log
    issued = project.data / KEY_FILE
    made = {KEY_FILE: partial(_admitted, issued, name)} if issued.exists() else {}
    plain = [directory / KEYS]

    def segments() -> list[Path]:
        if project.storage is not None:
            copy_segments(workspace)
        return [directory / _place(file) for file in manifest.segment_names(to / STORE)]

    for _ in range(_TRIES - 1):
        with contextlib.suppress(FileNotFoundError):  # a compaction has removed it since the store was copied
            size = backups.take(databases, plain, to, made=made, named=segments, of=(name, workspace.identity))
            break
        shutil.rmtree(to)
    else:
        size = backups.take(databases, plain, to, made=made, named=segments, of=(name, workspace.identity))
    return {"workspace": name, "directory": str(to), "bytes": size}


def _admitted(source: Path, workspace: str, to: Path) -> None:
    """Write who is let in to a workspace: its keys and its accounts, which stand in one file."""
    key_files.copy(source, to, workspace=workspace)
    account_files.copy(source, to, workspace=workspace)


def _place(file: str) -> Path:
    """Where in a workspace's folder a file of a backup belongs."""
    return Path(FOLDER) / file if file.endswith(SEGMENT_SUFFIX) else Path(file)


def restore(directory: Path, workspace: str | None, source: Path) -> dict[str, Any]:
    """Put a backup in place, on the machine it was made on or an empty one; what is there is set aside.

    What its log holds beyond its store is processed at the next start. Keys it has and the project has not are issued
    again; those that were revoked since stay revoked. So for accounts: one that is there stays as it is.

    Raises:
        UsageError: The store is in PostgreSQL: the one in the backup would be put where nobody reads it.
        UnavailableError: Another process has the workspace open.
        IntegrityError: The backup is damaged, or belongs to another root key or workspace.
    """
    project = config.read_project(directory)
    name = choose(project, workspace)
    if address(project) is not None:
        raise UsageError(
            "The profile store is in PostgreSQL: put this workspace's folder back, then its schema with `pg_restore`; "
            "see docs/how-to/run-on-postgres.md."
        )
    names, of = backups.check(source)
    open_keys(key_manager(project), name, (source / KEYS).read_bytes())  # before anything is moved
    home = project.data / name
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = home / f"before-restore-{clock_us()}"
    with (
        occupancy.held_alone(home, occupancy.LOG, "A restore"),
        occupancy.held_alone(home, occupancy.STORE, "A restore"),
        lease.held(home),
    ):
        if KEY_FILE in names:
            key_files.merge(source / KEY_FILE, project.data / KEY_FILE)
            account_files.merge(source / KEY_FILE, project.data / KEY_FILE)
        backups.put_back(source, home, aside=aside, leave={KEY_FILE}, place=_place)
        registry.replace(project, name, of)
    found = open_workspace(project, name)
    found.close()
    return {"workspace": name, "restored_from": str(source), "set_aside": str(aside)}
