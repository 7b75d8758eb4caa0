"""Keys in a small SQLite file that server and command line share."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw

from onefold.adapters.sqlite.connections import keep_private
from onefold.errors import UnavailableError
from onefold.governance.access import Key, KeyStore

_SCHEMA = """
CREATE TABLE IF NOT EXISTS key (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  digest BLOB NOT NULL UNIQUE,
  hint TEXT NOT NULL,
  scopes TEXT NOT NULL,
  origins TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  revoked_us INTEGER,
  role TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS key_use (
  id TEXT PRIMARY KEY REFERENCES key (id),
  last_used_us INTEGER NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS version (n INTEGER NOT NULL) STRICT;
INSERT INTO version (n) SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM version);
"""
_ALIVE = "SELECT count(*) FROM key WHERE workspace = ? AND kind = ? AND name = ? AND revoked_us IS NULL"
_HOLDER = "SELECT workspace, kind, name, revoked_us FROM key WHERE id = ?"
_INSERT = "INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)"
_HAS_ROLE = "SELECT 1 FROM pragma_table_info('key') WHERE name = 'role'"
_PUT = """
INSERT INTO key VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET revoked_us = coalesce(revoked_us, excluded.revoked_us)
"""
_KEYS = """
SELECT key.id, kind, workspace, name, digest, hint, scopes, origins, created_us, revoked_us, last_used_us, {role}
FROM key LEFT JOIN key_use USING (id) ORDER BY created_us, key.id
"""
_USED = """
INSERT INTO key_use SELECT id, ?2 FROM key WHERE id = ?1
ON CONFLICT (id) DO UPDATE SET last_used_us = max(last_used_us, excluded.last_used_us)
"""
# An explicit counter, not PRAGMA data_version: that one is blind to this connection's own writes and sees last-used notes.
_CHANGED = "UPDATE version SET n = n + 1"


class SqliteKeyStore(KeyStore):
    """One connection behind a lock: keys change a few times a year and are read from memory."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with _available():
            keep_private(path)
            self._db = apsw.Connection(str(path))
            self._db.set_busy_timeout(5_000)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "foreign_keys = ON"):
                self._db.execute(f"PRAGMA {pragma}")
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(_SCHEMA)
            if not self._db.execute(_HAS_ROLE).fetchone():  # a file of before keys had roles
                self._db.execute("ALTER TABLE key ADD COLUMN role TEXT")
            self._db.execute("COMMIT")

    def insert(self, key: Key, *, alive_max: int) -> bool:
        """Keep a key unless enough of its holder's are alive."""
        with self._writing():
            holder = (key.workspace, key.kind, key.name)
            there = self._db.execute(_HOLDER, (key.id,)).fetchone()
            if there is not None:
                return bool(there == (*holder, None))
            alive: Any = self._db.execute(_ALIVE, holder).fetchone()
            if alive[0] >= alive_max:
                return False
            row = (key.id, key.kind, key.workspace, key.name, key.digest, key.hint)
            self._db.execute(_INSERT, (*row, " ".join(key.scopes), " ".join(key.origins), key.created_us, key.role))
            self._db.execute(_CHANGED)
            return True

    def keys(self) -> list[Key]:
        """All keys, oldest first."""
        with self._lock, _available():
            return _all(self._db)

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Mark a key revoked."""
        with self._writing():
            self._db.execute("UPDATE key SET revoked_us = ? WHERE id = ? AND revoked_us IS NULL", (at_us, key_id))
            if not self._db.changes():
                return False
            self._db.execute(_CHANGED)
            return True

    def put(self, keys: Sequence[Key]) -> None:
        """Take keys as another store has them. One that is here stays, revoked if it is revoked in either."""
        with self._writing():
            for key in keys:
                row = (key.id, key.kind, key.workspace, key.name, key.digest, key.hint)
                rest = (" ".join(key.scopes), " ".join(key.origins), key.created_us, key.revoked_us, key.role)
                self._db.execute(_PUT, (*row, *rest))
            self._db.execute(_CHANGED)

    def allow(self, workspace: str, source: str, origins: Sequence[str]) -> None:
        """Let every key of a source serve these web origins and no others."""
        stated = " ".join(origins)
        with self._writing():
            self._db.execute(
                "UPDATE key SET origins = ? WHERE workspace = ? AND kind = 'source' AND name = ? AND origins <> ?",
                (stated, workspace, source, stated),
            )
            if self._db.changes():
                self._db.execute(_CHANGED)

    def used(self, times_us: Mapping[str, int]) -> None:
        """Note when keys were last used."""
        # Not synced: the server calls this between requests, and a note lost to a power cut is no loss.
        with self._writing(sync=False):
            self._db.executemany(_USED, list(times_us.items()))

    def version(self) -> int:
        """How many changes there were, by any process."""
        with self._lock, _available():
            found: Any = self._db.execute("SELECT n FROM version").fetchone()
        return int(found[0])

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    @contextmanager
    def _writing(self, *, sync: bool = True) -> Iterator[None]:
        with self._lock, _available():
            self._db.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")


def copy(source: Path, to: Path, *, workspace: str) -> None:
    """Write the keys of one workspace into a new file: no other's, for backups are given away with their workspace."""
    store = SqliteKeyStore(source)
    try:
        rows = [key for key in store.keys() if key.workspace == workspace]
    finally:
        store.close()
    _insert(to, rows)
    with _available():
        made = apsw.Connection(str(to))
        # One file is the whole database then.
        made.execute("PRAGMA journal_mode = DELETE").fetchall()
        made.close()


def merge(source: Path, into: Path) -> None:
    """Add the keys of a file that a store lacks. A key that is in both stays revoked if it is in either."""
    with _available():
        # Read only: the file is part of a backup, whose every byte is checked.
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        found = _all(reading)
        reading.close()
    _insert(into, found)


def _all(db: apsw.Connection) -> list[Key]:
    """All keys of a file, oldest first."""
    role = "role" if db.execute(_HAS_ROLE).fetchone() else "NULL"  # a backup of before keys had roles
    rows: list[Any] = db.execute(_KEYS.replace("{role}", role)).fetchall()
    return [_key(row) for row in rows]


def _key(row: Sequence[Any]) -> Key:
    return Key(
        id=row[0],
        kind=row[1],
        workspace=row[2],
        name=row[3],
        digest=row[4],
        hint=row[5],
        scopes=tuple(row[6].split()),
        origins=tuple(row[7].split()),
        created_us=row[8],
        revoked_us=row[9],
        last_used_us=row[10],
        role=row[11],
    )


def _insert(path: Path, keys: Sequence[Key]) -> None:
    store = SqliteKeyStore(path)
    try:
        store.put(keys)
    finally:
        store.close()


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise UnavailableError(f"The key store does not answer ({type(error).__name__}).") from error
