"""The profile: what is known of one person, each value with its origin and with the values that lost to it."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from onefold.governance.consent import ALL, Spoken, Statement
from onefold.model import Member, NodeId, format_profile_id
from onefold.profiles import groups, sessions
from onefold.profiles.computed import reading, values
from onefold.profiles.computed.reading import ComputedTrait
from onefold.profiles.fullness import full
from onefold.profiles.operations import result
from onefold.profiles.person import PersonState, combine_nodes
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NEVER_LAST, NodeState, Occurrences
from onefold.profiles.survivorship import Candidate, shown

IDENTIFIERS_SHOWN = 100
"""Identifiers of a profile that are shown, the strongest first."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Described(NamedTuple):
    """A node with what is known of it."""

    member: Member
    value: str
    state: NodeState


class ProfileIdentifier(msgspec.Struct, frozen=True, gc=False):
    """One of a person's identifiers; exactly one is primary."""

    type: str
    value: str
    node: NodeId
    first_seen_us: int
    primary: bool
    shared: bool

    def __repr__(self) -> str:
        """Show the type only: values are personal data."""
        return f"<ProfileIdentifier {self.type}=…>"


class Identifiers(msgspec.Struct, frozen=True, gc=False):
    """A person's identifiers, of which the strongest are shown.

    Attributes:
        shown: The strongest first, perhaps not all of them.
        total: How many there are.
        types: The types of all of them.
        first_seen_us: When the first of them was first seen; None where there is none.
    """

    shown: tuple[ProfileIdentifier, ...]
    total: int
    types: frozenset[str]
    first_seen_us: int | None

    def __repr__(self) -> str:
        """Show how many."""
        return f"<Identifiers {self.total}>"


class Attribute(msgspec.Struct, frozen=True, gc=False):
    """An attribute: the value that won, by which rule, and those that lost, in the order in which they would follow."""

    winner: Candidate
    rule: str
    others: tuple[Candidate, ...]


class Group(msgspec.Struct, frozen=True, gc=False):
    """A company, account or team of the person, with what was last said of it."""

    type: str
    id: str
    first_seen_us: int
    last_seen_us: int
    traits: Mapping[str, Any]

    def __repr__(self) -> str:
        """Show the type only."""
        return f"<Group {self.type}=…>"


class Profile(msgspec.Struct, frozen=True, gc=False):
    """One person, as of one moment. Times are None where nothing ever happened.

    Attributes:
        identifiers: The strongest first; of a person of very many perhaps only those that are shown.
        identifiers_total: How many there are.
        unpriced: Purchases of which no amount could be read; they are no part of the revenue.
        revenue: In the default currency.
        revenues: By currency.
        last_seen_us: Latest event, statements of other systems included.
        last_active_us: Latest event in which the person acted.
        stage_changes_us: When to look at the stage again if nothing happens; None for never.
        consents: The statement that settles each purpose ever spoken of; `all` settles those not named here.
        sources: Events by source.
        full: What stands at its limit, so that of more only a fixed choice is kept (`fullness`).
        tracked: How often, first and last when, for the events that rules ask about.
        groups: By type, the one named last first.
        findings: The same for each code of a finding that the person's events have.
        row: What rules read of it, by field.
        traits: Computed traits by name.
    """

    id: NodeId
    identifiers: tuple[ProfileIdentifier, ...]
    identifiers_total: int
    attributes: dict[str, Attribute]
    events: int
    sessions: int
    purchases: int
    unpriced: int
    revenue: Decimal
    revenues: dict[str, Decimal]
    first_seen_us: int | None
    last_seen_us: int | None
    last_active_us: int | None
    stage: str
    stage_rule: str
    stage_changes_us: int | None
    consents: dict[str, Statement]
    sources: dict[str, int]
    tracked: dict[str, Occurrences]
    groups: tuple[Group, ...]
    findings: dict[str, Occurrences]
    traits: dict[str, ComputedTrait] = {}
    full: tuple[str, ...] = ()
    row: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Profile {format_profile_id(self.id)} identifiers={self.identifiers_total} events={self.events}>"


