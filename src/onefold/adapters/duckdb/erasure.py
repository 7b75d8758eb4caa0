"""Erasure: rows that concern some nodes leave the warehouse, and with them the keys of the files that held them.

The feed is loaded first. Tables that models or checks made of the rows go as a whole, to be computed anew. Each file that
holds such a row is written anew, without it and under a key of its own; then one transaction puts
the new files in the place of the old, whose keys are deleted, and the old files are removed. All other rows of the stream
stay as they are. Killed in the midst of it, it is done again: what was not committed did not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.duckdb.columns import conformed, fed_tables
from onefold.adapters.duckdb.loader import Loader, opened
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import ConflictError
from onefold.model import NodeId, Relation
from onefold.ports import ProfileStore
from onefold.ports.warehouse import ManifestChange, Segment
from onefold.warehouse import relations, upkeep, views
from onefold.warehouse.feed import Feed
from onefold.warehouse.promoted import PREFIX

_TRIES = 20
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Relation).decode
_PERSONAL = tuple(
    column.name for column in relations.EVENT.columns if column.personal != "none" and not column.required
)
Mask = Callable[[pa.Table, pa.Array], pa.Array]


def _in(column: str) -> Mask:
    return lambda rows, nodes: _is_in(rows[column], nodes)


def _either(rows: pa.Table, nodes: pa.Array) -> pa.Array:
    return pc.or_(_is_in(rows["node_a"], nodes), _is_in(rows["node_b"], nodes))


def _profile(rows: pa.Table, nodes: pa.Array) -> pa.Array:
    """Rows of these people, and of others as they were when one of the nodes was theirs."""
    found = _is_in(rows["person"], nodes)
    for node in nodes.to_pylist():
        found = pc.or_(found, pc.fill_null(pc.match_substring(rows["identifiers"], node.hex()), fill_value=False))
    return found


_CONCERNED: Mapping[str, tuple[Sequence[str], Mask]] = {
    relations.EVENT.full_name: (("node",), _in("node")),
    relations.IDENTITY_CHANGE.full_name: (("node",), _in("node")),
    relations.EVIDENCE.full_name: (("node_a", "node_b"), _either),
    relations.JUDGEMENT.full_name: (("node_a", "node_b"), _either),
    relations.PROFILE_CHANGE.full_name: (("person", "identifiers"), _profile),
    relations.MEMBERSHIP_CHANGE.full_name: (("person",), _in("person")),
    **{name: (("person",), _in("person")) for name in upkeep.BY_PERSON},
    **{name: (("node",), _in("node")) for name in upkeep.BY_NODE},
}
_ROWWISE = upkeep.BY_PERSON | upkeep.BY_NODE


def _computed(names: Collection[str]) -> list[str]:
    """Those of tables that go as a whole."""
    return sorted(set(names) - views.RELATIONS.keys() - upkeep.KEPT - upkeep.EMPTIED.keys() - _ROWWISE)


class Eraser:
    """Erases nodes from one workspace's warehouse."""

    def __init__(
        self, store: ProfileStore, feed: Feed, files: SegmentFiles, loader: Loader, clock_us: Callable[[], int]
    ) -> None:
        self._store = store
        self._clock_us = clock_us
        self._feed = feed
        self._files = files
        self._loader = loader

    def erase(self, nodes: Collection[NodeId]) -> int:
        """Remove all rows that concern these nodes; how many there were.

        Events of other people that only name one of them stay, without what they state and without its name. Tables that
        were computed go; `onefold run` and `onefold check` make them again, and so does the worker.

        Raises:
            ConflictError: The warehouse is being changed by others all the time.
            UnavailableError: The disk or the store cannot be written; nothing is changed, or some of it is done.
        """
        wanted = pa.array(sorted(nodes), pa.binary(16))
        for _ in range(_TRIES):
            try:
                while self._loader.load():
                    pass
                many, computed = self._rewrite(wanted)
                # A table that somebody made for the first time while this went on; from now on nobody can.
                self._drop(computed)
            except ConflictError:
                continue
            return many
        raise ConflictError("the warehouse is being changed by others all the time; try again")

    def count(self, nodes: Collection[NodeId]) -> int:
        """How many rows concern these nodes, in segments and in the feed."""
        wanted = pa.array(sorted(nodes), pa.binary(16))
        with self._store.snapshot() as snapshot:
            tables = [(s.relation, self._files.read(s)) for s in snapshot.segments() if s.relation in _CONCERNED]
            tables += fed_tables(opened(self._feed, snapshot.feed(after=snapshot.loaded()))).items()
        return sum(_true(_CONCERNED[name][1](rows, wanted)) + _true(_names(rows, wanted)) for name, rows in tables)

    def _rewrite(self, nodes: pa.Array) -> tuple[int, Collection[str]]:
        """Write all anew that concerns these nodes; how many rows did, and which relations had been made by then."""
        with self._store.snapshot() as snapshot:
            loaded, segments, computed = snapshot.loaded(), snapshot.segments(), snapshot.relations()
        gone = _computed(computed)
        removed: list[str] = []
        added: list[Segment] = []
        many = 0
        try:
            for segment in segments:
                if segment.relation in gone:
                    removed.append(segment.name)
                    continue
                if segment.relation in upkeep.EMPTIED:
                    removed.append(segment.name)
                    added.append(self._emptied(segment, _decode(computed[segment.relation])))
                    continue
                rows = self._files.read(segment) if self._touches(segment, nodes) else None
                if rows is None:
                    continue
                concerned = _CONCERNED[segment.relation][1](rows, nodes)
                many += _true(concerned)
                kept = _unnamed(rows.filter(pc.invert(concerned)), nodes)
                removed.append(segment.name)
                if kept.num_rows:
                    relation = views.RELATIONS.get(segment.relation) or _decode(computed[segment.relation])
                    about = self._files.summary(segment)
                    added.append(
                        self._files.write(
                            relation,
                            kept,
                            level=segment.level,
                            bucket=segment.bucket,
                            promoted=about.promoted,
                            trimmed=about.trimmed,
                        )
                    )
            if removed:
                self._commit(loaded, segments, added, removed, gone, many)
        except BaseException:
            self._files.remove([segment.name for segment in added])
            raise
        self._files.remove(removed)
        return many, computed.keys()

    def _commit(
        self, loaded: int, segments: list[Segment], added: list[Segment], removed: list[str], gone: list[str], many: int
    ) -> None:
        # Whoever has read something before and writes what was made of it after, is refused: see `fence` of the port.
        row = {"erased_at": [datetime.fromtimestamp(self._clock_us() / 1e6, UTC).replace(tzinfo=None)], "rows": [many]}
        tables = {"tables": [msgspec.json.encode(gone).decode()]}
        added.append(self._files.write(upkeep.ERASURE, conformed(upkeep.ERASURE, pa.table(row | tables))))
        computed = {*gone, *upkeep.EMPTIED, *_ROWWISE}
        change = ManifestChange(
            loaded_before=loaded,
            add=added,
            remove=removed,
            drop=gone,
            relations={upkeep.ERASURE.full_name: _encode(upkeep.ERASURE)},
            expected={name: {s.name for s in segments if s.relation == name} for name in computed},
        )
        with self._store.transaction() as transaction:
            transaction.revise(change)

    def _drop(self, before: Collection[str]) -> None:
        """Drop tables that were not there before."""
        with self._store.snapshot() as snapshot:
            loaded, segments = snapshot.loaded(), snapshot.segments()
            gone = _computed(snapshot.relations().keys() - before)
        names = [segment.name for segment in segments if segment.relation in gone]
        if gone:
            with self._store.transaction() as transaction:
                transaction.revise(ManifestChange(loaded_before=loaded, remove=names, drop=gone))
            self._files.remove(names)

    def _emptied(self, segment: Segment, relation: Relation) -> Segment:
        rows = self._files.read(segment)
        for name, value in upkeep.EMPTIED[relation.full_name].items():
            place = rows.column_names.index(name)
            emptied = pa.repeat(pa.scalar(value, rows.schema.field(name).type), rows.num_rows)
            rows = rows.set_column(place, rows.schema.field(name), emptied)
        return self._files.write(relation, rows, level=segment.level, bucket=segment.bucket)

    def _touches(self, segment: Segment, nodes: pa.Array) -> bool:
        if segment.relation not in _CONCERNED:
            return False
        columns, concerned = _CONCERNED[segment.relation]
        more = ("nodes",) if segment.relation == relations.EVENT.full_name else ()
        rows = self._files.read(segment, [*columns, *more])
        return bool(_true(concerned(rows, nodes)) or _true(_names(rows, nodes)))


