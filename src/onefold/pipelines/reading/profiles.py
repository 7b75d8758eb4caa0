"""Reading people: profiles, timelines, merge history and explanations, by any identifier, through merges."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from onefold.errors import ExpensiveError, NotFoundError, UsageError
from onefold.governance.consent import Spoken
from onefold.identity import explain as explaining
from onefold.model import Accepted, Identifier, Member, NodeId, StoredEntry, format_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.reading.neighbours import spoken_beside
from onefold.pipelines.reading.nodes import opened, with_types
from onefold.pipelines.stream.batches import with_findings
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles import profile as profiles
from onefold.profiles.state import NodeState

_CURSOR = struct.Struct(">qqq")


class Person(msgspec.Struct, frozen=True, gc=False):
    """A person found: the node that names them, and the rows of all their nodes.

    An alias names an id without its type, so it leaves a node of each type that the id may be of. `only_in_aliases` are the
    nodes that no other evidence speaks of; they are looked for where there can be any.
    """

    id: NodeId
    rows: tuple[NodeRow, ...]
    only_in_aliases: frozenset[NodeId] = frozenset()

    @property
    def nodes(self) -> list[NodeId]:
        """The person's nodes."""
        return [row.member.id for row in self.rows]


def node_of(context: Context, identifier: Identifier) -> NodeId | None:
    """The node an identifier means, whether or not it was ever seen; None when it cannot name anybody.

    An id that nobody has as it stands is looked for among those of the sources: `contact_id:204` means
    `crm.contact_id:204` where only the source `crm` has a contact 204.

    Raises:
        UsageError: Several sources have it.
    """
    node = judgements.subject(identifier, context.identity, context.hasher)
    if node is None or "." in identifier.type or not identifier.type.endswith("_id"):
        return node
    with context.store.snapshot() as snapshot:
        if snapshot.nodes([node]):
            return node
        # The store knows every source whose ids it holds; the log may be out of reach, and look-ups go on.
        named = {f"{tally.source}.{identifier.type}" for tally in snapshot.tallies()}
        named |= {name for name in context.identity.types if name.endswith(f".{identifier.type}")}
        meant = {
            name: judgements.subject(Identifier(name, identifier.value), context.identity, context.hasher)
            for name in named
        }
        seen = snapshot.nodes([other for other in meant.values() if other is not None])
    found = {name: other for name, other in meant.items() if other in seen}
    if not found:
        return node
    if len(found) > 1:
        raise UsageError(f"Several sources have an id of that value; name one: {', '.join(sorted(found))}.")
    return next(iter(found.values()))


def value_of(context: Context, identifier: Identifier) -> str:
    """The normalised value of an identifier, or of the node that a profile id names.

    Raises:
        NotFoundError: It was never seen.
    """
    node = node_of(context, identifier)
    with context.store.snapshot() as snapshot:
        row = None if node is None else snapshot.nodes([node]).get(node)
    if row is None:
        raise NotFoundError("That identifier was never seen.")
    return opened(context, row)[0].value


def find(snapshot: ProfileSnapshot, node: NodeId, nodes_max: int | None = None) -> Person | None:
    """The person `node` belongs to now; a profile id that was retired by a merge still finds them.

    Raises:
        ExpensiveError: The component has more than `nodes_max` nodes.
    """
    row = snapshot.nodes([node]).get(node)
    if row is None:
        return None
    person = row.member.person
    others = [m.id for m in _component(snapshot, row.member, nodes_max) if m.person == person and m.id != node]
    rows = snapshot.nodes(others) if others else {}
    found = (row, *rows.values())
    return Person(person, found, only_in_aliases(snapshot, found))


def only_in_aliases(snapshot: ProfileSnapshot, rows: Sequence[NodeRow]) -> frozenset[NodeId]:
    """Those of a person's nodes that nothing but aliases named; looked for where there can be any."""
    types = [row.member.type for row in rows]
    if types.count("user_id") < 2 or len(set(types)) < 2:
        return frozenset()
    nodes = {row.member.id for row in rows}
    edges = snapshot.edges(sorted(nodes))
    seen = {end for edge in edges if edge.kind != "alias" for end in (edge.a, edge.b)}
    return frozenset(nodes & {end for edge in edges for end in (edge.a, edge.b)} - seen)


def find_nodes(
    snapshot: ProfileSnapshot, node: NodeId, nodes_max: int | None = None
) -> tuple[NodeId, list[NodeId]] | None:
    """The person `node` belongs to, and their nodes, none of which is read.

    Raises:
        ExpensiveError: The component has more than `nodes_max` nodes.
    """
    row = snapshot.nodes([node]).get(node)
    if row is None:
        return None
    person = row.member.person
    return person, [m.id for m in _component(snapshot, row.member, nodes_max) if m.person == person]


