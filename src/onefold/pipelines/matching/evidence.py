"""Evidence between records: what each field says for and against, by the model of the latest run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import msgspec
import numpy as np

from onefold.matching import pairs, weighted
from onefold.matching import records as table
from onefold.matching.comparisons import of_fields
from onefold.matching.explanation import of_levels
from onefold.matching.settings import Weights
from onefold.matching.trained import Known
from onefold.model import NodeId
from onefold.pipelines.matching.records import Cells
from onefold.pipelines.matching.scoring import FIELDS, table_of

MEMORY_MB = 256


class Said(msgspec.Struct, frozen=True):
    """What one field says.

    Attributes:
        field: The column; empty for what comes from no field.
        level: How the values agree or differ.
        weight: What that adds.
        sum: The way so far.
        share: How many of all records have the value that both have; None where they have not the same.
    """

    field: str
    level: str
    weight: float
    sum: float
    share: float | None = None


class Waterfall(msgspec.Struct, frozen=True):
    """The way to the score of two records.

    Attributes:
        a: The one.
        b: The other.
        steps: The strongest first, after where the way begins.
        score: Natural-log odds.
        instead: What they likeliest are if not one person; None where the model does not tell.
    """

    a: NodeId
    b: NodeId
    steps: tuple[Said, ...]
    score: float
    instead: str | None


def learned(known: Known, these: Mapping[NodeId, Cells], those: Mapping[NodeId, Cells]) -> Waterfall | None:
    """Of all pairs of these records and those, the likeliest, by a model; None where there is no pair."""
    names = sorted({*these, *those})
    every = {name: these.get(name) or those[name] for name in names}
    wanted = [(one, other) for one, other in product(these, those) if one != other]
    if not wanted:
        return None
    rows = table.read(table_of(every), FIELDS, known.trained.region, known.trained.reading)
    place = {names[int(name)]: n for n, name in enumerate(rows.ids)}
    numbers = [sorted((place[one], place[other])) for one, other in wanted]
    with pairs.engine(rows, known.comparisons, memory_mb=MEMORY_MB, marks=known.marks(rows)) as engine:
        compared = engine.compare(np.array([low * rows.count + high for low, high in numbers], np.int64))
    scores = known.model.score(compared.patterns)[compared.pattern]
    best = int(np.argmax(scores))
    levels = compared.patterns[compared.pattern[best]].reshape(1, -1)
    told = of_levels(known.model, levels, "", "", one_person=False)
    one, other = wanted[best]
    steps = tuple(
        Said(step.field, step.level, step.weight, step.sum, _share(known, rows, step.field, place[one], place[other]))
        for step in told.steps
    )
    return Waterfall(one, other, steps, told.score, told.instead)


def summed(weights: Weights, a: tuple[NodeId, Cells], b: tuple[NodeId, Cells]) -> Waterfall:
    """The parts of the weighted sum of two records."""
    rows = table.read(table_of({a[0]: a[1], b[0]: b[1]}), FIELDS, None, _all_columns())
    compared = of_fields(rows.fields)
    with pairs.engine(rows, compared, memory_mb=MEMORY_MB) as engine:
        pair = np.array([1], np.int64)
        parts = weighted.expressions(compared, weights)
        found = engine.values(pair, {part: f"({sql})::DOUBLE" for part, (sql, _) in parts.items()})
        total = float(weighted.confidences(engine, pair, compared, weights)[0])
    known = {part: float(values[0]) for part, values in found.items() if not np.isnan(values[0])}
    present = sum(weight for part, (_, weight) in parts.items() if weights.missing != "ignore" or part in known)
    steps: list[Said] = []
    reached = 0.0
    for part, likeness in sorted(known.items(), key=lambda item: -item[1] * parts[item[0]][1]):
        weight = parts[part][1] * likeness / present
        reached += weight
        steps.append(
            Said(part, f"similarity {likeness:.2f}, weight {parts[part][1]:g} of {present:g}", weight, reached)
        )
    inside = min(max(total, 1e-6), 1 - 1e-6)
    return Waterfall(a[0], b[0], tuple(steps), float(np.log(inside / (1 - inside))), None)


def _all_columns() -> table.Reading:
    """Every field, also those in which two records are alike."""
    return table.Reading(tuple(field for field in FIELDS if field.kind != "record_id"), {"birth_date": None})


def _share(known: Known, rows: table.Records, column: str, one: int, other: int) -> float | None:
    if not column:
        return None
    number, part = known.whole(column)
    values: Any = rows.columns[column, part]
    code = int(values.codes[one])
    if code < 0 or code != int(values.codes[other]):
        return None
    return min(1.0, known.count(number, values.texts[code]) / max(known.trained.scheme.total, 1))


def sentences(found: Waterfall) -> list[str]:
    """The way in English: what begins, what each field adds, where it ends. No values."""
    told = []
    for step in found.steps:
        what = f"{step.field}: {step.level}" if step.field else step.level
        often = "" if step.share is None else f" (of {step.share:.2%} of records)"
        told.append(f"{step.weight:+.2f}  {what}{often}, makes {step.sum:+.2f}.")
    return told
