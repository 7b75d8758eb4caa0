"""An open workspace: its files, and the parts that pipelines work with.

On disk a workspace is a folder of its own under the project's data folder: `log.db`, `profiles.db` and `keys.bin`
(its keys, wrapped by the project's root key). The keys of sources and readers stand in `keys.db` beside the workspaces.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from onefold import config
from onefold.adapters.keys.keyfile import KeyFile
from onefold.adapters.sqlite import backup, lease
from onefold.bootstrap.logs import LOG, open_log
from onefold.bootstrap.stores import leases_of, open_store
from onefold.config import Project
from onefold.errors import ConfigurationError, UnavailableError, UsageError, nearest
from onefold.governance.encryption import EntrySealer, NodeSealer, WorkspaceKeys, create_keys, open_keys
from onefold.identity.hashing import Hasher
from onefold.ingest.gate import Gate
from onefold.pipelines.context import Context
from onefold.pipelines.stream import quarantine
from onefold.ports import EventLog, KeyManager, Leases

HERE = Path()
KEYS = "keys.bin"
_COMMAND_LEASE_SECONDS = 30.0


def clock_us() -> int:
    """The time now, microseconds UTC."""
    return time.time_ns() // 1_000


@dataclass(frozen=True, slots=True)
class Workspace:
    """An open workspace: where its files are, its context, and what seals its log."""

    directory: Path
    context: Context
    entries: EntrySealer

    def close(self) -> None:
        """Let go of its files."""
        self.context.log.close()
        self.context.store.close()


def open_workspace(project: Project, name: str) -> Workspace:
    """Open a workspace, made on first use.

    Raises:
        ConfigurationError: The root key is missing, weak or readable by others, the workspace's keys are gone, or a
            restore was cut short.
        IntegrityError: The root key is not the one the workspace's keys were wrapped with.
    """
    directory = project.data / name
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    settings = config.settings(project)
    keys, entries, log = open_keys_and_log(project, name, directory)
    context = Context(
        name=name,
        log=log,
        store=open_store(project, name, directory, entries),
        gate=Gate(settings.ingest),
        identity=settings.identity,
        hasher=Hasher(keys.hashing),
        profiles=settings.profiles,
        sealer=NodeSealer(keys, os.urandom),
        clock_us=clock_us,
    )
    return Workspace(directory, context, entries)


def open_keys_and_log(project: Project, name: str, directory: Path) -> tuple[WorkspaceKeys, EntrySealer, EventLog]:
    """Open what collecting needs: the workspace's keys, what seals its log, and the log.

    Raises:
        ConfigurationError: As for `open_workspace`, or new keys were about to be made for a log that has entries.
    """
    if (directory / backup.UNFINISHED).exists():
        raise ConfigurationError(f"a restore into {directory} was cut short; run `onefold restore` once more")
    manager = key_manager(project)
    known = (directory / KEYS).exists()
    keys = _keys(manager, directory, name)
    entries = EntrySealer(keys, os.urandom)
    log = open_log(project, directory, keys, entries)
    if not known and any(log.ends().values()):
        log.close()
        (directory / KEYS).unlink()
        raise ConfigurationError(
            f"the log of {name} has entries, but {directory / KEYS} is missing, and without it nobody can read them: "
            "copy it from where the log was begun, or restore a backup"
        )
    return keys, entries, log


def key_manager(project: Project) -> KeyManager:
    """The holder of the project's root key."""
    reference = project.root_key
    if reference.file is not None:
        return KeyFile(reference.file)
    return KeyFile.holding(config.environment_key(reference, os.environ))


def _keys(manager: KeyManager, directory: Path, name: str) -> WorkspaceKeys:
    wrapped = directory / KEYS
    if wrapped.exists():
        return open_keys(manager, name, wrapped.read_bytes())
    if (directory / LOG).exists():
        raise ConfigurationError(f"{wrapped} is missing, and without it the workspace cannot be read; restore a backup")
    keys, blob = create_keys(manager, name, os.urandom)
    backup.write_durably(wrapped, blob)
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
    if workspace is not None:
        raise UsageError(
            f"There is no workspace `{workspace}`{nearest(workspace, project.workspaces) or '.'} There are: {names}."
        )
    raise UsageError(f"This project's workspaces are: {names}. Name one with --workspace.")


@contextmanager
def opened(directory: Path, workspace: str | None) -> Iterator[Workspace]:
    """Open a project's workspace for one command."""
    project = config.read_project(directory)
    found = open_workspace(project, choose(project, workspace))
    try:
        yield found
    finally:
        found.close()


@contextmanager
def reader(directory: Path, workspace: str | None) -> Iterator[Context]:
    """Open a workspace's context for a command that reads and appends only."""
    with opened(directory, workspace) as found:
        yield found.context


def catch_up(workspace: Workspace) -> bool:
    """Process what is waiting, unless another process is the processor; False in that case."""
    return all(done >= 0 for done in work_off(workspace))


def work_off(workspace: Workspace) -> Iterator[int]:
    """Process what is waiting, batch by batch, giving the entries of each; a single -1 when another process does it."""
    leases = leases_of(workspace.context.store)
    if leases is not None:
        yield from _work_off_leased(workspace, leases)
        return
    holding = lease.held(workspace.directory)
    try:
        holding.__enter__()
    except UnavailableError:
        yield -1
        return
    try:
        while done := quarantine.advance(workspace.context).read:
            yield done
    finally:
        holding.__exit__(None, None, None)


def _work_off_leased(workspace: Workspace, leases: Leases) -> Iterator[int]:
    """The same beside workers: with any of them alive, the work is theirs."""
    worker, context = worker_name(), workspace.context
    try:
        while True:
            partitions = context.log.ends()
            held = leases.renew(worker, partitions, seconds=_COMMAND_LEASE_SECONDS)
            if held.keys() != partitions.keys():
                yield -1
                return
            done = quarantine.advance(context, leased=held).read
            if not done:
                return
            yield done
    finally:
        leases.release(worker)


def worker_name() -> str:
    """A name no other worker has: machine, process, and something random, because processes are numbered anew."""
    return f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"


def pending(workspace: Workspace) -> int:
    """Entries that wait to be processed."""
    with workspace.context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    return sum(workspace.context.log.waiting(offsets).values())
