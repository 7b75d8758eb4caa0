"""MessagePack of very many series at once, put together out of parts that are encoded once each.

Elements that stand one after the other in an array of Arrow are one run of bytes: joining them is saying where it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onefold.profiles.computed.series import encode, entry

Numbers = np.ndarray[Any, np.dtype[np.int64]]
_BINARY = pa.large_binary()
_NOTHING = pa.scalar(b"", _BINARY)
_SERIES = b"\x93"  # how MessagePack begins an array of three
_FEW, _MANY = 1 << 8, 1 << 16


class Coded(NamedTuple):
    """Encoded values, of which many are equal: the different ones, and which of them each is."""

    table: pa.LargeBinaryArray
    codes: Numbers

    def each(self) -> pa.LargeBinaryArray:
        """All of them."""
        return self.table.take(pa.array(self.codes))


class Packed(NamedTuple):
    """By place of a node, ascending, a key and its value."""

    nodes: Numbers
    members: pa.LargeBinaryArray


def distinct(codes: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """The different ones of numbers from 0 on, ascending, where one of each is, and which of them each is."""
    size = int(codes.max(initial=0)) + 1
    if size > 4 * len(codes) + 1_024:
        values, first, places = np.unique(codes, return_index=True, return_inverse=True)
        return values, first, places
    somewhere = np.full(size, -1, dtype=np.int64)
    somewhere[codes] = np.arange(len(codes))
    values = np.flatnonzero(somewhere >= 0)
    places = np.empty(size, dtype=np.int64)
    places[values] = np.arange(len(values))
    return values, somewhere[values], places[codes]


def table(encoded: Sequence[bytes]) -> pa.LargeBinaryArray:
    """Encoded values to be taken by number."""
    return pa.array(encoded, _BINARY)


def joined(parts: pa.LargeBinaryArray, bounds: Numbers) -> pa.LargeBinaryArray:
    """Runs of elements, each up to the next bound, as one element each."""
    offsets = np.frombuffer(parts.buffers()[1], dtype=np.int64)[parts.offset :][bounds]
    return pa.Array.from_buffers(_BINARY, len(bounds) - 1, [None, pa.py_buffer(offsets), parts.buffers()[2]])


def binaries(contents: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    """Contents as MessagePack's binaries."""
    return _after(pc.binary_length(contents).to_numpy(), _binary_head, contents)


def mappings(members: pa.LargeBinaryArray, many: Numbers) -> pa.LargeBinaryArray:
    """Members, of which there are so many, as MessagePack's maps."""
    return _after(many, _mapping_head, members)


def series(key: str, nodes: Numbers, tiles: Numbers, partials: Coded) -> Packed:
    """Under a key the series of each node, given the partials in order of node and tile."""
    last = np.r_[nodes[1:] != nodes[:-1], True]
    _, first, codes = distinct((tiles - tiles.min()) * len(partials.table) + partials.codes)
    encoded = partials.table.take(pa.array(partials.codes[first])).to_pylist()
    numbers = tiles[first].tolist()
    begin = encode(key) + _SERIES
    latest = table([begin + encode(tile) + one for tile, one in zip(numbers, encoded, strict=True)])
    latest = latest.take(pa.array(codes[last]))
    if last.all():
        return Packed(nodes, _beside(latest, pa.scalar(encode(b""), _BINARY)))
    entries = table([entry(tile, one) for tile, one in zip(numbers, encoded, strict=True)])
    before = np.r_[0, np.cumsum(~last)[last]]
    earlier = joined(entries.take(pa.array(codes[~last])), before)
    return Packed(nodes[last], _beside(latest, binaries(earlier)))


def maps(found: Sequence[Packed]) -> Iterator[tuple[int, bytes]]:
    """All that nodes have, as one map each."""
    if not found:
        return
    nodes = np.concatenate([one.nodes for one in found])
    order = np.argsort(nodes, kind="stable")
    nodes = nodes[order]
    members = pa.concat_arrays([one.members for one in found]).take(pa.array(order))
    starts = np.flatnonzero(np.r_[True, nodes[1:] != nodes[:-1]])
    bounds = np.r_[starts, len(nodes)]
    whole = mappings(joined(members, bounds), np.diff(bounds))
    yield from zip(nodes[starts].tolist(), whole.to_pylist(), strict=True)


def _after(sizes: Numbers, head: Any, contents: pa.LargeBinaryArray) -> pa.LargeBinaryArray:
    values, _, codes = distinct(sizes)
    return _beside(Coded(table([head(size) for size in values.tolist()]), codes).each(), contents)


def _beside(left: Any, right: Any) -> pa.LargeBinaryArray:
    return pc.binary_join_element_wise(left, right, _NOTHING)


def _binary_head(size: int) -> bytes:
    if size < _FEW:
        return b"\xc4" + size.to_bytes(1, "big")
    return b"\xc5" + size.to_bytes(2, "big") if size < _MANY else b"\xc6" + size.to_bytes(4, "big")


def _mapping_head(size: int) -> bytes:
    if size < 16:
        return bytes([0x80 | size])
    return b"\xde" + size.to_bytes(2, "big") if size < _MANY else b"\xdf" + size.to_bytes(4, "big")
