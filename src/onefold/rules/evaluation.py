"""Evaluation: whether a rule is true of a row at a time, and when that may change by time alone."""

from __future__ import annotations

from collections.abc import Iterator

from onefold.rules import values
from onefold.rules.aggregate import Timed
from onefold.rules.binding import Bound, Clock
from onefold.rules.runs import Row
from onefold.rules.values import Truth

_FURTHEST_TILES = 1_000_000
_STEPS_MAX = 64
"""Changes of windows that are looked past; a rule that withstands so many is looked at again then."""


def evaluate(bound: Bound, row: Row, as_of_us: int) -> Truth:
    """True, False, or None where too little is known. Never raises, whatever the row holds."""
    found = bound.run(row, as_of_us)
    return found if found is True or found is False else None


def next_change(bound: Bound, row: Row, as_of_us: int) -> int | None:
    """The first moment after `as_of_us` at which the rule gives another answer if nothing happens; None for never.

    Where elapsed time is used otherwise than in a comparison with something that stands still, or windows move very
    often, the moment given may be too early, so that one looks again; it is never too late.
    """
    timed: list[Timed | None] = [row[key] for key in (*bound.timed, *bound.derived) if key in row]
    if not timed and not bound.clocks and bound.restless_us is None:
        return None
    now = evaluate(bound, row, as_of_us)
    tick = None if bound.restless_us is None else (as_of_us // bound.restless_us + 1) * bound.restless_us
    since = as_of_us
    for _ in range(_STEPS_MAX):
        # Until a window moves, elapsed time alone can change the answer; from there on, other moments may count.
        moved: int | None = min(
            (m for one in timed if one is not None and (m := one.next_change(since)) is not None), default=None
        )
        moments = {m for clock in bound.clocks for m in _flips(clock, row, since) if m > since}
        for moment in sorted(moments if moved is None else {*moments, moved}):
            if tick is not None and moment >= tick:
                return tick
            if evaluate(bound, row, moment) is not now:
                return moment
            if moment == moved:
                break
        if moved is None:
            return tick
        since = moved
    return since


def _flips(clock: Clock, row: Row, as_of_us: int) -> Iterator[int]:
    """When the number of tiles elapsed reaches, and when it passes, each bound."""
    then = clock.then(row, as_of_us)
    if then is None:
        return
    for bound in clock.bounds:
        number = values.number(bound(row, as_of_us))
        if number is not None and abs(number) < _FURTHEST_TILES:
            whole = int(number // 1)
            for tiles in (whole - 1, whole, whole + 1):
                yield (then // clock.tile_us + tiles) * clock.tile_us
