"""The registry: which workspaces a project has begun, and where their data are.

It stands beside `onefold.yaml`, outside the data folder, so that a data folder that is gone (not mounted, moved, deleted)
is told from a new start. Where the project folder cannot be written, that is not known.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from onefold.adapters.sqlite import backup
from onefold.config import Project
from onefold.errors import ConfigurationError
from onefold.model import WorkspaceIdentity

FILE = "onefold.state"

_log = logging.getLogger("onefold.workspace")


class Begun(msgspec.Struct, frozen=True):
    """A workspace that was begun.

    Attributes:
        id: Its identity.
        data: The folder it was last opened in, absolute.
    """

    id: str
    data: str


def begun(project: Project) -> dict[str, Begun]:
    """The workspaces this project has begun, by name.

    Raises:
        ConfigurationError: The registry cannot be read.
    """
    path = project.directory / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, Begun])
    except FileNotFoundError:
        return {}
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        raise ConfigurationError(
            f"it cannot be read; restore it, or delete it if all data are in {project.data}", file=FILE
        ) from None


def check(project: Project, name: str, *files: Path) -> None:
    """Refuse to begin anew what was begun before.

    Raises:
        ConfigurationError: The workspace was begun, and one of its files is not there.
    """
    known = begun(project).get(name)
    missing = [file for file in files if not file.exists()]
    if known is None or not missing:
        return
    raise ConfigurationError(
        f"{missing[0]} is missing, and the workspace {name} ({known.id[:8]}) was begun in {known.data}: put the data back "
        f"(is a disk not mounted?), say in `data` of onefold.yaml where they are now, or `onefold restore` a backup. To "
        f"begin anew without them, delete its entry in {project.directory / FILE}"
    )


def check_identity(project: Project, name: str, identity: str) -> None:
    """Refuse data of another workspace in the place of those that were begun.

    Raises:
        ConfigurationError: It is another.
    """
    known = begun(project).get(name)
    if known is not None and known.id != identity:
        raise ConfigurationError(
            f"{project.data / name} holds the workspace {identity[:8]}, and this project's {name} is {known.id[:8]}: is "
            f"another disk mounted? If these are the right data, delete the entry in {project.directory / FILE}"
        )


def note(project: Project, name: str, identity: str) -> None:
    """Note that a workspace was begun here."""
    entry = Begun(identity, str(project.data / name))
    known = begun(project)
    if known.get(name) != entry:
        _write(project, {**known, name: entry})


def replace(project: Project, name: str, identity: WorkspaceIdentity | None) -> None:
    """Note that a workspace was restored; of which identity, the next start says where the backup does not."""
    known = {other: entry for other, entry in begun(project).items() if other != name}
    _write(project, known)
    if identity is not None:
        note(project, name, identity.id)


def _write(project: Project, known: dict[str, Begun]) -> None:
    text = msgspec.json.format(msgspec.json.encode(known), indent=2)
    try:
        backup.write_durably(project.directory / FILE, text + b"\n")
    except OSError as error:
        _log.warning("registry not written", extra={"error": error.strerror})
