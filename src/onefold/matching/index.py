"""An index of records in memory: one more record is compared with those it shares something with, by a trained model.

A record gets the pairs that it would get if all records, it included, were matched at once with that model. The index
forgets what it holds when the process ends; it is built from the records in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from onefold.errors import UsageError
from onefold.matching import single
from onefold.matching.entries import Blocks, Entry, Layout, Reader
from onefold.matching.held import Held
from onefold.matching.learning import HOUSEHOLD, SAME, Model
from onefold.matching.trained import Known


class ScoredPair(msgspec.Struct, frozen=True):
    """A record that was there, as it compares with the new one.

    Attributes:
        record: Its id.
        score: Natural-log odds that they are one person.
        probability: The same as a probability.
        levels: By comparison, the level.
    """

    record: str
    score: float
    probability: float
    levels: tuple[int, ...]


class Index:
    """Records that one more can be matched against."""

    def __init__(self, known: Known, table: Any = None) -> None:
        """Hold the records of a table of Arrow, Polars or pandas with the columns that the model knows; none without one."""
        layout = Layout(known)
        blocks = Blocks(known, layout)
        self._known = known
        self._levels = single.function(known.comparisons, layout.places)
        self._scores = _Scores(known.model)
        self._whole = layout.whole
        self._reader = Reader(known, layout, blocks)
        self._held = Held(known, layout, blocks, None if table is None else pa.table(table))

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Index(records={len(self)}, model={self._known.trained.version()})>"

    def __len__(self) -> int:
        return len(self._held)

    def match(self, record: Mapping[str, str | None]) -> tuple[ScoredPair, ...]:
        """The records that this one may be the person of, likeliest first; it is not added.

        Columns that the model does not know are left out; those that are missing have no value.
        """
        return self._match(self._reader.entry(record))

    def add(self, id_: str, record: Mapping[str, str | None]) -> tuple[ScoredPair, ...]:
        """Match a record, and hold it for those that follow.

        Raises:
            UsageError: There is a record of this id.
        """
        if id_ in self._held:
            raise UsageError(f"The index has a record `{id_}` already; remove it first.")
        entry = self._reader.entry(record)
        found = self._match(entry)
        self._held.add(id_, entry)
        return found

    def remove(self, id_: str) -> None:
        """Forget a record, so that it can be added with other values.

        Raises:
            UsageError: There is none of this id.
        """
        if id_ not in self._held:
            raise UsageError(f"The index has no record `{id_}`.")
        self._held.remove(id_)

    def _match(self, entry: Entry) -> tuple[ScoredPair, ...]:
        near = self._held.near(entry)
        if not len(near):
            return ()
        ids, rows = self._held.rows(near)
        row, place, compare = entry.row, self._place(entry.row), self._levels
        levels = [compare(row, other) if place <= self._place(other) else compare(other, row) for other in rows]
        scores = self._scores.of(levels)
        least = self._known.trained.review_from
        found = [
            ScoredPair(id_, score, probability, level)
            for id_, score, probability, level in zip(
                ids, scores.tolist(), _probability(scores).tolist(), levels, strict=True
            )
            if probability >= least
        ]
        return tuple(sorted(found, key=lambda pair: (-pair.score, pair.record)))

    def _place(self, row: single.Row) -> list[str]:
        """Where a record stands among others: they are compared in this order."""
        return [row[place] or "" for place in self._whole]


class _Scores:
    """What a model makes of levels, for few pairs at a time."""

    def __init__(self, model: Model) -> None:
        widths = [chances.shape[1] for chances in model.chances]
        self._first = np.cumsum([0, *widths])[:-1]
        self._logs = np.concatenate([np.log(chances).T for chances in model.chances])
        self._shares = np.log(model.shares)

    def __repr__(self) -> str:
        return f"<_Scores(levels={len(self._logs)})>"

    def of(self, levels: list[tuple[int, ...]]) -> Any:
        """The scores of pairs, in natural-log odds."""
        logs = self._logs[np.array(levels, np.int64) + self._first].sum(axis=1) + self._shares
        return logs[:, SAME] - np.logaddexp.reduce(logs[:, HOUSEHOLD:], axis=1)


def _probability(scores: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
