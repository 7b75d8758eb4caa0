"""A score: how well predicted clusters agree with the truth, by pairs and by B-cubed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

import msgspec

Item = TypeVar("Item", bound=Hashable)


class Score(msgspec.Struct, frozen=True):
    """Agreement of a clustering with the truth; all shares from 0 to 1.

    Pairs: of all pairs of items in one predicted cluster, the share that truly belong together (precision), and the
    converse (recall). B-cubed (Bagga and Baldwin, 1998): the same per item, averaged over items, so that one large
    cluster does not outweigh all else. F1 is the harmonic mean. Where there is nothing to be wrong about (no pair was
    predicted, or none exists), the share is 1.
    """

    items: int
    clusters: int
    people: int
    pair_precision: float
    pair_recall: float
    pair_f1: float
    bcubed_precision: float
    bcubed_recall: float
    bcubed_f1: float
    largest: int


def score(predicted: Mapping[Item, Hashable], truth: Mapping[Item, Hashable]) -> Score:
    """Compare `item → cluster` with `item → person`.

    Args:
        predicted: May lack items of the truth: such an item counts as a cluster of its own. Items that the truth does
            not know are left out.
        truth: Item to person.
    """
    alone = object()  # equal to no cluster that the caller could have named
    placed = {item: (predicted[item],) if item in predicted else (alone, item) for item in truth}
    clusters = Counter(placed.values())
    persons = Counter(truth.values())
    both = Counter((placed[item], person) for item, person in truth.items())
    predicted_pairs = sum(map(_pairs, clusters.values()))
    true_pairs = sum(map(_pairs, persons.values()))
    right = sum(map(_pairs, both.values()))
    precision = right / predicted_pairs if predicted_pairs else 1.0
    recall = right / true_pairs if true_pairs else 1.0
    # Each of the `count` items of a cell has `count` of its cluster's (or person's) items on its side.
    size = len(truth) or 1
    b_precision = sum(count * count / clusters[cluster] for (cluster, _), count in both.items()) / size
    b_recall = sum(count * count / persons[person] for (_, person), count in both.items()) / size
    if not truth:
        b_precision = b_recall = 1.0
    return Score(
        items=len(truth),
        clusters=len(clusters),
        people=len(persons),
        pair_precision=precision,
        pair_recall=recall,
        pair_f1=_harmonic(precision, recall),
        bcubed_precision=b_precision,
        bcubed_recall=b_recall,
        bcubed_f1=_harmonic(b_precision, b_recall),
        largest=max(clusters.values(), default=0),
    )


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _harmonic(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0
