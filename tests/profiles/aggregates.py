"""Aggregates for tests, drawn so that they meet their windows' ends, and what they mean by definition: over all events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from hypothesis import strategies as st
from tests.profiles.events import event

from onefold.model import Event
from onefold.rules import Aggregate, bind_condition, condition_row, parse
from onefold.rules.aggregate import property_of
from onefold.rules.tree import Then, Window
from onefold.rules.values import plain_number, tagged, untagged

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
BEGIN_US = 20_000 * DAY_US
NAMES = ("Gift", "Visit")
_WINDOWS = st.builds(Window, st.integers(0, 4), st.sampled_from([DAY_US, HOUR_US]))
_CONDITIONS = st.sampled_from(
    [
        None,
        parse("amount > 0"),
        parse("plan = 'pro' or amount is null"),
        parse("coalesce(upper(currency), 'USD') = 'USD'"),
    ]
)
_SIMPLE = st.builds(
    Aggregate,
    st.sampled_from(["count", "exists", "first", "last"]),
    st.sampled_from(NAMES),
    st.none(),
    _CONDITIONS,
    st.none() | _WINDOWS,
)
_OF_PROPERTY = st.builds(
    Aggregate,
    st.sampled_from(["sum", "average", "min", "max", "first", "last", "unique_count", "most_frequent"]),
    st.sampled_from(NAMES),
    st.sampled_from(["amount", "plan", "inner.deep"]),
    _CONDITIONS,
    st.none() | _WINDOWS,
)
_PERIODICAL = st.builds(
    Aggregate,
    st.sampled_from(["streak", "unique_count"]),
    st.sampled_from(NAMES),
    st.none(),
    _CONDITIONS,
    st.none() | _WINDOWS,
    st.sampled_from(["day", "week", "month", "year"]),
)
_FOLLOWED = st.builds(
    Aggregate,
    st.just("exists"),
    st.sampled_from(NAMES),
    st.none(),
    _CONDITIONS,
    st.none() | _WINDOWS,
    st.none(),
    st.builds(Then, st.sampled_from(NAMES), _WINDOWS, _CONDITIONS, st.booleans()),
)
AGGREGATES = _SIMPLE | _OF_PROPERTY | _PERIODICAL | _FOLLOWED
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [1, 1.0, 0, -3, 0.1, 0.2, "0.30", "12.50", "1,5", "pro", "free", "", True, False, None, [1], 10**15, 1e-13, "10"]
)
_TIMES = st.builds(
    lambda step, unit, off: BEGIN_US + step * unit + off,
    st.integers(-3, 9),
    st.sampled_from([HOUR_US, DAY_US, 30 * DAY_US, 365 * DAY_US]),
    st.sampled_from([0, 0, -1, 1]),
)


@st.composite
def histories(draw: st.DrawFn, max_size: int = 12) -> list[Event]:
    """Different events of one person, with few names, values and times, so that they tie and meet the ends of tiles."""
    return [
        event(
            number,
            draw(_TIMES),
            name=draw(st.sampled_from([*NAMES, "Other"])),
            properties={
                "amount": draw(VALUES),
                "plan": draw(VALUES),
                "currency": draw(st.sampled_from([None, "USD", "eur"])),
                "inner": {"deep": draw(VALUES)},
            },
        )
        for number in range(draw(st.integers(0, max_size)))
    ]


def by_definition(aggregate: Aggregate, events: Sequence[Event], as_of_us: int) -> Any:
    """What an aggregate is, worked out from all events at once, without tiles, states or anything that is combined."""
    found = [e for e in events if e.name == aggregate.event and _holds(aggregate.where, e)]
    if aggregate.within is not None:
        found = [e for e in found if _within(aggregate.within, e.timestamp_us, as_of_us)]
    if aggregate.then is not None:
        return any(_followed(aggregate.then, e, events, as_of_us) for e in found)
    found.sort(key=lambda e: (e.timestamp_us, e.id))
    match aggregate.function:
        case "count":
            return len(found)
        case "exists":
            return bool(found)
        case "streak" | "unique_count" if aggregate.per is not None:
            periods = {_period(aggregate.per, e.timestamp_us) for e in found}
            if aggregate.function == "unique_count":
                return len(periods)
            return next((n for n in range(len(periods) + 1) if max(periods) - n not in periods), 0) if periods else 0
        case "first" | "last" if aggregate.property is None:
            return None if not found else found[0 if aggregate.function == "first" else -1].timestamp_us
    return _of_property(aggregate, [property_of(e.properties, aggregate.property or "") for e in found])


def _of_property(aggregate: Aggregate, stated: Sequence[Any]) -> Any:
    numbers = [n for value in stated if (n := plain_number(value)) is not None]
    tags = [t for value in stated if (t := tagged(value)) is not None]
    match aggregate.function:
        case "sum":
            return sum(numbers, Decimal(0))
        case "average":
            return (sum(numbers) / len(numbers)).quantize(Decimal("1e-12"), ROUND_DOWN) if numbers else None
        case "min":
            return min(numbers, default=None)
        case "max":
            return max(numbers, default=None)
        case "first" | "last":
            return None if not tags else untagged(tags[0 if aggregate.function == "first" else -1])
        case "unique_count":
            return len(set(tags))
        case "most_frequent":
            counts = Counter(tags)
            return None if not tags else untagged(min(counts, key=lambda t: (-counts[t], t)))
    raise AssertionError(aggregate.function)


def _holds(where: Any, e: Event) -> bool:
    if where is None:
        return True
    bound = bind_condition(where)
    return bound.run(condition_row(bound, e.properties, e.timestamp_us, e.source), 0) is True


def _within(window: Window, at_us: int, as_of_us: int) -> bool:
    return 0 <= as_of_us // window.tile_us - at_us // window.tile_us <= window.tiles


def _followed(then: Then, e: Event, events: Sequence[Event], as_of_us: int) -> bool:
    elapsed = [
        other.timestamp_us // then.within.tile_us - e.timestamp_us // then.within.tile_us
        for other in events
        if other.name == then.event and _holds(then.where, other) and other.timestamp_us > e.timestamp_us
    ]
    came = any(tiles <= then.within.tiles for tiles in elapsed)
    over = as_of_us // then.within.tile_us - e.timestamp_us // then.within.tile_us > then.within.tiles
    return not came and over if then.absent else came


def _period(period: str, at_us: int) -> int:
    at = datetime.fromtimestamp(at_us // 1_000_000, tz=UTC)
    match period:
        case "day":
            return at.toordinal()
        case "week":
            year, week, _ = at.isocalendar()
            return datetime.fromisocalendar(year, week, 1).toordinal() // 7
        case "month":
            return at.year * 12 + at.month
    return at.year
