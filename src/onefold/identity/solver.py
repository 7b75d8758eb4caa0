"""The solver: who is who in some connected components, as a pure function of the evidence about them.

Judgements come first, then exact evidence in a total order (strength, event time, event id), then scored pairs by
average linkage. Two groups are joined only if no constraint and no judgement keeps them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

import msgspec

from onefold.identity.constraints import Load, crowding, load_of
from onefold.identity.settings import IdentitySettings
from onefold.model import Edge, Judgement, Member, NodeId, Verdict

SCORE_MAX, SCORE_MIN = 6.0, -12.0
"""Scores are clipped to these log-odds, so that one overconfident pair cannot outvote many."""


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Evidence that did not join its ends, and why: `limit:<type>`, `judged_different`, `shared` or `average`."""

    edge: Edge
    reason: str


class Solution(msgspec.Struct, frozen=True, gc=False):
    """Who is who.

    Attributes:
        members: Each node with its person and component, in the order given.
        refused: Evidence that was not followed.
    """

    members: list[Member]
    refused: list[Refusal]


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What people's judgements come to: the latest about each subject counts."""

    same: tuple[tuple[NodeId, NodeId], ...]
    different: frozenset[tuple[NodeId, NodeId]]
    shared: frozenset[NodeId]
    not_shared: frozenset[NodeId]


def standing(judgements: Iterable[Judgement]) -> Standing:
    """The judgements that count; `same` pairs in order of when they were said."""
    latest: dict[tuple[NodeId, NodeId | None], Judgement] = {}
    for judgement in sorted(judgements, key=lambda j: (j.at_us, j.id)):
        latest[judgement.a, judgement.b] = judgement
    in_order = sorted(latest.values(), key=lambda j: (j.at_us, j.id))

    def nodes(verdict: Verdict) -> frozenset[NodeId]:
        return frozenset(j.a for j in in_order if j.verdict == verdict and j.b is None)

    return Standing(
        tuple((j.a, j.b) for j in in_order if j.verdict == "same" and j.b is not None),
        frozenset((j.a, j.b) for j in in_order if j.verdict == "different" and j.b is not None),
        nodes("shared"),
        nodes("not_shared"),
    )


def shared_nodes(
    members: Iterable[Member],
    edges: Iterable[Edge],
    said: Standing,
    settings: IdentitySettings,
    shared_before: Collection[NodeId] = (),
) -> set[NodeId]:
    """Identifiers that several people use: by judgement, or seen with enough identifiers nobody has two of.

    `shared_before` are known to be shared by evidence that is not among `edges`.
    """
    types = {m.id: m.type for m in members}
    holders: dict[NodeId, set[NodeId]] = defaultdict(set)
    for edge in edges:
        if edge.kind == "scored":
            continue
        for node, other in ((edge.a, edge.b), (edge.b, edge.a)):
            if node in types and other in types and settings.type(types[other]).unique:
                holders[node].add(other)
    found = set()
    for node, kind in types.items():
        after = settings.type(kind).shared_after
        crowded = node in shared_before or (after is not None and len(holders[node]) >= after)
        if node in said.shared or (crowded and node not in said.not_shared):
            found.add(node)
    return found


class _Groups:
    """Nodes in groups that only ever join."""

    def __init__(
        self, members: Sequence[Member], different: Iterable[tuple[NodeId, NodeId]], settings: IdentitySettings
    ) -> None:
        self.settings = settings
        self.root = {m.id: m.id for m in members}
        self.nodes: dict[NodeId, list[NodeId]] = {m.id: [m.id] for m in members}
        self.load: dict[NodeId, Load] = {m.id: load_of([m], settings) for m in members}
        self.foes: dict[NodeId, set[NodeId]] = {m.id: set() for m in members}
        for a, b in different:
            if a in self.foes and b in self.foes:
                self.foes[a].add(b)
                self.foes[b].add(a)

    def obstacle(self, x: NodeId, y: NodeId, *, limits: bool = True) -> str | None:
        """What keeps the groups `x` and `y` apart."""
        small, large = sorted((x, y), key=lambda g: len(self.foes[g]))
        if any(self.root[foe] == large for foe in self.foes[small]):
            return "judged_different"
        kind = crowding(self.load[x], self.load[y], self.settings) if limits else None
        return None if kind is None else f"limit:{kind}"

    def join(self, x: NodeId, y: NodeId) -> NodeId:
        """Make one group of two, and return its root."""
        if len(self.nodes[x]) < len(self.nodes[y]):
            x, y = y, x
        for node in self.nodes[y]:
            self.root[node] = x
        self.nodes[x] += self.nodes.pop(y)
        self.foes[x] |= self.foes.pop(y)
        load = self.load[x]
        for kind, times in self.load.pop(y).items():
            load.setdefault(kind, []).extend(times)
        return x


