"""Resolution: what a batch of sightings, judgements and scores changes in the evidence graph.

The answer is a pure function of all evidence ever seen, so it may be computed batch by batch in any order. Most batches
only confirm what is known. What is new falls into groups of components that new evidence connects; a group whose
members together break no limit is one person (limits are upper bounds, so no part of it can break one either); every
other group goes to the solver whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from onefold.identity import contested, growth, history
from onefold.identity.constraints import violation
from onefold.identity.contested import Contested
from onefold.identity.history import Sighting
from onefold.identity.known import EdgeKey, KnownEdges
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import stands
from onefold.model import (
    Edge,
    EdgeKind,
    IdentityChange,
    Judgement,
    Member,
    NodeId,
    Scoring,
    replaces,
)
from onefold.ports import ProfileTransaction

_RULES: dict[EdgeKind, str] = {
    "event": "seen_together/1",
    "record": "stated_by_record/1",
    "alias": "stated_by_alias/1",
}


class Resolution(msgspec.Struct, frozen=True, gc=False):
    """What to store.

    Attributes:
        members: The place of every node that is new or whose place changed, by node.
        edges: Evidence that is new, or earlier than what is known.
        changes: Merge history, in a stable order.
        solved: How many groups went to the solver.
    """

    members: dict[NodeId, Member]
    edges: list[Edge]
    changes: list[IdentityChange]
    solved: int


def _evidence(sightings: Sequence[Sighting], known: KnownEdges) -> dict[EdgeKey, Edge]:
    """The earliest new evidence per edge: a star from each event's anchor to its other identifiers."""
    found: dict[EdgeKey, Edge] = {}
    for sighting in sightings:
        named = sighting.named
        if len(named) == 1:
            continue
        anchor = named[0]
        kind = sighting.kind
        for other in named[1:]:
            a, b = other.node, anchor.node
            if a == b:
                continue
            if other.priority == anchor.priority and b < a:
                a, b = b, a
            key = (a, b, kind)
            if known.covers(key, sighting.at_us, sighting.event):
                continue
            earlier = found.get(key)
            if earlier is not None and (earlier.at_us, earlier.event) <= (sighting.at_us, sighting.event):
                continue
            found[key] = Edge(
                a, b, kind, other.priority, sighting.at_us, sighting.event, sighting.source, _RULES[kind], None,
                sighting.offset,
            )  # fmt: skip
    return found


def _forget_stored(
    reader: ProfileTransaction,
    evidence: dict[EdgeKey, Edge],
    now: dict[NodeId, Member],
    members: dict[NodeId, Member],
    known: KnownEdges,
) -> None:
    """Leave out what is stored already, where it would have a component solved again, which may have thousands of nodes."""
    asked = {
        (edge.a, edge.b)
        for edge in evidence.values()
        if edge.a in members
        and edge.b in members
        and (now[edge.a].shared or now[edge.b].shared or (now[edge.a].contested and now[edge.b].contested))
    }
    stored = reader.evidence(sorted(asked)) if asked else ()
    for edge in stored:
        key = (edge.a, edge.b, edge.kind)
        if key in evidence and not contested.says_more(evidence[key], edge):
            del evidence[key]
            known.committed([edge])


def _root(parent: dict[NodeId, NodeId], item: NodeId) -> NodeId:
    root = item
    while (up := parent.setdefault(root, root)) != root:
        root = up
    while parent[item] != root:
        parent[item], item = root, parent[item]
    return root


