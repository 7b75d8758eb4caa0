"""Rows: how an event, a node, a merge and a piece of evidence become rows of the relations.

A row lacks the sequence and the time of its commit, which are those of its chunk (`feed`). Columns come in the order of
the relation's; JSON is bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

import msgspec

from onefold.model import Edge, Event, IdentityChange, Judgement, Member, NodeId

EventRow = tuple[
    bytes, int, int, str, str, str, str | None, bytes, bytes, int, bool, int, str, float,
    bytes | None, bytes | None, bytes | None, bytes | None, bytes | None, bytes | None, bytes | None, bytes | None,
    bytes | None,
]  # fmt: skip
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

_json = msgspec.json.Encoder().encode


def event_row(event: Event, partition: int, offset: int, nodes: Sequence[NodeId]) -> EventRow:
    """A row of `staging.event`; `nodes` are those that the event names, its anchor first."""
    e = event
    return (
        e.id, partition, offset, e.source, e.kind, e.name, e.original_name, nodes[0], b"".join(nodes),
        e.timestamp_us, e.time_assumed, e.received_at_us, e.message_id, e.emq,
        _json(e.properties) if e.properties else None,
        _json(e.traits) if e.traits else None,
        _json(e.traits_once) if e.traits_once else None,
        _json(e.cleared) if e.cleared else None,
        _json(e.operations) if e.operations else None,
        _json(e.groups) if e.groups else None,
        _json(e.context) if e.context else None,
        _json({c.purpose: c.granted for c in e.consents}) if e.consents else None,
        _json(e.findings) if e.findings else None,
    )  # fmt: skip


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
