"""Opening the part of a workspace that collecting needs: its keys and its log, once both are known to be the right ones.

Only a start that is alone with the files makes or converts anything; a command that reads takes them as they are.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path

from onefold import config
from onefold.adapters.keys.keyfile import KeyFile
from onefold.adapters.sqlite import backup, occupancy
from onefold.adapters.sqlite.occupancy import Occupancy
from onefold.bootstrap import registry
from onefold.bootstrap.logs import LOG, open_log
from onefold.config import Project
from onefold.errors import ConfigurationError, NotFoundError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys, create_keys, keys_fingerprint, open_keys
from onefold.model import WorkspaceIdentity
from onefold.ports import EventLog, KeyManager

KEYS = "keys.bin"

_log = logging.getLogger("onefold.workspace")


@dataclass(frozen=True, slots=True)
class OpenLog:
    """A workspace's keys and log, open.

    Attributes:
        directory: The workspace's folder.
        identity: Which workspace it is.
        keys: Its keys.
        entries: What seals its log.
        log: Its log.
        occupied: The hold on its files.
    """

    directory: Path
    identity: WorkspaceIdentity
    keys: WorkspaceKeys
    entries: EntrySealer
    log: EventLog
    occupied: Occupancy

    def close(self) -> None:
        """Let go of the files."""
        self.log.close()
        self.occupied.close()


def open_keys_and_log(project: Project, name: str, *, start: bool = True, adopt: bool = False) -> OpenLog:
    """Open what collecting needs; made on first use if this is a start.

    Args:
        project: The project.
        name: The workspace.
        start: Whether this process may begin the workspace, or convert it when it is alone with it.
        adopt: Whether a log that is not the one this workspace was begun with is taken for it from now on.

    Raises:
        ConfigurationError: The root key is missing, weak or readable by others; the workspace's keys or data are gone or
            belong to another workspace; a restore was cut short.
        IntegrityError: The root key is not the one the workspace's keys were wrapped with.
        NotFoundError: The workspace was never begun, and this is no start.
        UnavailableError: The files are being replaced, or the log does not answer.
    """
    directory = project.data / name
    if (directory / backup.UNFINISHED).exists():
        raise ConfigurationError(f"a restore into {directory} was cut short; run `onefold restore` once more")
    in_a_file = project.log.kind == "sqlite" and not adopt
    registry.check(project, name, directory / KEYS, *([directory / LOG] if in_a_file else []))
    if start:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    elif not directory.is_dir():
        raise NotFoundError(f"The workspace {name} has not begun: `onefold serve` or `onefold load` begins it.")
    occupied = Occupancy(directory, occupancy.LOG)
    try:
        alone = start and occupied.try_alone()
        if not alone:
            occupied.share()
        opened = _open(project, name, directory, occupied, change=alone, adopt=adopt)
        if alone:
            occupied.share()
    except BaseException:
        occupied.close()
        raise
    if start:
        registry.note(project, name, opened.identity.id)
    return opened


def key_manager(project: Project) -> KeyManager:
    """The holder of the project's root key."""
    reference = project.root_key
    if reference.file is not None:
        return KeyFile(reference.file)
    return KeyFile.holding(config.environment_key(reference, os.environ))


def _open(project: Project, name: str, directory: Path, occupied: Occupancy, *, change: bool, adopt: bool) -> OpenLog:
    manager = key_manager(project)
    wrapped = directory / KEYS
    if not wrapped.exists():
        _create_keys(project, name, directory, manager, change=change)
    keys = open_keys(manager, name, wrapped.read_bytes())
    entries = EntrySealer(keys, os.urandom)
    log = open_log(project, directory, keys, entries, change=change)
    try:
        if adopt:
            _adopt(project, name, log, keys)
        identity = _recognised(project, name, log, keys, wrapped)
    except BaseException:
        log.close()
        raise
    if log.unconverted:
        _log.warning(
            "log not converted",
            extra={"workspace": name, "reason": "other processes have it open; stop all, start one"},
        )
    return OpenLog(directory, identity, keys, entries, log, occupied)


def _create_keys(project: Project, name: str, directory: Path, manager: KeyManager, *, change: bool) -> None:
    """Make the keys of a workspace that has none, unless a log was begun with some; another process may be quicker."""
    wrapped = directory / KEYS
    if not change or (directory / LOG).exists():
        raise ConfigurationError(f"{wrapped} is missing, and without it the workspace cannot be read; restore a backup")
    keys, blob = create_keys(manager, name, os.urandom)
    if project.log.kind == "kafka":
        log = open_log(project, directory, keys, EntrySealer(keys, os.urandom), change=True)
        try:
            known = log.identity() is not None or any(log.ends().values())
        finally:
            log.close()
        if known:
            raise ConfigurationError(
                f"the log of {name} was begun with keys, but {wrapped} is missing, and without it nobody can read it: copy "
                "it from where the log was begun, or restore a backup"
            )
    backup.create_durably(wrapped, blob)


def _adopt(project: Project, name: str, log: EventLog, keys: WorkspaceKeys) -> None:
    """Take a log that is a new one for this workspace's."""
    known = registry.begun(project).get(name)
    try:
        said = log.identity()
    except ConfigurationError:  # a topic that was made anew
        said = None
    if said is None and known is not None:
        log.claim(WorkspaceIdentity(known.id, keys_fingerprint(keys)), anew=True)


def _recognised(project: Project, name: str, log: EventLog, keys: WorkspaceKeys, wrapped: Path) -> WorkspaceIdentity:
    """The identity that log and keys agree on; given where the log has none and this workspace is new.

    Raises:
        ConfigurationError: The log belongs to other keys, or is not the one this workspace was begun with.
    """
    said, ours = log.identity(), keys_fingerprint(keys)
    if said is None:
        known = registry.begun(project).get(name)
        if known is not None:
            raise ConfigurationError(
                f"the log of {name} is a new one, and this workspace ({known.id[:8]}) was begun with another: put that back "
                "or restore a backup; `onefold repair --accept-loss` goes on with the new one"
            )
        said = WorkspaceIdentity(os.urandom(16).hex(), ours)
    said = log.claim(said)
    if said.keys != ours:
        raise ConfigurationError(
            f"the log of {name} was begun with other keys ({said.keys[:8]}) than those in {wrapped} ({ours[:8]}), so nothing "
            "appended here could be read there: copy keys.bin from where the log was begun"
        )
    registry.check_identity(project, name, said.id)
    return said
