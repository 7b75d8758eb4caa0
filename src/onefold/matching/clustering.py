"""Clustering: people of scored pairs. Components are candidates only; inside each, all pairs are scored and averaged."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np

from onefold.matching import linkage
from onefold.matching.linkage import Integers, Numbers
from onefold.matching.records import Codes

COMPONENT_MAX = 500
"""Larger components are first broken up by leaving out their weaker pairs."""
_SMALL, _LARGE, _STOP_PER_TENFOLD = 10_000, 100_000, 0.6
_STEP = 1.0
_STRONGEST = 40.0

Score = Callable[[Integers], Numbers]
"""Scores of pairs, each a · count + b."""


class Candidates(msgspec.Struct, frozen=True):
    """Components, and the scores of all pairs inside them.

    Attributes:
        labels: The component of each record.
        within: All pairs of records of one component.
        scores: Theirs, as they count, in millionths.
    """

    labels: Integers
    within: Integers
    scores: Integers


def usual_stop(count: int) -> float:
    """The average that a join has to exceed in a table of so many records.

    The larger a table, the more people there are of one name whom nothing else tells apart, and the more one wrong join of
    two groups costs. In large tables what is learned of names says so by itself: the share of pairs that are one person is
    part of each score, and falls as the table grows.
    """
    return round(_STOP_PER_TENFOLD * math.log10(min(max(count, _SMALL), _LARGE) / _SMALL), 3)


def candidates(
    count: int, pairs: Integers, scores: Numbers, score: Score, same: Sequence[tuple[int, int]] = ()
) -> Candidates:
    """The components of scored pairs.

    Args:
        count: How many records there are.
        pairs: Those that blocking found.
        scores: Theirs, in natural-log odds.
        score: Scores any other pairs.
        same: Pairs that are in one component, whatever their score.
    """
    labels = _with(_components(count, pairs, scores), same)
    within = all_within(labels, count)
    return Candidates(labels, within, linkage.clipped(score(within)))


def people(
    found: Candidates,
    *,
    stop: float = 0.0,
    exclusive: Codes | None = None,
    same: Sequence[tuple[int, int]] = (),
    different: Sequence[tuple[int, int]] = (),
) -> Integers:
    """The person of each record, named by its smallest record.

    Args:
        found: The components.
        stop: The average that a join has to exceed.
        exclusive: A number of each record; two records of one number from 0 on are never one person.
        same: Pairs of records that are one person, whatever their score.
        different: Pairs of records that are not one person, whatever their score.
    """
    labels, within, known = found.labels, found.within, found.scores
    count = len(labels)
    a, b = within // count, within % count
    label = labels[a]
    person = labels.copy()
    # Where all pairs speak for a join, averages do, too, in whatever order they are joined.
    bar = round(stop * linkage.MILLIONTHS)
    doubtful = set(label[known <= bar].tolist())
    apart = _Apart(exclusive, different)
    if exclusive is not None:
        doubtful |= set(label[(exclusive[a] == exclusive[b]) & (exclusive[a] >= 0)].tolist())
    for one, other in different:
        if labels[one] == labels[other]:
            doubtful.add(int(labels[one]))
    doubtful |= {int(labels[one]) for one, _ in same}
    if not doubtful:
        return person
    given: dict[int, list[tuple[int, int]]] = {}
    for pair in same:
        given.setdefault(int(labels[pair[0]]), []).append(pair)
    chosen = np.flatnonzero(np.isin(label, np.fromiter(doubtful, np.int64)))
    chosen = chosen[np.argsort(label[chosen], kind="stable")]
    edges = np.flatnonzero(np.diff(label[chosen], prepend=-1, append=-1))
    lists = (a[chosen].tolist(), b[chosen].tolist(), known[chosen].tolist())
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        ones, others, values = (each[start:end] for each in lists)
        pair_scores = dict(zip(zip(ones, others, strict=True), values, strict=True))
        members = sorted({*ones, *others})
        for member, group in linkage.agglomerate(
            members,
            pair_scores,
            stop=stop,
            apart=apart.between,
            same=given.get(int(labels[members[0]]), ()),
        ).items():
            person[member] = group
    return person


class _Apart:
    """What stands between groups of records."""

    def __init__(self, exclusive: Codes | None, different: Sequence[tuple[int, int]]) -> None:
        self._exclusive = exclusive
        self._different: dict[int, set[int]] = {}
        for one, other in different:
            self._different.setdefault(one, set()).add(other)
            self._different.setdefault(other, set()).add(one)

    def between(self, one: set[int], other: set[int]) -> bool:
        """Whether two groups may not be one."""
        if self._exclusive is not None:
            numbers = {int(self._exclusive[each]) for each in one} - {-1}
            if any(int(self._exclusive[each]) in numbers for each in other):
                return True
        return any(not other.isdisjoint(self._different.get(each, ())) for each in one) if self._different else False


def _components(count: int, pairs: Integers, scores: Numbers) -> Integers:
    """Records connected by pairs that are likelier one person than not; of large components by stronger pairs only."""
    kept = np.flatnonzero(scores > 0)
    a, b, strength = pairs[kept] // count, pairs[kept] % count, scores[kept]
    labels = linkage.components(count, a, b)
    threshold = _STEP
    while threshold < _STRONGEST:
        sizes = np.bincount(labels, minlength=count)
        large = sizes[labels] > COMPONENT_MAX
        if not large.any():
            return labels
        inside = large[a] & (strength > threshold)
        smaller = linkage.components(count, a[inside], b[inside])
        labels = np.where(large, smaller, labels)
        threshold += _STEP
    # What no threshold breaks up says the same of far too many: nobody is joined by it.
    sizes = np.bincount(labels, minlength=count)
    return np.where(sizes[labels] > COMPONENT_MAX, np.arange(count), labels)


def _with(labels: Integers, same: Sequence[tuple[int, int]]) -> Integers:
    """Components with those made one in which somebody said that two records are one person."""
    if not same:
        return labels
    one, other = (labels[np.array(side, np.int64)] for side in zip(*same, strict=True))
    return linkage.components(len(labels), one, other)[labels]


def all_within(labels: Integers, count: int) -> Integers:
    """All pairs of records of one component."""
    order = np.argsort(labels, kind="stable")
    sorted_labels = labels[order]
    after = np.searchsorted(sorted_labels, sorted_labels, side="right") - np.arange(count) - 1
    first = np.repeat(np.arange(count), after)
    step = np.arange(len(first)) - np.repeat(np.cumsum(after) - after, after) + 1
    a, b = order[first], order[first + step]
    return np.asarray(np.minimum(a, b) * count + np.maximum(a, b))


def sizes(person: Any) -> Integers:
    """How many records each person has, largest first."""
    return np.sort(np.unique(person, return_counts=True)[1])[::-1]
