"""A definition: which events count, what they are worth, over how long, and how values become scores."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

from onefold.rfm.scoring import CutPoints
from onefold.rfm.segments import DEFAULT, SegmentRule
from onefold.rules.time import DAY_US

Method = Literal["quantiles", "ntile", "bins"]
"""`quantiles`: fifths by value, equal values never apart. `ntile`: fifths of people, ties by id. `bins`: as stated."""


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """One RFM analysis of a project.

    Attributes:
        name: Its name.
        events: Names of the events that count, at least one.
        amount: Properties that hold what an event is worth, the first readable counts; without any, each is worth 1.
        currency: Whose amounts are added; others are counted as findings.
        default_currency: The currency of an amount that states none.
        lookback_days: How many days, today included, are looked at; None for all.
        as_of_us: The moment of every run; None for the time at which it runs.
        bins: Cut points that the project states; of the method `bins` only.
        every_us: How often it is run; one with a moment of its own is run once.
        segments: The rules of the segment map.
    """

    name: str
    description: str = ""
    owner: str = ""
    events: tuple[str, ...]
    amount: tuple[str, ...] = ()
    currency: str = "USD"
    default_currency: str = "USD"
    lookback_days: int | None = 365
    as_of_us: int | None = None
    method: Method = "quantiles"
    bins: CutPoints | None = None
    every_us: int = DAY_US
    segments: tuple[SegmentRule, ...] = DEFAULT

    @property
    def fingerprint(self) -> str:
        """Differs where the results may: of all but what is said for people, and when it is run."""
        said = msgspec.to_builtins(msgspec.structs.replace(self, description="", owner=""))
        del said["every_us"]
        return hashlib.sha256(msgspec.json.encode(said)).hexdigest()
