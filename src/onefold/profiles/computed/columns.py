"""Folding very many events at once: the series that `plan.fold` leaves at each node, byte for byte as they are stored.

What an event adds follows from the few properties that an aggregate reads, so the stream's own code works it out once for
each different value of them. The rest is counting in arrays: in order of node and time, the events of a tile stand together.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa

from onefold.model import NodeId
from onefold.profiles.computed import packing
from onefold.profiles.computed.grouped import Added, Bytes, partials
from onefold.profiles.computed.happened import Happened
from onefold.profiles.computed.packing import Numbers, distinct
from onefold.profiles.computed.plan import Held, Kept, Lift, Plan
from onefold.rules.aggregate import EVENT_FIELDS, condition_fields
from onefold.rules.time import HOUR_US

_ID_BYTES = 16
_decode = msgspec.json.Decoder().decode
_read = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode


def members(plan: Plan) -> list[str]:
    """The members of an event's properties that its aggregates read, at the top."""
    paths = {path for kept in plan.kept.values() for path in _paths(kept)}
    return sorted(paths | {path.partition(".")[0] for path in paths})


def member_column(number: int) -> str:
    """The name of the column of one of the `members`."""
    return f"member_{number}"


def folded(table: pa.Table, plan: Plan, values_max: int) -> dict[NodeId, Held]:
    """What these events add up to, by node; nodes to which they add nothing are left out.

    Args:
        table: `node` and `event_id` as 16 bytes, `event_at`, `name`, `source`, and a column with the JSON of each of the
            `members`; in the order of node, time and id.
        plan: Which aggregates.
        values_max: As the plan was made with.
    """
    if not table.num_rows:
        return {}
    events = _Events(table, members(plan))
    found = []
    for key in sorted(plan.kept):
        kept = plan.kept[key]
        if (added := events.added(plan, kept)) is not None:
            found.append(_series(kept, added, values_max))
    return {events.node_ids[node]: _read(packed) for node, packed in packing.maps(found)}


class _Column(NamedTuple):
    """A column: of each event, which of the different values it has; null is a value."""

    codes: Numbers
    values: list[Any]


class _Happenings(NamedTuple):
    """Events of one name: their rows, and which of the different ones as far as some columns tell each of them is."""

    rows: Numbers
    codes: Numbers
    different: list[Happened]