def resolve(
    reader: ProfileTransaction,
    sightings: Sequence[Sighting],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
    members: dict[NodeId, Member],
    known: KnownEdges,
    scorings: Sequence[Scoring] = (),
) -> Resolution:
    """Work out who is who after these sightings, judgements and scores.

    Args:
        reader: The store, inside the transaction that will commit the result.
        sightings: New events only: no event id may have been resolved before.
        judgements: New judgements, not yet in the store.
        settings: Types, limits and rules.
        members: The stored place of each node in `sightings` that exists.
        known: Edges known to be stored.
        scorings: New scores.
    """
    members = dict(members)
    now = _sighted(sightings, members, settings)
    evidence = _evidence(sightings, known)
    scores = _scores(reader, scorings, now, members)
    evidence.update(((e.a, e.b, e.kind), e) for e in scores.fresh)
    _forget_stored(reader, evidence, now, members, known)

    # Components that new evidence connects. A shared identifier links nobody.
    parent: dict[NodeId, NodeId] = {}
    recount: set[NodeId] = set()
    touched: set[NodeId] = {now[node].component for node in now if members.get(node, now[node]) is not now[node]}
    touched.update(node for node, m in now.items() if node not in members and m.person == node)
    for edge in evidence.values():
        if edge.kind == "scored":
            continue
        a, b = now[edge.a], now[edge.b]
        if a.shared or b.shared:
            # Whom an identifier was seen with counts, even a user id that links nobody.
            recount.update(n.component for n, m in ((a, b), (b, a)) if not n.shared and settings.type(m.type).single)
            continue
        if a.component != b.component:
            parent[_root(parent, a.component)] = _root(parent, b.component)
            touched.add(b.component)
        elif a.contested:
            # New evidence inside a contested component may change which side somebody is on.
            touched.add(a.component)
    forced, reopened = _join_judged(reader, judgements, now, members, parent, evidence)
    rescored = _join_scored(scores, evidence, now, parent)
    forced |= rescored
    touched |= forced | recount

    groups: dict[NodeId, set[NodeId]] = defaultdict(set)
    for component in touched | set(parent):
        groups[_root(parent, component)].add(component)
    grown = growth.grown(
        reader, groups, now, members, lambda component: _root(parent, component), evidence, forced | recount, settings
    )
    for root in grown:
        del groups[root]
    stored = _stored(reader, groups, now, members)
    current = _current(groups, stored, now, parent)
    standing = _standing(reader, current, judgements)
    before = {m.id: m for group in stored.values() for m in group}
    after: dict[NodeId, Member] = {}
    to_solve: list[Contested] = []
    for root, group in current.items():
        about = {j.id: j for m in group for j in standing.get(m.id, ())}
        asked = bool(about) or not (recount | rescored).isdisjoint(groups[root])
        if not asked and not any(m.contested or m.shared for m in group) and violation(group, settings) is None:
            after.update(_one_person(group, settings))
        else:
            whole = not asked and forced.isdisjoint(groups[root]) and len(groups[root]) == 1
            stands = whole and all(before.get(m.id) == m for m in group)
            to_solve.append(Contested(group, list(about.values()), stands))
    placed, solved = contested.places(reader, to_solve, evidence, settings, reopened, known)
    after.update(placed)
    for one in grown.values():
        before.update(one.before)
        after.update(one.after)

    changed = {node: m for node, m in after.items() if before.get(node) != m}
    return Resolution(
        changed, list(evidence.values()), history.told(before, after, sightings, judgements, scorings), solved
    )


def _sighted(
    sightings: Sequence[Sighting], members: dict[NodeId, Member], settings: IdentitySettings
) -> dict[NodeId, Member]:
    """The batch's nodes with their earliest sighting so far; a new node is alone."""
    earliest: dict[NodeId, int] = {}
    types: dict[NodeId, str] = {}
    for sighting in sightings:
        at = sighting.at_us
        for identifier in sighting.named:
            node = identifier.node
            seen = earliest.get(node)
            if seen is None:
                earliest[node] = at
                types[node] = identifier.stored_type
            elif at < seen:
                earliest[node] = at
    now: dict[NodeId, Member] = {}
    for node, at in earliest.items():
        stored = members.get(node)
        if stored is None:
            links = settings.type(types[node]).links
            now[node] = Member(node, types[node], at, node, node, shared=not links)
        elif at < stored.first_seen_us:
            now[node] = msgspec.structs.replace(stored, first_seen_us=at)
        else:
            now[node] = stored
    return now


def _join_judged(
    reader: ProfileTransaction,
    judgements: Sequence[Judgement],
    now: dict[NodeId, Member],
    members: dict[NodeId, Member],
    parent: dict[NodeId, NodeId],
    evidence: dict[EdgeKey, Edge],
) -> tuple[set[NodeId], set[NodeId]]:
    """Join what judgements (new ones, and standing ones about new nodes) may connect.

    Returns:
        The components to solve, and the nodes of which it is to be found out anew whether they are shared.
    """
    fresh = [node for node, m in now.items() if node not in members and m.person == node]
    said = [*judgements, *(reader.judgements(fresh) if fresh else ())]
    concerned = [judgement for judgement in said if judgement.verdict != "unsure"]
    absent = {n for j in concerned for n in (j.a, j.b) if n is not None and n not in now}
    if absent:
        _learn(reader, absent, now, members)
    forced: set[NodeId] = set()
    reopened: set[NodeId] = set()
    for judgement in concerned:
        nodes = [n for n in (judgement.a, judgement.b) if n is not None and n in now]
        if judgement.b is None:
            # Shared or not: everybody who was ever seen with this identifier is affected.
            # A standing link with it comes to hold again when it is no longer shared.
            around = {end for e in reader.edges(nodes) for end in (e.a, e.b)}
            around |= {end for a, b, _ in evidence if judgement.a in (a, b) for end in (a, b)}
            around |= {end for j in reader.judgements(nodes) for end in (j.a, j.b) if end is not None}
            _learn(reader, around - now.keys(), now, members)
            nodes += sorted(end for end in around if end in now)
            reopened.add(judgement.a)
        components = [now[n].component for n in nodes]
        forced.update(components)
        for component in components[1:]:
            parent[_root(parent, component)] = _root(parent, components[0])
    return forced, reopened


