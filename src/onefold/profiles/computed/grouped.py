"""What the events of each group, those of one node and tile, add up to: `functions` in arrays, encoded as in a series."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Context, Decimal
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from onefold.profiles.computed.packing import Coded, Numbers, binaries, distinct, joined, mappings, table
from onefold.profiles.computed.series import encode
from onefold.rules import Aggregate
from onefold.rules.aggregate import needs_property

Bytes = np.ndarray[Any, np.dtype[np.uint8]]
_DIGITS = Context(prec=60)
_WHOLE_MAX = 1 << 62
_EARLIEST, _LATEST = -(1 << 63), (1 << 63) - 1


class Added(NamedTuple):
    """What events add to an aggregate, in order of node and time.

    Attributes:
        nodes: The node of each event, by its place.
        tiles: Its tile.
        codes: Which of the different values it adds.
        values: Those, as `plan.Lift` gives them.
        at: Its time.
        ids: Its id, a row of 16 bytes.
    """

    nodes: Numbers
    tiles: Numbers
    codes: Numbers
    values: list[Any]
    at: Numbers
    ids: Bytes

    def starts(self) -> Numbers:
        """The first event of each group."""
        new = (self.nodes[1:] != self.nodes[:-1]) | (self.tiles[1:] != self.tiles[:-1])
        return np.flatnonzero(np.r_[True, new])

    def only(self, keep: np.ndarray[Any, np.dtype[np.bool_]]) -> Added:
        """Without the others."""
        return Added(self.nodes[keep], self.tiles[keep], self.codes[keep], self.values, self.at[keep], self.ids[keep])


def partials(aggregate: Aggregate, added: Added, starts: Numbers, values_max: int) -> Coded:
    """The partial result of each group; `starts` are the groups' first events."""
    many = np.diff(np.r_[starts, len(added.codes)])
    if aggregate.then is not None:
        return _followed(added, starts)
    match aggregate.function:
        case "count":
            return _coded(many.tolist(), lambda count: count)
        case "sum":
            return _coded(_sums(added, starts, many), _number)
        case "average":
            means = zip(many.tolist(), _sums(added, starts, many), strict=True)
            return _coded(means, lambda mean: (mean[0], _number(mean[1])))
        case "min":
            return _extreme(added, starts, np.minimum)
        case "max":
            return _extreme(added, starts, np.maximum)
        case "first":
            return _dated(added, starts)
        case "last":
            return _dated(added, starts + many - 1)
        case "most_frequent":
            return _frequencies(added, many, values_max)
        case "unique_count" if needs_property(aggregate):
            return _different(added, many, values_max)
        case "unique_count" | "streak" | "exists":
            return _coded([1] * len(starts), lambda one: one)


def _coded(found: Iterable[Any], partial: Callable[[Any], Any]) -> Coded:
    """What makes a partial result, which is made once for each different one."""
    known: dict[Any, int] = {}
    codes = [known.setdefault(one, len(known)) for one in found]
    return Coded(table([encode(partial(one)) for one in known]), np.array(codes, dtype=np.int64))


def _sums(added: Added, starts: Numbers, many: Numbers) -> Iterator[tuple[int, int]]:
    """Exact sums as whole numbers, each with its decimals: as many as the summand has that has most."""
    stated = [value[1] if type(value) is tuple else value for value in added.values]
    own = np.array([-value.as_tuple().exponent for value in stated], dtype=np.int64)
    most = int(own.max())
    units = [int(value.scaleb(most, _DIGITS)) for value in stated]
    fits = max(map(abs, units)) * int(many.max()) < _WHOLE_MAX
    summands = np.array(units, dtype=np.int64 if fits else object)[added.codes]
    decimals = np.maximum.reduceat(own[added.codes], starts)
    # The digits behind a sum's own decimals are zeros.
    for total, places in zip(np.add.reduceat(summands, starts).tolist(), decimals.tolist(), strict=True):
        yield total // 10 ** (most - places), places


def _number(scaled: tuple[int, int]) -> Decimal:
    total, places = scaled
    return Decimal(total).scaleb(-places, _DIGITS)


def _extreme(added: Added, starts: Numbers, least_or_greatest: np.ufunc) -> Coded:
    order = sorted(range(len(added.values)), key=added.values.__getitem__)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    found = least_or_greatest.reduceat(rank[added.codes], starts)
    return Coded(table([encode(added.values[place]) for place in order]), found)


def _dated(added: Added, rows: Numbers) -> Coded:
    """Of these events, one in each group."""
    times, ids, codes = added.at[rows].tolist(), added.ids[rows].tobytes(), added.codes[rows].tolist()
    size = added.ids.shape[1]
    tags = [value[2] for value in added.values]
    each = zip(times, range(0, len(ids), size), codes, strict=True)
    encoded = [encode((at_us, ids[at : at + size], tags[code])) for at_us, at, code in each]
    return Coded(table(encoded), np.arange(len(encoded)))


def _different(added: Added, many: Numbers, values_max: int) -> Coded:
    """Sorted digests, of those the first."""
    digests = sorted(set(added.values))
    place = {digest: number for number, digest in enumerate(digests)}
    groups, ranks, _ = _pairs(added, many, [place[value] for value in added.values], len(digests), values_max)
    held = joined(table(digests).take(pa.array(ranks)), _bounds(groups, len(many)))
    return Coded(binaries(held), np.arange(len(many)))


def _frequencies(added: Added, many: Numbers, values_max: int) -> Coded:
    """How often each value, of the first ones in order."""
    stated = [next(iter(value)) for value in added.values]
    tags = sorted(set(stated))
    place = {tag: number for number, tag in enumerate(tags)}
    groups, ranks, times = _pairs(added, many, [place[tag] for tag in stated], len(tags), values_max)
    _, first, codes = distinct(ranks * (int(times.max()) + 1) + times)
    each = zip(ranks[first].tolist(), times[first].tolist(), strict=True)
    entries = Coded(table([encode(tags[rank]) + encode(count) for rank, count in each]), codes)
    bounds = _bounds(groups, len(many))
    members = joined(entries.each(), bounds)
    return Coded(mappings(members, np.diff(bounds)), np.arange(len(many)))


def _pairs(
    added: Added, many: Numbers, rank_of: Sequence[int], ranks: int, values_max: int
) -> tuple[Numbers, Numbers, Numbers]:
    """Of each group the different values that are kept, first ones first: the group, the rank, and how often it was there."""
    each = np.repeat(np.arange(len(many)), many) * ranks + np.array(rank_of, dtype=np.int64)[added.codes]
    pairs, times = np.unique(each, return_counts=True)
    groups = pairs // ranks
    begins = np.searchsorted(groups, groups)
    kept = np.arange(len(pairs)) - begins < values_max
    return groups[kept], (pairs % ranks)[kept], times[kept]


def _bounds(groups: Numbers, many: int) -> Numbers:
    return np.searchsorted(groups, np.arange(many + 1))


def _followed(added: Added, starts: Numbers) -> Coded:
    opens = np.array([value[2] is None for value in added.values], dtype=bool)[added.codes]
    first = np.minimum.reduceat(np.where(opens, added.at, _LATEST), starts)
    latest = np.maximum.reduceat(np.where(opens, added.at, _EARLIEST), starts)
    closed = np.maximum.reduceat(np.where(opens, _EARLIEST, added.at), starts)
    absent = {_LATEST, _EARLIEST}
    each = zip(first.tolist(), latest.tolist(), closed.tolist(), strict=True)
    return _coded(each, lambda times: tuple(None if at in absent else at for at in times))
