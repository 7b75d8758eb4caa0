"""What the events of a tile add up to, function by function: how one event is lifted and how two results are one.

`rules.aggregate` says what each function means. Numbers are exact decimals; values are kept by their tags.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import msgspec

from onefold.profiles import money
from onefold.profiles.computed.series import Partials, partials
from onefold.rules import Aggregate
from onefold.rules.aggregate import needs_property

DIGEST_BYTES = 8
_DIGITS = Context(prec=60)
Lift = Callable[[Any, int, bytes], Any]
"""From the value that an event's property adds, its time and its id to a partial result."""
Dated = tuple[int, bytes, str | None]
"""Time and id of an event, and its tagged value."""
Followed = tuple[int | None, int | None, int | None]
"""Of a tile: the earliest and the latest event, and the latest of those that may follow one."""


class Function(msgspec.Struct, frozen=True):
    """How an aggregate is kept.

    Attributes:
        partials: How partial results are combined and stored.
        lift: What an event adds.
        is_full: Whether a partial result holds as many different values as are kept.
    """

    partials: Partials
    lift: Lift
    is_full: Callable[[Any], bool] = lambda _: False


def function(aggregate: Aggregate, values_max: int) -> Function:
    """How an aggregate is kept; of more than `values_max` different values a tile keeps a fixed choice."""
    if aggregate.then is not None:
        return Function(partials(Followed, _followed), lambda _value, at_us, _event: (at_us, at_us, None))
    match aggregate.function:
        case "count":
            return Function(partials(int, lambda a, b: a + b), _one)
        case "sum":
            return Function(partials(Decimal, money.plus), lambda value, _at_us, _event: value)
        case "average":
            return Function(partials(tuple[int, Decimal], _mean), lambda value, _at_us, _event: (1, value))
        case "min":
            return Function(partials(Decimal, min), _plain)
        case "max":
            return Function(partials(Decimal, max), _plain)
        case "first":
            return Function(partials(Dated, min), _dated)
        case "last":
            return Function(partials(Dated, max), _dated)
        case "most_frequent":
            return Function(
                partials(dict[str, int], _frequencies(values_max)),
                lambda value, _at_us, _event: {value: 1},
                lambda held: len(held) >= values_max,
            )
        case "unique_count" if needs_property(aggregate):
            return Function(
                partials(bytes, _different(values_max)),
                lambda value, _at_us, _event: digest(value),
                lambda held: len(held) >= values_max * DIGEST_BYTES,
            )
        case "unique_count" | "streak" | "exists":
            return Function(partials(int, lambda a, b: a | b), _one)


def digest(tagged: str) -> bytes:
    """By which different values are told apart."""
    return hashlib.sha256(tagged.encode()).digest()[:DIGEST_BYTES]


def digests(held: bytes) -> list[bytes]:
    """The digests of a partial result."""
    return [held[at : at + DIGEST_BYTES] for at in range(0, len(held), DIGEST_BYTES)]


def _one(_value: Any, _at_us: int, _event: bytes) -> int:
    return 1


def _plain(value: Decimal, _at_us: int, _event: bytes) -> Decimal:
    """One form of each number: which of 1.5 and 1.50 is kept must not depend on the order."""
    number = value.normalize(_DIGITS)
    return number.quantize(Decimal(1), context=_DIGITS) if number.as_tuple().exponent > 0 else number  # type: ignore[operator]  # it is finite


def _dated(value: Any, at_us: int, event: bytes) -> Dated:
    return at_us, event, value


def _mean(a: tuple[int, Decimal], b: tuple[int, Decimal]) -> tuple[int, Decimal]:
    return a[0] + b[0], money.plus(a[1], b[1])


def _followed(a: Followed, b: Followed) -> Followed:
    return _least(a[0], b[0]), _greatest(a[1], b[1]), _greatest(a[2], b[2])


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _greatest(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else max(a, b)


def _different(most: int) -> Callable[[bytes, bytes], bytes]:
    """Sorted digests, those first in order: what is once behind so many others stays behind them."""

    def combine(a: bytes, b: bytes) -> bytes:
        if len(b) == DIGEST_BYTES and b in digests(a):  # the usual case: it was seen before
            return a
        return b"".join(sorted({*digests(a), *digests(b)})[:most])

    return combine


def _frequencies(most: int) -> Callable[[dict[str, int], dict[str, int]], dict[str, int]]:
    """Counts of the values that are first in order: their counts are never missed, as those of the commonest would be."""

    def combine(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:
        found = dict(a)
        for value, count in b.items():
            found[value] = found.get(value, 0) + count
        if len(found) > most:
            found = {value: found[value] for value in sorted(found)[:most]}
        return found

    return combine
