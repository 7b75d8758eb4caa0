"""Accounts, their sessions and links, and the audit trail, in the file that holds the keys."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from onefold.adapters.sqlite.connections import keep_private
from onefold.errors import UnavailableError
from onefold.governance.accounts import LIFETIME_US, Account, AccountStore, Link, Session
from onefold.governance.audit import AuditEntry

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  id TEXT PRIMARY KEY,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  password TEXT,
  created_us INTEGER NOT NULL,
  disabled_us INTEGER,
  seen_us INTEGER,
  UNIQUE (workspace, name)
) STRICT;
CREATE TABLE IF NOT EXISTS session (
  digest BLOB PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  began_us INTEGER NOT NULL,
  seen_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS link (
  digest BLOB PRIMARY KEY,
  workspace TEXT NOT NULL,
  account TEXT,
  expires_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  at_us INTEGER NOT NULL,
  workspace TEXT NOT NULL,
  kind TEXT NOT NULL,
  by TEXT NOT NULL,
  name TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  route TEXT NOT NULL,
  subjects TEXT NOT NULL,
  request_id TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS audit_workspace ON audit (workspace, seq);
CREATE TRIGGER IF NOT EXISTS audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit trail stays'); END;
CREATE TRIGGER IF NOT EXISTS audit_keeps BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit trail stays'); END;
"""
_COLUMNS = "account.id, workspace, name, role, password, created_us, disabled_us, account.seen_us"
_SESSION = f"""
SELECT session.digest, session.account, session.began_us, session.seen_us, {_COLUMNS}
FROM session JOIN account ON account.id = session.account WHERE digest = ?
"""  # noqa: S608  names of columns
_CHANGE = "UPDATE account SET role = ?, password = ?, disabled_us = ?, seen_us = ? WHERE id = ?"


