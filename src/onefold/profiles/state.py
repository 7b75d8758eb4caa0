"""Node state: everything the events anchored at one identity node add up to.

A state is a fold: `fold(s, event)` is `merge_same_node(s, lift(event))`, and merging is commutative and associative,
so any order, batching or division of the same events leaves the same state and, through `encode`, the same bytes. A state
is bounded (`bounds`), by rules that do not depend on the order either.
Counters add up, so each event may be folded once only; the de-duplication keys see to that. All other parts would
bear repetition.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import msgspec

from onefold.errors import IntegrityError
from onefold.governance.consent import DENIED, NO, Register, Statement, first_purposes, merged
from onefold.model import Event, NodeId
from onefold.profiles import consents, money, sessions
from onefold.profiles.attributes import all_clears, all_once, described, described_once, used
from onefold.profiles.bounds import bounded_attributes
from onefold.profiles.computed import plan as computing
from onefold.profiles.groups import GroupState, joined, united_groups
from onefold.profiles.operations import Operated, operated, united_operations
from onefold.profiles.settings import ProfileSettings, Purchase
from onefold.profiles.survivorship import Candidate, Moment, Once, united

NEVER_FIRST = 2**63 - 1
NEVER_LAST = -(2**63)
"""Bounds of time that every moment is before or after: the neutral elements of `min` and `max`."""

_FORMAT = 1
_VISITS_FEW = 64


class Occurrences(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How often something happened, first and last when."""

    count: int
    first_us: int
    last_us: int


class NodeState(msgspec.Struct, gc=False, array_like=True):
    """The fold of a node's events. It changes in place while a batch is folded.

    Attributes:
        format: Version of this layout.
        events: Events folded.
        first_us: Earliest event time, or `NEVER_FIRST`.
        last_us: Latest event time, or `NEVER_LAST`.
        active_us: Latest event time at which the person acted, or `NEVER_LAST`. A record of another system (a
            nightly CRM export) states something about people and is no sign of life; a purchase always is.
        sessions: See `sessions`; of acts, too.
        purchases: Purchase events.
        unpriced: Those of them without a readable amount.
        revenue: Currency to exact sum.
        sources: Source to events.
        computed: Aggregates of events, by key: series, left encoded until something is added to them.
        attributes: Field to candidates in canonical order.
        consents: Purpose to register.
        once: Field to values that count while no plain value does.
        cleared: Field to the latest clear by each source.
        groups: By type and id, the groups that the person belongs to.
        findings: Code of a finding (a closed list) to the events that have it.
        about: Purpose, then another node (hexadecimal) that the events name, to the last word about it.
        named: Purpose to the last word of other nodes' events that name this one; addresses only.
        operations: Field to what was done to it, building on what it was.
    """

    format: int = _FORMAT
    events: int = 0
    first_us: int = NEVER_FIRST
    last_us: int = NEVER_LAST
    active_us: int = NEVER_LAST
    sessions: bytes = b""
    purchases: int = 0
    unpriced: int = 0
    revenue: dict[str, Decimal] = {}
    sources: dict[str, int] = {}
    computed: dict[str, msgspec.Raw] = {}
    attributes: dict[str, list[Candidate]] = {}
    consents: dict[str, Register] = {}
    once: dict[str, Once] = {}
    cleared: dict[str, dict[str, Moment]] = {}
    groups: dict[str, dict[str, GroupState]] = {}
    findings: dict[str, Occurrences] = {}
    about: dict[str, dict[str, Statement]] = {}
    named: dict[str, Statement] = {}
    operations: Operated = {}

    def __repr__(self) -> str:
        """Show counts only: the rest is personal data."""
        return f"<NodeState events={self.events} purchases={self.purchases} attributes={len(self.attributes)}>"


empty = NodeState
"""The state of a node at which nothing happened: the neutral element."""

# Dictionaries are written in order of their keys, so equal states are equal bytes.
encode = msgspec.msgpack.Encoder(order="deterministic").encode
_decode = msgspec.msgpack.Decoder(NodeState).decode
_decode_node = msgspec.msgpack.Decoder(tuple[str, NodeState]).decode

_PAIR = b"\x92"  # how MessagePack begins an array of two
_EMPTY = encode(NodeState())


