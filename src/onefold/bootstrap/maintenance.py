"""Upkeep of a workspace: verify, rebuild, what if, backup, restore."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from onefold import config
from onefold.adapters.sqlite import backup as backups
from onefold.adapters.sqlite import lease
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.bootstrap.logs import LOG
from onefold.bootstrap.stores import STORE, address, leases_of
from onefold.bootstrap.workspace import KEYS, Workspace, choose, clock_us, open_workspace
from onefold.errors import UsageError
from onefold.pipelines.maintenance import preview as previewing
from onefold.pipelines.maintenance import rebuild as rebuilding
from onefold.pipelines.maintenance import seek
from onefold.pipelines.stream import process, quarantine
from onefold.ports import Changes, Tally

BEFORE = "profiles.before.db"


@runtime_checkable
class _Timed(Protocol):
    """A log that finds a time by itself."""

    def offsets_at(self, time_us: int) -> dict[int, int]:
        """Of each partition the last offset before that time."""
        ...


@contextmanager
def _scratch(workspace: Workspace) -> Iterator[SqliteProfileStore]:
    """An empty store beside the real one; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=workspace.directory))
    store = SqliteProfileStore(folder / STORE, workspace.entries)
    try:
        yield store
    finally:
        store.close()
        shutil.rmtree(folder)


def verify(workspace: Workspace) -> rebuilding.Verified:
    """Recompute the state from the log on the side and compare hashes."""
    with _scratch(workspace) as scratch:
        return rebuilding.verify(workspace.context, scratch)


def preview(workspace: Workspace) -> previewing.Difference:
    """Process the log again on the side under today's configuration and compare who is who."""
    with _scratch(workspace) as scratch:
        rebuilding.verify(workspace.context, scratch)
        return previewing.compare(workspace.context.store, scratch)


def since(workspace: Workspace, time_us: int) -> tuple[process.BatchResult, list[Tally]]:
    """Process what was received at `time_us` or later on the side, under today's configuration: what became of it.

    Events are compared with each other only: one that was received before and again since does not count as a repeat.
    """
    context = workspace.context
    log = context.log
    begin = log.offsets_at(time_us) if isinstance(log, _Timed) else seek.offsets_at(log, time_us)
    with _scratch(workspace) as scratch:
        with scratch.transaction() as transaction:
            transaction.write(Changes(offsets=begin))
        worked = quarantine.drain(rebuilding.onto(context, scratch))
        with scratch.snapshot() as snapshot:
            return worked, snapshot.tallies()


def rebuild(workspace: Workspace) -> rebuilding.Verified:
    """Recompute the store from the log and put it in place; the store before stays beside it until the next rebuild.

    The workspace's store is closed afterwards.

    Raises:
        UnavailableError: A server or another command is processing this workspace.
    """
    _in_a_file(workspace, "stop the workers, drop the workspace's schema, run `onefold migrate`, start the workers")
    folder = Path(tempfile.mkdtemp(prefix=".rebuild-", dir=workspace.directory))
    try:
        with lease.held(workspace.directory):
            for left in workspace.directory.glob(".rebuild-*"):  # by one that was killed: who lives holds the lease
                if left != folder:
                    shutil.rmtree(left, ignore_errors=True)
            fresh = SqliteProfileStore(folder / STORE, workspace.entries)
            done = rebuilding.verify(workspace.context, fresh)
            fresh.close()
            workspace.context.store.close()
            backups.swap(folder / STORE, workspace.directory / STORE, aside=workspace.directory / BEFORE)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done


def _in_a_file(workspace: Workspace, otherwise: str) -> None:
    if leases_of(workspace.context.store) is not None:
        raise UsageError(f"The profile store is in PostgreSQL: {otherwise}.")


def backup(workspace: Workspace, to: Path) -> dict[str, Any]:
    """Copy the workspace's store, log and wrapped keys into a new directory, while it may be in use."""
    _in_a_file(
        workspace, "copy it with `pg_dump`, and this workspace's folder after it; see docs/how-to/run-on-postgres.md"
    )
    directory = workspace.directory
    databases = [directory / name for name in (STORE, LOG) if (directory / name).exists()]  # Kafka keeps its own log
    size = backups.take(databases, [directory / KEYS], to)
    return {"workspace": workspace.context.name, "directory": str(to), "bytes": size}


def restore(directory: Path, workspace: str | None, source: Path) -> dict[str, Any]:
    """Put a backup in place, and process what its log holds beyond its store.

    Raises:
        UsageError: The store is in PostgreSQL: the one in the backup would be put where nobody reads it.
        UnavailableError: A server or another command is processing this workspace.
        IntegrityError: The backup is damaged, or belongs to another root key.
    """
    project = config.read_project(directory)
    name = choose(project, workspace)
    if address(project) is not None:
        raise UsageError(
            "The profile store is in PostgreSQL: put this workspace's folder back, then its schema with `pg_restore`; "
            "see docs/how-to/run-on-postgres.md."
        )
    home = project.data / name
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = home / f"before-restore-{clock_us()}"
    with lease.held(home):
        backups.put_back(source, home, aside=aside)
    found = open_workspace(project, name)
    found.close()
    return {"workspace": name, "restored_from": str(source), "set_aside": str(aside)}
