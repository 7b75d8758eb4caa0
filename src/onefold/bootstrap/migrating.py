"""Migrating: bringing stored data to this version and this configuration, on purpose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onefold.adapters.sqlite import occupancy
from onefold.bootstrap.opening import open_keys_and_log
from onefold.bootstrap.stores import address, migrate_postgres
from onefold.bootstrap.workspace import open_workspace
from onefold.config import Project


def migrate(
    project: Project, *, role: str | None, progress: Callable[[int, int], None] = lambda *_: None
) -> dict[str, list[int]]:
    """Bring each workspace's files and tables up to date; the migrations of tables applied, by workspace.

    Files are those of workspaces that have begun. They need every process that uses them to be stopped, tables do not.

    Args:
        project: The project.
        role: Whom to grant what a store in PostgreSQL needs.
        progress: Told the number of a migration that fills rows, and how many it has filled so far.

    Raises:
        UnavailableError: Another process has a workspace's files open.
    """
    dsn = address(project)
    done = {} if dsn is None else migrate_postgres(dsn, project.workspaces, role=role, progress=progress)
    for name in project.workspaces:
        _migrate_files(project, name, in_a_file=dsn is None)
    return done


def _migrate_files(project: Project, name: str, *, in_a_file: bool) -> None:
    directory = project.data / name
    if not directory.is_dir() or (not in_a_file and project.log.kind == "kafka"):
        return
    with occupancy.held_alone(directory, occupancy.LOG, "A migration"):
        pass  # only to say who is in the way: the start below takes it alone by itself
    opened: Any = open_workspace(project, name, checked=False) if in_a_file else open_keys_and_log(project, name)
    opened.close()
