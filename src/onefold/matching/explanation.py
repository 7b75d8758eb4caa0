"""Explanation: what each field says for and against two records being one person, from the share of such pairs to the sum."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from onefold.errors import UsageError
from onefold.matching import pairs
from onefold.matching.learning import CLASSES, HOUSEHOLD, SAME, Model
from onefold.matching.matcher import Matched


class Step(msgspec.Struct, frozen=True):
    """One step of the way to the score.

    Attributes:
        field: The column; empty for the share of such pairs among all, from which the way begins.
        level: How the two values agree or differ.
        weight: What that adds, in natural-log odds.
        sum: The way so far.
    """

    field: str
    level: str
    weight: float
    sum: float


class Explanation(msgspec.Struct, frozen=True):
    """Why two records are, or are not, taken for one person.

    Attributes:
        record_a: Id of the one.
        record_b: Id of the other.
        instead: What they likeliest are if not one person: household, neighbours or strangers.
        steps: Of the way from the share to the score, the strongest first after the share.
        score: Natural-log odds.
        probability: The same as a probability.
        one_person: Whether they were joined in the end, all pairs of both people considered.
    """

    record_a: str
    record_b: str
    instead: str
    steps: tuple[Step, ...]
    score: float
    probability: float
    one_person: bool


def explain(matched: Matched, record_a: str, record_b: str) -> Explanation:
    """Explain two records of a match with a learned model.

    Raises:
        UsageError: There is no such record, or nothing was learned.
    """
    if matched.model is None:
        raise UsageError("The weighted model is a sum of stated weights; there is nothing learned to explain.")
    number = {name: index for index, name in enumerate(matched.records.ids)}
    for name in (record_a, record_b):
        if name not in number:
            raise UsageError(f"There is no record `{name}` in the table.")
    one, other = sorted((number[record_a], number[record_b]))
    if one == other:
        raise UsageError("These are one record; name two.")
    count = matched.records.count
    with pairs.engine(matched.records, matched.comparisons, memory_mb=1_024) as engine:
        levels = engine.compare(np.array([one * count + other], np.int64)).patterns
    return of_levels(
        matched.model, levels, record_a, record_b, one_person=bool(matched.person[one] == matched.person[other])
    )


def of_levels(model: Model, levels: Any, record_a: str, record_b: str, *, one_person: bool) -> Explanation:
    """The way to the score of one pattern of levels (an array of one row)."""
    logs = model.weights(levels)[0]
    score = float(model.score(levels)[0])
    against = int(np.argmax(logs[HOUSEHOLD:])) + HOUSEHOLD
    begin = float(np.log(model.shares[SAME] / model.shares[against]))
    fields = []
    for comparison, chances, level in zip(model.comparisons, model.chances, levels[0].tolist(), strict=True):
        if level:
            weight = float(np.log(chances[SAME, level] / chances[against, level]))
            fields.append((comparison.field.column, comparison.levels[level - 1].name, weight))
    fields.sort(key=lambda field: -abs(field[2]))
    # The other ways not to be one person take a little off.
    rest = score - begin - sum(weight for _, _, weight in fields)
    steps = [Step("", f"of pairs that are one person or {CLASSES[against]}", begin, begin)]
    for name, told, weight in [*fields, ("", "other ways not to be one person", rest)]:
        steps.append(Step(name, told, weight, steps[-1].sum + weight))
    return Explanation(
        record_a=record_a,
        record_b=record_b,
        instead=CLASSES[against],
        steps=tuple(steps),
        score=score,
        probability=float(1 / (1 + np.exp(-score))),
        one_person=one_person,
    )
