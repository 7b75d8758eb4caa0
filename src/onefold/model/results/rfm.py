"""Runs of RFM definitions."""

from __future__ import annotations

from onefold.model.results.result import Result


class RfmCutPoint(Result, frozen=True, kw_only=True):
    """A value up to which a score goes.

    Attributes:
        value: Days, a count, or an amount.
        person: Of the method `ntile`: the last person with that value who has the score.
    """

    value: str
    person: str | None


class RfmCutPoints(Result, frozen=True, kw_only=True):
    """The cut points of a run in rising order; empty where nobody was scored."""

    recency: tuple[RfmCutPoint, ...]
    frequency: tuple[RfmCutPoint, ...]
    monetary: tuple[RfmCutPoint, ...]


class RfmCell(Result, frozen=True, kw_only=True):
    """People with one combination of scores, and the segment that it means."""

    r: int
    f: int
    m: int
    segment: str
    people: int


class RfmSegment(Result, frozen=True, kw_only=True):
    """A segment and the number of its people."""

    name: str
    people: int


class RfmRun(Result, frozen=True, kw_only=True):
    """A run of an RFM definition.

    Attributes:
        rfm: The definition's name.
        as_of: The moment that it is about.
        currency: Whose amounts were added; null where each event is worth 1.
        lookback_days: Days looked at; null for all.
        people: Who acted within the lookback, and were scored.
        without_amount: Events without a readable amount.
        other_currency: Events whose amount is in another currency.
        definition: Fingerprint of the definition.
        content: Fingerprint of everybody's scores.
        segments: The largest first.
        cells: Combinations that somebody has.
    """

    rfm: str
    as_of: str
    ran_at: str
    method: str
    currency: str | None
    lookback_days: int | None
    people: int
    events: int
    without_amount: int
    other_currency: int
    definition: str
    content: str
    cut_points: RfmCutPoints
    segments: tuple[RfmSegment, ...]
    cells: tuple[RfmCell, ...]