class _Events:
    """The events of a table."""

    def __init__(self, table: pa.Table, names: list[str]) -> None:
        ids = _bytes(table["node"])
        begins = np.flatnonzero(np.r_[True, (ids[1:] != ids[:-1]).any(axis=1)])
        self.node_ids: list[NodeId] = [ids[row].tobytes() for row in begins]
        self._nodes = np.repeat(np.arange(len(begins)), np.diff(np.r_[begins, len(ids)]))
        self._at: Numbers = _whole(table["event_at"]).view("int64").to_numpy()  # microseconds
        self._ids = _bytes(table["event_id"])
        hours = self._at // HOUR_US
        _, first, codes = distinct(hours - hours.min())
        self._hours = _Column(codes, hours[first].tolist())
        self._names, self._sources = _column(table["name"]), _column(table["source"])
        self._members = {name: _column(table[member_column(n)]) for n, name in enumerate(names)}
        self._happenings: dict[tuple[str, frozenset[str]], _Happenings] = {}

    def added(self, plan: Plan, kept: Kept) -> Added | None:
        """What events add to an aggregate, one by one; None where none adds anything."""
        parts = []
        for name in dict.fromkeys((kept.aggregate.event, kept.aggregate.then.event if kept.aggregate.then else None)):
            for one, lift in plan.by_event.get(name or "", ()):
                if one is kept and (part := self._lifted(name or "", kept, lift)) is not None:
                    parts.append(part)
        if not parts:
            return None
        rows, codes, values = parts[0]
        if len(parts) > 1:
            rows = np.concatenate([part[0] for part in parts])
            order = np.argsort(rows, kind="stable")
            rows = rows[order]
            codes = np.concatenate([parts[0][1], parts[1][1] + len(values)])[order]
            values = values + parts[1][2]
        tiles = np.array([kept.tile(hour * HOUR_US) for hour in self._hours.values], dtype=np.int64)
        return Added(self._nodes[rows], tiles[self._hours.codes[rows]], codes, values, self._at[rows], self._ids[rows])

    def _lifted(self, name: str, kept: Kept, lift: Lift) -> tuple[Numbers, Numbers, list[Any]] | None:
        happened = self._different(name, _reads(kept))
        values = [lift(one) for one in happened.different]
        adds = np.array([value is not None for value in values], dtype=bool)
        if adds.all():
            return (happened.rows, happened.codes, values) if values else None
        place = np.cumsum(adds) - 1
        chosen = adds[happened.codes]
        rows = happened.rows[chosen]
        return (rows, place[happened.codes[chosen]], [v for v in values if v is not None]) if len(rows) else None

    def _different(self, name: str, reads: frozenset[str]) -> _Happenings:
        known = self._happenings.get((name, reads))
        if known is not None:
            return known
        code = self._names.values.index(name) if name in self._names.values else -1
        rows = np.flatnonzero(self._names.codes == code)
        codes, first = np.zeros(len(rows), dtype=np.int64), np.zeros(min(1, len(rows)), dtype=np.int64)
        for column in self._read_columns(reads):
            _, first, codes = distinct(codes * len(column.values) + column.codes[rows])
        found = _Happenings(rows, codes, [self._happened(name, row, reads) for row in rows[first].tolist()])
        self._happenings[name, reads] = found
        return found

    def _read_columns(self, reads: frozenset[str]) -> list[_Column]:
        columns = [self._members[name] for name in sorted(reads & self._members.keys())]
        if "event.source" in reads:
            columns.append(self._sources)
        if "event.at" in reads:
            times, _, codes = distinct(self._at - self._at.min())
            columns.append(_Column(codes, times.tolist()))
        return columns

    def _happened(self, name: str, row: int, reads: frozenset[str]) -> Happened:
        """An event of this row, with what is read of it."""
        properties = {}
        for member in reads & self._members.keys():
            column = self._members[member]
            text = column.values[column.codes[row]]
            if text is not None:
                properties[member] = _decode(text)
        source = self._sources.values[self._sources.codes[row]]
        return Happened(name, int(self._at[row]), self._ids[row].tobytes(), source, properties)


def _series(kept: Kept, added: Added, values_max: int) -> packing.Packed:
    """The series of each node, beside the key of the aggregate."""
    added = _within_span(kept, added)
    starts = added.starts()
    nodes, tiles = added.nodes[starts], added.tiles[starts]
    return packing.series(kept.key, nodes, tiles, partials(kept.aggregate, added, starts, values_max))


def _within_span(kept: Kept, added: Added) -> Added:
    """Without the tiles that are not kept."""
    ends = np.flatnonzero(np.r_[added.nodes[1:] != added.nodes[:-1], True])
    many = np.diff(np.r_[-1, ends])
    if kept.span.horizon is not None:
        keep = added.tiles > np.repeat(added.tiles[ends], many) - kept.span.horizon
    else:
        starts = added.starts()
        nodes = added.nodes[starts]
        last = np.flatnonzero(np.r_[nodes[1:] != nodes[:-1], True])
        behind = np.repeat(last, np.diff(np.r_[-1, last])) - np.arange(len(nodes))
        keep = np.repeat(behind < kept.span.most, np.diff(np.r_[starts, len(added.nodes)]))
    return added if keep.all() else added.only(keep)


def _reads(kept: Kept) -> frozenset[str]:
    """Members of the properties at the top, and `EVENT_FIELDS`, that tell what an event adds."""
    paths = _paths(kept)
    return paths.union(
        (path.partition(".")[0] for path in paths), condition_fields(kept.aggregate) & EVENT_FIELDS.keys()
    )


def _paths(kept: Kept) -> frozenset[str]:
    own = kept.aggregate.property
    return condition_fields(kept.aggregate).difference(EVENT_FIELDS).union(() if own is None else (own,))


def _column(column: pa.ChunkedArray) -> _Column:
    coded = _whole(column).dictionary_encode(null_encoding="encode")
    return _Column(coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist())


def _bytes(column: pa.ChunkedArray) -> Bytes:
    """Ids, a row of 16 bytes each."""
    fixed = _whole(column).cast(pa.binary(_ID_BYTES))
    rows = np.frombuffer(fixed.buffers()[1], dtype=np.uint8).reshape(-1, _ID_BYTES)
    return rows[fixed.offset : fixed.offset + len(fixed)]


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
