"""Values of aggregates: what the tiles of a person's nodes come to as of a moment, and when that changes by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Context, Decimal
from functools import reduce
from typing import Any

from onefold.profiles.computed.functions import Followed, digests
from onefold.profiles.computed.periods import period_of, tile_us, windows
from onefold.profiles.computed.plan import Held, Kept, Read
from onefold.profiles.computed.series import Series, tiles
from onefold.rules import Aggregate
from onefold.rules.aggregate import UNKNOWN, is_timed, of_none
from onefold.rules.aggregate import tiles as tiles_within
from onefold.rules.values import untagged

_DIGITS = Context(prec=60, rounding=ROUND_DOWN)
_AVERAGE = Decimal("1e-12")
Tiles = Sequence[tuple[int, Any]]


class Windowed:
    """A value that time changes: `rules.aggregate.Timed`."""

    __slots__ = ("_kept", "_tiles")

    def __init__(self, kept: Kept, found: Tiles) -> None:
        self._kept = kept
        self._tiles = found

    def __repr__(self) -> str:
        return f"<Windowed {self._kept.aggregate.function} tiles={len(self._tiles)}>"

    def at(self, as_of_us: int) -> Any:
        """The value as of a moment."""
        aggregate = self._kept.aggregate
        if aggregate.then is not None:
            return _followed(aggregate, self._tiles, as_of_us)
        return _value(self._kept, self._inside(as_of_us))

    def next_change(self, as_of_us: int) -> int | None:
        """The first moment after this one at which a tile enters or leaves, or is over; None when none will."""
        aggregate = self._kept.aggregate
        length_us = tile_us(aggregate)
        moments = [tile * length_us for tile, _ in self._tiles]  # when it enters
        for window in windows(aggregate):
            moments += [
                (tile * length_us // window.tile_us + window.tiles + 1) * window.tile_us for tile, _ in self._tiles
            ]
        return min((moment for moment in moments if moment > as_of_us), default=None)

    def _inside(self, as_of_us: int) -> Tiles:
        window = self._kept.aggregate.within
        assert window is not None  # noqa: S101  what time changes has a window, or follows
        inside = tiles_within(window, as_of_us)
        return [(tile, partial) for tile, partial in self._tiles if inside.start <= tile < inside.stop]


def row(held: Held, reads: Iterable[Read], filling: Collection[Aggregate] = frozenset()) -> dict[str, Any]:
    """What rules read of these aggregates, by fingerprint; of those without events nothing.

    Of those that are `filling`, which do not hold all events yet, that they are not known.
    """
    found: dict[str, Any] = {}
    for key, kept in reads:
        if filling and kept.aggregate in filling:
            found[key] = UNKNOWN
        elif (series := kept.held(held)) is not None:
            found[key] = value(kept, series)
    return found


def value(kept: Kept, series: Series[Any]) -> Any:
    """The value of a series, or what tells it for every moment where time changes it."""
    found = tiles(series, kept.function.partials)
    if is_timed(kept.aggregate):
        return Windowed(kept, found)
    if kept.aggregate.then is not None:
        return _followed(kept.aggregate, found, None)
    return _value(kept, found)


def value_at(kept: Kept, series: Series[Any] | None, as_of_us: int) -> Any:
    """The value as of a moment; of none, what there is for somebody without such events."""
    found = None if series is None else value(kept, series)
    if isinstance(found, Windowed):
        found = found.at(as_of_us)
    return of_none(kept.aggregate) if found is None else found


def is_full(kept: Kept, series: Series[Any]) -> bool:
    """Whether more was said than is kept, so that the value is one of a fixed choice."""
    span = kept.span
    found = tiles(series, kept.function.partials)
    if span.horizon is None and len(found) >= span.most:
        return True
    return any(kept.function.is_full(partial) for _, partial in found)


def _value(kept: Kept, found: Tiles) -> Any:
    """The value of these tiles; None where there are none."""
    if not found:
        return None
    aggregate = kept.aggregate
    if aggregate.per is not None:
        periods = sorted(_periods(aggregate, found))
        return len(periods) if aggregate.function == "unique_count" else _streak(periods)
    total = reduce(kept.function.partials.combine, (partial for _, partial in found))
    return _FINISHED[aggregate.function](total) if aggregate.function in _FINISHED else total


def _periods(aggregate: Aggregate, found: Tiles) -> set[int]:
    assert aggregate.per is not None  # noqa: S101  the caller asked
    if aggregate.within is None:
        return {tile for tile, _ in found}
    period, length_us = period_of(aggregate.per), tile_us(aggregate)
    return {period(tile * length_us) for tile, _ in found}


def _streak(periods: Sequence[int]) -> int:
    """How many in a row, up to the last."""
    length = 1
    while length < len(periods) and periods[-length - 1] == periods[-1] - length:
        length += 1
    return length


def _mean(total: tuple[int, Decimal]) -> Decimal:
    count, amount = total
    return _DIGITS.divide(amount, Decimal(count)).quantize(_AVERAGE, context=_DIGITS)


def _dated(total: tuple[int, bytes, str | None]) -> Any:
    at_us, _, tagged = total
    return at_us if tagged is None else untagged(tagged)


def _commonest(total: Mapping[str, int]) -> Any:
    return untagged(min(total, key=lambda tagged: (-total[tagged], tagged)))


_FINISHED: dict[str, Callable[[Any], Any]] = {
    "exists": bool,
    "average": _mean,
    "first": _dated,
    "last": _dated,
    "most_frequent": _commonest,
    "unique_count": lambda total: len(digests(total)),
}


def _followed(aggregate: Aggregate, found: Tiles, as_of_us: int | None) -> bool:
    """Whether an event was followed by the other in time or, for `absent`, was not and the time is over."""
    then = aggregate.then
    assert then is not None  # noqa: S101  the caller asked
    length_us, window = tile_us(aggregate), then.within
    marks: list[tuple[int, Followed]] = [(tile * length_us // window.tile_us, partial) for tile, partial in found]
    afterwards = [(tile, last) for tile, (_, _, last) in marks if last is not None]
    now = None if as_of_us is None else as_of_us // window.tile_us
    inside = None if aggregate.within is None or as_of_us is None else tiles_within(aggregate.within, as_of_us)
    for (tile, _), (number, (first, latest, _)) in zip(found, marks, strict=True):
        if first is None or latest is None:
            continue
        if inside is not None and aggregate.within is not None:
            own = tile * length_us // aggregate.within.tile_us
            if not inside.start <= own < inside.stop:
                continue
        at_us = latest if then.absent else first
        came = any(at_us < last and there <= number + window.tiles for there, last in afterwards)
        if not then.absent and came:
            return True
        if then.absent and not came and now is not None and now > number + window.tiles:
            return True
    return False
