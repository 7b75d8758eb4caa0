"""Who makes requests in a trial, and what they know: keys of their own, and of a neighbour, good and dead."""

from __future__ import annotations

import base64
import random
from urllib.parse import urlencode

import msgspec
from tests.isolation.tenants import Keys, Tenant

from onefold.governance import access


class Caller(msgspec.Struct, frozen=True):
    """Somebody with, or without, a key of their own workspace.

    Attributes:
        stands: What the key is good for.
        query: What they add to the query string.
    """

    name: str
    stands: str
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""


class Attack(msgspec.Struct, frozen=True):
    """Who attacks whom, and what the attacker knows: every name and id of the neighbour's people."""

    mine: Tenant
    keys: Keys
    theirs: Tenant
    their_keys: Keys
    their_ids: tuple[str, ...]
    cursors: tuple[str, ...] = ()

    @property
    def dead(self) -> tuple[str, ...]:
        """Keys of the neighbour that were once good."""
        return (self.their_keys.revoked, self.their_keys.rotated, self.their_keys.source_revoked)

    @property
    def neighbours(self) -> Attack:
        """What the neighbour asks about its own people."""
        return msgspec.structs.replace(self, mine=self.theirs, keys=self.their_keys)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The header with a key."""
    return (("authorization", f"Bearer {token}"),)


def basic(user: str, password: str = "") -> tuple[tuple[str, str], ...]:
    """The same as SDKs write it."""
    return (("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()),)


def callers(a: Attack) -> list[Caller]:
    """All who may try."""
    name, theirs = a.theirs.name, a.their_keys
    naming = tuple(
        (header, name)
        for header in ("x-workspace", "x-onefold-workspace", "x-tenant", "x-tenant-id", "x-forwarded-host", "host",
                       "x-original-url", "x-forwarded-prefix", "workspace", "x-source")
    )  # fmt: skip
    query = urlencode({"workspace": name, "tenant": name, "workspace_id": name, "x-workspace": name, "space": name})
    strange = access.mint("secret", random.Random(5).randbytes)
    return [
        Caller("steward", "steward", bearer(a.keys.steward)),
        Caller("steward who names them in headers", "steward", (*bearer(a.keys.steward), *naming)),
        Caller("steward who names them in a cookie", "steward",
               (*bearer(a.keys.steward), ("cookie", f"workspace={name}; key={theirs.steward}"))),
        Caller("steward who names them in the query", "steward", bearer(a.keys.steward), query),
        Caller("steward with their key as password", "steward", basic(a.keys.steward, theirs.steward)),
        Caller("steward with their key in the query", "steward", bearer(a.keys.steward), f"key={theirs.steward}"),
        Caller("reader", "reader", bearer(a.keys.reader)),
        Caller("judge", "steward", bearer(a.keys.judge)),
        Caller("source", "source", bearer(a.keys.web)),
        Caller("other source", "source", basic(a.keys.app)),
        Caller("their source", "source", bearer(theirs.web)),
        Caller("their revoked key", "nobody", bearer(theirs.revoked)),
        Caller("their rotated key", "nobody", basic(theirs.rotated)),
        Caller("their revoked source", "nobody", bearer(theirs.source_revoked)),
        Caller("their key's id", "nobody", bearer(theirs.steward_id)),
        Caller("their key's hash", "nobody", bearer(access.digest(theirs.steward).hex())),
        Caller("their key's beginning", "nobody", bearer(theirs.steward[:-1])),
        Caller("their key in lower case", "nobody", bearer(theirs.steward.lower())),
        Caller("their key in the query only", "nobody", (), f"api_key={theirs.steward}&access_token={theirs.steward}"),
        Caller("their key in another header", "nobody", (("x-api-key", theirs.steward),)),
        Caller("their name as key", "nobody", basic(name, theirs.steward)),
        Caller("a key that is none", "nobody", bearer(strange)),
        Caller("nobody", "nobody"),
    ]  # fmt: skip
