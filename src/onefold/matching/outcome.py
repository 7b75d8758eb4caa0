"""The outcome of a match as Arrow tables: who is who, and the pairs with the level of each field. Ids only, no values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from onefold.errors import UsageError
from onefold.matching import households
from onefold.matching.comparisons import Comparison
from onefold.matching.explanation import Explanation, explain
from onefold.matching.matcher import Matched
from onefold.matching.trained import Known, of_match


class Match:
    """Which records of a table are the same person, as programs get it."""

    def __init__(self, matched: Matched, there: Any = None) -> None:
        """What the matcher found; `there` is who is who of a table whose values stayed on an engine."""
        self._matched, self._there = matched, there

    def __repr__(self) -> str:
        """Show what is safe to log."""
        if self._there is not None:
            return f"<Match(records={self._there.num_rows}, people={len(self._there['person'].unique())})>"
        return f"<Match(records={self._matched.records.count}, people={len(np.unique(self._matched.person))})>"

    def people(self) -> Any:
        """A row a record, as an Arrow table. See `people`; of an engine's table in any order, without households."""
        return people(self._matched) if self._there is None else self._there

    def pairs(self) -> Any:
        """A row a pair that was joined or came near it, as an Arrow table. See `scored`."""
        return scored(self._matched)

    def model(self, key: bytes) -> Known:
        """What was learned, to match further records by; what it knows of values is hashed under the key.

        Raises:
            UsageError: Nothing was learned; the key is too short.
        """
        self._need_values()
        return Known(of_match(self._matched, key), key)

    def explain(self, record_a: str, record_b: str) -> Explanation:
        """Why two records are, or are not, taken for one person.

        Raises:
            UsageError: There is no such record, or its values are not here.
        """
        self._need_values()
        return explain(self._matched, record_a, record_b)

    def _need_values(self) -> None:
        if self._there is not None:
            raise UsageError(
                "The values of an engine's table stay there; match a table of the records in question here."
            )


def people(matched: Matched) -> Any:
    """A row a record, in the order of the table.

    Its columns are `record`, `source`, `person`, `probability`, `records_of_person`, `household`. A person is named by one of
    its records, as is a household. The probability is null for who is alone.
    """
    rows = matched.records
    place = np.argsort(rows.order)
    person = matched.person[place]
    sizes = np.bincount(matched.person, minlength=rows.count)
    ids = pa.array(rows.ids, pa.string())
    probability = matched.probability[place]
    table = {
        "record": ids.take(pa.array(place)),
        "source": pa.array(rows.source_names, pa.string()).take(pa.array(rows.sources[place])),
        "person": ids.take(pa.array(person)),
        "probability": pa.array(probability, mask=np.isnan(probability)),
        "records_of_person": pa.array(sizes[person]),
        "household": ids.take(pa.array(households.of_records(rows, matched.person)[place])),
    }
    if rows.source_names == [""]:
        del table["source"]
    return pa.table(table)


def scored(matched: Matched) -> Any:
    """A row a pair, likeliest first: both records, score (natural-log odds), probability, whether joined, and levels."""
    pairs, rows = matched.scored, matched.records
    ids = pa.array(rows.ids, pa.string())
    table = {
        "record_a": ids.take(pa.array(pairs.a)),
        "record_b": ids.take(pa.array(pairs.b)),
        "score": pa.array(pairs.score),
        "probability": pa.array(pairs.probability),
        "one_person": pa.array(matched.person[pairs.a] == matched.person[pairs.b]),
    }
    for number, comparison in enumerate(matched.comparisons):
        table[f"level_{comparison.field.column}"] = _level_names(comparison, pairs.levels[:, number])
    return pa.table(table)


def _level_names(comparison: Comparison, levels: Any) -> Any:
    names = pa.array([None, *(level.name for level in comparison.levels)], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(levels.astype(np.int32)), names).cast(pa.string())