def decode(data: bytes) -> NodeState:
    """Read what `encode` wrote.

    Raises:
        IntegrityError: The bytes are no state of this format.
    """
    try:
        state = _decode(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError("A node state cannot be read; restore the store or run `onefold rebuild`.") from error
    return _of_this_format(state)


def close_node(value: str, state: NodeState) -> bytes:
    """Write a node's identifier value and state together: what is sealed under the node's key."""
    return encode((value, state))


def close_bare(value: str) -> bytes:
    """What `close_node` writes for a node at which nothing happened."""
    return _PAIR + encode(value) + _EMPTY


def open_node(data: bytes) -> tuple[str, NodeState]:
    """Read what `close_node` wrote.

    Raises:
        IntegrityError: The bytes are no node of this format.
    """
    try:
        value, state = _decode_node(data)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise IntegrityError("A node cannot be read; restore the store or run `onefold rebuild`.") from error
    return value, _of_this_format(state)


def lift(event: Event, settings: ProfileSettings) -> NodeState:
    """The state of a node at which only this event happened."""
    state = NodeState()
    fold(state, event, settings)
    return state


def fold(state: NodeState, event: Event, settings: ProfileSettings, others: Sequence[NodeId] = ()) -> None:
    """Take one more event into `state`, in place. Each event may be folded into a node once.

    `others` are the other nodes that the event names: what it says of consent, it says about those, too.
    """
    at_us, name, source = event.timestamp_us, event.name, event.source
    state.events += 1
    state.first_us = min(state.first_us, at_us)
    state.last_us = max(state.last_us, at_us)
    state.sources[source] = state.sources.get(source, 0) + 1
    purchase = settings.purchases.get(name)
    if purchase is not None or event.kind != "record":
        state.active_us = max(state.active_us, at_us)
        state.sessions = sessions.extended(state.sessions, at_us, settings.session_gap_us)
        state.sessions = _bounded_visits(state.sessions, state.events, settings)
    if purchase is not None:
        _buy(state, event.properties, purchase, settings)
    if event.traits:
        state.attributes = described(state.attributes, event, settings)
    if name in settings.using:
        state.attributes = used(state.attributes, event, settings)
    if event.consents:
        consents.state_words(state.consents, state.about, event, settings.consent_authorities, others)
        bound_consents(state, settings)
    if event.traits_once:
        state.once = described_once(state.once, event, settings)
    if event.cleared:
        moment = (event.ranked_us, event.id)
        fields = {field: {source: moment} for field in event.cleared}
        state.cleared = all_clears(state.cleared, fields, settings)
    if event.operations:
        limit, declared = settings.limits.operations, settings.declared_fields
        state.operations = operated(state.operations, event, limit, declared)
    if event.groups:
        state.groups = joined(state.groups, event, settings.limits)
    if event.findings:
        once = Occurrences(1, at_us, at_us)
        for code in {finding.code for finding in event.findings}:
            known = state.findings.get(code)
            state.findings[code] = once if known is None else _both(known, once)
    if name in settings.computed.by_event:
        computing.fold(state.computed, event, settings.computed)


def put_visits_aside(state: NodeState) -> bytes:
    """Take the visits out of a state that has many, until `add_visits`: else each event of a batch would copy them all."""
    if sessions.count(state.sessions) <= _VISITS_FEW:
        return b""
    held, state.sessions = state.sessions, b""
    return held


def add_visits(state: NodeState, held: bytes, settings: ProfileSettings) -> None:
    """Put back what `put_visits_aside` took, joined with what came meanwhile."""
    if held:
        state.sessions = sessions.union([held, state.sessions], settings.session_gap_us)
        state.sessions = _bounded_visits(state.sessions, state.events, settings)


def _bounded_visits(visits: bytes, events: int, settings: ProfileSettings) -> bytes:
    most = settings.limits.session_slices
    if events * sessions.SLICES_MAX <= most:  # so few cannot touch more
        return visits
    return sessions.latest(visits, most, settings.session_gap_us)


def merge_same_node(a: NodeState, b: NodeState, settings: ProfileSettings) -> NodeState:
    """Two partial states of one node, over different events, as one. For different nodes see `person.combine_nodes`.

    The two differ in consent alone. Two statements at one node are a person changing their mind: the later counts.
    Statements at two nodes may come from two people we only believe to be one, so there a denial counts.
    """
    state = added([a, b], settings)
    state.consents = dict(a.consents)
    for purpose, register in b.consents.items():
        before = state.consents.get(purpose)
        state.consents[purpose] = register if before is None else merged(before, register)
    state.about = consents.united_about(a.about, b.about)
    state.named = consents.united_named(a.named, b.named)
    bound_consents(state, settings)
    return state


def added(states: Sequence[NodeState], settings: ProfileSettings) -> NodeState:
    """States over different events as one, without their consents: all at once, for a person may have thousands of nodes."""
    if len(states) == 1:
        return states[0]
    stated: dict[str, list[list[Candidate]]] = {}
    revenue: dict[str, Decimal] = {}
    counts: dict[str, int] = {}
    for one in states:
        for field, candidates in one.attributes.items():
            stated.setdefault(field, []).append(candidates)
        for currency, amount in one.revenue.items():
            revenue[currency] = money.plus(revenue[currency], amount) if currency in revenue else amount
        for source, count in one.sources.items():
            counts[source] = counts.get(source, 0) + count
    attributes = {
        field: found[0]
        if len(found) == 1
        else united(found[0], chain(*found[1:]), settings.rule_for(field), settings.candidates_kept, field)
        for field, found in stated.items()
    }
    events, most = sum(s.events for s in states), settings.limits
    visits = sessions.union([s.sessions for s in states], settings.session_gap_us)
    total = NodeState(
        events=events,
        first_us=min((s.first_us for s in states), default=NEVER_FIRST),
        last_us=max((s.last_us for s in states), default=NEVER_LAST),
        active_us=max((s.active_us for s in states), default=NEVER_LAST),
        sessions=_bounded_visits(visits, events, settings),
        purchases=sum(s.purchases for s in states),
        unpriced=sum(s.unpriced for s in states),
        revenue=money.bounded(revenue, most.currencies, settings.default_currency),
        sources=counts,
        attributes=bounded_attributes(attributes, settings),
    )
    for one in states:
        # Few nodes have these.
        if one.once:
            total.once = all_once(total.once, one.once, settings)
        if one.cleared:
            total.cleared = all_clears(total.cleared, one.cleared, settings)
        if one.operations:
            limit, declared = most.operations, settings.declared_fields
            total.operations = united_operations(total.operations, one.operations, limit, declared)
        if one.groups:
            total.groups = united_groups(total.groups, one.groups, most)
        if one.findings:
            total.findings = _all_of(total.findings, one.findings)
    if some := [one.computed for one in states if one.computed]:
        total.computed = computing.combined(some, settings.computed)
    return total


def _buy(state: NodeState, properties: dict[str, Any], purchase: Purchase, settings: ProfileSettings) -> None:
    state.purchases += 1
    amount = money.amount(properties, purchase.amount_keys)
    if amount is None:
        state.unpriced += 1
        return
    currency = money.currency(properties.get(purchase.currency_key), settings.default_currency)
    before = state.revenue.get(currency)
    state.revenue[currency] = amount if before is None else money.plus(before, amount)
    if before is None:
        state.revenue = money.bounded(state.revenue, settings.limits.currencies, settings.default_currency)


def bound_consents(state: NodeState, settings: ProfileSettings) -> None:
    """Keep as many purposes as a node may have; those of `named` are told by events of other nodes."""
    most = settings.limits.purposes
    if max(len(state.consents), len(state.named), len(state.about)) > most:
        state.consents = first_purposes(state.consents, most, DENIED)
        state.named = first_purposes(state.named, most, NO)
        # Its words only lift denials.
        state.about = {purpose: state.about[purpose] for purpose in sorted(state.about)[:most]}


def _all_of(a: dict[str, Occurrences], b: dict[str, Occurrences]) -> dict[str, Occurrences]:
    return a | {name: _both(a[name], seen) if name in a else seen for name, seen in b.items()}


def _both(a: Occurrences, b: Occurrences) -> Occurrences:
    return Occurrences(a.count + b.count, min(a.first_us, b.first_us), max(a.last_us, b.last_us))


def _of_this_format(state: NodeState) -> NodeState:
    if state.format != _FORMAT:
        raise IntegrityError(
            f"A node state has format {state.format}, this version reads {_FORMAT}: run `onefold rebuild`."
        )
    return state
