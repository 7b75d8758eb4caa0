"""Contested groups: what the solver is asked about them, and what its answers mean for the batches to come.

A group goes to the solver whole, with all evidence that touches it. The store is asked for many groups at once: where
evidence comes late, a batch touches contested groups by the hundred.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from onefold.identity.constraints import violation
from onefold.identity.known import EdgeKey, KnownEdges
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import place, said_order, stands
from onefold.model import Edge, Judgement, Member, NodeId, replaces
from onefold.ports import ProfileReader

NODES_AT_ONCE = 5_000
"""Nodes whose evidence is in memory at a time, but for a larger group: by estimate three megabytes."""


class Contested(msgspec.Struct, frozen=True, gc=False):
    """A group that may have to be solved.

    Attributes:
        members: Its nodes with the batch's sightings.
        judgements: Every judgement about one of them.
        stands: Whether all but the evidence is as it was when its places were stored: they stand if no evidence is new.
    """

    members: Sequence[Member]
    judgements: Sequence[Judgement]
    stands: bool = False


def places(
    reader: ProfileReader,
    groups: Sequence[Contested],
    evidence: Mapping[EdgeKey, Edge],
    settings: IdentitySettings,
    reopened: set[NodeId],
    known: KnownEdges,
) -> tuple[dict[NodeId, Member], int]:
    """The place of every node of these groups, and how many of the groups went to the solver.

    Args:
        reader: The store, inside the transaction that will commit the result.
        groups: Groups that have no node in common.
        evidence: The batch's evidence, about these groups and others.
        settings: Types and limits.
        reopened: Nodes of which it is to be found out anew whether they are shared.
        known: Learns what is stored of the batch's evidence.
    """
    placed: dict[NodeId, Member] = {}
    solved = 0
    for some in _portions(groups):
        touching, told = _touching(reader, some, evidence, known)
        to_solve = []
        for n, group in enumerate(some):
            if group.stands and n not in told:
                placed.update((m.id, m) for m in group.members)
            else:
                to_solve.append((group, touching[n]))
        shared = _shared_beside(reader, to_solve)
        for group, edges in to_solve:
            beside = {end: shared[end] for e in edges for end in (e.a, e.b) if end in shared} if shared else {}
            placed.update(_place(group, edges, beside, settings, reopened))
        solved += len(to_solve)
    return placed, solved


def judged(judgements: Iterable[Judgement]) -> set[NodeId]:
    """The nodes about which something that people said still stands: what was taken back leaves no trace."""
    latest = {(j.a, j.b): j for j in sorted(judgements, key=said_order) if j.verdict != "unsure"}
    return {n for j in latest.values() if j.verdict != "withdrawn" for n in (j.a, j.b) if n is not None}


def _portions(groups: Sequence[Contested]) -> Iterator[list[Contested]]:
    portion: list[Contested] = []
    nodes = 0
    for group in groups:
        portion.append(group)
        nodes += len(group.members)
        if nodes >= NODES_AT_ONCE:
            yield portion
            portion, nodes = [], 0
    if portion:
        yield portion


def _touching(
    reader: ProfileReader, groups: Sequence[Contested], evidence: Mapping[EdgeKey, Edge], known: KnownEdges
) -> tuple[list[list[Edge]], set[int]]:
    """For each group all evidence that touches one of its nodes; and the groups of which some was not stored before."""
    of = {m.id: n for n, group in enumerate(groups) for m in group.members}
    edges = {(e.a, e.b, e.kind): e for e in reader.edges(sorted(of))}
    told: set[int] = set()
    met: list[Edge] = []
    for key, edge in evidence.items():
        around = [of[end] for end in (edge.a, edge.b) if end in of]
        if not around:
            continue
        stored = edges.get(key)
        if says_more(edge, stored):
            edges[key] = edge
            told.update(around)
        if stored is not None:
            met.append(stored)
    known.committed(met)
    touching: list[list[Edge]] = [[] for _ in groups]
    for edge in edges.values():
        a, b = of.get(edge.a), of.get(edge.b)
        if a is not None:
            touching[a].append(edge)
        if b is not None and b != a:
            touching[b].append(edge)
    return touching, told


def says_more(edge: Edge, stored: Edge | None) -> bool:
    """Whether evidence is new, or earlier than what is stored of it."""
    return stored is None or replaces(edge, stored.at_us, stored.event)


def _shared_beside(reader: ProfileReader, groups: Sequence[tuple[Contested, Sequence[Edge]]]) -> dict[NodeId, Member]:
    """Shared identifiers that a group was seen with: outside they link nobody, but they count among whom it was seen with."""
    around: set[NodeId] = set()
    for group, edges in groups:
        inside = {m.id for m in group.members}
        around.update(end for e in edges for end in (e.a, e.b) if end not in inside)
    if not around:
        return {}
    return {node: row.member for node, row in reader.nodes(sorted(around)).items() if row.member.shared}


def _place(
    group: Contested,
    edges: Sequence[Edge],
    shared: Mapping[NodeId, Member],
    settings: IdentitySettings,
    reopened: set[NodeId],
) -> dict[NodeId, Member]:
    inside = {m.id for m in group.members}
    beside = [member for node, member in shared.items() if node not in inside]
    shared_before = {m.id for m in group.members if m.shared} - reopened
    shared_before.update(m.id for m in beside)
    placed = place([*group.members, *beside], edges, group.judgements, settings, shared_before=shared_before)
    solution = {m.id: m for m in placed if m.id in inside}
    open_still = {solution[n].component for n in judged(group.judgements) if n in solution}
    # An identifier once seen with a user id that links nobody may become shared by the next one it is seen with.
    aside = {m.id for m in placed if m.shared and settings.type(m.type).single}
    if aside:
        ends = [end for e in edges if e.kind != "scored" for end in ((e.a, e.b), (e.b, e.a))]
        near = [solution[node] for node, other in ends if other in aside and node in solution]
        open_still |= {m.component for m in near if not m.shared and settings.type(m.type).shared_after is not None}
    # Scores count on average over whole groups, and some keep others apart.
    open_still |= {
        solution[e.a].component
        for e in edges
        if e.kind == "scored" and stands(e) and e.a in solution and e.b in solution
    }
    # One person beyond a limit, by an alias: joined in another order it might be two.
    open_still |= _beyond_limits(solution.values(), settings)
    for node, member in solution.items():
        if member.component in open_still and not member.contested:
            # Such a component is solved afresh with each new piece of evidence.
            solution[node] = msgspec.structs.replace(member, contested=True)
    return solution


def _beyond_limits(members: Iterable[Member], settings: IdentitySettings) -> set[NodeId]:
    """The components that are one person although their nodes together break a limit."""
    components: dict[NodeId, list[Member]] = defaultdict(list)
    for member in members:
        if not member.contested and not member.shared:
            components[member.component].append(member)
    return {component for component, nodes in components.items() if violation(nodes, settings) is not None}
