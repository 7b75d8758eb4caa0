"""Search: the evidence between two nodes, read from both ends until it meets, and no further.

What is read holds every chain that is as good as the best, so that `paths` chooses among them as if it had read everything.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from heapq import heappop, heappush
from typing import Protocol

import msgspec

from onefold.identity.groups import Obstacle
from onefold.identity.paths import Step, weakness
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import evidence_order, standing, stands
from onefold.model import Edge, Judgement, Member, NodeId
from onefold.ports import NodeRow

REFUSED = Obstacle("score")
"""What stands in the way of a step that was refused, until somebody asks for the reason."""

_Class = tuple[int, int]
_Cost = tuple[int, int]


class EvidenceReader(Protocol):
    """What is read of a store: as `ports.ProfileSnapshot` says."""

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """Rows by id."""
        ...

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of a person."""
        ...

    def edges(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """Evidence that touches any of these."""
        ...

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Edge]:
        """Evidence between the two of any of these pairs."""
        ...

    def leaving(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """Evidence with one end among these."""
        ...

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """Judgements about any of these."""
        ...


class TooMuchEvidence(Exception):  # noqa: N818  not an error: the search ends without an answer
    """More evidence would have to be read than was allowed."""


class Surroundings:
    """The evidence around nodes, as far as it was read.

    Attributes:
        places: Of every node met.
    """

    def __init__(self, reader: EvidenceReader, settings: IdentitySettings, edges_max: int) -> None:
        """Read from `reader`, at most about so many edges."""
        self._reader, self._settings, self._left = reader, settings, edges_max
        self.places: dict[NodeId, Member] = {}
        self._ways: dict[NodeId, dict[tuple[NodeId, NodeId, bytes, str], Step]] = defaultdict(dict)
        self._read: set[NodeId] = set()

    def place(self, node: NodeId) -> Member:
        """The place of a node that exists."""
        if node not in self.places:
            self._learn({node})
        return self.places[node]

    def read(self, nodes: Collection[NodeId]) -> None:
        """Read what touches these nodes.

        Raises:
            TooMuchEvidence: That is more than was allowed; nothing of it is kept.
        """
        fresh = sorted(set(nodes) - self._read)
        if not fresh:
            return
        edges = self._reader.edges(fresh)
        self._left -= len(edges)
        if self._left < 0:
            raise TooMuchEvidence
        said = self._reader.judgements(fresh)
        ends = {end for e in edges for end in (e.a, e.b)} | {end for j in said for end in (j.a, j.b) if end is not None}
        self._learn(ends)
        self._read.update(fresh)
        for e in filter(stands, edges):
            self._keep(e.a, e.b, e)
        for a, b, judgement in standing(said, self.places).same:
            self._keep(a, b, judgement)

    def steps(self, node: NodeId) -> Collection[Step]:
        """Every step from a node that was read."""
        return self._ways[node].values()

    def all_steps(self, *components: NodeId) -> list[Step]:
        """Every step that was read and touches one of these components, in the order of evidence."""
        found = {key: step for ways in self._ways.values() for key, step in ways.items()}
        inside = [
            step
            for step in found.values()
            if self.places[step.start].component in components or self.places[step.end].component in components
        ]
        return sorted(inside, key=lambda step: evidence_order(step.evidence))

    def unlike(self, nodes: Collection[NodeId]) -> tuple[bool, int, int]:
        """How dear it is to read these: what was read is free, and weak identifiers have few neighbours."""
        fresh = [n for n in nodes if n not in self._read]
        strongest = max((self._settings.priority(self.place(n).type) for n in fresh), default=0)
        return bool(fresh), len(fresh), strongest

    def _learn(self, nodes: Collection[NodeId]) -> None:
        missing = sorted(set(nodes) - self.places.keys())
        self.places.update((node, row.member) for node, row in self._reader.nodes(missing).items())

    def _keep(self, a: NodeId, b: NodeId, evidence: Edge | Judgement) -> None:
        one, other = self.places.get(a), self.places.get(b)
        if one is None or other is None or a == b:
            return
        holds = one.person == other.person and not one.shared and not other.shared
        step = Step(a, b, one.type, other.type, evidence, None if holds else REFUSED)
        key = (
            (a, b, evidence.id, "judgement")
            if isinstance(evidence, Judgement)
            else (a, b, evidence.event, evidence.kind)
        )
        self._ways[a][key] = step
        self._ways[b][key] = step.turned()


class _Side(msgspec.Struct):
    """What was reached from one end.

    Attributes:
        reached: Its nodes.
        waiting: Those of them of which nothing was read yet.
        beyond: Weaker steps out of it: class of evidence, and the node they lead to.
    """

    reached: set[NodeId]
    waiting: set[NodeId]
    beyond: list[tuple[_Class, NodeId]] = []


def read_strongest(around: Surroundings, a: NodeId, b: NodeId) -> None:
    """Read every chain between two nodes of one person whose weakest step is as strong as can be, and that is shortest so.

    Raises:
        TooMuchEvidence: They are too far apart.
    """
    weakest = _weakest_needed(around, a, b)
    if weakest is not None:
        _read_shortest(around, a, b, lambda step: step.obstacle is None and weakness(step)[:2] <= weakest)


def _weakest_needed(around: Surroundings, a: NodeId, b: NodeId) -> _Class | None:
    """The class of the weakest step of the strongest chain; None where no chain holds.

    A side that evidence so strong does not lead out of shows that weaker evidence is needed: the strongest of what does.
    """
    sides = [_Side({a}, {a}), _Side({b}, {b})]
    weakest: _Class = (-1, 0)
    while sides[0].reached.isdisjoint(sides[1].reached):
        closed = next((side for side in sides if not side.waiting), None)
        if closed is not None:
            while closed.beyond and closed.beyond[0][1] in closed.reached:
                heappop(closed.beyond)
            if not closed.beyond:
                return None
            weakest = closed.beyond[0][0]
            for side in sides:
                while side.beyond and side.beyond[0][0] <= weakest:
                    _reach(side, heappop(side.beyond)[1])
            continue
        side = min(sides, key=lambda s: around.unlike(s.waiting))
        nodes, side.waiting = side.waiting, set()
        around.read(nodes)
        for node in nodes:
            for step in around.steps(node):
                if step.obstacle is None and step.end not in side.reached:
                    strength = weakness(step)[:2]
                    if strength <= weakest:
                        _reach(side, step.end)
                    else:
                        heappush(side.beyond, (strength, step.end))
    return weakest


def _reach(side: _Side, node: NodeId) -> None:
    if node not in side.reached:
        side.reached.add(node)
        side.waiting.add(node)


def _read_shortest(around: Surroundings, a: NodeId, b: NodeId, usable: Callable[[Step], bool]) -> None:
    """Read every shortest chain of usable steps: level by level from both ends, until a level meets the other side."""
    sides = [_Side({a}, {a}), _Side({b}, {b})]
    while sides[0].reached.isdisjoint(sides[1].reached):
        side = min(sides, key=lambda s: around.unlike(s.waiting))
        around.read(side.waiting)
        ends = {step.end for node in side.waiting for step in around.steps(node) if usable(step)}
        side.waiting = ends - side.reached
        side.reached |= ends
        if not side.waiting:
            return


def read_least_refused(around: Surroundings, a: NodeId, b: NodeId) -> None:
    """Read every chain between two nodes that has as few refused steps as can be, and of such chains is shortest.

    An identifier outside both components, which links nobody, is passed through, and nothing beyond it is.

    Raises:
        TooMuchEvidence: They are too far apart.
    """
    inside = {around.place(a).component, around.place(b).component}
    fronts = [_Front(a), _Front(b)]
    best: _Cost | None = None
    while all(front.heap for front in fronts):
        tops = [front.heap[0][0] for front in fronts]
        if best is not None and _settled(best, *tops):
            return
        front = min(fronts, key=lambda f: around.unlike(f.level()))
        other = fronts[1 - fronts.index(front)]
        cost, nodes = front.heap[0][0], front.take()
        around.read(nodes)
        for node in nodes:
            outside = around.place(node).component not in inside
            for step in around.steps(node):
                if outside and around.place(step.end).component not in inside:
                    continue  # nor is it told, see `all_steps`
                front.offer(step.end, _sum(cost, (step.obstacle is not None, 1)))
                if step.end in other.costs:
                    whole = _sum(front.costs[step.end], other.costs[step.end])
                    best = whole if best is None else min(best, whole)


class _Front:
    """Nodes in the order of what it costs to reach them from one end: refused steps, then steps."""

    def __init__(self, start: NodeId) -> None:
        self.costs: dict[NodeId, _Cost] = {start: (0, 0)}
        self.heap: list[tuple[_Cost, NodeId]] = [((0, 0), start)]

    def level(self) -> Sequence[NodeId]:
        """The nodes that cost least of those not taken yet."""
        least = self.heap[0][0]
        return [node for cost, node in self.heap if cost == least and self.costs[node] == cost]

    def take(self) -> Sequence[NodeId]:
        """Take those."""
        least, nodes = self.heap[0][0], []
        while self.heap and self.heap[0][0] == least:
            cost, node = heappop(self.heap)
            if self.costs[node] == cost:
                nodes.append(node)
        return nodes

    def offer(self, node: NodeId, cost: _Cost) -> None:
        """Reach a node at this cost, if it was not reached at less."""
        if node not in self.costs or cost < self.costs[node]:
            self.costs[node] = cost
            heappush(self.heap, (cost, node))


def _settled(best: _Cost, one: _Cost, other: _Cost) -> bool:
    """Whether every chain of this cost was read: one that was not would take a step from what each side has yet to take."""
    return _sum(one, other) > best


def _sum(a: _Cost, b: _Cost) -> _Cost:
    return a[0] + b[0], a[1] + b[1]
