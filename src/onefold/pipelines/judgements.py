"""Reading judgements: what a person said of the identity graph, as it stands in the log."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence

import msgspec

from onefold.errors import NotFoundError, UsageError, nearest
from onefold.identity.hashing import Hasher
from onefold.identity.identifiers import normalise
from onefold.identity.settings import IdentitySettings
from onefold.model import (
    Identifier,
    Judgement,
    LogEntry,
    NodeId,
    Rejected,
    StoredEntry,
    Verdict,
    format_profile_id,
    parse_profile_id,
)
from onefold.pipelines.context import Context

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


def _fits(verdict: Verdict, a: NodeId, b: NodeId | None) -> bool:
    """Whether a verdict is on as many nodes as it can be: a pair, one node, or for `withdrawn` either."""
    if b is None:
        return verdict not in {"same", "different", "unsure"}
    return a != b and verdict not in {"shared", "not_shared"}


def read(stored: StoredEntry, settings: IdentitySettings, hasher: Hasher) -> Judgement | Rejected:
    """The judgement an entry holds, or why it holds none."""
    try:
        said = _decoder.decode(stored.entry.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Rejected("malformed_judgement", "The body is not a judgement.")
    a = subject(said.a, settings, hasher)
    b = subject(said.b, settings, hasher) if said.b is not None else None
    if a is None or (said.b is not None and b is None):
        return Rejected("no_identifier", "A subject of the judgement is not an acceptable identifier.")
    if not _fits(said.verdict, a, b):
        return Rejected("malformed_judgement", "A judgement needs two different identifiers; `shared` needs one.")
    if b is not None and b < a:
        a, b = b, a
    digest = hashlib.blake2b(said.id.encode(), digest_size=16).digest()
    return Judgement(digest, said.verdict, a, b, stored.entry.received_at_us, said.by, said.reason, stored.offset)


def say(
    context: Context,
    verdict: Verdict,
    a: Identifier,
    b: Identifier | None,
    *,
    by: str,
    reason: str = "",
    request_id: str = "",
) -> tuple[int, int]:
    """Append a judgement to the log; it holds from when the processor reaches it.

    Returns:
        (partition, offset) of the judgement.

    Raises:
        UsageError: A subject cannot name anybody, or the verdict does not fit the number of subjects.
    """
    return say_all(context, verdict, [(a, b)], by=by, reason=reason, request_id=request_id)[0]


def say_all(
    context: Context,
    verdict: Verdict,
    subjects: Sequence[tuple[Identifier, Identifier | None]],
    *,
    by: str,
    reason: str = "",
    request_id: str = "",
) -> list[tuple[int, int]]:
    """Append one judgement a subject at once: all have one time and one author, by which they are known to belong together.

    Returns:
        (partition, offset) of each.

    Raises:
        UsageError: As for `say`; then none is appended.
    """
    now = context.clock_us()
    bodies = []
    for a, b in subjects:
        _check(context, verdict, a, b)
        # The same word said twice within a microsecond is one word.
        said = Statement(f"{now}", verdict, a, b, by, reason)
        named = msgspec.structs.replace(said, id=hashlib.sha256(msgspec.json.encode(said)).hexdigest())
        bodies.append(msgspec.json.encode(named))
    entries = [LogEntry("judgement", SOURCE, now, n, body, request_id=request_id) for n, body in enumerate(bodies)]
    return context.log.append(entries)


def _check(context: Context, verdict: Verdict, a: Identifier, b: Identifier | None) -> None:
    nodes = []
    for identifier in (a,) if b is None else (a, b):
        kind = context.identity.canonical(identifier.type)
        if kind not in context.identity.types and (near := nearest(kind, context.identity.types, cutoff=0.75)):
            raise UsageError(f"There is no identifier type `{identifier.type}`{near}")
        node = subject(identifier, context.identity, context.hasher)
        if node is None:
            raise UsageError(f"That {identifier.type} is blocked or malformed, so it does not identify anybody.")
        nodes.append(node)
    if not _fits(verdict, nodes[0], None if b is None else nodes[1]):
        wanted = "one identifier" if verdict in {"shared", "not_shared"} else "two different identifiers"
        raise UsageError(f"`{verdict}` applies to {wanted}.")


def counterpart(context: Context, identifier: Identifier) -> Identifier:
    """The strongest other identifier of the same person: what `split` separates an identifier from, unless stated.

    Raises:
        NotFoundError: No profile has that identifier.
        UsageError: The person has no other identifier.
    """
    node = subject(identifier, context.identity, context.hasher)
    with context.store.snapshot() as snapshot:
        row = snapshot.nodes([node]).get(node) if node is not None else None
        if row is None or node is None:
            raise NotFoundError("No profile found for that identifier.")
        others = [m for m in snapshot.person(row.member) if m.id != node]
        if not others:
            raise UsageError("That person has no other identifier to separate this one from.")
        best = min(others, key=lambda m: (-context.identity.priority(m.type), m.first_seen_us, m.id))
    return Identifier("profile", format_profile_id(best.id))


def settle(context: Context, position: tuple[int, int], *, timeout_seconds: float = 10.0) -> bool:
    """Wait until the processor has passed `position`; False when it has not in time."""
    partition, offset = position
    for _ in range(int(timeout_seconds / 0.02)):
        with context.store.snapshot() as snapshot:
            if snapshot.offsets().get(partition, 0) >= offset:
                return True
        time.sleep(0.02)
    return False
