"""The profile: what is known of one person, each value with its origin and with the values that lost to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from onefold.governance.consent import Statement
from onefold.model import Member, NodeId, format_profile_id
from onefold.profiles import sessions
from onefold.profiles.lifecycle import sentence
from onefold.profiles.person import PersonState, combine_nodes
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NEVER_FIRST, NEVER_LAST, NodeState
from onefold.profiles.survivorship import Candidate, ranked
from onefold.rules import occurrence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ProfileIdentifier(msgspec.Struct, frozen=True, gc=False):
    """One of a person's identifiers; exactly one is primary."""

    type: str
    value: str
    node: NodeId
    first_seen_us: int
    primary: bool
    shared: bool


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute: the value that won, by which rule, and those that lost, in the order in which they would follow."""

    winner: Candidate
    rule: str
    others: tuple[Candidate, ...]


class Profile(msgspec.Struct, frozen=True, gc=False):
    """One person, as of one moment. Times are None where nothing ever happened.

    Attributes:
        revenue: In the default currency.
        revenues: By currency.
        consents: The statement that settles each purpose ever spoken of.
        sources: Events by source.
    """

    id: NodeId
    identifiers: tuple[ProfileIdentifier, ...]
    attributes: dict[str, Attribute]
    events: int
    sessions: int
    purchases: int
    revenue: Decimal
    revenues: dict[str, Decimal]
    first_seen_us: int | None
    last_seen_us: int | None
    stage: str
    stage_rule: str
    consents: dict[str, Statement]
    sources: dict[str, int]

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Profile {format_profile_id(self.id)} identifiers={len(self.identifiers)} events={self.events}>"


def view(
    person: NodeId,
    nodes: Sequence[tuple[Member, str, NodeState]],
    settings: ProfileSettings,
    as_of_us: int,
    priorities: Mapping[str, int],
) -> Profile:
    """The profile of a person made of these nodes (place, identifier value, state), as of a moment."""
    state = combine_nodes((s for _, _, s in nodes), settings)
    total = state.total
    found = sorted(nodes, key=lambda n: (-priorities.get(n[0].type, 60), n[0].first_seen_us, n[0].id))
    identifiers = tuple(
        ProfileIdentifier(m.type, value, m.id, m.first_seen_us, number == 0, m.shared)
        for number, (m, value, _) in enumerate(found)
    )
    attributes = {}
    for field in sorted(total.attributes):
        rule = settings.rule_for(field)
        winner, *others = ranked(total.attributes[field], rule)
        attributes[field] = Attribute(winner, rule.strategy, tuple(others))
    stage = settings.lifecycle.stage(_row(state, identifiers, attributes, settings), as_of_us)
    consents = {p: said for p in state.purposes() if (said := state.consent(p)) is not None}
    return Profile(
        id=person,
        identifiers=identifiers,
        attributes=attributes,
        events=total.events,
        sessions=sessions.count(total.sessions),
        purchases=total.purchases,
        revenue=total.revenue.get(settings.default_currency, Decimal(0)),
        revenues=dict(sorted(total.revenue.items())),
        first_seen_us=min((m.first_seen_us for m, _, _ in nodes), default=None),
        last_seen_us=None if total.last_us == NEVER_LAST else total.last_us,
        stage=stage.name if stage else "",
        stage_rule=stage.rule if stage else "",
        consents=consents,
        sources=dict(sorted(total.sources.items())),
    )


def _row(
    state: PersonState,
    identifiers: Sequence[ProfileIdentifier],
    attributes: Mapping[str, Attribute],
    settings: ProfileSettings,
) -> dict[str, Any]:
    """What lifecycle rules read."""
    total = state.total
    types = {i.type for i in identifiers}
    row: dict[str, Any] = {
        "events": total.events,
        "sessions": sessions.count(total.sessions),
        "purchases": total.purchases,
        "revenue": total.revenue.get(settings.default_currency, Decimal(0)),
        "first_seen": None if total.first_us == NEVER_FIRST else total.first_us,
        "last_seen": None if total.last_us == NEVER_LAST else total.last_us,
        "last_active": None if total.active_us == NEVER_LAST else total.active_us,
        "has_user_id": "user_id" in types,
        "has_email": "email" in types,
        "has_phone": "phone" in types,
    }
    for name in settings.lifecycle.event_names:
        seen = total.tracked.get(name)
        row[occurrence("events", name)] = 0 if seen is None else seen.count
        row[occurrence("first_event", name)] = None if seen is None else seen.first_us
        row[occurrence("last_event", name)] = None if seen is None else seen.last_us
    for field, attribute in attributes.items():
        row[f"attr.{field}"] = attribute.winner.value
    for purpose in state.purposes():
        said = state.consent(purpose)
        row[f"consent.{purpose}"] = said is not None and said.granted
    return row


def as_json(profile: Profile) -> dict[str, Any]:
    """Ready for JSON: times in ISO 8601, UTC; sums as text, so that no reader rounds them."""
    return {
        "id": format_profile_id(profile.id),
        "canonical": next(({"type": i.type, "value": i.value} for i in profile.identifiers if i.primary), None),
        "identifiers": [
            {
                "type": i.type,
                "value": i.value,
                "node": i.node.hex(),
                "first_seen": iso(i.first_seen_us),
                "primary": i.primary,
                "shared": i.shared,
            }
            for i in profile.identifiers
        ],
        "attributes": {
            name: {**_candidate(a.winner), "rule": a.rule, "others": [_candidate(c) for c in a.others]}
            for name, a in profile.attributes.items()
        },
        "counters": {
            "events": profile.events,
            "sessions": profile.sessions,
            "purchases": profile.purchases,
            "revenue": str(profile.revenue),
            "revenue_by_currency": {currency: str(amount) for currency, amount in profile.revenues.items()},
        },
        "first_seen": iso(profile.first_seen_us),
        "last_seen": iso(profile.last_seen_us),
        "lifecycle": {
            "stage": profile.stage,
            "rule": profile.stage_rule,
            "because": sentence(profile.stage_rule) if profile.stage_rule else "",
        },
        "consent": {
            purpose: {"granted": said.granted, "at": iso(said.at_us), "source": said.source}
            for purpose, said in profile.consents.items()
        },
        "sources": profile.sources,
    }


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {"value": candidate.value, "source": candidate.source, "at": iso(candidate.at_us)}


def iso(at_us: int | None) -> str | None:
    """A moment in ISO 8601, UTC, to the millisecond; None for none."""
    if at_us is None:
        return None
    at = _EPOCH + timedelta(microseconds=at_us)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