def _component(snapshot: ProfileSnapshot, member: Member, nodes_max: int | None) -> list[Member]:
    if nodes_max is None:
        return snapshot.members([member.component])
    found = snapshot.some_members(member.component, nodes_max + 1)
    if len(found) > nodes_max:
        raise ExpensiveError("This person has many identifiers.")
    return found


def profile(
    context: Context, identifier: Identifier, *, nodes_max: int | None = None, cache: ProfileCache | None = None
) -> dict[str, Any] | None:
    """The profile behind an identifier, ready for JSON; None when nobody answers to it.

    Raises:
        ExpensiveError: The person is among more than `nodes_max` nodes.
    """
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        if cache is not None:
            known = cache.find(snapshot, node, context.clock_us())
            if known is not None:
                return known
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        beside = spoken_beside(context, snapshot, person.rows)
        # From the same committed state as the rows.
        offsets = None if cache is None else snapshot.offsets()
    found = view(context, person, beside)
    if cache is not None and offsets is not None:
        cache.keep(person.id, offsets, found)
    return found


class ProfileCache:
    """Profiles of people with many nodes, each good until anything is processed or the person's stage may change.

    Anything: what other people's events say of consent may concern an address that this person has, too.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._known: dict[NodeId, tuple[dict[int, int], dict[str, Any]]] = {}

    def find(self, snapshot: ProfileSnapshot, node: NodeId, now_us: int) -> dict[str, Any] | None:
        """The profile of whoever `node` belongs to, if it is known and still so."""
        row = snapshot.nodes([node]).get(node)
        known = None if row is None else self._known.get(row.member.person)
        if known is None:
            return None
        offsets, found = known
        changes_at, now = found["lifecycle"]["changes_at"], profiles.iso(now_us)
        if changes_at is not None and now is not None and changes_at <= now:
            return None
        return found if snapshot.offsets() == offsets else None

    def keep(self, person: NodeId, offsets: dict[int, int], found: dict[str, Any]) -> None:
        """Keep a profile; the one that was kept first goes when there are too many."""
        self._known.pop(person, None)
        if len(self._known) >= self._most:
            self._known.pop(next(iter(self._known)))
        self._known[person] = offsets, found


def view(context: Context, person: Person, beside: Sequence[Spoken] = ()) -> dict[str, Any]:
    """A person's profile, ready for JSON; `beside` is what neighbours of its nodes say of consent."""
    return profiles.as_json(profile_of(context, person, beside))


def profile_of(context: Context, person: Person, beside: Sequence[Spoken] = ()) -> profiles.Profile:
    """A person's profile; `beside` is what neighbours of its nodes say of consent."""
    nodes = []
    for row in person.rows:
        identifier, state = opened(context, row)
        nodes.append((msgspec.structs.replace(row.member, type=identifier.type), identifier.value, state))
    shown = _named_otherwise(nodes, person.only_in_aliases)
    return profiles.view(person.id, shown, context.profiles, context.clock_us(), context.identity.priorities(), beside)


def _named_otherwise(
    nodes: Sequence[tuple[Member, str, NodeState]], only_in_aliases: frozenset[NodeId]
) -> Sequence[tuple[Member, str, NodeState]]:
    """The nodes without those that an alias left because it does not say of which type its id is; one of them stays."""
    if not only_in_aliases:
        return nodes
    doubtful = {m.id for m, _, state in nodes if m.id in only_in_aliases and not state.events}
    kept = [node for node in nodes if node[0].id not in doubtful]
    known = {value for _, value, _ in kept}
    # With an @ it is an address sooner than a user id; else a user id sooner than a cookie.
    order = {"email": 0, "user_id": 1}
    for node in sorted((n for n in nodes if n[0].id in doubtful), key=lambda n: (order.get(n[0].type, 2), n[0].id)):
        if node[1] not in known:
            known.add(node[1])
            kept.append(node)
    return kept


def timeline(
    context: Context,
    identifier: Identifier,
    *,
    cursor: str | None = None,
    limit: int = 50,
    nodes_max: int | None = None,
) -> dict[str, Any] | None:
    """A person's events, newest first, with the cursor of the next page; None when nobody answers.

    Raises:
        ExpensiveError: The person is among more than `nodes_max` nodes.
        ValueError: Invalid cursor.
    """
    before = None if cursor is None else _position(cursor)
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        found = find_nodes(snapshot, node, nodes_max)
        if found is None:
            return None
        person, nodes = found
        rows = snapshot.timeline(nodes, before=before, limit=limit + 1)
    page = rows[:limit]
    entries = {(s.partition, s.offset): s for s in context.log.get([(r.partition, r.offset) for r in page])}
    events = []
    for row in page:
        stored = entries.get((row.partition, row.offset))
        if stored is not None:
            events.append(event(context, stored))
    last = page[-1] if len(rows) > limit else None
    after = last and base64.urlsafe_b64encode(_CURSOR.pack(last.at_us, last.partition, last.offset)).decode()
    return {"profile_id": format_profile_id(person), "events": events, "next": after}


