"""Accounts: people who sign in, their sessions, and the one-time links by which they choose a password.

An account opens one workspace, as a key does, and its role says what it may do there. Of session tokens and links, both
256 random bits, a SHA-256 hash is kept; of passwords an argon2id hash (`passwords`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Protocol

import msgspec

from onefold.errors import NotFoundError, UnauthorizedError, UsageError
from onefold.governance import passwords
from onefold.governance.access import Key, digest, mint
from onefold.governance.audit import AuditTrail
from onefold.governance.roles import ROLES, RoleName

_MINUTE_US = 60_000_000
IDLE_US = 120 * _MINUTE_US
"""A session that is not used for so long has ended."""
LIFETIME_US = 12 * 60 * _MINUTE_US
"""A session ends so long after its beginning, however much it is used."""
LINK_US = 24 * 60 * _MINUTE_US
"""How long a one-time link can be used."""
SEEN_US = _MINUTE_US
"""How often it is noted that a session is in use."""
NAME_MAX = 200
OWNER: RoleName = "owner"
_DEAD_LINK = "This link was used already, has expired, or was replaced by a newer one. Ask for another."


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may sign in.

    Attributes:
        id: Names the account in lists and logs; random.
        workspace: The workspace it opens, and no other.
        name: What they sign in as, normalised by `name_of`; unique in the workspace.
        role: What they may do and see.
        password: The argon2id hash; None until the one-time link was used.
        created_us: When it was added.
        disabled_us: When it was disabled, or None.
        seen_us: When somebody last signed in, or None.
    """

    id: str
    workspace: str
    name: str
    role: RoleName
    password: str | None = None
    created_us: int = 0
    disabled_us: int | None = None
    seen_us: int | None = None

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Account {self.id} workspace={self.workspace} role={self.role}>"


class Session(msgspec.Struct, frozen=True, gc=False):
    """A sign-in of an account: the hash of its token, when it began, and when it was last used within a minute."""

    digest: bytes
    account: str
    began_us: int
    seen_us: int

    def ends_us(self) -> int:
        """When it ends if it is not used."""
        return min(self.began_us + LIFETIME_US, self.seen_us + IDLE_US)


class Link(msgspec.Struct, frozen=True):
    """A one-time link as stored: whose password it sets; `account` is None for the first owner of a workspace."""

    digest: bytes
    workspace: str
    account: str | None
    expires_us: int


