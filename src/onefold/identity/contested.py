"""Contested groups: what the solver is asked about them, and what its answers mean for the batches to come.

A group goes to the solver whole, with all evidence that touches it. The store is asked for many groups at once: where
evidence comes late, a batch touches contested groups by the hundred.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from onefold.identity.known import EdgeKey
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import solve
from onefold.model import Edge, Judgement, Member, NodeId
from onefold.ports import ProfileReader

NODES_AT_ONCE = 5_000
"""Nodes whose evidence is in memory at a time, but for a larger group: about three megabytes. More gains no speed."""


class Contested(msgspec.Struct, frozen=True, gc=False):
    """A group to solve: its nodes with the batch's sightings, and every judgement about one of them."""

    members: Sequence[Member]
    judgements: Sequence[Judgement]


def places(
    reader: ProfileReader,
    groups: Sequence[Contested],
    evidence: Mapping[EdgeKey, Edge],
    settings: IdentitySettings,
    reopened: set[NodeId],
) -> dict[NodeId, Member]:
    """The place of every node of these groups.

    Args:
        reader: The store, inside the transaction that will commit the result.
        groups: Groups that have no node in common.
        evidence: The batch's evidence, about these groups and others.
        settings: Types and limits.
        reopened: Nodes of which it is to be found out anew whether they are shared.
    """
    placed: dict[NodeId, Member] = {}
    for some in _portions(groups):
        touching = _touching(reader, some, evidence)
        shared = _shared_beside(reader, some, touching)
        for group, edges in zip(some, touching, strict=True):
            beside = {end: shared[end] for e in edges for end in (e.a, e.b) if end in shared} if shared else {}
            placed.update(_place(group, edges, beside, settings, reopened))
    return placed


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


def _touching(reader: ProfileReader, groups: Sequence[Contested], evidence: Mapping[EdgeKey, Edge]) -> list[list[Edge]]:
    """For each group all evidence that touches one of its nodes, stored or of this batch."""
    of = {m.id: n for n, group in enumerate(groups) for m in group.members}
    edges = {(e.a, e.b, e.kind): e for e in reader.edges(sorted(of))}
    for key, edge in evidence.items():
        if edge.a in of or edge.b in of:
            stored = edges.get(key)
            if stored is None or (edge.at_us, edge.event) < (stored.at_us, stored.event):
                edges[key] = edge
    touching: list[list[Edge]] = [[] for _ in groups]
    for edge in edges.values():
        a, b = of.get(edge.a), of.get(edge.b)
        if a is not None:
            touching[a].append(edge)
        if b is not None and b != a:
            touching[b].append(edge)
    return touching


def _shared_beside(
    reader: ProfileReader, groups: Sequence[Contested], touching: Sequence[Sequence[Edge]]
) -> dict[NodeId, Member]:
    """Shared identifiers outside of a group that it was seen with: they link nobody, but whom they were seen with counts."""
    around: set[NodeId] = set()
    for group, edges in zip(groups, touching, strict=True):
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
    solved = solve([*group.members, *beside], edges, group.judgements, settings, shared_before=shared_before)
    solution = {m.id: m for m in solved.members if m.id in inside}
    judged = {n for j in group.judgements for n in (j.a, j.b) if n is not None}
    open_still = {solution[n].component for n in judged if n in solution}
    # An identifier once seen with a user id that links nobody may become shared by the next one it is seen with.
    aside = {m.id for m in solved.members if m.shared and settings.type(m.type).single}
    if aside:
        ends = [end for e in edges if e.kind != "scored" for end in ((e.a, e.b), (e.b, e.a))]
        near = [solution[node] for node, other in ends if other in aside and node in solution]
        open_still |= {m.component for m in near if not m.shared and settings.type(m.type).shared_after is not None}
    for node, member in solution.items():
        if member.component in open_still and not member.contested:
            # Such a component is solved afresh with each new piece of evidence.
            solution[node] = msgspec.structs.replace(member, contested=True)
    return solution