def view(
    person: NodeId,
    nodes: Sequence[tuple[Member, str, NodeState]],
    settings: ProfileSettings,
    as_of_us: int,
    priorities: Mapping[str, int],
    beside: Sequence[Spoken] = (),
) -> Profile:
    """The profile of a person made of these nodes (place, identifier value, state), as of a moment.

    `beside` is what neighbours of the nodes say of consent.
    """
    state = combine_nodes(((m.id, s) for m, _, s in nodes), settings, beside)
    return summed_up(person, state, identified(nodes, priorities), settings, as_of_us)


def row_of(
    nodes: Sequence[tuple[Member, str, NodeState]],
    settings: ProfileSettings,
    as_of_us: int,
    beside: Sequence[Spoken] = (),
) -> dict[str, Any]:
    """What rules read of a person made of these nodes, as of a moment: the `row` of their profile, without the rest of it."""
    state = combine_nodes(((m.id, s) for m, _, s in nodes), settings, beside)
    identifiers = Identifiers(
        (),
        len(nodes),
        frozenset(m.type for m, _, _ in nodes),
        min((m.first_seen_us for m, _, _ in nodes), default=None),
    )
    consents = {p: said for p in state.purposes() if (said := state.consent(p)) is not None}
    return _row(state, identifiers, _attributes(state.total, settings), consents, settings, as_of_us)


def name_of(profile: Profile) -> str | None:
    """The name to show somebody by, as their attributes state it; None where they state none."""

    def value(field: str) -> str:
        attribute = profile.attributes.get(field)
        return attribute.winner.value if attribute is not None and isinstance(attribute.winner.value, str) else ""

    return value("name") or f"{value('first_name')} {value('last_name')}".strip() or None


def strongest_first(priorities: Mapping[str, int]) -> Callable[[Member], tuple[int, int, NodeId]]:
    """The order in which a person's identifiers are shown."""

    def order(member: Member) -> tuple[int, int, NodeId]:
        return -priorities.get(member.type, 60), member.first_seen_us, member.id

    return order


def identified(
    nodes: Sequence[tuple[Member, str, NodeState]], priorities: Mapping[str, int], most: int | None = None
) -> Identifiers:
    """The identifiers of a person made of these nodes; of more than `most` the strongest are shown."""
    order = strongest_first(priorities)
    found = heapq.nsmallest(len(nodes) if most is None else most, nodes, key=lambda node: order(node[0]))
    shown = tuple(
        ProfileIdentifier(m.type, value, m.id, m.first_seen_us, number == 0, m.shared)
        for number, (m, value, _) in enumerate(found)
    )
    first_seen_us = min((m.first_seen_us for m, _, _ in nodes), default=None)
    return Identifiers(shown, len(nodes), frozenset(m.type for m, _, _ in nodes), first_seen_us)


