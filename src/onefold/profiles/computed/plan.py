"""The plan: which aggregates are kept, and of which events. Events that none is about cost one look-up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from onefold.errors import ConfigurationError
from onefold.profiles.computed import series
from onefold.profiles.computed.functions import Function, function
from onefold.profiles.computed.periods import tiling
from onefold.profiles.computed.series import Series, Span
from onefold.rules import Aggregate, Expr
from onefold.rules.aggregate import counted, fingerprint, property_of
from onefold.rules.binding import bind_condition, condition_row

TILES_MAX = 1_100
"""Most tiles of a window: three years of days, or 45 days of hours."""
KEY_LENGTH = 16
"""Characters of the fingerprint that tell aggregates apart."""

Held = dict[str, Any]
"""Series by key: as they are stored (`msgspec.Raw`) or, where something was added to them, decoded."""


class _Happening(Protocol):
    """An event as far as aggregates are concerned."""

    @property
    def id(self) -> bytes: ...
    @property
    def name(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def timestamp_us(self) -> int: ...
    @property
    def properties(self) -> Mapping[str, Any]: ...


Lift = Callable[[_Happening], Any]
"""What an event adds to a tile; None where it adds nothing."""


class Kept(msgspec.Struct, frozen=True):
    """An aggregate as it is folded.

    Attributes:
        key: Under which the state of a node has it: its base and, after the first, the epoch.
        base: A part of the fingerprint.
        function: What the events of a tile add up to.
        tile: The number of a moment's tile.
        span: How many tiles are kept.
    """

    key: str
    base: str
    aggregate: Aggregate
    function: Function
    tile: Callable[[int], int]
    span: Span

    def held(self, state: Held) -> Series[Any] | None:
        """What a state has of it; None where there were no such events. Not to be changed."""
        found = state.get(self.key)
        return self.function.partials.decode_series(found) if type(found) is msgspec.Raw else found


class Plan(msgspec.Struct, frozen=True):
    """All aggregates that are kept.

    Attributes:
        kept: By key.
        by_base: By base.
        by_event: By the name of an event, those that it may add to.
    """

    kept: Mapping[str, Kept] = {}
    by_base: Mapping[str, Kept] = {}
    by_event: Mapping[str, Sequence[tuple[Kept, Lift]]] = {}

    def kept_of(self, aggregate: Aggregate) -> Kept:
        """How an aggregate of the plan is folded."""
        return self.by_base[base_of(aggregate)]

    @property
    def epochs(self) -> dict[str, int]:
        """The epoch of each, by base."""
        return {base: int(one.key[len(base) + 1 :] or 0) for base, one in self.by_base.items()}


Read = tuple[str, Kept]
"""An aggregate that somebody reads: its fingerprint, and how it is folded."""


def base_of(aggregate: Aggregate) -> str:
    """What tells an aggregate from others in a store."""
    return fingerprint(aggregate)[:KEY_LENGTH]


def reads(plan: Plan, wanted: Iterable[Aggregate]) -> tuple[Read, ...]:
    """How these aggregates of a plan are read."""
    return tuple((fingerprint(one), plan.kept_of(one)) for one in wanted)


def plan(
    aggregates: Iterable[Aggregate], *, values_max: int, tiles_max: int, epochs: Mapping[str, int] | None = None
) -> Plan:
    """The plan for these aggregates; one that is there twice is kept once.

    Args:
        aggregates: What is kept.
        values_max: Most different values a tile.
        tiles_max: Most tiles of an aggregate without a window; of more, the latest are kept.
        epochs: By base, how often an aggregate was configured anew.

    Raises:
        ConfigurationError: A window is too long.
    """
    by_base: dict[str, Kept] = {}
    by_event: dict[str, list[tuple[Kept, Lift]]] = defaultdict(list)
    for aggregate in aggregates:
        base = base_of(aggregate)
        if base in by_base:
            continue
        epoch = (epochs or {}).get(base, 0)
        key = f"{base}.{epoch}" if epoch else base
        tiles = tiling(aggregate)
        if tiles.horizon is not None and tiles.horizon > TILES_MAX:
            raise ConfigurationError(
                f"a window of {tiles.horizon - 1:,} {tiles.unit} is too long: use at most {TILES_MAX - 1:,}, or none"
            )
        one = Kept(key, base, aggregate, function(aggregate, values_max), tiles.tile, Span(tiles.horizon, tiles_max))
        by_base[base] = one
        by_event[aggregate.event].append((one, _lift(one)))
        if aggregate.then is not None:
            by_event[aggregate.then.event].append((one, _lift_following(aggregate.then.where)))
    return Plan({one.key: one for one in by_base.values()}, by_base, dict(by_event))


def fold(state: Held, event: _Happening, plan: Plan) -> None:
    """Take one more event into what a node holds, in place."""
    at_us = event.timestamp_us
    for kept, lift in plan.by_event.get(event.name, ()):
        partial = lift(event)
        if partial is None:
            continue
        key, tile = kept.key, kept.tile(at_us)
        held = state.get(key)
        if held is None:
            state[key] = Series(tile, partial)
            continue
        if type(held) is msgspec.Raw:
            held = kept.function.partials.decode_series(held)
        state[key] = series.added(held, tile, partial, kept.function.partials, kept.span)


def combined(states: Sequence[Held], plan: Plan) -> Held:
    """What several nodes hold, or parts of one, as one; what the plan does not know is left out."""
    if len(states) == 1:
        return dict(states[0])
    found: dict[str, list[Any]] = defaultdict(list)
    for state in states:
        for key, held in state.items():
            found[key].append(held)
    total: Held = {}
    for key, parts in found.items():
        kept = plan.kept.get(key)
        if kept is None:
            continue
        if len(parts) > 1:
            decode = kept.function.partials.decode_series
            whole = [decode(part) if type(part) is msgspec.Raw else part for part in parts]
            total[key] = series.united(whole, kept.function.partials, kept.span)
        else:
            total[key] = parts[0]
    return total


def only(state: Held, plan: Plan, wanted: Collection[str]) -> Held:
    """What a state holds of these aggregates, by base."""
    return {
        base: held for base in plan.by_base.keys() & wanted if (held := state.get(plan.by_base[base].key)) is not None
    }


def _lift(kept: Kept) -> Lift:
    aggregate, lift = kept.aggregate, kept.function.lift
    test = _condition(aggregate.where)
    path = aggregate.property
    if path is None:
        if test is None:
            return lambda event: lift(None, event.timestamp_us, event.id)
        return lambda event: lift(None, event.timestamp_us, event.id) if test(event) else None
    value_of = counted(aggregate)

    def lifted(event: _Happening) -> Any:
        if test is not None and not test(event):
            return None
        value = value_of(property_of(event.properties, path))
        return None if value is None else lift(value, event.timestamp_us, event.id)

    return lifted


def _lift_following(where: Expr | None) -> Lift:
    test = _condition(where)
    return lambda event: (None, None, event.timestamp_us) if test is None or test(event) else None


def _condition(where: Expr | None) -> Callable[[_Happening], bool] | None:
    if where is None:
        return None
    bound = bind_condition(where)
    run = bound.run
    return lambda event: run(condition_row(bound, event.properties, event.timestamp_us, event.source), 0) is True
