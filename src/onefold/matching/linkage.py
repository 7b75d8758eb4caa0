"""Average linkage of numbered records: groups join by the average of all scores between them, for and against.

The same rule as `identity.linkage`, over whole numbers instead of nodes, for tables of millions of records; a test holds
both to the same answer.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from onefold.identity.linkage import CLIP_AGAINST, CLIP_FOR

Integers = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]
Scores = Mapping[tuple[int, int], int]

MILLIONTHS = 1_000_000


def clipped(scores: Numbers) -> Integers:
    """Scores as they count, in millionths."""
    return np.round(np.clip(scores, CLIP_AGAINST, CLIP_FOR) * MILLIONTHS).astype(np.int64)


def components(count: int, a: Integers, b: Integers) -> Integers:
    """The smallest record that each of `count` records is connected with by the pairs (a, b)."""
    labels = np.arange(count)
    while True:
        before = labels.copy()
        low = np.minimum(labels[a], labels[b])
        np.minimum.at(labels, a, low)
        np.minimum.at(labels, b, low)
        # Of each record's smallest neighbour take its smallest, until nothing is smaller.
        np.minimum.at(labels, before, labels)
        while True:
            further = labels[labels]
            if np.array_equal(further, labels):
                break
            labels = further
        if np.array_equal(before, labels):
            return labels


def agglomerate(
    members: Iterable[int],
    scores: Scores,
    *,
    stop: float = 0.0,
    same: Iterable[tuple[int, int]] = (),
    apart: Callable[[set[int], set[int]], bool] | None = None,
) -> dict[int, int]:
    """The group of each member, named by its smallest.

    Args:
        members: Of one component.
        scores: Of pairs (smaller, larger), in millionths, as `clipped` makes them.
        stop: The average that a join has to exceed, in natural-log odds.
        same: Pairs that are joined before any score is looked at.
        apart: Whether two groups may not be one.
    """
    groups: dict[int, set[int]] = {member: {member} for member in members}
    rows: dict[int, dict[int, list[int]]] = {member: {} for member in groups}
    for (a, b), score in scores.items():
        rows[a][b] = rows[b][a] = [score, 1]
    home = {member: member for member in groups}
    for one, other in same:
        a, b = sorted((home[one], home[other]))
        if a != b:
            home.update(dict.fromkeys(groups[b], a))
            _join(groups, rows, a, b)
    bar = round(stop * MILLIONTHS)
    heap: list[tuple[float, int, int, int, int]] = []

    def offer(a: int, b: int, total: int, pairs: int) -> None:
        if total > bar * pairs:
            low, high = (a, b) if a < b else (b, a)
            heapq.heappush(heap, (-total / pairs, low, high, total, pairs))

    for a, row in rows.items():
        for b, (total, pairs) in row.items():
            if a < b:
                offer(a, b, total, pairs)
    while heap:
        _, a, b, total, pairs = heapq.heappop(heap)
        if rows.get(a, {}).get(b) != [total, pairs]:
            continue
        if apart is not None and apart(groups[a], groups[b]):
            # What stands between two groups stands between all that they ever become.
            continue
        _join(groups, rows, a, b)
        for other, (total, count) in rows[a].items():
            offer(a, other, total, count)
    return {member: group for group, joined in groups.items() for member in joined}


def _join(groups: dict[int, set[int]], rows: dict[int, dict[int, list[int]]], a: int, b: int) -> None:
    """Make group `b` a part of group `a`, and its scores theirs."""
    groups[a] |= groups.pop(b)
    rows[a].pop(b, None)
    for other, moved in rows.pop(b).items():
        if other == a:
            continue
        del rows[other][b]
        mine = rows[a].get(other)
        if mine is None:
            rows[a][other] = rows[other][a] = moved
        else:
            mine[0] += moved[0]
            mine[1] += moved[1]
