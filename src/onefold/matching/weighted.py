"""The weighted model: a sum of similarities with stated weights. It learns nothing, and anybody can add it up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from onefold.errors import UsageError
from onefold.matching.comparisons import Comparison
from onefold.matching.pairs import Engine, Integers
from onefold.matching.settings import Weights

Numbers = np.ndarray[Any, np.dtype[np.float64]]

_SCALE = 40.0
_PART_OF_NUMBER = 0.8


def expressions(comparisons: Sequence[Comparison], weights: Weights) -> dict[str, tuple[str, float]]:
    """By part of the sum: the similarity of the records `a` and `b`, 0 to 1 or NULL, and its weight.

    Parts without a column in the table are left out.

    Raises:
        UsageError: The table has none of the columns.
    """
    x: dict[str, str] = {}
    for comparison in comparisons:
        x.setdefault(comparison.field.kind, comparison.x)
    found: dict[str, tuple[str, float]] = {}
    names = [x[kind] for kind in ("given_name", "family_name") if kind in x]
    if names:
        one, other = (f"concat_ws(' ', {', '.join(f'{side}.{name}' for name in names)})" for side in "ab")
        missing = " OR ".join(f"{side}.{names[-1]}_k IS NULL" for side in "ab")
        found["name"] = (
            f"CASE WHEN {missing} THEN NULL ELSE jaro_winkler_similarity({one}, {other}) END",
            weights.name,
        )
    same_number = f"CASE WHEN a.{{x}} = b.{{x}} THEN 1 WHEN a.{{x}}_end = b.{{x}}_end THEN {_PART_OF_NUMBER} ELSE 0 END"
    same_domain = "CASE WHEN split_part(a.{x}, '@', 2) = split_part(b.{x}, '@', 2) THEN 1 ELSE 0 END"
    for kind, part, sql, weight in (
        ("street", "address", "jaro_winkler_similarity(a.{x}, b.{x})", weights.address),
        ("phone", "phone", same_number, weights.phone),
        ("email", "email_domain", same_domain, weights.email_domain),
        ("postcode", "postcode", "CASE WHEN a.{x} = b.{x} THEN 1 ELSE 0 END", weights.postcode),
    ):
        if kind in x and weight:
            present = f"a.{x[kind]}_k IS NOT NULL AND b.{x[kind]}_k IS NOT NULL"
            found[part] = (f"CASE WHEN {present} THEN {sql.format(x=x[kind])} END", weight)
    if not found:
        raise UsageError("The weighted model needs a column of names, streets, phones, e-mail addresses or postcodes.")
    return found


def confidences(engine: Engine, pairs: Integers, comparisons: Sequence[Comparison], weights: Weights) -> Numbers:
    """The sum of each pair, 0 to 1."""
    parts = expressions(comparisons, weights)
    found = engine.values(pairs, {part: f"({sql})::DOUBLE" for part, (sql, _) in parts.items()})
    total, present = np.zeros(len(pairs)), np.zeros(len(pairs))
    for part, (_, weight) in parts.items():
        known = ~np.isnan(found[part])
        total += weight * np.where(known, found[part], 0.0)
        present += weight * (known if weights.missing == "ignore" else 1.0)
    return np.divide(total, present, out=np.zeros(len(pairs)), where=present > 0)


def scores(confidence: Numbers, weights: Weights) -> Numbers:
    """Confidences as clustering takes them: above 0 from the threshold on."""
    return (confidence - weights.auto) * _SCALE + 1e-9
