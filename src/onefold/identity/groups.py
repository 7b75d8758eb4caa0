"""Groups: would-be persons on their way through the solver, and what stands between any two of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from onefold.identity import constraints
from onefold.identity.constraints import Sightings
from onefold.identity.settings import IdentitySettings
from onefold.model import Edge, Judgement, Member, NodeId

Reason = Literal["limit", "unique", "judgement", "shared", "contradiction", "score"]


class Obstacle(msgspec.Struct, frozen=True, gc=False):
    """Why two groups are not one.

    Attributes:
        reason: `limit` or `unique`: they would have too many identifiers of `type`. `judgement`: somebody said that
            they are different, or that the identifier is shared. `shared`: the identifier of `type` was seen with too
            many people. `contradiction`: it may be several people's, and the matcher found that two records of it
            contradict each other. `score`: the matcher's evidence against outweighs that for it.
        type: The identifier type concerned, or empty.
        judgement: Who said so, for `judgement`.
    """

    reason: Reason
    type: str = ""
    judgement: Judgement | None = None


class Partition:
    """Nodes in sets that only ever join (union-find)."""

    def __init__(self, nodes: Iterable[NodeId]) -> None:
        self._parent = {node: node for node in nodes}
        self._size = dict.fromkeys(self._parent, 1)

    def __repr__(self) -> str:
        """Show how many there are."""
        return f"<{type(self).__name__}(sets={len(self._size)}, nodes={len(self._parent)})>"

    def nodes(self) -> Iterable[NodeId]:
        """All nodes."""
        return self._parent.keys()

    def root(self, node: NodeId) -> NodeId:
        """The node that stands for the set of `node`, until the next join."""
        parent = self._parent
        while (up := parent[node]) != node:
            # Each step halves the way for those who come after.
            parent[node] = node = parent[up]
        return node

    def join(self, a: NodeId, b: NodeId) -> NodeId:
        """Make two sets, given by root, one; return its root, which is one of the two."""
        if self._size[a] < self._size[b]:
            a, b = b, a
        self._parent[b] = a
        self._size[a] += self._size.pop(b)
        return a


class Groups(Partition):
    """Would-be persons, with what each has and must not join."""

    def __init__(self, members: Sequence[Member], settings: IdentitySettings) -> None:
        super().__init__(m.id for m in members)
        self._settings = settings
        self._sightings: dict[NodeId, Sightings] = {m.id: constraints.sighting(m, settings) for m in members}
        self._apart: dict[NodeId, dict[NodeId, Judgement]] = {}
        self._contradicted: dict[NodeId, set[NodeId]] = {}

    def part(self, judgement: Judgement, a: NodeId, b: NodeId) -> None:
        """Let the groups of two nodes never join; before any join."""
        self._apart.setdefault(a, {})[b] = judgement
        self._apart.setdefault(b, {})[a] = judgement

    def contradict(self, pair: Edge) -> None:
        """Let what may be shared never join the groups of a scored pair; before any join."""
        self._contradicted.setdefault(pair.a, set()).add(pair.b)
        self._contradicted.setdefault(pair.b, set()).add(pair.a)

    def obstacle(self, a: NodeId, b: NodeId, *, judged: bool = False, shareable: bool = False) -> Obstacle | None:
        """What stands between two groups, given by root.

        Args:
            a: One group's root.
            b: The other's.
            judged: Whether a person said that they are the same (or an alias call did, see `solver.lifts_limits`), which
                lifts limits, but neither unique types nor another judgement: of two contradicting judgements the
                cautious one holds.
            shareable: Whether what speaks for it is an identifier that may be several people's.
        """
        apart = self._apart.get(a)
        if apart and b in apart:
            return Obstacle("judgement", "", apart[b])
        if shareable and b in self._contradicted.get(a, ()):
            return Obstacle("contradiction")
        mine, theirs = self._sightings[a], self._sightings[b]
        if mine.keys().isdisjoint(theirs):
            return None
        if unique := constraints.unique_obstacle(mine, theirs, self._settings):
            return Obstacle("unique", unique)
        if not judged and (limit := constraints.obstacle(mine, theirs, self._settings)):
            return Obstacle("limit", limit)
        return None

    def join(self, a: NodeId, b: NodeId) -> NodeId:
        """Make two groups, given by root, one, whatever stands between them; return its root."""
        kept = super().join(a, b)
        gone = b if kept == a else a
        constraints.absorb(self._sightings[kept], self._sightings.pop(gone))
        for other, judgement in self._apart.pop(gone, {}).items():
            others = self._apart[other]
            del others[gone]
            known = others.get(kept)
            if known is None or (judgement.offset, judgement.id) < (known.offset, known.id):
                others[kept] = judgement
                self._apart.setdefault(kept, {})[other] = judgement
        for other in self._contradicted.pop(gone, ()):
            self._contradicted[other].discard(gone)
            if other != kept:
                self._contradicted[other].add(kept)
                self._contradicted.setdefault(kept, set()).add(other)
        return kept
