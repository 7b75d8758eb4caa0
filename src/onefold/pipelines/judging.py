"""Reading judgements: what a person said of the identity graph, as it stands in the log."""

from __future__ import annotations

import hashlib

import msgspec

from onefold.identity.hashing import Hasher
from onefold.identity.identifiers import normalise
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier, Judgement, NodeId, Rejected, StoredEntry, Verdict, parse_profile_id

SOURCE = "onefold"
"""The source under which judgements stand in the log."""


class Statement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The body of a judgement entry. Subjects are identifiers, or profile ids as type `profile`."""

    id: str
    verdict: Verdict
    a: Identifier
    b: Identifier | None = None
    by: str = ""
    reason: str = ""


_decoder = msgspec.json.Decoder(Statement)


def subject(identifier: Identifier, settings: IdentitySettings, hasher: Hasher) -> NodeId | None:
    """The node that `identifier` means; None when it cannot name anybody (blocked, invalid)."""
    if identifier.type == "profile":
        return parse_profile_id(identifier.value)
    kind = settings.canonical(identifier.type)
    value = normalise(kind, identifier.value, settings)
    return hasher.node_id(kind, value) if isinstance(value, str) else None


def read(stored: StoredEntry, settings: IdentitySettings, hasher: Hasher) -> Judgement | Rejected:
    """The judgement an entry holds, or why it holds none."""
    try:
        said = _decoder.decode(stored.entry.body)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return Rejected("malformed_judgement", "The body is no judgement.")
    a = subject(said.a, settings, hasher)
    b = subject(said.b, settings, hasher) if said.b is not None else None
    if a is None or (said.b is not None and b is None):
        return Rejected("no_identifier", "A subject of the judgement is no acceptable identifier.")
    pair = said.verdict in {"same", "different"}
    if (pair and b is None) or a == b:
        return Rejected("malformed_judgement", "A judgement on a pair needs two different identifiers.")
    if b is not None and b < a:
        a, b = b, a
    digest = hashlib.blake2b(said.id.encode(), digest_size=16).digest()
    return Judgement(digest, said.verdict, a, b, stored.entry.received_at_us, said.by, said.reason, stored.offset)