def solve(
    members: Sequence[Member],
    edges: Sequence[Edge],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
    *,
    shared_before: Collection[NodeId] = (),
) -> Solution:
    """Work out who is who among `members`, which must be whole components with all evidence among them.

    Only ids, types and first-seen times of the members are read; their places are what is worked out. A shared
    identifier's neighbours need not all be there if it is named in `shared_before`: it stays shared, for its neighbours
    only grow in number.
    """
    said = standing(judgements)
    shared = shared_nodes(members, edges, said, settings, shared_before)
    groups = _Groups(members, said.different, settings)
    whole = _Groups(members, (), settings)
    refused: list[Refusal] = []
    known = groups.root.keys()
    for a, b in said.same:
        if a in known and b in known:
            _connect(whole, a, b)
            x, y = groups.root[a], groups.root[b]
            if x != y and groups.obstacle(x, y, limits=False) is None:
                groups.join(x, y)
    exact = sorted((e for e in edges if e.kind != "scored"), key=_order)
    for edge in exact:
        if edge.a in shared or edge.b in shared:
            refused.append(Refusal(edge, "shared"))
            continue
        _connect(whole, edge.a, edge.b)
        x, y = groups.root[edge.a], groups.root[edge.b]
        if x == y:
            continue
        why = groups.obstacle(x, y)
        if why is None:
            groups.join(x, y)
        else:
            refused.append(Refusal(edge, why))
    scored = [e for e in edges if e.kind == "scored" and e.a not in shared and e.b not in shared]
    for edge in scored:
        _connect(whole, edge.a, edge.b)
    _agglomerate(groups, scored)
    refused += [Refusal(e, "average") for e in scored if groups.root[e.a] != groups.root[e.b]]
    return Solution(_placed(members, groups, whole, shared, settings), refused)


def _order(edge: Edge) -> tuple[int, int, bytes, NodeId, NodeId, str]:
    return (-edge.strength, edge.at_us, edge.event, edge.a, edge.b, edge.kind)


def _connect(whole: _Groups, a: NodeId, b: NodeId) -> None:
    x, y = whole.root[a], whole.root[b]
    if x != y:
        whole.join(x, y)


def _agglomerate(groups: _Groups, scored: Sequence[Edge]) -> None:
    """Join the two groups with the best average score, again and again, while it is above even odds."""
    while True:
        sums: dict[tuple[NodeId, NodeId], list[float]] = defaultdict(list)
        names = {root: min(nodes) for root, nodes in groups.nodes.items()}
        for edge in sorted(scored, key=_order):
            x, y = groups.root[edge.a], groups.root[edge.b]
            if x != y and edge.score is not None:
                pair = (x, y) if names[x] < names[y] else (y, x)
                sums[pair].append(min(SCORE_MAX, max(SCORE_MIN, edge.score)))
        ranked = sorted(
            (-sum(sorted(scores)) / len(scores), names[x], names[y], x, y) for (x, y), scores in sums.items()
        )
        best = next(((x, y) for s, _, _, x, y in ranked if s < 0 and groups.obstacle(x, y) is None), None)
        if best is None:
            return
        groups.join(*best)


def _placed(
    members: Sequence[Member], groups: _Groups, whole: _Groups, shared: set[NodeId], settings: IdentitySettings
) -> list[Member]:
    age = {m.id: (m.first_seen_us, -settings.priority(m.type), m.id) for m in members}
    person = {root: min(nodes, key=age.__getitem__) for root, nodes in groups.nodes.items()}
    component = {root: min(nodes, key=age.__getitem__) for root, nodes in whole.nodes.items()}
    people: dict[NodeId, set[NodeId]] = defaultdict(set)
    for m in members:
        people[whole.root[m.id]].add(groups.root[m.id])
    return [
        Member(
            m.id, m.type, m.first_seen_us, person[groups.root[m.id]], component[whole.root[m.id]],
            contested=len(people[whole.root[m.id]]) > 1, shared=m.id in shared,
        )
        for m in members
    ]  # fmt: skip
