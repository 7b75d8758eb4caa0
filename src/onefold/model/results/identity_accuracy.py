"""Accuracy of who is who as a result: measured where the truth or labels are known, estimated where not."""

from __future__ import annotations

from typing import Literal

from onefold.model.results.result import Result


class AccuracyMeasures(Result, frozen=True, kw_only=True):
    """How well people were found, against what is known.

    Attributes:
        join_from: The threshold at which this is measured.
        precision: The share of joined pairs that are one person.
        recall: The share of pairs of one person that were joined.
        f1: Their harmonic mean.
        b3: The same of precision and recall by record (B-cubed); null for labels, which are pairs.
        people: How many were found among what is known; null for labels.
        over_merged: Of them, how many hold several true people; null for labels.
        largest: Identifiers of the largest of those; null for labels.
    """

    join_from: float
    precision: float
    recall: float
    f1: float
    b3: float | None
    people: int | None
    over_merged: int | None
    largest: int | None


class PersonSizes(Result, frozen=True, kw_only=True):
    """How many people have from `identifiers` on so many of them, up to below the next row."""

    identifiers: int
    people: int


class IdentityAccuracy(Result, frozen=True, kw_only=True):
    """How well people are found.

    Attributes:
        basis: `truth`: a file that says who is who. `labels`: what reviewers decided. `none`: neither.
        known: Identifiers of the truth that the store knows, or pairs that were decided.
        measured: Against the basis, as people are now; null without one.
        curve: The same at other thresholds.
        estimated_precision: The mean probability of scored pairs that are one person; null where there are none.
        estimated_recall: Of the scored pairs expected to be one person, the share that is; null where there are none.
        scored_pairs: How many pairs have a score.
        sizes: People by how many identifiers they have.
        largest: Identifiers of the largest person.
    """

    basis: Literal["truth", "labels", "none"]
    known: int
    measured: AccuracyMeasures | None
    curve: tuple[AccuracyMeasures, ...]
    estimated_precision: float | None
    estimated_recall: float | None
    scored_pairs: int
    sizes: tuple[PersonSizes, ...]
    largest: int
