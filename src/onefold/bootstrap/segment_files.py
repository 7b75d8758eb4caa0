"""Segment files: what a project's files say of its segments, and changes of one of them, made whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from onefold import config
from onefold.adapters.sqlite import backup
from onefold.audiences.definition import Definition, Stated
from onefold.audiences.ruleset import reads
from onefold.config.project import ProjectError
from onefold.config.reading import Problem
from onefold.config.segment_text import with_segment, without_segment
from onefold.config.segments import FOLDER, SLUG, is_slug, read_segments
from onefold.errors import ConfigurationError, NotFoundError, ReadOnlyError, StaleError, UsageError, nearest

ANY = "*"
"""The tag that every file has."""
_NOT_WRITABLE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})

_log = logging.getLogger("onefold.segments")
Stamp = tuple[tuple[str, int, int], ...]


class SegmentFiles:
    """The segment files of one project. Safe for threads; processes that change them wait for each other."""

    def __init__(self, directory: Path, *, locked: str = "") -> None:
        """Of a project in a folder.

        Args:
            directory: The project.
            locked: Why nothing may be changed; empty where it may.
        """
        self.directory = directory
        self._locked = locked
        self._lock = threading.Lock()
        self._read: tuple[Stamp, config.Project] | None = None

    def project(self) -> config.Project:
        """The project as its files are now.

        Raises:
            ConfigurationError: They are wrong; the message tells file and line.
        """
        with self._lock:
            stamp = _stamp(self.directory)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, config.read_project(self.directory)
            return self._read[1]

    def wanted(self) -> tuple[Definition, ...] | None:
        """What the files say; None while somebody is at work on them, so that they cannot be read."""
        try:
            return self.project().segments
        except ConfigurationError as error:
            _log.warning("the project's files cannot be read", extra={"error": str(error)})
            return None

    def stated(self, slug: str) -> Stated:
        """A segment of the files.

        Raises:
            ConfigurationError: The files are wrong.
            NotFoundError: There is none of that name.
        """
        found = self._find(slug)
        return Stated(found, _tag(self._path(found.file).read_bytes()))

    def save(self, definition: Definition, tag: str | None) -> Stated:
        """Write a segment into its file, or into a new one of its name; nothing changes unless the project is right with it.

        Args:
            definition: What it is to say.
            tag: The tag of its file as it was read; None for a segment that is new.

        Raises:
            ConfigurationError: The files, or the segment with them, cannot be used.
            NotFoundError: There is no such segment to be changed.
            ReadOnlyError: The files cannot be changed from here.
            StaleError: The file is another by now, or a segment that should be new is there.
            UsageError: The file is written in a way that only a person can edit.
        """
        if not is_slug(definition.slug):
            raise ConfigurationError(f"`{definition.slug[:80]}` is not {SLUG.shape}")
        with self._changing():
            there = next((d for d in self.project().segments if d.slug == definition.slug), None)
            if tag is None and there is not None:
                message = (
                    f"The segment `{there.slug}` is already in {there.file}:{there.line}; read it, and change that."
                )
                raise StaleError(message)
            file = f"{FOLDER}/{definition.slug}.yaml"
            if tag is not None:
                file = self._find(definition.slug).file
            path = self._path(file)
            before = path.read_bytes() if path.exists() else b""
            if tag is not None:
                _require(tag, before, file)
            after = with_segment(before.decode("utf-8-sig"), definition).encode()
            self._check(path, after, definition)
            self._put(path, after)
        return Stated(self._find(definition.slug), _tag(after))

    def delete(self, slug: str, tag: str = ANY) -> str:
        """Take a segment out of its file, and the file away if it holds no other; the file's name.

        Raises:
            ConfigurationError: The files are wrong, or another segment reads it; the message tells which.
            NotFoundError: There is no such segment.
            ReadOnlyError: The files cannot be changed from here.
            StaleError: The file is another by now.
            UsageError: The file is written in a way that only a person can edit.
        """
        with self._changing():
            there = self._find(slug)
            for reader in self.project().segments:
                if slug in reads(reader) and reader.slug != slug:
                    message = f"`{reader.slug}` reads `{slug}`: change it first"
                    raise ConfigurationError(message, file=reader.file, line=reader.line)
            path = self._path(there.file)
            before = path.read_bytes()
            _require(tag, before, there.file)
            left = without_segment(before.decode("utf-8-sig"), slug)
            after = None if left is None else left.encode()
            self._check(path, after, slug)
            self._put(path, after)
        return there.file

    def _find(self, slug: str) -> Definition:
        known = {definition.slug: definition for definition in self.project().segments}
        if slug not in known:
            raise NotFoundError(f"There is no segment `{slug}` in {FOLDER}/*.yaml{nearest(slug, known) or '.'}")
        return known[slug]

    def _path(self, file: str) -> Path:
        return self.directory / file

    def _check(self, path: Path, after: bytes | None, changed: Definition | str) -> None:
        """See that the files say what is meant, and of every other segment what they said, if one holds `after`."""
        project, problems = self.project(), list[Problem]()
        found = read_segments(self.directory, project.traits, project.rfm, problems, {path.name: after})
        if problems:
            raise ProjectError(problems)
        slug = changed if isinstance(changed, str) else changed.slug
        meant = {d.slug: _meaning(d) for d in project.segments if d.slug != slug}
        if not isinstance(changed, str):
            meant[slug] = _meaning(changed)
        if {d.slug: _meaning(d) for d in found} != meant:
            # Such as a tag that the file gives all its segments, and this one should lack.
            raise UsageError(f"{FOLDER}/{path.name} cannot say this of one segment alone; edit it by hand.")

    def _put(self, path: Path, after: bytes | None) -> None:
        try:
            if after is None:
                path.unlink()
                return
            mode = stat.S_IMODE((path if path.exists() else path.parent).stat().st_mode) & 0o666
            backup.write_durably(path, after)
            path.chmod(mode)
        except OSError as error:
            raise _refused(error) from error
        finally:
            with self._lock:
                self._read = None

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Be the only one who changes files of the project."""
        if self._locked:
            raise ReadOnlyError(self._locked)
        folder = self.directory / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise _refused(error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _refused(error: OSError) -> ReadOnlyError | UsageError:
    if error.errno in _NOT_WRITABLE:
        return ReadOnlyError(
            "The project's files cannot be written from here: they are read-only. Nothing was changed."
        )
    return UsageError(f"The project's files cannot be written: {error.strerror}. Nothing was changed.")


def _require(tag: str, before: bytes, file: str) -> None:
    if tag not in {ANY, _tag(before)}:
        raise StaleError(f"{file} has changed since it was read; read it again. Nothing was changed.")


def _tag(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()[:32]


def _meaning(definition: Definition) -> Definition:
    """A definition without where it stands."""
    return msgspec.structs.replace(definition, file="", line=1)


def _stamp(directory: Path) -> Stamp:
    files = sorted([*directory.glob("*.yaml"), *directory.glob("*/*.yaml")])
    found = [(path, path.stat()) for path in files if path.is_file()]
    return tuple((str(path), status.st_mtime_ns, status.st_size) for path, status in found)
