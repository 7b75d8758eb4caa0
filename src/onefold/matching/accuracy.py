"""Accuracy: people that were found beside people that are known, in the usual measures."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

Labels = np.ndarray[Any, np.dtype[np.int64]]


class Accuracy(msgspec.Struct, frozen=True):
    """How well people were found.

    Attributes:
        precision: The share of joined pairs that are one person.
        recall: The share of pairs of one person that were joined.
        f1: Their harmonic mean.
        b3_precision: By record: the share of its person's records that are of its true person. The mean of all records.
        b3_recall: By record: the share of its true person's records that are in its person.
        b3: The harmonic mean of these two.
        people: How many were found.
        true_people: How many there are.
        largest: Records of the largest person found.
        true_largest: Records of the largest person there is.
    """

    precision: float
    recall: float
    f1: float
    b3_precision: float
    b3_recall: float
    b3: float
    people: int
    true_people: int
    largest: int
    true_largest: int


def measure(found: Labels, truth: Labels) -> Accuracy:
    """Measure labels against the truth, both a number a record."""
    _, one, one_sizes = np.unique(found, return_inverse=True, return_counts=True)
    _, other, other_sizes = np.unique(truth, return_inverse=True, return_counts=True)
    both, sizes = np.unique(one * np.int64(len(other_sizes)) + other, return_counts=True)
    right = _pairs(sizes)
    precision = _share(right, _pairs(one_sizes))
    recall = _share(right, _pairs(other_sizes))
    squares = sizes.astype(np.float64) ** 2
    b3_precision = _share(float((squares / one_sizes[both // len(other_sizes)]).sum()), len(found))
    b3_recall = _share(float((squares / other_sizes[both % len(other_sizes)]).sum()), len(found))
    return Accuracy(
        precision=precision,
        recall=recall,
        f1=_mean(precision, recall),
        b3_precision=b3_precision,
        b3_recall=b3_recall,
        b3=_mean(b3_precision, b3_recall),
        people=len(one_sizes),
        true_people=len(other_sizes),
        largest=int(one_sizes.max(initial=0)),
        true_largest=int(other_sizes.max(initial=0)),
    )


def _pairs(sizes: Any) -> float:
    return float((sizes.astype(np.float64) * (sizes - 1) / 2).sum())


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 1.0


def _mean(one: float, other: float) -> float:
    return 2 * one * other / (one + other) if one + other else 0.0
