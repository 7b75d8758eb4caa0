"""Aggregates of events inside rules: what each function means, what an event adds to it, and how windows move.

| function | of | is | of no event |
| --- | --- | --- | --- |
| `count`, `exists` | the events | how many; whether any | 0, false |
| `first`, `last` | the events | the time of the earliest, latest | null |
| `first`, `last` | a property | its value at the earliest, latest event that states it, by time, then event id | null |
| `sum`, `average` | a property | of its numbers; an average is cut after 12 decimals | 0, null |
| `min`, `max` | a property | of its numbers | null |
| `unique_count` | a property | how many different values | 0 |
| `unique_count` | a period | in how many such periods (UTC) there were events | 0 |
| `most_frequent` | a property | the commonest value; of equally common ones the first in the order of their tags | null |
| `streak` | a period | how many such periods in a row there were events in, up to the latest that has one | 0 |

An event without the property, or with one that is a list, an object or (where numbers are wanted) not a number, adds
nothing. A number is a JSON number or a text written as a plain decimal, within the bounds of `values.plain_number`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol, get_args

import msgspec

from onefold.errors import nearest
from onefold.rules import values
from onefold.rules.functions import Kind
from onefold.rules.time import DAY_US, HOUR_US
from onefold.rules.tree import (
    Aggregate,
    AggregateFunction,
    And,
    Expr,
    Field,
    Not,
    Or,
    Period,
    RuleError,
    Window,
    walk,
)

EVENT_FIELDS: Mapping[str, Kind] = {"event.at": "time", "event.source": "text"}
"""What a condition on events may ask beside properties: when it happened, and which source sent it."""

_NUMERIC = frozenset({"sum", "average", "min", "max"})
_EXAMPLE = "Donation Completed"
_EMPTY: Mapping[str, Any] = {"count": 0, "exists": False, "sum": 0, "unique_count": 0, "streak": 0}


class Timed(Protocol):
    """The value of an aggregate that time changes though nothing happens, as a row may hold it in place of a plain value."""

    def at(self, as_of_us: int) -> Any:
        """The value as of a moment, which is not before the one that the row was made for."""
        ...

    def next_change(self, as_of_us: int) -> int | None:
        """A moment after this one until which the value certainly stays; None when it never changes by itself.

        Too early costs a look; too late is wrong.
        """
        ...


class _Unknown:
    """What stands for an aggregate that does not hold all events: unknown at every moment. It is `Timed`."""

    def __repr__(self) -> str:
        return "<unknown>"

    def at(self, _as_of_us: int) -> Any:
        """Unknown."""
        return None

    def next_change(self, _as_of_us: int) -> int | None:
        """Time alone does not make it known."""
        return None


UNKNOWN = _Unknown()
"""In a row, the value of an aggregate of which it is not known what it comes to, unlike one of no events."""


class Derived(msgspec.Struct, frozen=True):
    """A field that somebody works out of aggregates: a row holds something `Timed` under its name.

    Attributes:
        kind: What its value is.
        aggregates: What it is worked out of.
        refusal: Why rules cannot read it; empty where they can.
    """

    kind: Kind
    aggregates: frozenset[Aggregate] = frozenset()
    refusal: str = ""


def fingerprint(aggregate: Aggregate) -> str:
    """32 hexadecimal digits of what it means: the key of its value in a row, and of its states in a store.

    The order of the parts of `and` and `or` does not count. Any other difference, and be it one that cannot show, does.
    """
    return _fingerprint(aggregate)


@lru_cache(maxsize=4_096)
def _fingerprint(aggregate: Aggregate) -> str:
    canonical = msgspec.structs.replace(aggregate, where=_ordered(aggregate.where))
    if aggregate.then is not None:
        then = msgspec.structs.replace(aggregate.then, where=_ordered(aggregate.then.where))
        canonical = msgspec.structs.replace(canonical, then=then)
    return hashlib.sha256(msgspec.json.encode(canonical, order="deterministic")).hexdigest()[:32]


def kind(aggregate: Aggregate) -> Kind:
    """What its value is."""
    if aggregate.function == "exists":
        return "boolean"
    if aggregate.function in {"first", "last", "most_frequent"}:
        return "any" if aggregate.property is not None else "time"
    return "number"


def of_none(aggregate: Aggregate) -> Any:
    """Its value for somebody who has no such event."""
    return _EMPTY.get(aggregate.function)


def is_timed(aggregate: Aggregate) -> bool:
    """Whether time changes its value though nothing happens."""
    return aggregate.within is not None or (aggregate.then is not None and aggregate.then.absent)


def tiles(window: Window, as_of_us: int) -> range:
    """Numbers of the tiles in a window as of a moment: tile `n` begins at `n * tile_us` and ends before the next begins."""
    last = as_of_us // window.tile_us
    return range(last - window.tiles, last + 1)


def bounds(window: Window, as_of_us: int) -> tuple[int, int]:
    """From when on events count as of a moment, and up to when, exclusive; the rest of the moment's own tile is inside."""
    found = tiles(window, as_of_us)
    return found.start * window.tile_us, found.stop * window.tile_us


