"""The identity file of a project, changed by a server: made whole or not at all, over what was read, and taken back once."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from onefold.adapters.sqlite import backup
from onefold.config import Project
from onefold.config.identity_change import FILE, supposed
from onefold.config.identity_text import with_keys
from onefold.errors import ConfigurationError, ReadOnlyError, StaleError, UsageError

BEFORE = "identity.before.json"
"""Beside the workspaces' folders: what the file said before it was changed from here."""
_SHARED = (
    "identity.yaml of a project with several workspaces belongs to all of them, so that a key of one cannot change it; edit "
    "it where the project is."
)


class _Before(msgspec.Struct, frozen=True):
    """What stood there, and the tag of what was written in its place; `text` is None where there was no file."""

    text: str | None
    after: str


class IdentityFile:
    """The file of one project. Threads and processes that change it wait for each other."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._path = project.directory / FILE
        self._kept = project.data / BEFORE

    @property
    def locked(self) -> str:
        """Why nothing may be changed; empty where it may."""
        return _SHARED if len(self._project.workspaces) > 1 else ""

    def tag(self) -> str:
        """A tag of what it says now."""
        return _tag(self._text())

    def can_undo(self) -> bool:
        """Whether what it says was written from here, and what it said before is known."""
        kept = self._before()
        return kept is not None and kept.after == self.tag()

    def save(self, changed: Mapping[str, Any], tag: str) -> None:
        """Write these keys into it; nothing is changed unless they can be used.

        Raises:
            ReadOnlyError: The files cannot be changed from here.
            StaleError: It is another than it was when it was read.
            UsageError: The keys cannot be used, or only a person can edit the file.
        """
        try:
            supposed(self._project.directory, changed)
        except (ConfigurationError, ValueError) as error:
            raise UsageError(str(error)) from None
        with self._changing():
            text = self._require(tag)
            after = with_keys(text or "", changed)
            self._kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            backup.write_durably(self._kept, msgspec.json.encode(_Before(text, _tag(after))))
            self._write(after)

    def undo(self, tag: str) -> None:
        """Write back what it said before the last change from here.

        Raises:
            ReadOnlyError: The files cannot be changed from here.
            StaleError: It is another than it was when it was read, or than what was written from here.
        """
        with self._changing():
            self._require(tag)
            kept = self._before()
            if kept is None or kept.after != tag:
                raise StaleError(f"{FILE} was changed since, or not from here; edit it where the project is.")
            if kept.text is None:
                self._path.unlink()
            else:
                self._write(kept.text)
            self._kept.unlink()

    def _text(self) -> str | None:
        return self._path.read_text(encoding="utf-8") if self._path.exists() else None

    def _before(self) -> _Before | None:
        return msgspec.json.decode(self._kept.read_bytes(), type=_Before) if self._kept.exists() else None

    def _require(self, tag: str) -> str | None:
        text = self._text()
        if _tag(text) != tag:
            raise StaleError(f"{FILE} has changed since it was read; read it again. Nothing was changed.")
        return text

    def _write(self, text: str) -> None:
        mode = (self._path if self._path.exists() else self._path.parent).stat().st_mode & 0o666
        backup.write_durably(self._path, text.encode())
        self._path.chmod(mode)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who changes it."""
        if self.locked:
            raise ReadOnlyError(self.locked)
        descriptor = os.open(self._project.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        except OSError as error:
            raise ReadOnlyError(
                f"{FILE} cannot be written from here: {error.strerror}. Nothing was changed."
            ) from error
        finally:
            os.close(descriptor)


def _tag(text: str | None) -> str:
    return hashlib.sha256((text or "").encode()).hexdigest()[:32]
