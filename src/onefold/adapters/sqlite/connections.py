"""Connections to one SQLite file: one writer, a pool of readers, and SQLite's errors in our words."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import apsw

from onefold.errors import ConfigurationError, IntegrityError, UnavailableError

BUSY_MS = 10_000  # how long a writer waits for another process before it gives up
_ALONE_MS = 500  # how long who must be alone waits for others to close a file
_READER_CACHE_KIB = 8 * 1024
_READERS_KEPT = 16
_STATEMENTS_KEPT = 200


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Raise SQLite's errors as ours: damaged files are `IntegrityError`, what may pass is `UnavailableError`."""
    try:
        yield
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise IntegrityError(f"{path} is damaged ({error}); stop, and restore the latest backup") from error
    except apsw.FullError as error:
        raise UnavailableError(f"the disk that holds {path} is full; free some space, nothing was changed") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise UnavailableError(
            f"{path} has been locked by another process for {BUSY_MS // 1000} s; see which `onefold` is running"
        ) from error
    except (apsw.IOError, apsw.CantOpenError, apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError) as error:
        raise UnavailableError(f"{path} cannot be used ({error}); check that the disk is there and writable") from error


def open_writer(
    path: Path,
    *,
    schema: str,
    version: int,
    cache_kib: int,
    checkpoint_pages: int,
    upgrades: Mapping[int, str] = MappingProxyType({}),
    change: bool = True,
) -> apsw.Connection:
    """Open for writing; create the file with `schema` when it is new or empty, readable by its owner only.

    Every commit reaches the disk before it returns (synchronous=FULL), and deleted content is overwritten.

    Args:
        path: The file; its directory must exist.
        schema: Statements that create the tables.
        version: The schema's number.
        cache_kib: Bound of the page cache, KiB.
        checkpoint_pages: Length of the write-ahead log, in pages of 4 KiB, from which it is copied into the file. A
            page that changes again before that is copied once, so longer is cheaper; recovery after a crash reads it.
        upgrades: Statements that turn a file of an earlier schema into one of the next, by the earlier one's number.
        change: Whether the file may be created, and brought from an earlier schema to this one.

    Raises:
        ConfigurationError: The file was written by a newer Onefold, or by something else; or it is absent or of an
            earlier schema, and is not to be changed, or others have it open.
        UnavailableError: The file cannot be opened or created.
    """
    if change:
        keep_private(path)
        _upgrade(path, version, upgrades)
    elif not path.exists():
        raise ConfigurationError(f"{path} is missing; restore a backup, or start a server, which begins it")
    with translated(path):
        connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS_KEPT)
        connection.set_busy_timeout(BUSY_MS)
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            # A wrapped node key that was deleted must not linger in free pages: its destruction is the erasure.
            "secure_delete=ON",
            f"cache_size=-{cache_kib}",
            f"wal_autocheckpoint={checkpoint_pages}",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        try:
            _check_schema(connection, path, schema if change else None, version)
        except BaseException:
            connection.close(True)
            raise
        return connection


def keep_private(path: Path) -> None:
    """See to it that nobody but the owner reads the file, and what SQLite makes beside it."""
    try:
        # Only where it is new: closing a descriptor of an open database would drop this process's locks on it.
        with contextlib.suppress(FileExistsError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise UnavailableError(f"{path} cannot be made ({error.strerror}); check the folder and its disk") from None
    for suffix in ("", "-wal", "-shm"):
        present = Path(f"{path}{suffix}")
        with contextlib.suppress(OSError):
            if present.stat().st_mode & 0o077:
                present.chmod(0o600)


def _upgrade(path: Path, version: int, upgrades: Mapping[int, str]) -> None:
    """Bring a file of an earlier schema to this one, with nobody else having it open, processes of that version included."""
    with translated(path):
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(BUSY_MS)
        try:
            found: int = connection.pragma("user_version")
            if found not in upgrades or found >= version:
                return
        finally:
            connection.close(True)
        connection = apsw.Connection(str(path))
        connection.set_busy_timeout(_ALONE_MS)
        try:
            try:
                # Set before anything is read: then the file itself is locked, which every connection of others prevents.
                for pragma in ("locking_mode=EXCLUSIVE", "synchronous=FULL", "secure_delete=ON"):
                    connection.execute(f"PRAGMA {pragma}").fetchall()
                connection.execute("BEGIN IMMEDIATE")
            except (apsw.BusyError, apsw.LockedError):
                raise ConfigurationError(
                    f"{path} has schema {found} and other processes have it open; stop them, then start one or run "
                    "`onefold migrate`"
                ) from None
            found = connection.pragma("user_version")
            while found in upgrades and found < version:
                connection.execute(upgrades[found]).fetchall()
                found += 1
                connection.pragma("user_version", found)
            connection.execute("COMMIT")
        finally:
            connection.close(True)


def _check_schema(connection: apsw.Connection, path: Path, schema: str | None, version: int) -> None:
    """Create the tables where `schema` is given and there are none; refuse what is not of this version."""
    connection.execute("BEGIN IMMEDIATE" if schema else "BEGIN")  # two processes may create the file at the same moment
    found: int = connection.pragma("user_version")
    if schema and found == 0 and not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall():
        connection.execute(schema)
        connection.pragma("user_version", version)
        found = version
    if found != version:
        raise ConfigurationError(_other_version(path, found, version))
    connection.execute("COMMIT")


def _other_version(path: Path, found: int, version: int) -> str:
    if found > version:
        return f"{path} has schema {found}, this Onefold knows {version}; start the newer Onefold that wrote it"
    if found:
        return (
            f"{path} has schema {found}, this Onefold needs {version}; stop what uses it, then start a server or run "
            "`onefold migrate`"
        )
    return f"{path} is not a file this Onefold can use"


class FileOnDisk:
    """A file as it was when it was opened, to notice that another was put in its place, or none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        status = path.stat()
        self._opened = (status.st_dev, status.st_ino)

    def check(self) -> None:
        """See that it is still there: whoever goes on with a file that was moved away writes where nobody reads.

        Raises:
            UnavailableError: It is not.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116  half as long as by way of Path, before each append
        except OSError:
            raise UnavailableError(f"{self._path} is gone; put it back and start this process again") from None
        if (status.st_dev, status.st_ino) != self._opened:
            raise UnavailableError(f"{self._path} was replaced while it was in use; start this process again")


class Readers:
    """Read-only connections to a file, lent one at a time: a connection is never used by two threads at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._idle: list[apsw.Connection] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lend(self) -> Iterator[apsw.Connection]:
        """A connection for the time of the block; the caller leaves no transaction open."""
        with self._lock:
            if self._closed:
                raise UnavailableError(f"{self._path} has been closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            connection = self._open()
        try:
            yield connection
        finally:
            if not connection.in_transaction:
                with self._lock:
                    if not self._closed and len(self._idle) < _READERS_KEPT:
                        self._idle.append(connection)
                        connection = None
            if connection is not None:
                connection.close(True)

    def close(self) -> None:
        """Close idle connections now and lent ones when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close(True)

    def _open(self) -> apsw.Connection:
        with translated(self._path):
            # Read-write at the level of the file, because a WAL reader takes part in the shared-memory index.
            connection = apsw.Connection(
                str(self._path), flags=apsw.SQLITE_OPEN_READWRITE, statementcachesize=_STATEMENTS_KEPT
            )
            connection.set_busy_timeout(BUSY_MS)
            connection.execute(f"PRAGMA query_only=ON; PRAGMA cache_size=-{_READER_CACHE_KIB}").fetchall()
            return connection