class _Scores(NamedTuple):
    """The newest score of each pair in the batch, and stored ones of nodes that are new."""

    fresh: list[Edge]
    waited: list[Edge]


def _scores(
    reader: ProfileTransaction,
    scorings: Sequence[Scoring],
    now: dict[NodeId, Member],
    members: dict[NodeId, Member],
) -> _Scores:
    newest: dict[tuple[NodeId, NodeId], Edge] = {}
    for scoring in scorings:
        for edge in scoring.edges():
            known = newest.get((edge.a, edge.b))
            if known is None or replaces(edge, known.at_us, known.event):
                newest[edge.a, edge.b] = edge
    # What was scored before its nodes were seen, as happens where partitions are read at different speeds, waited.
    new = sorted(now.keys() - members.keys())
    waited = [e for e in reader.edges(new) if e.kind == "scored"] if new and reader.scored(new) else []
    absent = {end for e in (*newest.values(), *waited) for end in (e.a, e.b)} - now.keys()
    if absent:
        _learn(reader, absent, now, members)
    return _Scores(list(newest.values()), waited)


def _join_scored(
    scores: _Scores, evidence: dict[EdgeKey, Edge], now: dict[NodeId, Member], parent: dict[NodeId, NodeId]
) -> set[NodeId]:
    """Join what scores connect, for or against; the components to solve."""
    forced: set[NodeId] = set()
    for edge in (*(e for e in scores.fresh if (e.a, e.b, e.kind) in evidence), *scores.waited):
        if edge.a not in now or edge.b not in now:
            continue  # it waits until they are seen
        ends = [m for m in (now[edge.a], now[edge.b]) if not m.shared]
        forced.update(m.component for m in ends)
        if len(ends) == 2 and stands(edge):
            parent[_root(parent, ends[0].component)] = _root(parent, ends[1].component)
    return forced


def _learn(
    reader: ProfileTransaction, nodes: set[NodeId], now: dict[NodeId, Member], members: dict[NodeId, Member]
) -> None:
    """Take stored nodes in that the sightings did not name; those that do not exist are left out."""
    found = {node: row.member for node, row in reader.nodes(sorted(nodes)).items()}
    now.update(found)
    members.update(found)


def _stored(
    reader: ProfileTransaction,
    groups: dict[NodeId, set[NodeId]],
    now: dict[NodeId, Member],
    members: dict[NodeId, Member],
) -> dict[NodeId, list[Member]]:
    """The stored nodes of all components that may change, by component. A new node's component has none."""
    old = sorted(c for group in groups.values() for c in group if c in members or c not in now)
    stored: dict[NodeId, list[Member]] = defaultdict(list)
    for member in reader.members(old) if old else ():
        stored[member.component].append(member)
    return stored


def _current(
    groups: dict[NodeId, set[NodeId]],
    stored: dict[NodeId, list[Member]],
    now: dict[NodeId, Member],
    parent: dict[NodeId, NodeId],
) -> dict[NodeId, list[Member]]:
    """Each group's nodes, with this batch's sightings."""
    current: dict[NodeId, list[Member]] = {}
    for root, components in groups.items():
        current[root] = [now.get(m.id, m) for c in components for m in stored.get(c, ())]
    known = {m.id for group in stored.values() for m in group}
    for node, member in now.items():
        if node not in known and (root := _root(parent, member.component)) in current:
            current[root].append(member)
    return current


def _standing(
    reader: ProfileTransaction, current: dict[NodeId, list[Member]], judgements: Sequence[Judgement]
) -> dict[NodeId, list[Judgement]]:
    """All judgements, stored and new, about nodes that may change, by node."""
    told = {j.id: j for j in reader.judgements([m.id for group in current.values() for m in group])}
    told.update({j.id: j for j in judgements})
    about: dict[NodeId, list[Judgement]] = defaultdict(list)
    for judgement in told.values():
        about[judgement.a].append(judgement)
        if judgement.b is not None:
            about[judgement.b].append(judgement)
    return about


def _one_person(current: Sequence[Member], settings: IdentitySettings) -> dict[NodeId, Member]:
    oldest = min([m.first_seen_us for m in current])
    first = [m for m in current if m.first_seen_us == oldest]
    name = first[0].id if len(first) == 1 else min(first, key=lambda m: (-settings.priority(m.type), m.id)).id
    return {m.id: Member(m.id, m.type, m.first_seen_us, name, name) for m in current}
