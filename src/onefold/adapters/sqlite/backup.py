"""Backup and restore of a workspace directory: SQLite files copied while they are in use, and a manifest with digests.

The store is copied before the log. What the store has consumed was in the log before, so the restored log holds
at least all that the restored store knows of, and the processor goes on from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import apsw
import msgspec

from onefold.adapters.sqlite.connections import translated
from onefold.errors import IntegrityError, UsageError

STORE = "profiles.db"
LOG = "log.db"
MANIFEST = "manifest.json"
_FORMAT = 1
_LEFT_OUT = ("-wal", "-shm", "-journal", ".lease")  # they belong to running processes


class BackedUpFile(msgspec.Struct, frozen=True):
    """A file of a backup, its length in bytes and its SHA-256 in hexadecimal."""

    name: str
    length: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds. It is written last, so a backup that has one is whole.

    Attributes:
        format: Version of this layout.
        made_at_us: When, microseconds UTC.
        consumed: Consumer offset of the store, 0 without a store.
        log_end: Last offset of the log; never below `consumed`.
        files: Everything else in the directory.
    """

    format: int
    made_at_us: int
    consumed: int
    log_end: int
    files: tuple[BackedUpFile, ...]


def back_up(directory: Path, to: Path, *, at_us: int) -> Manifest:
    """Copy a workspace's databases and key file into the new directory `to`, while they may be in use.

    Raises:
        UsageError: `to` exists already.
        IntegrityError: A copied database is damaged; the backup is left without a manifest.
    """
    try:
        to.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise UsageError(
            f"{to} exists already; name a directory that does not, so that no backup is overwritten"
        ) from None
    for source in _in_order(directory):
        target = to / source.name
        if source.suffix == ".db":
            _copy_database(source, target)
        else:
            shutil.copyfile(source, target)
        target.chmod(0o600)
        _sync(target)
    manifest = Manifest(
        _FORMAT,
        at_us,
        _number(to / STORE, "SELECT max(log_offset) FROM consumer"),
        _number(to / LOG, "SELECT max(seq) FROM sqlite_sequence"),
        tuple(_describe(path) for path in sorted(to.iterdir())),
    )
    if manifest.consumed > manifest.log_end:
        raise IntegrityError(f"the store has consumed {manifest.consumed} entries of a log of {manifest.log_end}")
    (to / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
    _sync(to / MANIFEST)
    _sync(to)
    return manifest


def check(backup: Path) -> Manifest:
    """Compare a backup with its manifest.

    Raises:
        IntegrityError: It has no readable manifest, or a file is missing or not what was written.
    """
    try:
        manifest = msgspec.json.decode((backup / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError):
        raise IntegrityError(
            f"{backup} has no readable {MANIFEST}: it is no backup, or one that was cut short"
        ) from None
    if manifest.format != _FORMAT:
        raise IntegrityError(f"{backup} has format {manifest.format}; this Onefold reads {_FORMAT}")
    _compare(manifest, backup)
    return manifest


def restore(backup: Path, directory: Path, *, at_us: int) -> Manifest:
    """Put a backup in place of a workspace directory that nobody uses; what is there is set aside, not deleted.

    The new directory appears in one step, under its name, when all of it is on the disk.

    Raises:
        IntegrityError: The backup is not whole; nothing was changed.
    """
    manifest = check(backup)
    directory.parent.mkdir(parents=True, exist_ok=True)
    incoming = directory.with_name(f".{directory.name}.restoring-{at_us}")
    incoming.mkdir(mode=0o700)
    for file in manifest.files:
        shutil.copyfile(backup / file.name, incoming / file.name)
        (incoming / file.name).chmod(0o600)
        _sync(incoming / file.name)
    _compare(manifest, incoming)
    _sync(incoming)
    if directory.exists():
        directory.rename(directory.with_name(f"{directory.name}.before-{at_us}"))
    incoming.rename(directory)
    _sync(directory.parent)
    return manifest


def _compare(manifest: Manifest, directory: Path) -> None:
    for file in manifest.files:
        path = directory / file.name
        # A name with a slash in it would reach outside of the directory.
        if Path(file.name).name != file.name or not path.is_file() or _describe(path) != file:
            raise IntegrityError(f"{path} is not what the manifest says; use another backup")


def _in_order(directory: Path) -> list[Path]:
    """The store first, then the log, then the rest."""
    files = [path for path in sorted(directory.iterdir()) if path.is_file() and not path.name.endswith(_LEFT_OUT)]
    order = {STORE: 0, LOG: 1}
    return sorted(files, key=lambda path: order.get(path.name, 2))


def _copy_database(source: Path, target: Path) -> None:
    with translated(source):
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READWRITE)
        writing = apsw.Connection(str(target))
        try:
            with writing.backup("main", reading, "main") as copying:
                copying.step(-1)  # all pages in one read transaction: one committed state, no restarts
            # The copy stands alone: without a write-ahead log beside it, one file is the whole database.
            writing.execute("PRAGMA journal_mode=DELETE").fetchall()
            found = writing.execute("PRAGMA integrity_check").fetchall()
        finally:
            writing.close(True)
            reading.close(True)
    if found != [("ok",)]:
        raise IntegrityError(f"{source} is damaged ({found[0][0]}); restore an earlier backup")


def _number(path: Path, statement: str) -> int:
    if not path.exists():
        return 0
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        rows: list[tuple[int | None]] = connection.execute(statement).fetchall()  # type: ignore[assignment] # apsw cannot know the columns
        return rows[0][0] or 0
    finally:
        connection.close(True)


def _describe(path: Path) -> BackedUpFile:
    with path.open("rb") as file:
        return BackedUpFile(path.name, path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