class SqliteAccountStore(AccountStore):
    """One connection behind a lock: a look at a session takes some 20 µs."""

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
            self._db.execute("COMMIT")

    def insert(self, account: Account) -> bool:
        """Keep an account; False where its workspace has one of that name."""
        row = (account.id, account.workspace, account.name, account.role, account.password)
        with self._writing():
            self._db.execute(
                "INSERT INTO account VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (*row, account.created_us, account.disabled_us, account.seen_us),
            )
            return bool(self._db.changes())

    def change(self, account: Account) -> None:
        """Keep what is different of an account that is there."""
        with self._writing():
            self._db.execute(
                _CHANGE, (account.role, account.password, account.disabled_us, account.seen_us, account.id)
            )

    def accounts(self) -> list[Account]:
        """All accounts, by workspace and name."""
        with self._lock, _available():
            rows: list[Any] = self._db.execute(f"SELECT {_COLUMNS} FROM account ORDER BY workspace, name").fetchall()  # noqa: S608  names of columns
        return [_account(row) for row in rows]

    def begin(self, session: Session) -> None:
        """Keep a session; those that ended by age go."""
        with self._writing():
            self._db.execute("DELETE FROM session WHERE began_us < ?", (session.began_us - LIFETIME_US,))
            self._db.execute(
                "INSERT INTO session VALUES (?, ?, ?, ?)",
                (session.digest, session.account, session.began_us, session.seen_us),
            )

    def session(self, hashed: bytes) -> tuple[Session, Account] | None:
        """The session of a token's hash with its account."""
        with self._lock, _available():
            row: Any = self._db.execute(_SESSION, (hashed,)).fetchone()
        return None if row is None else (Session(*row[:4]), _account(row[4:]))

    def seen(self, hashed: bytes, at_us: int) -> None:
        """Note that a session is in use."""
        # Not synced: the server calls this between requests, and a note lost to a power cut ends a session early.
        with self._writing(sync=False):
            self._db.execute("UPDATE session SET seen_us = max(seen_us, ?) WHERE digest = ?", (at_us, hashed))

    def end(self, hashed: bytes) -> None:
        """End a session."""
        with self._writing():
            self._db.execute("DELETE FROM session WHERE digest = ?", (hashed,))

    def end_all(self, account: str, *, but: bytes | None = None) -> int:
        """End the sessions of an account, except one."""
        with self._writing():
            self._db.execute("DELETE FROM session WHERE account = ? AND digest IS NOT ?", (account, but))
            return self._db.changes()

    def offer(self, link: Link) -> None:
        """Keep a link in place of any other for the same account or first owner."""
        with self._writing():
            self._db.execute("DELETE FROM link WHERE workspace = ? AND account IS ?", (link.workspace, link.account))
            self._db.execute(
                "INSERT INTO link VALUES (?, ?, ?, ?)", (link.digest, link.workspace, link.account, link.expires_us)
            )

    def link(self, hashed: bytes) -> Link | None:
        """The link of a token's hash."""
        with self._lock, _available():
            row: Any = self._db.execute("SELECT * FROM link WHERE digest = ?", (hashed,)).fetchone()
        return None if row is None else Link(*row)

    def take(self, hashed: bytes) -> Link | None:
        """The same, which is gone then."""
        with self._writing():
            rows: list[Any] = self._db.execute("DELETE FROM link WHERE digest = ? RETURNING *", (hashed,)).fetchall()
        return Link(*rows[0]) if rows else None

    def record(self, entry: AuditEntry) -> None:
        """Append an entry, durably."""
        row = msgspec.structs.astuple(entry)[1:]
        with self._writing():
            self._db.execute(
                "INSERT INTO audit VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                tuple(" ".join(part) if isinstance(part, tuple) else part for part in row),
            )

    def entries(self, workspace: str, *, before: int | None, limit: int) -> list[AuditEntry]:
        """The latest first."""
        with self._lock, _available():
            rows: list[Any] = self._db.execute(
                "SELECT * FROM audit WHERE workspace = ? AND seq < ? ORDER BY seq DESC LIMIT ?",
                (workspace, 2**62 if before is None else before, limit),
            ).fetchall()
        return [
            AuditEntry(
                seq=row[0], at_us=row[1], workspace=row[2], kind=row[3], by=row[4], name=row[5], role=row[6],
                action=row[7], route=row[8], subjects=tuple(row[9].split()), request_id=row[10],
            )
            for row in rows
        ]  # fmt: skip

    def stand_alone(self) -> None:
        """Make one file the whole database: without a write-ahead log beside it."""
        with self._lock, _available():
            self._db.execute("PRAGMA journal_mode = DELETE").fetchall()

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
    """Add the accounts of one workspace to a file that is part of a backup: no sessions, no links, nobody else's."""
    store = SqliteAccountStore(source)
    try:
        kept = [account for account in store.accounts() if account.workspace == workspace]
    finally:
        store.close()
    made = SqliteAccountStore(to)
    try:
        for account in kept:
            made.insert(account)
        made.stand_alone()
    finally:
        made.close()


def merge(source: Path, into: Path) -> None:
    """Add the accounts of a file that a store lacks; of one that is there, what the store says counts: it is newer."""
    with _available():
        # Read only: the file is part of a backup, whose every byte is checked.
        reading = apsw.Connection(str(source), flags=apsw.SQLITE_OPEN_READONLY)
        there = reading.execute("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'account'").fetchone()
        rows: list[Any] = reading.execute(f"SELECT {_COLUMNS} FROM account").fetchall() if there else []  # noqa: S608  as above
        reading.close()
    store = SqliteAccountStore(into)
    try:
        for row in rows:
            store.insert(_account(row))
    finally:
        store.close()


def _account(row: Sequence[Any]) -> Account:
    return Account(
        id=row[0], workspace=row[1], name=row[2], role=row[3], password=row[4], created_us=row[5], disabled_us=row[6],
        seen_us=row[7],
    )  # fmt: skip


@contextmanager
def _available() -> Iterator[None]:
    try:
        yield
    except apsw.Error as error:
        raise UnavailableError(f"The account store does not answer ({type(error).__name__}).") from error
