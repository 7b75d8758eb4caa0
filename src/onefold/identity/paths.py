"""Paths: chains of evidence from one node of the identity graph to another."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

import msgspec

from onefold.identity.groups import Obstacle, Partition
from onefold.identity.linkage import clipped
from onefold.model import Edge, Judgement, NodeId


class Step(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence, in the direction of the path.

    Attributes:
        start: The node it comes from.
        end: The node it leads to.
        start_type: Identifier type of `start`.
        end_type: Identifier type of `end`.
        evidence: The edge, or the judgement of `same`.
        obstacle: Why it joins nobody; None when it holds.
    """

    start: NodeId
    end: NodeId
    start_type: str
    end_type: str
    evidence: Edge | Judgement
    obstacle: Obstacle | None = None

    def turned(self) -> Step:
        """The same step the other way."""
        return Step(self.end, self.start, self.end_type, self.start_type, self.evidence, self.obstacle)


_Ways = dict[NodeId, list[Step]]


def strongest(a: NodeId, b: NodeId, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The chain whose weakest step is as strong as can be, and of such chains the shortest; empty if there is none.

    A person's word is stronger than exact evidence, that stronger than a score; ties go to the earlier evidence.
    """
    taken = _until_connected(a, b, sorted(steps, key=weakness))
    return _shortest(a, b, taken) if taken else ()


def least_refused(a: NodeId, b: NodeId, steps: Iterable[Step]) -> tuple[Step, ...]:
    """The chain with the fewest steps that were refused, and of such chains the shortest; empty if there is none."""
    ways = _ways(sorted(steps, key=weakness))
    best: dict[NodeId, tuple[int, int]] = {a: (0, 0)}
    came: dict[NodeId, Step] = {}
    heap = [(0, 0, a)]
    while heap:
        refused, length, node = heappop(heap)
        if node == b:
            return _walk(a, b, came)
        if (refused, length) > best[node]:
            continue
        for step in ways.get(node, ()):
            cost = (refused + (step.obstacle is not None), length + 1)
            if step.end not in best or cost < best[step.end]:
                best[step.end] = cost
                came[step.end] = step
                heappush(heap, (*cost, step.end))
    return ()


def weakness(step: Step) -> tuple[int, int, int, bytes, NodeId, NodeId]:
    """The order of evidence, the strongest first; the first two tell its class."""
    evidence = step.evidence
    low, high = sorted((step.start, step.end))
    if isinstance(evidence, Judgement):
        return (0, 0, evidence.at_us, evidence.id, low, high)
    score = clipped(evidence)
    rank, weight = (1, evidence.strength) if score is None else (2, score)
    return (rank, -weight, evidence.at_us, evidence.event, low, high)


def _until_connected(a: NodeId, b: NodeId, ordered: Sequence[Step]) -> Sequence[Step]:
    """The steps down to and including the strength that first connects the ends; nothing if none does."""
    partition = Partition({node for step in ordered for node in (step.start, step.end)} | {a, b})
    for index, step in enumerate(ordered):
        one, other = partition.root(step.start), partition.root(step.end)
        if one != other:
            partition.join(one, other)
        last = index + 1 == len(ordered) or weakness(ordered[index + 1])[:2] != weakness(step)[:2]
        if last and partition.root(a) == partition.root(b):
            return ordered[: index + 1]
    return ()


def _shortest(a: NodeId, b: NodeId, steps: Iterable[Step]) -> tuple[Step, ...]:
    ways = _ways(steps)
    came: dict[NodeId, Step] = {}
    waiting = deque([a])
    while waiting and b not in came:
        node = waiting.popleft()
        for step in ways.get(node, ()):
            if step.end not in came and step.end != a:
                came[step.end] = step
                waiting.append(step.end)
    return _walk(a, b, came)


def _ways(steps: Iterable[Step]) -> _Ways:
    ways: _Ways = defaultdict(list)
    for step in steps:
        ways[step.start].append(step)
        ways[step.end].append(step.turned())
    return ways


def _walk(a: NodeId, b: NodeId, came: dict[NodeId, Step]) -> tuple[Step, ...]:
    path: list[Step] = []
    node = b
    while node != a:
        path.append(came[node])
        node = came[node].start
    return tuple(reversed(path))
