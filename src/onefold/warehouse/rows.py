"""Rows: how an event, a node, a merge and a piece of evidence become rows of the relations.

A row lacks the sequence and the time of its commit, which are those of its chunk (`feed`). Columns come in the order of
the relation's; JSON is bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from onefold.model import Edge, Event, IdentityChange, Judgement, Member, NodeId

IdentityRow = tuple[bytes, bytes, bytes | None, str, str | None, str | None, int | None, int, int, str]
ProfileRow = tuple[
    bytes, bool, str | None, str | None, bytes | None, bytes | None, int | None, int | None, int | None, int | None,
    Decimal | None, bytes | None, int | None, int | None, int | None, str | None, int | None, bytes | None, bytes | None,
    bytes | None,
]  # fmt: skip
EvidenceRow = tuple[bytes, bytes, str, int, int, bytes, str, str, float | None]

JudgementRow = tuple[bytes, str, bytes, bytes | None, int, int]
MembershipRow = tuple[bytes, str, bool, int, int, str, bytes | None]
"""Person, audience, entered, changed at, version, because, reason: a row of `golden.membership_change`."""

Columns = Sequence[Sequence[Any] | None]
"""A relation's columns, each as long as there are rows; None for one that holds nothing. Empty where there are no rows."""

_json = msgspec.json.Encoder().encode


def event_columns(
    events: Sequence[Event], places: Iterable[tuple[int, int]], nodes: Sequence[Sequence[NodeId]]
) -> Columns:
    """Events as columns of `staging.event`, at least one; of each its place in the log, and the nodes it names.

    Column by column: a row each, turned into columns afterwards, takes a tenth longer.
    """
    partitions, offsets = zip(*places, strict=True)
    consents = [{c.purpose: c.granted for c in e.consents} if e.consents else None for e in events]
    names = [e.original_name for e in events]
    return [
        [e.id for e in events],
        partitions,
        offsets,
        [e.source for e in events],
        [e.kind for e in events],
        [e.name for e in events],
        names if any(names) else None,
        [each[0] for each in nodes],
        [b"".join(each) for each in nodes],
        [e.timestamp_us for e in events],
        [e.time_assumed for e in events],
        [e.received_at_us for e in events],
        [e.message_id for e in events],
        [e.emq for e in events],
        _as_json([e.properties for e in events]),
        _as_json([e.traits for e in events]),
        _as_json([e.traits_once for e in events]),
        _as_json([e.cleared for e in events]),
        _as_json([e.operations for e in events]),
        _as_json([e.groups for e in events]),
        _as_json([e.context for e in events]),
        _as_json(consents),
        _as_json([e.findings for e in events]),
    ]


def _as_json(values: Sequence[Any]) -> Sequence[bytes | None] | None:
    return [_json(value) if value else None for value in values] if any(values) else None


def seen_row(member: Member, type_: str, value: str, partition: int, offset: int, request_id: str) -> IdentityRow:
    """A row of `golden.identity_change` for a node that was seen for the first time, as an identifier of this type."""
    return (
        member.id, member.person, None, "seen", type_, value, member.first_seen_us, partition, offset, request_id
    )  # fmt: skip


def moved_rows(changes: Iterable[IdentityChange]) -> list[IdentityRow]:
    """The rows of `golden.identity_change` for nodes that became another person's."""
    return [
        (node, c.person, c.before, c.kind, None, None, c.at_us, c.partition, c.offset, c.request_id)
        for c in changes
        for node in c.nodes
    ]


def gone_row(person: NodeId) -> ProfileRow:
    """A row of `golden.profile_change` for an id that nobody has any more."""
    return (
        person, True, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None, None,
        None, None,
    )  # fmt: skip


def judgement_row(judgement: Judgement) -> JudgementRow:
    """A row of `golden.judgement`."""
    j = judgement
    return (j.id, j.verdict, j.a, j.b, j.at_us, j.offset)


def evidence_row(edge: Edge) -> EvidenceRow:
    """A row of `golden.evidence`."""
    e = edge
    return (e.a, e.b, e.kind, e.strength, e.at_us, e.event, e.source, e.rule, e.score)
