"""The tail of the log: each entry as it was received, normalised, validated and resolved.

Nothing is recorded for this. An entry's result is a pure function of its bytes, so it is worked out again for whoever
looks; what the store made of it is looked up.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from onefold.model import Accepted, Event, Identifier, StoredEntry, Suppressed, format_profile_id
from onefold.pipelines import judgements, scores
from onefold.pipelines.context import Context
from onefold.pipelines.stream.batches import with_findings
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import iso

MASK = "***"
_KEPT = 2
_BYTES_SHOWN = 20_000


class TailedEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is to be seen of one entry; times are ISO 8601 UTC.

    Attributes:
        position: `partition:offset`.
        verdict: `stored`, `duplicate`, `rejected`, `suppressed`, or `pending` while the processor has not come to it.
        identifiers: Type to values; all but the first letters are masked unless they were asked for.
        findings: What was not understood, refused, changed or decided: code, and where.
        profile: The person it belongs to now.
        changes: What it did to people: `merged`, `split`, `renamed`.
        received: Its bytes as text and what the edge knew; only when everything was asked for.
        event: The event as normalised; likewise.
        nodes: Node of each accepted identifier, hexadecimal; likewise.
    """

    position: str
    received_at: str
    source: str
    shape: str
    verdict: str
    reason: str = ""
    detail: str = ""
    kind: str = ""
    name: str = ""
    message_id: str = ""
    identifiers: dict[str, list[str]] = {}
    timestamp: str = ""
    skew_ms: int | None = None
    emq: float | None = None
    findings: tuple[str, ...] = ()
    profile: str = ""
    changes: tuple[str, ...] = ()
    received: dict[str, Any] = {}
    event: dict[str, Any] = {}
    nodes: dict[str, str] = {}


class Wanted(msgspec.Struct, frozen=True):
    """Which entries to show; empty fields let everything pass.

    Attributes:
        finding: A code.
        text: Anywhere in what is shown, in any case. Masked letters are not found.
    """

    source: str = ""
    name: str = ""
    verdict: str = ""
    finding: str = ""
    text: str = ""

    def passes(self, sight: TailedEntry) -> bool:
        """Whether to show it."""
        return (
            self.source in ("", sight.source)
            and self.verdict in ("", sight.verdict)
            and self.name.lower() in sight.name.lower()
            and (not self.finding or any(found.split()[0] == self.finding for found in sight.findings))
            and (not self.text or self.text.lower() in msgspec.json.encode(sight).decode().lower())
        )


def newest(context: Context, count: int) -> dict[int, int]:
    """Offsets after which the log holds about `count` entries, and never fewer while there are so many."""
    return {partition: max(0, end - count) for partition, end in context.log.ends().items()}


def after(context: Context, positions: Mapping[int, int], limit: int, *, whole: bool = False) -> list[TailedEntry]:
    """What came after these offsets, at most `limit` of each partition, about in order of receipt.

    Each partition is in its own order, so that whoever stops anywhere in between knows how far each was read.
    `whole` adds the bytes, the normalised event and the nodes, and unmasks the identifiers.
    """
    read = [
        context.log.read(partition, positions.get(partition, 0), limit)
        for partition, end in context.log.ends().items()
        if end > positions.get(partition, 0)
    ]
    entries = list(heapq.merge(*read, key=lambda stored: stored.entry.received_at_us))
    return sights(context, entries, whole=whole)


def sights(context: Context, entries: Sequence[StoredEntry], *, whole: bool = False) -> list[TailedEntry]:
    """What is to be seen of these entries, against one state of the store."""
    if not entries:
        return []
    with context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
        return [_sight(context, snapshot, s, s.offset > offsets.get(s.partition, 0), whole=whole) for s in entries]


