"""Accounts in memory: gone with the process, for tests and trials."""

from __future__ import annotations

import threading

import msgspec

from onefold.governance.accounts import Account, AccountStore, Link, Session
from onefold.governance.audit import AuditEntry


class MemoryAccountStore(AccountStore):
    """Dictionaries of accounts, sessions and links behind a lock, and the audit trail."""

    def __init__(self) -> None:
        self._accounts: dict[str, Account] = {}
        self._sessions: dict[bytes, Session] = {}
        self._links: dict[bytes, Link] = {}
        self._trail: list[AuditEntry] = []
        self._lock = threading.Lock()

    def insert(self, account: Account) -> bool:
        """Keep an account; False where its workspace has one of that name."""
        with self._lock:
            if any((a.workspace, a.name) == (account.workspace, account.name) for a in self._accounts.values()):
                return False
            self._accounts[account.id] = account
            return True

    def change(self, account: Account) -> None:
        """Keep what is different of an account that is there."""
        with self._lock:
            if account.id in self._accounts:
                self._accounts[account.id] = account

    def accounts(self) -> list[Account]:
        """All accounts, by workspace and name."""
        with self._lock:
            return sorted(self._accounts.values(), key=lambda a: (a.workspace, a.name))

    def begin(self, session: Session) -> None:
        """Keep a session."""
        with self._lock:
            self._sessions[session.digest] = session

    def session(self, hashed: bytes) -> tuple[Session, Account] | None:
        """The session of a token's hash with its account."""
        with self._lock:
            session = self._sessions.get(hashed)
            return None if session is None else (session, self._accounts[session.account])

    def seen(self, hashed: bytes, at_us: int) -> None:
        """Note that a session is in use."""
        with self._lock:
            if hashed in self._sessions:
                self._sessions[hashed] = msgspec.structs.replace(self._sessions[hashed], seen_us=at_us)

    def end(self, hashed: bytes) -> None:
        """End a session."""
        with self._lock:
            self._sessions.pop(hashed, None)

    def end_all(self, account: str, *, but: bytes | None = None) -> int:
        """End the sessions of an account, except one."""
        with self._lock:
            ended = [s.digest for s in self._sessions.values() if s.account == account and s.digest != but]
            for hashed in ended:
                del self._sessions[hashed]
            return len(ended)

    def offer(self, link: Link) -> None:
        """Keep a link in place of any other for the same account or first owner."""
        with self._lock:
            same = [
                k for k, one in self._links.items() if (one.workspace, one.account) == (link.workspace, link.account)
            ]
            for hashed in same:
                del self._links[hashed]
            self._links[link.digest] = link

    def link(self, hashed: bytes) -> Link | None:
        """The link of a token's hash."""
        with self._lock:
            return self._links.get(hashed)

    def take(self, hashed: bytes) -> Link | None:
        """The same, which is gone then."""
        with self._lock:
            return self._links.pop(hashed, None)

    def record(self, entry: AuditEntry) -> None:
        """Append an entry."""
        with self._lock:
            self._trail.append(msgspec.structs.replace(entry, seq=len(self._trail) + 1))

    def entries(self, workspace: str, *, before: int | None, limit: int) -> list[AuditEntry]:
        """The latest first."""
        with self._lock:
            found = [
                e for e in reversed(self._trail) if e.workspace == workspace and (before is None or e.seq < before)
            ]
            return found[:limit]

    def close(self) -> None:
        """Nothing to let go of."""