def summed_up(
    person: NodeId, state: PersonState, identifiers: Identifiers, settings: ProfileSettings, as_of_us: int
) -> Profile:
    """The profile of a person whose nodes add up to this, as of a moment."""
    total = state.total
    attributes = _attributes(total, settings)
    first_seen_us = identifiers.first_seen_us
    consents = {p: said for p in state.purposes() if (said := state.consent(p)) is not None}
    row = _row(state, identifiers, attributes, consents, settings, as_of_us)
    lifecycle = settings.lifecycle
    stage = lifecycle.stage(row, as_of_us)
    return Profile(
        id=person,
        identifiers=identifiers.shown,
        identifiers_total=identifiers.total,
        attributes=attributes,
        events=total.events,
        sessions=sessions.count(total.sessions),
        purchases=total.purchases,
        unpriced=total.unpriced,
        revenue=total.revenue.get(settings.default_currency, Decimal(0)),
        revenues=dict(sorted(total.revenue.items())),
        first_seen_us=first_seen_us,
        last_seen_us=_known(total.last_us),
        last_active_us=_known(total.active_us),
        stage=stage.name if stage else "",
        stage_rule=stage.rule if stage else "",
        stage_changes_us=lifecycle.next_change(row, as_of_us),
        consents=consents,
        sources=dict(sorted(total.sources.items())),
        tracked=reading.tracked(total, settings),
        groups=tuple(
            Group(type_, id_, group.first_us, group.last_us, groups.values(group))
            for type_, of_type in sorted(total.groups.items())
            for id_, group in sorted(of_type.items(), key=lambda item: (-item[1].last_us, item[0]))
        ),
        findings=dict(sorted(total.findings.items())),
        traits=reading.traits(total, settings, as_of_us),
        full=full(total, state.spoken, settings),
        row=row,
    )


def _attributes(total: NodeState, settings: ProfileSettings) -> dict[str, Attribute]:
    """By field, what stands; a field that was cleared, or of which nothing stands, is not there."""
    attributes = {}
    for field in sorted(total.attributes.keys() | total.once.keys() | total.operations.keys()):
        rule, plain = settings.rule_for(field), total.attributes.get(field, [])
        clears = total.cleared.get(field, {})
        found = shown(plain, total.once.get(field), clears, rule)
        changed = result(found, total.operations[field], clears, rule) if field in total.operations else None
        if changed is not None and changed.value is not None:
            attributes[field] = Attribute(changed, "operations", tuple(found))
        elif changed is None and found:
            winner, *others = found
            name = rule.strategy if winner in plain else "set_once"
            attributes[field] = Attribute(winner, name, tuple(others))
    return attributes


def _row(
    state: PersonState,
    identifiers: Identifiers,
    attributes: Mapping[str, Attribute],
    consents: Mapping[str, Statement],
    settings: ProfileSettings,
    as_of_us: int,
) -> dict[str, Any]:
    """What rules read; of the open-ended names only those that a rule does read."""
    total = state.total
    types = identifiers.types
    row: dict[str, Any] = {
        "events": total.events,
        "sessions": sessions.count(total.sessions),
        "purchases": total.purchases,
        "revenue": total.revenue.get(settings.default_currency, Decimal(0)),
        "first_seen": identifiers.first_seen_us,
        "last_seen": _known(total.last_us),
        "last_active": _known(total.active_us),
        "has_user_id": "user_id" in types,
        # An address that a family shares is no identifier of one person, yet we know how to reach them.
        "has_email": "email" in types or "email" in attributes,
        "has_phone": "phone" in types or "phone" in attributes,
    }
    row |= values.row(total.computed, settings.ruled_reads, settings.basis.filling)
    for field in settings.ruled_fields:
        group, _, name = field.partition(".")
        if group == "attr":
            row[field] = _inside(attributes, name)
        elif group == "trait":
            row[field] = reading.known(name, total, settings, as_of_us)
        elif group == "consent":
            said = consents.get(name) or consents.get(ALL)
            row[field] = said is not None and said.granted
    for scorer in settings.basis.scorers:
        row |= scorer.values(row)
    return row


def _inside(attributes: Mapping[str, Attribute], path: str) -> Any:
    """The value of `country`, or of `address.country` inside the attribute `address`; None when it is not there."""
    whole = attributes.get(path)
    if whole is not None:
        return whole.winner.value
    name, *steps = path.split(".")
    outer = attributes.get(name)
    value = outer.winner.value if outer is not None and steps else None
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _known(at_us: int) -> int | None:
    return None if at_us == NEVER_LAST else at_us


def iso(at_us: int | None) -> str | None:
    """A moment in ISO 8601, UTC, to the millisecond; None for none."""
    if at_us is None:
        return None
    at = _EPOCH + timedelta(microseconds=at_us)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
