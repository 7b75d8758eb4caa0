"""Scoring: a person's scores and segment by the cut points of a run, exactly as the run scored everybody."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from onefold.rfm.segments import SegmentMap, SegmentRule, mean, segment_map

if TYPE_CHECKING:
    from onefold.rfm.definition import Definition

PARTS = 5


class CutPoint(msgspec.Struct, frozen=True, gc=False):
    """A value up to which a score goes, and of `ntile` the id of the last person with it, in hexadecimal digits."""

    value: int | Decimal
    person: str | None = None

    def below(self, value: int | Decimal, person: str) -> bool:
        """Whether it is strictly below a person's value."""
        if self.person is not None and value == self.value:
            return self.person < person
        return self.value < value


class CutPoints(msgspec.Struct, frozen=True):
    """Four cut points of each measure, in rising order; none where a run had nobody."""

    recency: tuple[CutPoint, ...] = ()
    frequency: tuple[CutPoint, ...] = ()
    monetary: tuple[CutPoint, ...] = ()


class Score(NamedTuple):
    """Scores from 1 to 5, 5 the best, and the segment that they mean."""

    r: int
    f: int
    m: int
    segment: str

    @property
    def fm(self) -> int:
        """The mean of frequency and monetary value, rounded."""
        return mean(self.f, self.m)


def score(
    definition: Definition,
    cut_points: CutPoints,
    recency_days: int,
    frequency: int,
    monetary: Decimal,
    *,
    person: str = "",
) -> Score:
    """Score one person by the cut points of a run, as that run would have.

    Args:
        definition: What the run was of.
        cut_points: The run's.
        recency_days: UTC midnights since the last event.
        frequency: Events within the lookback.
        monetary: What they are worth together.
        person: The profile id; only `ntile` asks for it.
    """
    digits = person.replace("-", "").lower()
    r = PARTS + 1 - _score(cut_points.recency, recency_days, digits)
    f = _score(cut_points.frequency, frequency, digits)
    m = _score(cut_points.monetary, monetary, digits)
    return Score(r, f, m, mapped(definition.segments)[r, f, m])


@lru_cache(maxsize=64)
def mapped(rules: tuple[SegmentRule, ...]) -> SegmentMap:
    """The map that the rules make."""
    return segment_map(rules)


def _score(cuts: Sequence[CutPoint], value: int | Decimal, person: str) -> int:
    return 1 + sum(cut.below(value, person) for cut in cuts)
