"""Reading people: profiles, identifiers, timelines and merge history, by any identifier, through merges."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from onefold.governance.consent import Spoken
from onefold.model import Accepted, Identifier, Member, NodeId, StoredEntry, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading import cursors
from onefold.pipelines.reading.basis import based
from onefold.pipelines.reading.memberships import memberships_of
from onefold.pipelines.reading.neighbours import spoken_beside
from onefold.pipelines.reading.nodes import described, opened
from onefold.pipelines.reading.people import find, labels, node_of, only_in_aliases
from onefold.pipelines.stream.batches import with_findings
from onefold.ports import NodeRow, ProfileSnapshot, TimelineRow
from onefold.profiles import answer
from onefold.profiles import profile as profiles
from onefold.profiles.computed import begun
from onefold.profiles.computed.plan import base_of
from onefold.profiles.profile import Described


def profile(context: Context, identifier: Identifier, *, nodes_max: int | None = None) -> results.Profile | None:
    """The profile behind an identifier; None when there is none.

    Raises:
        ExpensiveError: The person has more than `nodes_max` nodes.
    """
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        rows = snapshot.nodes([n for n in person.nodes if n != node])
        beside = spoken_beside(context, snapshot, person.members)
        aliases = only_in_aliases(snapshot, person.members)
        lacking = unfilled(context, snapshot)
        segments = memberships_of(snapshot, person.id)
        context = based(context, snapshot)
    found = profile_of(context, person.id, (person.asked, *rows.values()), aliases, beside)
    return answer.as_result(found, segments, lacking)


def unfilled(context: Context, snapshot: ProfileSnapshot) -> frozenset[str]:
    """Names of the computed traits whose past is not filled in."""
    traits = context.profiles.traits
    if not traits:
        return frozenset()
    live = begun.live(snapshot.kept())
    return frozenset(trait.name for trait in traits if base_of(trait.aggregate) not in live)


def profile_of(
    context: Context,
    person: NodeId,
    rows: Sequence[NodeRow],
    aliases: frozenset[NodeId],
    beside: Sequence[Spoken] = (),
) -> profiles.Profile:
    """The profile of a person by the rows of their nodes.

    `aliases` are those that `only_in_aliases`; `beside` is what neighbours of the nodes say of consent.
    """
    shown = shown_nodes(context, rows, aliases)
    return profiles.view(person, shown, context.profiles, context.clock_us(), context.identity.priorities(), beside)


def shown_nodes(context: Context, rows: Sequence[NodeRow], aliases: frozenset[NodeId]) -> Sequence[Described]:
    """The nodes of a person by their rows, opened; `aliases` are those that `only_in_aliases`."""
    return named_otherwise([described(context, row) for row in rows], aliases)


def named_otherwise(nodes: Sequence[Described], only_in_aliases: frozenset[NodeId]) -> Sequence[Described]:
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


def identifiers(
    context: Context,
    identifier: Identifier,
    *,
    cursor: str | None = None,
    limit: int = profiles.IDENTIFIERS_SHOWN,
    nodes_max: int | None = None,
) -> results.Identifiers | None:
    """A person's identifiers, the strongest first, with the cursor of the next page; None when there is no person.

    Raises:
        ExpensiveError: The person has more than `nodes_max` nodes.
        UsageError: Invalid cursor.
    """
    after = None if cursor is None else cursors.read(cursors.IDENTIFIERS, cursor)
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        members = _without_doubtful(context, snapshot, person.members)
        order = profiles.strongest_first(context.identity.priorities())
        primary = min(members, key=order)
        rest = members if after is None else [m for m in members if order(m) > after]
        page = heapq.nsmallest(limit, rest, key=order)
        rows = snapshot.nodes([m.id for m in page])
    shown = [
        profiles.ProfileIdentifier(one.type, one.value, m.id, m.first_seen_us, m.id == primary.id, m.shared)
        for m in page
        for one, _ in (opened(context, rows[m.id]),)
    ]
    following = cursors.written(cursors.IDENTIFIERS, order(page[-1])) if len(rest) > limit else None
    return results.Identifiers(
        id=format_profile_id(person.id),
        identifiers=tuple(answer.identifier_result(i) for i in shown),
        identifiers_total=len(members),
        next=following,
    )


def _without_doubtful(context: Context, snapshot: ProfileSnapshot, members: Sequence[Member]) -> Sequence[Member]:
    aliases = only_in_aliases(snapshot, members)
    if not aliases:
        return members
    rows = snapshot.nodes([m.id for m in members])
    kept = {node.member.id for node in named_otherwise([described(context, r) for r in rows.values()], aliases)}
    return [member for member in members if member.id in kept]


def timeline(
    context: Context,
    identifier: Identifier,
    *,
    cursor: str | None = None,
    limit: int = 50,
    nodes_max: int | None = None,
) -> results.Timeline | None:
    """A person's events, newest first, with the cursor of the next page; None when there is no person.

    Raises:
        ExpensiveError: The person has more than `nodes_max` nodes.
        UsageError: Invalid cursor.
    """
    before = None if cursor is None else cursors.read(cursors.TIMELINE, cursor)
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        rows = snapshot.timeline(person.nodes, before=before, limit=limit + 1)
    page = rows[:limit]
    entries = {(s.partition, s.offset): s for s in context.log.get([(r.partition, r.offset) for r in page])}
    there = (entries.get((row.partition, row.offset)) for row in page)
    events = tuple(event(context, stored) for stored in there if stored is not None)
    last = page[-1] if len(rows) > limit else None
    return results.Timeline(
        profile_id=format_profile_id(person.id), events=events, next=None if last is None else _cursor(last)
    )


def _cursor(row: TimelineRow) -> str:
    return cursors.written(cursors.TIMELINE, (row.at_us, row.partition, row.offset))


def event(context: Context, stored: StoredEntry) -> results.TimelineEvent:
    """An entry of the log as the event that it holds."""
    verdict = context.gate.check(stored.entry)
    if not isinstance(verdict, Accepted):
        outcome = type(verdict).__name__.lower()
        return results.RefusedEvent(offset=stored.offset, source=stored.entry.source, outcome=outcome)
    _, findings = context.hasher.name(verdict.event.identifiers, context.identity)
    e = with_findings(verdict.event, findings)
    return results.Event(
        message_id=e.message_id,
        kind=e.kind,
        name=e.name,
        original_name=e.original_name,
        source=e.source,
        timestamp=profiles.iso(e.timestamp_us),
        original_timestamp=profiles.iso(e.original_timestamp_us),
        sent_at=profiles.iso(e.sent_at_us),
        received_at=profiles.iso(e.received_at_us),
        skew_ms=e.skew_ms,
        emq=round(e.emq, 4),
        findings=e.findings,
        violations=verdict.violations,
        identifiers=e.identifiers,
        traits=e.traits,
        traits_once=e.traits_once,
        cleared=e.cleared,
        operations=tuple(results.EventOperation(field=o.field, verb=o.verb, value=o.value) for o in e.operations),
        groups=tuple(results.EventGroup(type=g.type, id=g.id, traits=g.traits) for g in e.groups),
        properties=e.properties,
        context=e.context,
        consents={c.purpose: c.granted for c in e.consents},
        offset=stored.offset,
        request_id=stored.entry.request_id,
    )


def history(context: Context, identifier: Identifier, *, nodes_max: int | None = None) -> results.History | None:
    """Merges and splits that led to a person, and the judgements about them, oldest first; None when there is no person."""
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        changes = snapshot.changes(person.nodes)
        judgements = snapshot.judgements(person.nodes)
        moved = sorted({n for c in changes for n in c.nodes} | {n for j in judgements for n in (j.a, j.b) if n})
        label = labels(context, snapshot.nodes(moved))
    return results.History(
        profile_id=format_profile_id(person.id),
        changes=tuple(
            results.Change(
                kind=c.kind,
                profile_id=format_profile_id(c.person),
                before=format_profile_id(c.before),
                identifiers=tuple(label(n) for n in c.nodes),
                at=profiles.iso(c.at_us),
                offset=c.offset,
                request_id=c.request_id,
            )
            for c in changes
        ),
        judgements=tuple(
            results.StatedJudgement(
                id=j.id.hex(),
                verdict=j.verdict,
                subjects=tuple(label(n) for n in (j.a, j.b) if n is not None),
                at=profiles.iso(j.at_us),
                by=j.by,
                reason=j.reason,
            )
            for j in sorted(judgements, key=lambda j: (j.offset, j.id))
        ),
    )