def _storage(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().storage if column.num_chunks else pa.array([], pa.binary(16))


def _is_in(column: pa.ChunkedArray, nodes: pa.Array) -> pa.Array:
    return pc.is_in(_storage(column), value_set=nodes)


def _names(rows: pa.Table, nodes: pa.Array) -> pa.Array:
    """Which rows name one of the nodes in a list, whoever's they are."""
    if "nodes" not in rows.column_names or not rows.num_rows:
        return pa.array([], pa.bool_())
    lists = rows["nodes"].combine_chunks()
    flat = pc.is_in(lists.flatten().storage, value_set=nodes)
    named = set(pc.list_parent_indices(lists).filter(flat).to_pylist())
    return pa.array([place in named for place in range(rows.num_rows)], pa.bool_())


def _unnamed(rows: pa.Table, nodes: pa.Array) -> pa.Table:
    """The rows; those that name one of the nodes without what they state, and without its name."""
    named = _names(rows, nodes)
    if not _true(named):
        return rows
    schema, gone = rows.schema, set(nodes.to_pylist())
    promoted = [name for name in rows.column_names if name.startswith(PREFIX)]
    for name in (*_PERSONAL, *promoted):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, schema.field(name), pc.if_else(named, None, rows[name]))
    lists = [[node.bytes for node in some if node.bytes not in gone] for some in rows["nodes"].to_pylist()]
    flat = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([n for some in lists for n in some], pa.binary(16)))
    ends = [0]
    for some in lists:
        ends.append(ends[-1] + len(some))
    return rows.set_column(
        rows.column_names.index("nodes"),
        schema.field("nodes"),
        pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat),
    )


def _true(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
