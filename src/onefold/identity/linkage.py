"""Average linkage: groups join by what the matcher scored between them, for and against, best pair first."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

from onefold.identity.groups import Groups
from onefold.model import Edge, NodeId

CLIP_FOR = 6.0
"""The most that one pair may say for a join, in natural-log odds."""

CLIP_AGAINST = -12.0
"""The most that one pair may say against a join. One clear contradiction outweighs two clear agreements."""

_MILLIONTHS = 1_000_000


def clipped(edge: Edge) -> int | None:
    """An edge's score as it counts, in millionths; None when it has none."""
    if edge.kind != "scored" or edge.score is None or math.isnan(edge.score):
        return None
    return round(min(CLIP_FOR, max(CLIP_AGAINST, edge.score)) * _MILLIONTHS)


def join_scored(groups: Groups, edges: Iterable[Edge], *, above: float = 0.0) -> None:
    """Join the pair of groups with the highest average `above` that nothing stands between, until none is left.

    Pairs nobody scored do not count. Ties go to the pair with the smallest node ids.
    """
    links = _Links(groups, _scores(edges), round(above * _MILLIONTHS))
    while (best := links.best()) is not None:
        a, b = best
        # What stands between two groups stands between all that they ever become, so they need no second look.
        if groups.obstacle(a, b) is None:
            kept = groups.join(a, b)
            links.absorb(kept, b if kept == a else a)


def _scores(edges: Iterable[Edge]) -> dict[tuple[NodeId, NodeId], int]:
    """The latest score of each pair; of several at once, the lowest."""
    latest: dict[tuple[NodeId, NodeId], tuple[int, bytes, int]] = {}
    for edge in edges:
        score = clipped(edge)
        if score is None:
            continue
        pair = (edge.a, edge.b) if edge.a < edge.b else (edge.b, edge.a)
        stamp = (edge.at_us, edge.event, -score)
        if pair not in latest or stamp > latest[pair]:
            latest[pair] = stamp
    return {pair: -negated for pair, (_, _, negated) in latest.items()}


class _Link(msgspec.Struct):
    """Clipped scores between two groups, in millionths: whole numbers add up to the same in any order."""

    total: int
    pairs: int


class _Links:
    """The scores between groups, by root, and the pairs of groups in falling order of their average."""

    def __init__(self, groups: Groups, scores: Mapping[tuple[NodeId, NodeId], int], bar: int) -> None:
        self._bar = bar
        self._rows: dict[NodeId, dict[NodeId, _Link]] = {}
        for (node_a, node_b), score in scores.items():
            a, b = groups.root(node_a), groups.root(node_b)
            if a == b:
                continue
            link = self._rows.setdefault(a, {}).setdefault(b, _Link(0, 0))
            link.total += score
            link.pairs += 1
            self._rows.setdefault(b, {})[a] = link
        self._least: dict[NodeId, NodeId] = {}
        for node in sorted(groups.nodes()) if self._rows else ():
            self._least.setdefault(groups.root(node), node)
        # A pair in the heap is out of date once either side has joined another group since.
        self._joins = dict.fromkeys(self._rows, 0)
        self._heap: list[tuple[Fraction, NodeId, NodeId, NodeId, int, NodeId, int]] = []
        for a, row in self._rows.items():
            for b, link in row.items():
                if a < b:
                    self._offer(a, b, link)

    def _offer(self, a: NodeId, b: NodeId, link: _Link) -> None:
        if link.total > self._bar * link.pairs:
            low, high = sorted((self._least[a], self._least[b]))
            average = Fraction(link.total, link.pairs)
            heapq.heappush(self._heap, (-average, low, high, a, self._joins[a], b, self._joins[b]))

    def best(self) -> tuple[NodeId, NodeId] | None:
        """The next pair of groups to try; None when no average above the bar is left."""
        while self._heap:
            _, _, _, a, joins_a, b, joins_b = heapq.heappop(self._heap)
            if self._joins.get(a) == joins_a and self._joins.get(b) == joins_b:
                return a, b
        return None

    def absorb(self, kept: NodeId, gone: NodeId) -> None:
        """Let the scores of one group be those of the group that it joined."""
        self._joins[kept] += 1
        del self._joins[gone]
        self._least[kept] = min(self._least[kept], self._least.pop(gone))
        mine = self._rows[kept]
        for other, link in self._rows.pop(gone).items():
            row = self._rows[other]
            del row[gone]
            if other == kept:
                continue
            known = mine.get(other)
            if known is None:
                mine[other] = row[kept] = link
            else:
                known.total += link.total
                known.pairs += link.pairs
        for other, link in mine.items():
            self._offer(kept, other, link)
