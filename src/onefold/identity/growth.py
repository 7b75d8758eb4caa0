"""Growth: what new evidence changes in a large component, found without reading the component whole.

    uncontested: it stays one person as long as what comes breaks no limit with what is there
    contested:   the people that the evidence names are solved with what comes, apart from the rest

The second rests on this: joins are never taken back, and what stands between two groups stands between all they become.
So as long as every person that was there stays whole, whatever was refused between them and the rest is refused still.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from onefold.identity.constraints import exceeds
from onefold.identity.known import EdgeKey
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import place
from onefold.model import Edge, Member, NodeId, replaces
from onefold.ports import ProfileTransaction

LARGE = 200
"""Nodes from which a component is not read whole if that can be helped. Of small ones many are read at a time instead."""
_SOLVED_MAX = 60


class Group(msgspec.Struct, frozen=True):
    """Components that new evidence connects.

    Attributes:
        old: The stored ones.
        fresh: Nodes that are new.
        sighted: Stored nodes of the batch with their earliest sighting so far.
        stored: The same as stored.
        evidence: The batch's evidence about any of them.
    """

    old: Sequence[NodeId]
    fresh: Sequence[Member]
    sighted: Sequence[Member]
    stored: Mapping[NodeId, Member]
    evidence: Mapping[EdgeKey, Edge]


class Grown(msgspec.Struct, frozen=True):
    """Places before and after: of what changed, and of enough of what did not to tell what was joined with what."""

    before: dict[NodeId, Member]
    after: dict[NodeId, Member]


def grown(
    reader: ProfileTransaction,
    groups: dict[NodeId, set[NodeId]],
    now: dict[NodeId, Member],
    members: dict[NodeId, Member],
    root_of: Callable[[NodeId], NodeId],
    evidence: dict[EdgeKey, Edge],
    asked: set[NodeId],
    settings: IdentitySettings,
) -> dict[NodeId, Grown]:
    """Of the groups with a large component, by root, those of which the component need not be read whole."""
    old = {
        c: root
        for root, group in groups.items()
        if asked.isdisjoint(group)
        for c in group
        if c in members or c not in now
    }
    large = {old[c] for c in reader.large(sorted(old), nodes_min=LARGE)} if old else set()
    if not large:
        return {}
    inside: dict[NodeId, list[Member]] = defaultdict(list)
    for member in now.values():
        if (root := root_of(member.component)) in large:
            inside[root].append(member)
    about: dict[NodeId, dict[EdgeKey, Edge]] = defaultdict(dict)
    for key, edge in evidence.items():
        if edge.kind == "scored" or now[edge.a].shared or now[edge.b].shared:
            continue  # whom scores concern is read whole; what is shared links nobody
        for root in {root_of(now[edge.a].component), root_of(now[edge.b].component)} & large:
            about[root][key] = edge
    found = {}
    for root in large:
        fresh = [m for m in inside[root] if m.id not in members]
        sighted = [m for m in inside[root] if m.id in members]
        group = Group([c for c in groups[root] if c in old], fresh, sighted, members, about[root])
        if (one := grow(reader, group, settings)) is not None:
            found[root] = one
    return found


def grow(reader: ProfileTransaction, group: Group, settings: IdentitySettings) -> Grown | None:
    """What becomes of a group with a large component; None where the components have to be read whole.

    Args:
        reader: The store, inside the transaction that will commit the result.
        group: Components about none of whose nodes anything new was judged.
        settings: Types and limits.
    """

    def age(member: Member) -> tuple[int, int, NodeId]:
        return member.first_seen_us, -settings.priority(member.type), member.id

    changed = [m for m in group.sighted if m != group.stored[m.id]]
    if any(m.shared for m in group.sighted):
        return None
    if any(settings.type(m.type).window_us is not None for m in changed):
        return None  # within a window another time may make room, or take it
    now = {m.id: m for m in group.sighted}
    namers = {node: now.get(node, row.member) for node, row in reader.nodes(sorted(group.old)).items()}
    kept = min(group.old, key=lambda component: age(namers[component]))
    joining = [c for c in group.old if c != kept]
    others = [now.get(m.id, m) for m in (reader.members(joining) if joining else ())]
    if any(age(m) < age(namers[kept]) for m in (*group.fresh, *changed, *others)):
        return None  # everybody would be named anew
    if any(m.contested or m.shared for m in others):
        return None
    there = [m for m in group.sighted if m.component == kept]
    if namers[kept].contested:
        return _beside(reader, group, kept, there, others, settings)
    if not _fits(reader, kept, [*group.fresh, *others], settings):
        return None
    before = {m.id: group.stored.get(m.id, m) for m in (namers[kept], *there, *others)}
    after = {m.id: m for m in (namers[kept], *there)}
    after.update((m.id, Member(m.id, m.type, m.first_seen_us, kept, kept)) for m in (*group.fresh, *others))
    return Grown(before, after)


def _fits(reader: ProfileTransaction, component: NodeId, coming: Iterable[Member], settings: IdentitySettings) -> bool:
    """Whether one person stays within all limits with these nodes."""
    sightings: dict[str, list[int]] = defaultdict(list)
    for member in coming:
        sightings[member.type].append(member.first_seen_us)
    for name, times in sightings.items():
        kind = settings.type(name)
        if kind.limit is None:
            continue
        window = kind.window_us
        bounds = None if window is None else (min(times) - window, max(times) + window)
        if exceeds(sorted([*times, *reader.sightings(component, name, bounds)]), kind):
            return False
    return True


def _beside(
    reader: ProfileTransaction,
    group: Group,
    component: NodeId,
    there: Sequence[Member],
    others: Sequence[Member],
    settings: IdentitySettings,
) -> Grown | None:
    """What becomes of the people of a contested component that are named, and of those who come."""
    now = {m.id: m for m in (*there, *others)}
    people: dict[NodeId, list[Member]] = {}
    for member in there:
        if member.person not in people:
            people[member.person] = [now.get(m.id, m) for m in reader.person(member, limit=_SOLVED_MAX + 1)]
    old = [m for person in people.values() for m in person] + list(others)
    solved = [*old, *group.fresh]
    if len(solved) > _SOLVED_MAX or _may_be_shared(reader, group, solved, settings):
        return None
    nodes = [m.id for m in old]
    if reader.scored(nodes):
        return None  # a score counts on average over groups, and one of them may lie elsewhere
    inside = {m.id for m in solved}
    pairs = [(a, b) for n, a in enumerate(nodes) for b in nodes[:n]]
    edges = {(e.a, e.b, e.kind): e for e in reader.evidence(pairs)}
    for key, edge in group.evidence.items():
        stored = edges.get(key)
        if edge.a in inside and edge.b in inside and (stored is None or replaces(edge, stored.at_us, stored.event)):
            edges[key] = edge
    placed = {m.id: m for m in place(solved, list(edges.values()), reader.judgements(nodes), settings)}
    became = [{placed[m.id].person for m in person} for person in people.values()]
    whole = [
        *became,
        *({placed[m.id].person for m in others if m.person == name} for name in {m.person for m in others}),
    ]
    if (
        any(m.shared for m in placed.values())
        or any(len(names) > 1 for names in whole)
        or len(set().union(*became)) < len(became)
    ):
        return None
    before = {m.id: group.stored.get(m.id, m) for m in old}
    after = {
        m.id: Member(m.id, m.type, m.first_seen_us, placed[m.id].person, component, contested=True) for m in solved
    }
    return Grown(before, after)


def _may_be_shared(
    reader: ProfileTransaction, group: Group, solved: Sequence[Member], settings: IdentitySettings
) -> bool:
    """Whether the batch's evidence may show that one of these is shared, by whom it was ever seen with."""
    types = {m.id: m.type for m in solved}
    asked: dict[NodeId, set[NodeId]] = defaultdict(set)
    for edge in group.evidence.values():
        for node, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if node not in types or other not in types:
                return True  # it leads elsewhere, to what is shared for example
            if settings.type(types[node]).shared_after is not None and settings.type(types[other]).single:
                asked[node].add(other)
    if not asked:
        return False
    seen_with = {node: set(others) for node, others in asked.items()}
    for edge in reader.edges(sorted(asked)):
        if edge.kind == "scored":
            continue
        for node, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if node in asked:
                seen_with[node].add(other)
    unknown = sorted(set().union(*seen_with.values()) - types.keys())
    types.update((node, row.member.type) for node, row in reader.nodes(unknown).items())
    for node, others in seen_with.items():
        enough = settings.type(types[node]).shared_after
        for name in {types[other] for other in asked[node]}:
            if enough is not None and sum(types[other] == name for other in others) >= enough:
                return True
    return False