def leaves_at(window: Window, at_us: int) -> int:
    """The moment from which on an event of this time is outside the window."""
    return (at_us // window.tile_us + window.tiles + 1) * window.tile_us


def enters_at(window: Window, at_us: int) -> int:
    """The moment from which on an event of this time is inside the window: at the start of its own tile."""
    return at_us // window.tile_us * window.tile_us


def counted(aggregate: Aggregate) -> Callable[[Any], Any]:
    """What a property's value adds to an aggregate: a number, or a tagged text; None where it adds nothing."""
    return values.plain_number if aggregate.function in _NUMERIC else values.tagged


def condition_fields(aggregate: Aggregate) -> frozenset[str]:
    """What its conditions ask of events: names of properties, and of `EVENT_FIELDS`."""
    stated = (aggregate.where, aggregate.then.where if aggregate.then else None)
    conditions = [where for where in stated if where is not None]
    return frozenset(part.name for where in conditions for part in walk(where) if isinstance(part, Field))


def property_of(properties: Mapping[str, Any], path: str) -> Any:
    """The property of that name, or, of a dotted one, the member inside; None where there is none."""
    found = properties.get(path)
    if found is not None or "." not in path:
        return found
    inside: Any = properties
    for step in path.split("."):
        inside = inside.get(step) if isinstance(inside, Mapping) else None
    return inside


FUNCTIONS: tuple[AggregateFunction, ...] = get_args(AggregateFunction)
UNITS: Mapping[str, tuple[int, int]] = {"hours": (1, HOUR_US), "days": (1, DAY_US), "weeks": (7, DAY_US)}
"""Of a window's length: the tiles in one of these, and a tile's length."""
_FURTHEST_TILES = 1_000_000
_PERIODS: tuple[Period, ...] = ("day", "week", "month", "year")
EVENT_NAME_MAX = 200


def window(number: Any, unit: Any) -> Window:
    """A window of so many units.

    Raises:
        RuleError: The number is no whole number from 0 on, or the unit is none.
    """
    if unit is None:
        raise RuleError(f"A window needs its unit, {' or '.join(UNITS)}: `within 30 days`.")
    plural = unit.removesuffix("s") + "s" if isinstance(unit, str) else ""
    if plural not in UNITS:
        if plural in {"months", "quarters", "years"}:
            raise RuleError("Months and years differ in length: state a window in days, such as `within 365 days`.")
        raise RuleError(f"There is no such unit{nearest(plural, UNITS) or '; there are ' + ', '.join(UNITS) + '.'}")
    times, tile_us = UNITS[plural]
    if type(number) is not int or not 0 <= number * times <= _FURTHEST_TILES:
        raise RuleError(f"A window is a whole number of {plural}, from 0 to {_FURTHEST_TILES // times:,}.")
    return Window(number * times, tile_us)


def period(word: Any) -> Period:
    """A calendar period by its name.

    Raises:
        RuleError: There is none of this name.
    """
    for one in _PERIODS:
        if one == word:
            return one
    raise RuleError(
        f"There is no such period{nearest(str(word), _PERIODS) or '; there are ' + ', '.join(_PERIODS) + '.'}"
    )


def checked(one: Aggregate) -> Aggregate:
    """The aggregate, if its parts fit its function.

    Raises:
        RuleError: They do not; the message says which is missing, or too many.
    """
    function = one.function
    for name in (one.event, one.then.event if one.then else "-"):
        if not name.strip() or len(name) > EVENT_NAME_MAX:
            raise RuleError(f"The name of an event has 1 to {EVENT_NAME_MAX} characters.")
    if needs_property(one) and one.property is None:
        raise RuleError(f"`{function}` needs a property, such as {function}('Order Completed'.total).")
    if one.property is not None and not may_have_property(one):
        raise RuleError(f"`{function}` is of events, not of a property: {function}('{_EXAMPLE}').")
    if function == "streak" and one.per is None:
        raise RuleError(f"`streak` needs a period, such as streak('{_EXAMPLE}' per year).")
    if one.per is not None and function not in {"streak", "unique_count"}:
        raise RuleError("`per` belongs to `streak` and `unique_count`.")
    if function == "streak" and one.within is not None:
        raise RuleError("`streak` has no `within`: it ends when a period has no event.")
    if one.then is not None and function != "exists":
        raise RuleError("`then` belongs to `exists`.")
    return one


def needs_property(aggregate: Aggregate) -> bool:
    """Whether its function is worked out of a property, rather than of the events or of periods."""
    function = aggregate.function
    return function in _NUMERIC or function == "most_frequent" or (function == "unique_count" and not aggregate.per)


def may_have_property(aggregate: Aggregate) -> bool:
    """Whether its function can be worked out of a property."""
    return needs_property(aggregate) or aggregate.function in {"first", "last"}


def _ordered(expr: Expr | None) -> Expr | None:
    """The rule with the parts of its connectives in an order of their own."""
    if isinstance(expr, And | Or):
        parts = sorted((_ordered(part) for part in expr.parts), key=msgspec.json.encode)
        return type(expr)(tuple(part for part in parts if part is not None))
    if isinstance(expr, Not):
        part = _ordered(expr.part)
        return expr if part is None else Not(part)
    return expr