def _position(cursor: str) -> tuple[int, int, int]:
    try:
        at_us, partition, offset = _CURSOR.unpack(base64.urlsafe_b64decode(cursor))
    except (ValueError, struct.error):
        raise ValueError("Invalid cursor.") from None
    return at_us, partition, offset


def event(context: Context, stored: StoredEntry) -> dict[str, Any]:
    """An entry of the log as the event that it holds, ready for JSON."""
    verdict = context.gate.check(stored.entry)
    if not isinstance(verdict, Accepted):
        return {"offset": stored.offset, "source": stored.entry.source, "outcome": type(verdict).__name__.lower()}
    _, findings = context.hasher.name(verdict.event.identifiers, context.identity)
    e = with_findings(verdict.event, findings)
    return {
        "message_id": e.message_id,
        "kind": e.kind,
        "name": e.name,
        "original_name": e.original_name,
        "source": e.source,
        "timestamp": profiles.iso(e.timestamp_us),
        "original_timestamp": profiles.iso(e.original_timestamp_us),
        "sent_at": profiles.iso(e.sent_at_us),
        "received_at": profiles.iso(e.received_at_us),
        "skew_ms": e.skew_ms,
        "emq": round(e.emq, 4),
        "findings": [{"code": f.code, "where": f.where} for f in e.findings],
        "violations": verdict.violations,
        "identifiers": [{"type": i.type, "value": i.value} for i in e.identifiers],
        "traits": e.traits,
        "traits_once": e.traits_once,
        "cleared": e.cleared,
        "operations": [{"field": o.field, "verb": o.verb, "value": o.value} for o in e.operations],
        "groups": [{"type": g.type, "id": g.id, "traits": g.traits} for g in e.groups],
        "properties": e.properties,
        "context": e.context,
        "consents": {c.purpose: c.granted for c in e.consents},
        "offset": stored.offset,
        "request_id": stored.entry.request_id,
    }


def history(context: Context, identifier: Identifier, *, nodes_max: int | None = None) -> dict[str, Any] | None:
    """Merges and splits that led to a person, and the judgements about them, oldest first; None when nobody answers."""
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        found = find_nodes(snapshot, node, nodes_max)
        if found is None:
            return None
        person, nodes = found
        changes = snapshot.changes(nodes)
        judgements = snapshot.judgements(nodes)
        moved = sorted({n for c in changes for n in c.nodes} | {n for j in judgements for n in (j.a, j.b) if n})
        label = labels(context, snapshot.nodes(moved))
    return {
        "profile_id": format_profile_id(person),
        "changes": [
            {
                "kind": c.kind,
                "profile_id": format_profile_id(c.person),
                "before": format_profile_id(c.before),
                "identifiers": [label(n) for n in c.nodes],
                "at": profiles.iso(c.at_us),
                "offset": c.offset,
                "request_id": c.request_id,
            }
            for c in changes
        ],
        "judgements": [
            {
                "id": j.id.hex(),
                "verdict": j.verdict,
                "subjects": [label(n) for n in (j.a, j.b) if n is not None],
                "at": profiles.iso(j.at_us),
                "by": j.by,
                "reason": j.reason,
            }
            for j in sorted(judgements, key=lambda j: (j.offset, j.id))
        ],
    }


def explain(context: Context, a: Identifier, b: Identifier, *, nodes_max: int | None = None) -> dict[str, Any] | None:
    """Why two identifiers are, or are not, one person; None when either was never seen."""
    ends = [node_of(context, a), node_of(context, b)]
    if None in ends:
        return None
    first, second = (n for n in ends if n is not None)
    with context.store.snapshot() as snapshot:
        rows = snapshot.nodes([first, second])
        if len(rows) < len({first, second}):
            return None
        members = {m.id: m for row in rows.values() for m in _component(snapshot, row.member, nodes_max)}
        # Shared identifiers stand outside the component, yet they are what people ask about.
        edges = snapshot.edges(sorted(members))
        outside = sorted({n for e in edges for n in (e.a, e.b)} - members.keys())
        members.update({n: row.member for n, row in snapshot.nodes(outside).items()})
        judgements = snapshot.judgements(sorted(members))
        label = labels(context, snapshot.nodes(sorted(members)))
        named = with_types(context, snapshot, members.values())
    known = [e for e in edges if e.a in members and e.b in members]
    told = explaining.explain(first, second, named, known, judgements, context.identity)
    return {
        **told.as_json(label),
        "sentences": explaining.sentences(told, label),
        "profile_ids": [format_profile_id(rows[n].member.person) for n in (first, second)],
    }


def labels(context: Context, rows: dict[NodeId, NodeRow]) -> Callable[[NodeId], str]:
    """How to show nodes to somebody who may see values: `email:ann@example.org`."""

    def label(node: NodeId) -> str:
        row = rows.get(node)
        if row is None:
            return format_profile_id(node)
        identifier, _ = opened(context, row)
        return f"{identifier.type}:{identifier.value}"

    return label
