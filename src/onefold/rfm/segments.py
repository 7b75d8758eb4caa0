"""The segment map: which name each of the 125 combinations of scores has. The first rule that matches gives it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import msgspec

from onefold.errors import OnefoldError

SCORES = range(1, 6)
Cell = tuple[int, int, int]
"""Scores of recency, frequency and monetary value."""
Span = tuple[int, int]
"""From and to, both included."""

ANY: Span = (1, 5)


class SegmentMapError(OnefoldError):
    """A segment map names a combination of scores not at all, or has a rule that never applies."""


class SegmentRule(msgspec.Struct, frozen=True, kw_only=True):
    """Scores that a segment is made of; all four spans must hold.

    Attributes:
        fm: Of the mean of frequency and monetary value, rounded, halves up.
    """

    name: str
    r: Span = ANY
    f: Span = ANY
    m: Span = ANY
    fm: Span = ANY

    def matches(self, cell: Cell) -> bool:
        """Whether the scores are within the spans."""
        r, f, m = cell
        return all(low <= value <= high for value, (low, high) in zip((r, f, m, mean(f, m)), self._spans, strict=True))

    @property
    def _spans(self) -> tuple[Span, ...]:
        return (self.r, self.f, self.m, self.fm)


SegmentMap = Mapping[Cell, str]

DEFAULT: tuple[SegmentRule, ...] = (
    SegmentRule(name="Champions", r=(5, 5), f=(5, 5), m=(5, 5)),
    SegmentRule(name="Loyal", r=(4, 5), fm=(4, 5)),
    SegmentRule(name="Potential Loyal", r=(4, 5), fm=(2, 3)),
    SegmentRule(name="New", r=(5, 5), fm=(1, 1)),
    SegmentRule(name="Promising", r=(4, 4), fm=(1, 1)),
    SegmentRule(name="At Risk", r=(2, 3), fm=(4, 5)),
    SegmentRule(name="Cannot Lose", r=(1, 1), fm=(4, 5)),
    SegmentRule(name="Need Attention", r=(2, 3), fm=(3, 3)),
    SegmentRule(name="About To Sleep", r=(3, 3), fm=(1, 2)),
    SegmentRule(name="Lost", r=(1, 1), fm=(3, 3)),
    SegmentRule(name="Hibernating", r=(1, 2), fm=(1, 2)),
)
"""What is used when a project states no map of its own."""


def mean(f: int, m: int) -> int:
    """The mean of two scores, rounded, halves up."""
    return (f + m + 1) // 2


def cells() -> Iterator[Cell]:
    """All combinations of scores, in order."""
    return product(SCORES, SCORES, SCORES)


def names(rules: Sequence[SegmentRule]) -> tuple[str, ...]:
    """The segments, each once, in the order of the rules."""
    return tuple(dict.fromkeys(rule.name for rule in rules))


def segment_map(rules: Sequence[SegmentRule]) -> SegmentMap:
    """The name of every combination of scores.

    Raises:
        SegmentMapError: A combination has none, or a rule never applies, because those before it take all it matches.
    """
    found: dict[Cell, str] = {}
    used = set[int]()
    for cell in cells():
        place = next((number for number, rule in enumerate(rules) if rule.matches(cell)), None)
        if place is not None:
            found[cell] = rules[place].name
            used.add(place)
    missing = [cell for cell in cells() if cell not in found]
    if missing:
        r, f, m = missing[0]
        raise SegmentMapError(
            f"{len(missing)} of the 125 combinations of scores have no segment, the first is r {r}, f {f}, m {m}; "
            "end with a rule that holds for all the rest, such as `{name: Others}`"
        )
    for number, rule in enumerate(rules):
        if number not in used:
            raise SegmentMapError(
                f"the rule {number + 1} (`{rule.name}`) never applies: the rules before it take all that it matches"
            )
    return found
