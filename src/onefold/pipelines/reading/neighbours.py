"""Neighbours: the nodes beside a person that evidence connects with it, and that are not the person's by now.

They matter for consent. An identifier that said no may turn out to be shared, or to be somebody else's; its no stays with
everybody it ever applied to. To whom it may have applied is told by the evidence alone, in whatever order it came:
whoever is connected with the identifier, and can be one person with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import islice

from onefold.governance.consent import Spoken
from onefold.model import Edge, Member, NodeId
from onefold.pipelines.context import Context
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles import state as folds

NEIGHBOURS_MAX = 500
"""Nodes at which the search ends. A person has a handful of neighbours."""
ASKED_AT_ONCE = 5_000
"""Nodes whose evidence is held at a time: a first load asks for that of everybody."""
CROWD = 10
"""An identifier seen with more than so many others belongs to a crowd (a kiosk, a till). Its own no counts for those who
were seen with it, but they are no reason to deny each other."""


def spoken_beside(context: Context, snapshot: ProfileSnapshot, members: Sequence[Member]) -> list[Spoken]:
    """What the neighbours of a person's nodes say of consent; the person is given by the places of its nodes."""
    mine = {member.id for member in members}
    alone = {name for name in {member.type for member in members} if context.identity.type(name).single}
    found: dict[NodeId, NodeRow] = {}
    frontier: Collection[NodeId] = mine
    judged = False
    while frontier and len(found) < NEIGHBOURS_MAX:
        # What connects the person's own nodes is nothing that they need.
        edges = snapshot.leaving(sorted(frontier)) if frontier is mine else snapshot.edges(sorted(frontier))
        ends, joined = _ends(snapshot, edges, sorted(frontier))
        judged = judged or joined
        near = {
            end
            for node, others in ends.items()
            if node in mine or len(others) <= CROWD
            for end in others
            if end not in mine and end not in found
        }
        reached = snapshot.nodes(sorted(near)[:NEIGHBOURS_MAX])
        found |= reached
        # A user id, a donor number: evidence ends there, for two of a kind are two people.
        frontier = [
            node for node, row in reached.items() if judged or not context.identity.type(row.member.type).single
        ]
    said = []
    for row in found.values():
        # Two user ids are two people unless a steward said otherwise, which no limit outweighs.
        if judged or row.member.type not in alone:
            _, state = folds.open_node(context.sealer.open(row))
            if state.consents:
                said.append(Spoken(row.member.id, state.consents, state.about, state.named))
    return said


def alone(snapshot: ProfileSnapshot, people: Sequence[Collection[NodeId]]) -> list[bool]:
    """For each of these people, given by their nodes, whether nothing connects them with other nodes: asked at once."""
    asked = sorted({node for nodes in people for node in nodes})
    ends, _ = _ends(snapshot, snapshot.edges(asked), asked)
    return [all(ends[node] <= set(nodes) for node in nodes if node in ends) for nodes in people]


def near(snapshot: ProfileSnapshot, nodes: Collection[NodeId]) -> set[NodeId]:
    """These nodes, and all others for whose people they may be neighbours; some more, but none left out."""
    found = set(nodes)
    frontier: Collection[NodeId] = found
    while frontier:
        waiting, reached = iter(sorted(frontier)), set[NodeId]()
        while asked := list(islice(waiting, ASKED_AT_ONCE)):
            ends, _ = _ends(snapshot, snapshot.edges(asked), asked)
            # Whoever looks from afar does not come through a crowd, but may stand in it.
            for node, others in ends.items():
                if node in nodes or len(others) <= CROWD:
                    reached |= others - found
        frontier = reached
        found |= frontier
    return found


def _ends(
    snapshot: ProfileSnapshot, edges: Sequence[Edge], nodes: Sequence[NodeId]
) -> tuple[dict[NodeId, set[NodeId]], bool]:
    """With what each of these nodes was ever said to be connected; and whether a person said some of it."""
    ends: dict[NodeId, set[NodeId]] = defaultdict(set)
    # What the matcher scored against a pair connects nobody; what speaks for it might yet make one person of both.
    pairs = [(edge.a, edge.b) for edge in edges if edge.kind != "scored" or (edge.score or 0.0) > 0]
    joined = [(j.a, j.b) for j in snapshot.judgements(nodes) if j.verdict == "same" and j.b is not None]
    asked = set(nodes)
    for a, b in (*pairs, *joined):
        if a in asked:
            ends[a].add(b)
        if b in asked:
            ends[b].add(a)
    return ends, bool(joined)
