"""Erasure: rows that concern some nodes leave the warehouse, and with them the keys of the files that held them.

The feed is loaded first. Tables that models or checks made of the rows go as a whole, to be computed anew. Each file that
holds such a row is written anew, once for all nodes, without it and under a key of its own; then one transaction puts
the new files in the place of the old, whose keys are deleted, and the old files are removed. All other rows of the stream
stay as they are. Killed in the midst of it, it is done again: what was not committed did not happen.
Files whose node filter (`node_filters.py`) says that they hold none of the nodes are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from itertools import chain

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.duckdb import concerned
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
        """Remove all rows that concern these nodes; how many there were. Many people at once cost each file once.

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
        """How many rows concern these nodes, in segments and in the feed: all are looked at, whatever filters say."""
        wanted = pa.array(sorted(nodes), pa.binary(16))
        with self._store.snapshot() as snapshot:
            segments = [segment for segment in snapshot.segments() if segment.relation in concerned.OWN]
            stored = ((s.relation, self._files.read(s, concerned.columns(s.relation))) for s in segments)
            fed = fed_tables(opened(self._feed, snapshot.feed(after=snapshot.loaded()))).items()
            return sum(
                _true(concerned.concerned(name, rows, wanted)) + _true(concerned.named(name, rows, wanted))
                for name, rows in chain(stored, fed)
            )

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
                leaving = self._leaving(segment, nodes)
                if leaving is None:
                    continue
                many += _true(leaving)
                kept = _unnamed(segment.relation, self._files.read(segment).filter(pc.invert(leaving)), nodes)
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

    def _leaving(self, segment: Segment, nodes: pa.Array) -> pa.Array | None:
        """Which rows of a file go; None where none goes or is changed. Of most such files no row is read."""
        name = segment.relation
        if name not in concerned.OWN or not self._files.may_hold(segment, nodes):
            return None
        rows = self._files.read(segment, concerned.columns(name))
        leaving = concerned.concerned(name, rows, nodes)
        return leaving if _true(leaving) or _true(concerned.named(name, rows, nodes)) else None


def _unnamed(relation: str, rows: pa.Table, nodes: pa.Array) -> pa.Table:
    """The rows; those that name one of the nodes without what they state, and without its name."""
    named = concerned.named(relation, rows, nodes)
    if not _true(named):
        return rows
    schema = rows.schema
    promoted = [name for name in rows.column_names if name.startswith(PREFIX)]
    for name in (*_PERSONAL, *promoted):
        place = rows.column_names.index(name)
        rows = rows.set_column(place, schema.field(name), pc.if_else(named, None, rows[name]))
    lists = concerned.without(rows["nodes"], nodes)
    return rows.set_column(rows.column_names.index("nodes"), schema.field("nodes"), lists)


def _true(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)
