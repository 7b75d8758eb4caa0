"""Tiles of an aggregate: which stretches of UTC time its partial results stand for, by number."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from onefold.rules import Aggregate, Window
from onefold.rules.tree import Period

_DAY_US = 86_400_000_000
_HOUR_US = 3_600_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONDAY = 3
"""Days from the Monday before 1970, a Thursday."""


class Tiling(msgspec.Struct, frozen=True):
    """How an aggregate divides time.

    Attributes:
        tile: The number of a moment's tile.
        horizon: Tiles of its window, that of the moment included; None without a window.
        unit: What a tile is, in the plural.
    """

    tile: Callable[[int], int]
    horizon: int | None
    unit: str


def tiling(aggregate: Aggregate) -> Tiling:
    """The tiles of an aggregate: those of its windows, else of its periods, else one for all time."""
    if windows(aggregate):
        length_us = tile_us(aggregate)
        horizon = None
        if aggregate.within is not None:
            # In whole tiles of the longer kind, which the finer ones divide.
            horizon = (aggregate.within.tiles + 1) * (aggregate.within.tile_us // length_us)
        return Tiling(lambda at_us: at_us // length_us, horizon, "hours" if length_us == _HOUR_US else "days")
    if aggregate.per is not None:
        return Tiling(period_of(aggregate.per), None, f"{aggregate.per}s")
    return Tiling(lambda _: 0, None, "tiles")


def tile_us(aggregate: Aggregate) -> int:
    """How long the tiles of an aggregate with windows are."""
    return min(window.tile_us for window in windows(aggregate))


def windows(aggregate: Aggregate) -> list[Window]:
    """That in which its events lie, and that in which another follows; those that it has."""
    following = None if aggregate.then is None else aggregate.then.within
    return [window for window in (aggregate.within, following) if window is not None]


def period_of(period: Period) -> Callable[[int], int]:
    """The number of a moment's calendar period, such that the next one's is one more."""
    match period:
        case "day":
            return lambda at_us: at_us // _DAY_US
        case "week":
            return lambda at_us: (at_us // _DAY_US + _MONDAY) // 7
        case "month":
            return lambda at_us: _year_and_month(at_us // _DAY_US)[1]
        case "year":
            return lambda at_us: _year_and_month(at_us // _DAY_US)[0]


@lru_cache(maxsize=16_384)
def _year_and_month(day: int) -> tuple[int, int]:
    try:
        at = _EPOCH + timedelta(days=day)
    except OverflowError:  # no calendar goes so far
        return 9_999 if day > 0 else 0, 9_999 * 12 if day > 0 else 0
    return at.year, at.year * 12 + at.month - 1