class AccountStore(AuditTrail, Protocol):
    """Where accounts, sessions and links are kept, and what was done with them. Any thread may call it."""

    def insert(self, account: Account) -> bool:
        """Keep an account; False where its workspace has one of that name."""
        ...

    def change(self, account: Account) -> None:
        """Keep what is different of an account that is there."""
        ...

    def accounts(self) -> list[Account]:
        """All accounts, by workspace and name."""
        ...

    def begin(self, session: Session) -> None:
        """Keep a session; sessions that ended long ago may be dropped."""
        ...

    def session(self, hashed: bytes) -> tuple[Session, Account] | None:
        """The session of a token's hash with its account, whether or not it has ended by time."""
        ...

    def seen(self, hashed: bytes, at_us: int) -> None:
        """Note that a session is in use."""
        ...

    def end(self, hashed: bytes) -> None:
        """End a session."""
        ...

    def end_all(self, account: str, *, but: bytes | None = None) -> int:
        """End the sessions of an account, except one; returns how many."""
        ...

    def offer(self, link: Link) -> None:
        """Keep a link in place of any other for the same account, or for the same workspace's first owner."""
        ...

    def link(self, hashed: bytes) -> Link | None:
        """The link of a token's hash."""
        ...

    def take(self, hashed: bytes) -> Link | None:
        """The same, which is gone then: of two who take it one gets it."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def name_of(text: str) -> str:
    """A name as it is kept and looked up: however it is composed, capitalised or surrounded by spaces.

    Raises:
        UsageError: It is empty, too long, or has control characters.
    """
    name = unicodedata.normalize("NFKC", text).strip().casefold()
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise UsageError(f"An account's name has 1 to {NAME_MAX} printable characters, such as an e-mail address.")
    return name


def add(
    store: AccountStore, *, workspace: str, name: str, role: RoleName, now_us: int, random: Callable[[int], bytes]
) -> tuple[Account, str]:
    """Add an account, and make the one-time link (its token) by which a password is chosen.

    Raises:
        UsageError: The workspace has an account of that name.
    """
    account = Account(id=random(8).hex(), workspace=workspace, name=name_of(name), role=role, created_us=now_us)
    if not store.insert(account):
        raise UsageError("There is an account of that name; `onefold accounts reset` makes a link for a new password.")
    return account, offer(store, workspace, account.id, now_us, random)


def find(store: AccountStore, workspace: str, name: str) -> Account:
    """An account by its name or id.

    Raises:
        NotFoundError: There is none.
    """
    for account in store.accounts():
        if account.workspace == workspace and (account.id == name or account.name == name_of(name)):
            return account
    raise NotFoundError("There is no such account; `onefold accounts list` shows them.")


def change(
    store: AccountStore, account: Account, *, now_us: int, role: RoleName | None = None, disabled: bool | None = None
) -> Account:
    """Give an account another role, or disable or enable it; a disabled one's sessions end.

    Raises:
        UsageError: It is the last owner of its workspace who can sign in.
    """
    changed = msgspec.structs.replace(
        account,
        role=role or account.role,
        disabled_us=account.disabled_us if disabled is None else now_us if disabled else None,
    )
    rest = [a for a in owners(store, account.workspace) if a.id != account.id]
    if account.role == OWNER and not rest and (changed.role != OWNER or changed.disabled_us is not None):
        raise UsageError("This is the last owner of the workspace; make somebody else an owner first.")
    store.change(changed)
    if changed.disabled_us is not None:
        store.end_all(account.id)
    return changed


def owners(store: AccountStore, workspace: str) -> list[Account]:
    """Owners who can sign in."""
    return [
        account
        for account in store.accounts()
        if account.workspace == workspace
        and account.role == OWNER
        and account.disabled_us is None
        and account.password is not None
    ]


def offer(store: AccountStore, workspace: str, account: str | None, now_us: int, random: Callable[[int], bytes]) -> str:
    """Make a one-time link; returns its token. An earlier one for the same account is dead then."""
    token = mint("link", random)
    store.offer(Link(digest(token), workspace, account, now_us + LINK_US))
    return token


def linked(store: AccountStore, token: str, now_us: int) -> tuple[Link, Account | None]:
    """The link of a token, and the account it is for; None where it makes the first owner.

    Raises:
        UnauthorizedError: It was used, has expired or was replaced, or its account was disabled.
    """
    link = store.link(digest(token))
    if link is None or link.expires_us <= now_us:
        raise UnauthorizedError(_DEAD_LINK)
    if link.account is None:
        if owners(store, link.workspace):
            raise UnauthorizedError(_DEAD_LINK)
        return link, None
    account = next((a for a in store.accounts() if a.id == link.account), None)
    if account is None or account.disabled_us is not None:
        raise UnauthorizedError(_DEAD_LINK)
    return link, account


def set_up(
    store: AccountStore,
    token: str,
    *,
    name: str | None,
    password: str,
    now_us: int,
    random: Callable[[int], bytes],
) -> Account:
    """Use a one-time link: set the password of its account, or make the first owner. Sessions of before end.

    Raises:
        UnauthorizedError: The link cannot be used.
        UsageError: The password is too weak, or the first owner has no name.
    """
    link, account = linked(store, token, now_us)
    if account is None and not name:
        raise UsageError("Choose a name to sign in with, such as your e-mail address.")
    kept = passwords.hashed(password, random)
    new = account or Account(
        id=random(8).hex(), workspace=link.workspace, name=name_of(name or ""), role=OWNER, created_us=now_us
    )
    taken = any((a.workspace, a.name) == (new.workspace, new.name) and a.id != new.id for a in store.accounts())
    if taken:  # before the link is gone
        raise UsageError("There is an account of that name already: `onefold accounts reset` makes a link for it.")
    if store.take(link.digest) is None:
        raise UnauthorizedError(_DEAD_LINK)
    new = msgspec.structs.replace(new, password=kept)
    store.insert(new)
    store.change(new)
    store.end_all(new.id)
    return new


def set_password(store: AccountStore, account: Account, password: str, random: Callable[[int], bytes]) -> Account:
    """Set the password of an account; all its sessions end.

    Raises:
        UsageError: The password is too weak.
    """
    changed = msgspec.structs.replace(account, password=passwords.hashed(password, random))
    store.change(changed)
    store.end_all(account.id)
    return changed


def reset(store: AccountStore, account: Account, now_us: int, random: Callable[[int], bytes]) -> str:
    """End the sessions of an account, and make a one-time link for a new password; the old one holds until it is used."""
    store.end_all(account.id)
    return offer(store, account.workspace, account.id, now_us, random)


def begin(
    store: AccountStore, account: Account, now_us: int, random: Callable[[int], bytes], *, instead_of: str | None = None
) -> tuple[str, Session]:
    """Begin a session; returns its token, which is nowhere else. The one it takes the place of ends.

    Args:
        store: Where it is kept.
        account: Who signed in.
        now_us: The time now.
        random: Gives that many random bytes.
        instead_of: The token that the browser had until now.
    """
    if instead_of is not None:
        store.end(digest(instead_of))
    token = mint("session", random)
    session = Session(digest(token), account.id, now_us, now_us)
    store.begin(session)
    store.change(msgspec.structs.replace(account, seen_us=now_us))
    return token, session


def alive(store: AccountStore, token: str, now_us: int) -> tuple[Session, Account] | None:
    """The session of a token with its account; None where it has ended, or the account was disabled."""
    found = store.session(digest(token))
    if found is None:
        return None
    session, account = found
    if session.ends_us() <= now_us or session.began_us > now_us or account.disabled_us is not None:
        return None
    if now_us - session.seen_us >= SEEN_US:
        store.seen(session.digest, now_us)
        session = msgspec.structs.replace(session, seen_us=now_us)
    return session, account


def key_of(account: Account) -> Key:
    """What an account may do, as the key that its session stands for."""
    return Key(
        id=account.id,
        kind="account",
        workspace=account.workspace,
        name=account.name,
        digest=b"",
        hint="",
        scopes=ROLES[account.role].scopes,
        created_us=account.created_us,
        role=account.role,
    )
