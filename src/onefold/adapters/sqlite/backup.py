"""Backups of a workspace's files, taken while it is in use, and their way back."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from types import MappingProxyType

import apsw
import msgspec

from onefold.adapters.sqlite.connections import translated
from onefold.errors import IntegrityError, UsageError
from onefold.model import WorkspaceIdentity

MANIFEST = "manifest.json"
UNFINISHED = "restore.unfinished"
"""Stands in a workspace while a backup is put in place: until it is gone, the files may be of two moments, or absent."""

_VERSION = 2
_READ_VERSIONS = (1, 2)


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds: the SHA-256 of each file by its name.

    From version 2 on, also which workspace it is of, and a digest of the manifest itself.
    """

    version: int
    files: dict[str, str]
    workspace: str = ""
    identity: WorkspaceIdentity | None = None
    seal: str = ""

    def digest(self) -> str:
        """SHA-256 of all that the manifest says, `seal` apart: a damaged one must not name another workspace."""
        return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(self, seal=""))).hexdigest()


def take(
    databases: list[Path],
    others: list[Path],
    to: Path,
    *,
    made: Mapping[str, Callable[[Path], None]] = MappingProxyType({}),
    named: Callable[[], list[Path]] = list,
    of: tuple[str, WorkspaceIdentity] | None = None,
) -> int:
    """Copy databases (in this order, each as of one moment) and plain files into a new directory.

    A profile store must come before its log: then the log of the backup holds everything the store has processed.
    Files that are `made` are written by what is given for their name, those that are `named` are asked for when the databases
    are copied; `of` is the workspace's name and identity.

    Returns:
        Bytes written.

    Raises:
        UsageError: The directory exists.
        IntegrityError: A copy is not whole.
        FileNotFoundError: A file is not there any more; the directory is to be removed, and the backup taken anew.
    """
    if to.exists():
        raise UsageError(f"{to} exists; name a directory that does not.")
    to.mkdir(parents=True, mode=0o700)
    for database in databases:
        _copy(database, to / database.name)
    others = [*others, *named()]
    for other in others:
        shutil.copyfile(other, to / other.name)
        (to / other.name).chmod(0o600)
    for file, make in made.items():
        make(to / file)
    files = [*(f.name for f in (*databases, *others)), *made]
    name, identity = of or ("", None)
    manifest = _Manifest(_VERSION, {file: _digest(to / file) for file in files}, name, identity)
    for file in files:
        _settle(to / file)
    write_durably(to / MANIFEST, msgspec.json.encode(msgspec.structs.replace(manifest, seal=manifest.digest())))
    return sum((to / file).stat().st_size for file in files)


def check(directory: Path) -> tuple[list[str], WorkspaceIdentity | None]:
    """The names of a backup's files, each as it was written, and which workspace it is of where it says so.

    Raises:
        UsageError: It is no backup.
        IntegrityError: A file is missing or altered.
    """
    try:
        manifest = msgspec.json.decode((directory / MANIFEST).read_bytes(), type=_Manifest)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{directory} is no backup: it has no readable {MANIFEST}.") from error
    if manifest.version not in _READ_VERSIONS:
        raise UsageError(f"{directory} is a backup of format {manifest.version}; this Onefold reads up to {_VERSION}.")
    if (manifest.seal or manifest.version == _VERSION) and manifest.seal != manifest.digest():
        raise IntegrityError(f"{MANIFEST} of the backup was altered; use another backup.")
    files = manifest.files
    for name, digest in files.items():
        path = directory / Path(name).name
        if not path.is_file() or _digest(path) != digest:
            raise IntegrityError(f"{name} of the backup is missing or was altered; use another backup.")
    return list(files), manifest.identity


def put_back(
    directory: Path, to: Path, *, aside: Path, leave: Collection[str] = (), place: Callable[[str], Path] = Path
) -> None:
    """Put a backup's files in place, but those to `leave`; what is there is moved to `aside`, a new directory.

    `place` is where in `to` the file of a name belongs.

    Everything is copied and synced beside its place first, so a full disk or a crash while copying changes nothing. A
    crash while files change places leaves `UNFINISHED`; putting the backup back once more finishes it.
    """
    whole, _ = check(directory)
    names = [name for name in whole if name not in leave]
    to.mkdir(parents=True, exist_ok=True, mode=0o700)
    for left in aside.parent.glob(".*.incoming"):
        shutil.rmtree(left)
    incoming = aside.with_name(f".{aside.name}.incoming")
    incoming.mkdir(mode=0o700)
    try:
        for name in (*whole, MANIFEST):
            shutil.copyfile(directory / name, incoming / name)
            (incoming / name).chmod(0o600)
            _settle(incoming / name)
        check(incoming)
        _settle_directory(incoming)
        aside.mkdir(mode=0o700)
        write_durably(to / UNFINISHED, aside.name.encode())
        for name in names:
            for suffix in ("", "-wal", "-shm"):
                present = to / place(f"{name}{suffix}")
                if present.exists():
                    present.rename(aside / present.name)
        for name in names:
            final = to / place(name)
            if not final.parent.is_dir():
                final.parent.mkdir(mode=0o700)
            (incoming / name).rename(final)
        for folder in {(to / place(name)).parent for name in names}:
            _settle_directory(folder)
        _settle_directory(to)
        (to / UNFINISHED).unlink()
        _settle_directory(to)
    finally:
        shutil.rmtree(incoming)


def swap(new: Path, old: Path, *, aside: Path) -> None:
    """Put a closed database in the place of another closed one, which stays at `aside`."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{aside}{suffix}").unlink(missing_ok=True)
        if Path(f"{old}{suffix}").exists():
            Path(f"{old}{suffix}").rename(f"{aside}{suffix}")
    for suffix in ("-wal", ""):
        if Path(f"{new}{suffix}").exists():
            Path(f"{new}{suffix}").rename(f"{old}{suffix}")
    _settle_directory(old.parent)


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that a power cut leaves it whole or absent, in the place of one that is there."""
    _written(path, content).rename(path)
    _settle_directory(path.parent)


def create_durably(path: Path, content: bytes) -> bool:
    """Write a file so that a power cut leaves it whole or absent; False, and nothing changed, when it is there already."""
    temporary = _written(path, content)
    try:
        # A link, not a rename: a rename would replace the file of a process that was quicker.
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    _settle_directory(path.parent)
    return True


def _written(path: Path, content: bytes) -> Path:
    """A synced file of another name beside `path`."""
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return temporary


def _copy(source: Path, target: Path) -> None:
    with translated(source):
        reading, writing = apsw.Connection(str(source)), apsw.Connection(str(target))
        try:
            with writing.backup("main", reading, "main") as copy:
                # All pages in one read transaction: in steps, every commit in between would start the copy again.
                copy.step(-1)
            # The copy stands alone: without a write-ahead log beside it, one file is the whole database.
            writing.execute("PRAGMA journal_mode=DELETE").fetchall()
            found = writing.execute("PRAGMA integrity_check").fetchall()
        finally:
            reading.close()
            writing.close()
    if found != [("ok",)]:
        raise IntegrityError(f"the copy of {source.name} is damaged; check the disk, and the database itself")
    target.chmod(0o600)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _settle_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