def _sight(
    context: Context, snapshot: ProfileSnapshot, stored: StoredEntry, pending: bool, *, whole: bool
) -> TailedEntry:
    entry = stored.entry
    seen: dict[str, Any] = {
        "position": f"{stored.partition}:{stored.offset}",
        "received_at": iso(entry.received_at_us),
        "source": entry.source,
        "shape": entry.shape,
    }
    if whole:
        seen["received"] = {
            "body": entry.body[:_BYTES_SHOWN].decode("utf-8", "replace"),
            "bytes": len(entry.body),
            "request_id": entry.request_id,
            "sent_at": entry.sent_at,
        }
    letter = snapshot.dead_letters(status=None, source=None, after=(stored.partition, stored.offset - 1), limit=1)
    dead = (
        letter[0] if letter and (letter[0].partition, letter[0].offset) == (stored.partition, stored.offset) else None
    )
    if entry.shape == "judgement":
        said = judgements.read(stored, context.identity, context.hasher)
        seen |= {"kind": "judgement", "name": getattr(said, "verdict", "")}
        return TailedEntry(**seen, **_outcome(pending, dead, "stored"))
    if entry.shape == "scores":
        run = scores.read(stored)
        seen |= {"kind": "scores", "name": getattr(run, "run", "")}
        return TailedEntry(**seen, **_outcome(pending, dead, "stored"))
    verdict = context.gate.check(entry)
    if isinstance(verdict, Suppressed):
        return TailedEntry(**seen, verdict="pending" if pending else "suppressed", reason=verdict.reason)
    if not isinstance(verdict, Accepted):
        return TailedEntry(
            **seen, verdict="pending" if pending else "rejected", reason=verdict.reason, detail=verdict.detail
        )
    event = verdict.event
    named, findings = context.hasher.name(event.identifiers, context.identity)
    event = with_findings(event, findings)
    seen |= _described(event, whole=whole)
    if not named:
        return TailedEntry(**seen, **_outcome(pending, dead, "rejected"))
    if whole:
        seen["nodes"] = {f"{n.type}:{n.value}": n.node.hex() for n in named}
    anchor = named[0].node
    row = snapshot.nodes([anchor]).get(anchor)
    if row is not None:
        seen["profile"] = format_profile_id(row.member.person)
        seen["changes"] = tuple(
            c.kind
            for c in snapshot.changes([n.node for n in named])
            if (c.partition, c.offset) == (stored.partition, stored.offset)
        )
    bound = (event.timestamp_us, stored.partition, stored.offset + 1)
    found = snapshot.timeline([anchor], before=bound, limit=1)
    first = bool(found) and (found[0].partition, found[0].offset) == (stored.partition, stored.offset)
    return TailedEntry(**seen, **_outcome(pending, dead, "stored" if first else "duplicate"))


def _outcome(pending: bool, dead: Any, otherwise: str) -> dict[str, Any]:
    if pending:
        return {"verdict": "pending"}
    if dead is not None:
        return {"verdict": "rejected", "reason": dead.reason, "detail": dead.detail}
    return {"verdict": otherwise}


def _described(event: Event, *, whole: bool) -> dict[str, Any]:
    identifiers: dict[str, list[str]] = {}
    for identifier in event.identifiers:
        identifiers.setdefault(identifier.type, []).append(identifier.value if whole else masked(identifier))
    described: dict[str, Any] = {
        "kind": event.kind,
        "name": event.name,
        "message_id": event.message_id,
        "identifiers": identifiers,
        "timestamp": iso(event.timestamp_us),
        "skew_ms": event.skew_ms,
        "emq": event.emq,
        "findings": tuple(f"{f.code} {f.where}".rstrip() for f in event.findings),
    }
    if whole:
        described["event"] = {
            "traits": event.traits,
            "traits_once": event.traits_once,
            "cleared": event.cleared,
            "operations": [msgspec.to_builtins(o) for o in event.operations],
            "groups": [msgspec.to_builtins(g) for g in event.groups],
            "properties": event.properties,
            "context": event.context,
            "consents": [msgspec.to_builtins(c) for c in event.consents],
            "original_timestamp": event.original_timestamp_us and iso(event.original_timestamp_us),
            "sent_at": event.sent_at_us and iso(event.sent_at_us),
        }
    return described


def masked(identifier: Identifier) -> str:
    """Enough of a value to tell people apart on a screen, not to know them: `jo***@e***`."""
    local, at, domain = identifier.value.partition("@")
    return local[:_KEPT] + MASK + (at + domain[:1] + MASK if at else "")
