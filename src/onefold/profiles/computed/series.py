"""A series: what one aggregate adds up to at one node, tile by tile of UTC time.

The latest tile stands apart and the earlier ones are kept encoded, so an event in order of time costs the same however
many tiles there are. Tiles behind the horizon are dropped, counted back from the latest tile: which ones those are follows
from the set of events, not from their order, and no moment after the latest event needs them.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

import msgspec

C = TypeVar("C")

_HEAD = struct.Struct("<iI")
_HEAD_SIZE = _HEAD.size
encode = msgspec.msgpack.Encoder(order="deterministic").encode
"""Writes what is within a series."""


class Series(msgspec.Struct, Generic[C], frozen=True, gc=False, array_like=True):
    """Partials by tile.

    Attributes:
        tile: The latest tile.
        partial: What happened in it.
        earlier: The other tiles, ascending: number, length and encoded partial of each.
    """

    tile: int
    partial: C
    earlier: bytes = b""

    def __repr__(self) -> str:
        """Show the size only: partials hold values of people."""
        return f"<Series tile={self.tile} earlier={len(self.earlier)} bytes>"


class Partials(msgspec.Struct, frozen=True):
    """How partials of one kind are combined and kept.

    Attributes:
        combine: Two partials of different events as one: commutative and associative, changes neither.
        decode_series: Reads a series from MessagePack.
        decode_partial: Reads one partial.
    """

    combine: Callable[[Any, Any], Any]
    decode_series: Callable[[bytes | msgspec.Raw], Series[Any]]
    decode_partial: Callable[[bytes | memoryview], Any]


def partials(kind: Any, combine: Callable[[Any, Any], Any]) -> Partials:
    """Partials of a type."""
    return Partials(combine, msgspec.msgpack.Decoder(Series[kind]).decode, msgspec.msgpack.Decoder(kind).decode)


class Span(msgspec.Struct, frozen=True):
    """How many tiles of a series are kept.

    Attributes:
        horizon: Tiles of the window, the latest included; None without a window.
        most: Most tiles without a window; of more, the latest are kept.
    """

    horizon: int | None
    most: int


def added(series: Series[Any], tile: int, partial: Any, of: Partials, span: Span) -> Series[Any]:
    """The series with what one more event adds to a tile."""
    if tile == series.tile:
        return Series(tile, of.combine(series.partial, partial), series.earlier)
    if tile > series.tile:
        return Series(tile, partial, _pruned(series.earlier + _entry(series.tile, series.partial), tile, span))
    if span.horizon is None or tile > series.tile - span.horizon:
        earlier = _pruned(_with_late(series.earlier, tile, partial, of), series.tile, span)
        return Series(series.tile, series.partial, earlier)
    return series


def united(parts: Iterable[Series[Any]], of: Partials, span: Span) -> Series[Any]:
    """Series over different events as one; at least one is given."""
    found: dict[int, Any] = {}
    for part in parts:
        for tile, partial in tiles(part, of):
            found[tile] = of.combine(found[tile], partial) if tile in found else partial
    return of_tiles(found, span)


def of_tiles(found: dict[int, Any], span: Span) -> Series[Any]:
    """The series of these tiles, at least one."""
    last, *others = sorted(found, reverse=True)
    earlier = b"".join(_entry(tile, found[tile]) for tile in reversed(others))
    return Series(last, found[last], _pruned(earlier, last, span))


def tiles(series: Series[Any], of: Partials, *, after: int | None = None) -> list[tuple[int, Any]]:
    """The partials by tile, ascending; only those of tiles greater than `after`, where given."""
    found: list[tuple[int, Any]] = []
    earlier, decode = memoryview(series.earlier), of.decode_partial
    at, end = 0, len(earlier)
    while at < end:
        tile, size = _HEAD.unpack_from(earlier, at)
        at += _HEAD_SIZE + size
        if after is None or tile > after:
            found.append((tile, decode(earlier[at - size : at])))
    if after is None or series.tile > after:
        found.append((series.tile, series.partial))
    return found


def length(series: Series[Any]) -> int:
    """How many tiles there are."""
    return sum(1 for _ in _starts(series.earlier)) + 1


def entry(tile: int, encoded: bytes) -> bytes:
    """A tile with its encoded partial, as it stands among the earlier ones."""
    return _HEAD.pack(tile, len(encoded)) + encoded


def _entry(tile: int, partial: Any) -> bytes:
    return entry(tile, encode(partial))


def _with_late(earlier: bytes, tile: int, partial: Any, of: Partials) -> bytes:
    at, end = 0, len(earlier)
    while at < end:
        there, size = _HEAD.unpack_from(earlier, at)
        if there >= tile:
            break
        at += _HEAD_SIZE + size
    if at < end and there == tile:
        after = at + _HEAD_SIZE + size
        partial = of.combine(of.decode_partial(earlier[at + _HEAD_SIZE : after]), partial)
        return earlier[:at] + _entry(tile, partial) + earlier[after:]
    return earlier[:at] + _entry(tile, partial) + earlier[at:]


def _pruned(earlier: bytes, last: int, span: Span) -> bytes:
    """The tiles before the last one that are kept."""
    if span.horizon is not None:
        at, end = 0, len(earlier)
        while at < end:
            tile, size = _HEAD.unpack_from(earlier, at)
            if tile > last - span.horizon:
                break
            at += _HEAD_SIZE + size
        return earlier[at:] if at else earlier
    if len(earlier) < span.most * (_HEAD_SIZE + 1):  # so few bytes cannot be more tiles
        return earlier
    starts = list(_starts(earlier))
    return earlier[starts[-(span.most - 1)] :] if len(starts) > span.most - 1 else earlier


def _starts(earlier: bytes) -> Iterable[int]:
    at, end = 0, len(earlier)
    while at < end:
        yield at
        at += _HEAD_SIZE + _HEAD.unpack_from(earlier, at)[1]
