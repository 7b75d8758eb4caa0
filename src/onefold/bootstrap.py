"""Wires adapters to stages; the only module that knows both.

On disk a workspace is a folder of its own under the project's data folder: `log.db`, `profiles.db` and `keys.bin`
(its keys, wrapped by the project's root key). Keys of sources and readers stand in `keys.db` beside the workspaces.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onefold import config
from onefold.adapters.keys.keyfile import KeyFile
from onefold.adapters.sqlite import backup as backups
from onefold.adapters.sqlite.keys import SqliteKeyStore
from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.config import Project
from onefold.errors import NotFoundError, UnavailableError, UsageError
from onefold.governance import access
from onefold.governance.encryption import EntrySealer, NodeSealer, WorkspaceKeys
from onefold.identity.hashing import Hasher
from onefold.ingest.judge import Judge
from onefold.pipelines import rebuild as rebuilding
from onefold.pipelines import stream, whatif
from onefold.pipelines.parts import Parts

Directory = Path
HERE = Path()

LOG, STORE, KEYS = "log.db", "profiles.db", "keys.bin"


def clock_us() -> int:
    """The time now, microseconds UTC."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace: its parts, and where its files are.

    Attributes:
        directory: The workspace's folder.
        parts: What pipelines work with.
        lease: Held while this process is the workspace's processor; None when it only reads and appends.
    """

    directory: Path
    parts: Parts
    store: SqliteProfileStore


def open_workspace(project: Project, name: str) -> Workspace:
    """Open a workspace, made on first use.

    Raises:
        ConfigurationError: The root key is missing, weak or readable by others.
        IntegrityError: The root key is not the one the workspace's keys were wrapped with.
    """
    directory = project.data / name
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = _workspace_keys(project, directory, name)
    log = SqliteEventLog(directory / LOG, EntrySealer(keys))
    store = SqliteProfileStore(directory / STORE)
    settings = config.settings(project, name)
    parts = Parts(
        name=name,
        log=log,
        store=store,
        judge=Judge(settings.ingest),
        identity=settings.identity,
        hasher=Hasher(keys.hashing),
        profiles=settings.profiles,
        sealer=NodeSealer(keys, os.urandom),
        clock_us=clock_us,
    )
    return Workspace(directory, parts, store)


def close(workspace: Workspace) -> None:
    """Let go of a workspace's files."""
    workspace.parts.log.close()
    workspace.parts.store.close()


def _workspace_keys(project: Project, directory: Path, name: str) -> WorkspaceKeys:
    manager = KeyFile(project.root_key)
    wrapped = directory / KEYS
    if wrapped.exists():
        return WorkspaceKeys.open(manager, name, wrapped.read_bytes())
    if (directory / LOG).exists():
        raise NotFoundError(f"{wrapped.name} of workspace {name} is missing; restore it from a backup.")
    keys, blob = WorkspaceKeys.create(manager, name, os.urandom)
    backups.write_durably(wrapped, blob)
    return keys


def choose(project: Project, workspace: str | None) -> str:
    """The workspace a command means.

    Raises:
        UsageError: The project has several and none was named, or it has none of that name.
    """
    if workspace is None and len(project.workspaces) == 1:
        return project.workspaces[0]
    if workspace in project.workspaces:
        return str(workspace)
    names = ", ".join(project.workspaces)
    raise UsageError(f"This project's workspaces are: {names}. Name one with --workspace.")


@contextmanager
def opened(directory: Path, workspace: str | None) -> Iterator[Workspace]:
    """Open a project's workspace for one command."""
    project = config.read_project(directory)
    found = open_workspace(project, choose(project, workspace))
    try:
        yield found
    finally:
        close(found)


@contextmanager
def reader(directory: Path, workspace: str | None) -> Iterator[Parts]:
    """Open a workspace's parts for one command; processing needs a lease (`catch_up`)."""
    with opened(directory, workspace) as found:
        yield found.parts


def catch_up(workspace: Workspace) -> bool:
    """Process what is waiting, unless another process is the processor; False in that case."""
    return all(done >= 0 for done in work_off(workspace))


def work_off(workspace: Workspace) -> Iterator[int]:
    """Process what is waiting, batch by batch, giving the entries of each; a single -1 when another process does it."""
    try:
        lease = workspace.store.lease()
    except UnavailableError:
        yield -1
        return
    with lease:
        while done := stream.advance(workspace.parts).read:
            yield done


def pending(workspace: Workspace) -> int:
    """Entries that wait to be processed (by offset, so an upper bound)."""
    with workspace.parts.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    return sum(end - offsets.get(partition, 0) for partition, end in workspace.parts.log.ends().items())


@contextmanager
def _scratch(workspace: Workspace) -> Iterator[SqliteProfileStore]:
    """An empty store beside the real one; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=".scratch-", dir=workspace.directory))
    store = SqliteProfileStore(folder / STORE)
    try:
        yield store
    finally:
        store.close()
        shutil.rmtree(folder)


def verify(workspace: Workspace) -> rebuilding.Verified:
    """Recompute the state from the log on the side and compare hashes."""
    with _scratch(workspace) as scratch:
        return rebuilding.verify(workspace.parts, scratch)


def what_if(workspace: Workspace) -> whatif.Difference:
    """Process the log again on the side under today's configuration and compare who is who."""
    with _scratch(workspace) as scratch:
        rebuilding.verify(workspace.parts, scratch)
        return whatif.compare(workspace.parts.store, scratch)


def rebuild(workspace: Workspace) -> rebuilding.Verified:
    """Recompute the store from the log and put it in place; the store before stays beside it as `profiles.before.db`.

    Raises:
        UnavailableError: A server or another command is processing this workspace.
    """
    folder = Path(tempfile.mkdtemp(prefix=".rebuild-", dir=workspace.directory))
    try:
        with workspace.store.lease():
            fresh = SqliteProfileStore(folder / STORE)
            done = rebuilding.verify(workspace.parts, fresh)
            fresh.close()
            workspace.store.close()
            backups.swap(folder / STORE, workspace.directory / STORE, aside=workspace.directory / "profiles.before.db")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done
