"""Accounts and their sessions as results."""

from __future__ import annotations

from typing import Literal

from onefold.model.results.result import Result


class Me(Result, frozen=True, kw_only=True):
    """Who asks.

    Attributes:
        kind: `account`: somebody who signed in. `key`: a secret key.
        role: null for a key that has scopes only.
        masks: How personal, identifier and sensitive data is shown: `show`, `shorten` or `hide`.
        expires_at: When the session ends if it is not used; null for a key.
    """

    id: str
    kind: Literal["account", "key"]
    name: str
    workspace: str
    role: str | None
    scopes: tuple[str, ...]
    masks: dict[str, str]
    expires_at: str | None


class UserAccount(Result, frozen=True, kw_only=True):
    """Somebody who may sign in.

    Attributes:
        status: `active`; `invited` until a password is chosen; `disabled`.
        signed_in_at: When they last signed in; null for never.
    """

    id: str
    workspace: str
    name: str
    role: str
    status: Literal["active", "invited", "disabled"]
    created_at: str | None
    signed_in_at: str | None


class UserAccounts(Result, frozen=True, kw_only=True):
    """The accounts of a workspace, by name."""

    accounts: tuple[UserAccount, ...]


class SetupLink(Result, frozen=True, kw_only=True):
    """A one-time link: `path` with the address of the server before it. It is shown once and kept nowhere.

    Attributes:
        account: Whose password it sets.
        expires_at: Until when it can be used.
    """

    account: UserAccount
    path: str
    expires_at: str


class LinkState(Result, frozen=True, kw_only=True):
    """What a one-time link is for; `name` is null where the first owner has to choose one."""

    workspace: str
    name: str | None
    role: str
    expires_at: str


class Ended(Result, frozen=True, kw_only=True):
    """How many sessions ended."""

    ended: int


class AuditEntry(Result, frozen=True, kw_only=True):
    """Something that somebody did, or that they looked at people's data unmasked.

    Attributes:
        seq: Its number, rising.
        action: `looked` where personal data was shown unmasked, else `did`.
        route: Method and route.
        subjects: Ids of people it was about, as far as they are known; at most fifty.
    """

    seq: int
    at: str | None
    kind: str
    by: str
    name: str
    role: str
    action: str
    route: str
    subjects: tuple[str, ...]
    request_id: str


class AuditEntries(Result, frozen=True, kw_only=True):
    """A page of the audit trail, the latest first; `next` is `before` of the page after it, null on the last."""

    entries: tuple[AuditEntry, ...]
    next: int | None


class KeyInfo(Result, frozen=True, kw_only=True):
    """A key, without the key itself.

    Attributes:
        kind: `source`: writes to the source of its name. `secret`: asks.
        hint: Its first characters.
    """

    id: str
    kind: str
    name: str
    hint: str
    role: str | None
    scopes: tuple[str, ...]
    origins: tuple[str, ...]
    created_at: str | None
    last_used_at: str | None
    revoked_at: str | None


class Keys(Result, frozen=True, kw_only=True):
    """The keys of a workspace, oldest first, and its sources that send over HTTP."""

    keys: tuple[KeyInfo, ...]
    sources: tuple[str, ...]


class IssuedKey(Result, frozen=True, kw_only=True):
    """A key that was made. It is shown this once.

    Attributes:
        snippets: Lines to copy, by what they are for: `curl`, `html`, `python`.
    """

    key: str
    info: KeyInfo
    snippets: dict[str, str]
