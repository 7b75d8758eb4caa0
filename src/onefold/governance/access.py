"""Keys: who may write to which source, and who may read or steward a workspace.

A key is 256 random bits, so one SHA-256 of it is as good as any slow hash, and that hash is all that is stored.
Its form, `of_<kind>_<43 letters and digits>_<6 of checksum>`, lets a leak scanner know one when it sees one.
"""

from __future__ import annotations

import binascii
import hashlib
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from onefold.errors import NotFoundError, UsageError

KeyKind = Literal["source", "secret", "account"]
"""`source` keys may only write, to one source, and stand in web pages; `secret` keys read and steward. `account` is what a
session stands for while a request is answered (`accounts.key_of`); no key of that kind is issued or stored."""

Scope = Literal["collect", "read", "admin", "segments", "query", "personal", "sources", "manage"]
"""`collect`: append to one source. `read`: look people up. `admin`: make judgements, replay dead letters, and all of
`segments`: change segments and lists. `query`: ask the warehouse in SQL, personal data masked; with `personal`, unmasked.
`sources`: keys of sources. `manage`: accounts, all keys, the audit trail."""

IMPLIED: Mapping[Scope, tuple[Scope, ...]] = {
    "read": ("admin",),
    "segments": ("admin",),
    "sources": ("manage",),
}
"""Scopes that allow what another does: who may make judgements may also look."""

ALIVE_MAX = 2
"""Keys of one holder that may be alive at once: the one in use and the one that takes over from it."""

_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_FORM = re.compile(r"of_(source|secret)_[0-9A-Za-z]{43}_[0-9A-Za-z]{6}")
_BROUGHT = re.compile(r"[A-Za-z0-9_.-]{16,128}")


class Key(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A key as stored: everything about it but the key.

    Attributes:
        id: Names the key in lists and logs: the first 8 bytes of `digest`, from which nobody gets back to the key.
        kind: What sort of key.
        workspace: The workspace it opens, and no other.
        name: The source it writes to (kind `source`), or who holds it (kind `secret`).
        digest: SHA-256 of the key.
        hint: Its first characters, so that a person can tell two keys apart.
        scopes: What it allows.
        origins: Web origins that may use it; `*` for any. Only browsers tell their origin, so this guards pages, not servers.
        created_us: When it was issued.
        role: The role that says what it sees of people; None for its scopes alone.
        revoked_us: When it was revoked, or None.
        last_used_us: When it was last used, within some seconds; None for never.
    """

    id: str
    kind: KeyKind
    workspace: str
    name: str
    digest: bytes
    hint: str
    scopes: tuple[Scope, ...]
    origins: tuple[str, ...] = ("*",)
    created_us: int = 0
    role: str | None = None
    revoked_us: int | None = None
    last_used_us: int | None = None

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Key {self.id} {self.kind} workspace={self.workspace} name={self.name}>"


class KeyStore(Protocol):
    """Where keys are kept: hashes, never keys."""

    def insert(self, key: Key, *, alive_max: int) -> bool:
        """Keep a key unless `alive_max` unrevoked ones of its (workspace, kind, name) are there; False if so.

        A key that is there already is left as it is: True if it is this holder's and alive, else False.
        """
        ...

    def keys(self) -> list[Key]:
        """All keys, revoked ones too, oldest first."""
        ...

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Mark a key revoked; False when there is none alive of that id."""
        ...

    def used(self, times_us: Mapping[str, int]) -> None:
        """Note when keys were last used, by id; does not count as a change."""
        ...

    def version(self) -> int:
        """A number that differs after any insert or revocation, by this process or another; cheap to ask."""
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


def mint(kind: KeyKind | Literal["session", "link", "state"], random: Callable[[int], bytes]) -> str:
    """Make a key from 256 bits of `random`."""
    number = int.from_bytes(random(32), "big")
    body = f"of_{kind}_{_base62(number, 43)}"
    return f"{body}_{_checksum(body)}"


def well_formed(token: str) -> bool:
    """Whether `token` can be one of ours: form and checksum; says nothing of whether it is known."""
    if _FORM.fullmatch(token) is None:
        return False
    body, _, checksum = token.rpartition("_")
    return _checksum(body) == checksum


def allows(key: Key, scope: Scope) -> bool:
    """Whether a key may do what a scope stands for."""
    return scope in key.scopes or any(wider in key.scopes for wider in IMPLIED.get(scope, ()))


def digest(token: str) -> bytes:
    """What is stored of a key, and looked up."""
    return hashlib.sha256(token.encode()).digest()


def issue(
    store: KeyStore,
    *,
    kind: KeyKind,
    workspace: str,
    name: str,
    now_us: int,
    random: Callable[[int], bytes],
    scopes: Sequence[Scope] | None = None,
    origins: Sequence[str] = ("*",),
    token: str | None = None,
    role: str | None = None,
) -> tuple[str, Key]:
    """Make a key and keep its hash; the key itself is returned here and never again.

    Issuing a second one for the same holder begins a rotation: both work until the older is revoked.

    Args:
        store: Where its hash is kept.
        kind: What sort of key.
        workspace: The workspace it opens.
        name: The source it writes to, or who holds it.
        now_us: The time now.
        random: Gives that many random bytes.
        scopes: What it allows; by default `collect` for source keys and `read` for secret keys.
        origins: Web origins that may use it.
        token: A write key brought from another product, so that pages and apps keep theirs; source keys only.
        role: The role that says what it sees of people.

    Raises:
        UsageError: Two keys of that holder are alive, or `token` or `scopes` do not fit the kind.
    """
    allowed: tuple[Scope, ...] = (
        tuple(scopes) if scopes is not None else (("collect",) if kind == "source" else ("read",))
    )
    if (kind == "source") != (allowed == ("collect",)):
        raise UsageError(
            "A source key may only `collect`, and a secret key may not: choose of `read`, `admin`, `segments`, `query`, "
            "`personal`, `sources`, `manage`."
        )
    if token is not None and (kind != "source" or _BROUGHT.fullmatch(token) is None):
        raise UsageError("Only a source key can be brought along: 16 to 128 letters, digits, `_`, `.` or `-`.")
    value = mint(kind, random) if token is None else token
    hashed = digest(value)
    key = Key(
        id=hashed[:8].hex(),
        kind=kind,
        workspace=workspace,
        name=name,
        digest=hashed,
        hint=value[:14],
        scopes=allowed,
        origins=tuple(origins),
        created_us=now_us,
        role=role,
    )
    if not store.insert(key, alive_max=ALIVE_MAX):
        if token is not None and any(k.digest == hashed for k in store.keys()):
            raise UsageError("That key is taken or was revoked; bring another, or have one made.")
        raise UsageError(
            f"{name} has {ALIVE_MAX} {kind} keys alive; revoke the one no longer used, then issue the next."
        )
    return value, key


def revoke(store: KeyStore, key_id: str, now_us: int) -> None:
    """End a key; every server that shares the store refuses it within a second.

    Raises:
        NotFoundError: There is no living key of that id.
    """
    if not store.revoke(key_id, now_us):
        raise NotFoundError(f"There is no living key {key_id}.")


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _checksum(body: str) -> str:
    return _base62(binascii.crc32(body.encode()), 6)
