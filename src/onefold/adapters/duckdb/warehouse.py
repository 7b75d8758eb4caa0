"""The embedded warehouse: a workspace's segment files and the tail of its feed, read by DuckDB in a process of its own."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial

import pyarrow as pa
from sqlglot import exp

from onefold.adapters.duckdb import raw_rows
from onefold.adapters.duckdb.catalog import catalog, encode
from onefold.adapters.duckdb.columns import conformed, duckdb_type, empty, fed_tables
from onefold.adapters.duckdb.compaction import bucket_of
from onefold.adapters.duckdb.loader import Profiler, latest_known_at, opened, profile_table, touched_since_profiled
from onefold.adapters.duckdb.merging import merged
from onefold.adapters.duckdb.promotion import is_ready
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.duckdb.query_messages import Request, Stored, View
from onefold.adapters.duckdb.segments import SUFFIX, SegmentFiles
from onefold.adapters.duckdb.summaries import may_hold
from onefold.errors import ConflictError, UsageError
from onefold.model import Relation
from onefold.ports import EventLog, ProfileSnapshot, ProfileStore
from onefold.ports.warehouse import ManifestChange, QueryLimits, Segment, Warehouse, WarehouseCapabilities
from onefold.warehouse import query as queries
from onefold.warehouse import raw, relations, views
from onefold.warehouse.feed import Feed
from onefold.warehouse.needs import Need, needs
from onefold.warehouse.promoted import Promoted, with_columns
from onefold.warehouse.raw import Window
from onefold.warehouse.upkeep import ERASURE

_TRIES = 20


class DuckDbWarehouse(Warehouse):
    """One workspace's. Safe for threads; queries run one after the other.

    A query sees one moment: what the stream had committed when it began, loaded or not.
    """

    dialect = views.DIALECT
    capabilities = WarehouseCapabilities(merge=True, snapshot_reads=True, fresh=True, isolated=True)

    def __init__(
        self,
        store: ProfileStore,
        feed: Feed,
        files: SegmentFiles,
        profiler: Profiler,
        process: QueryProcess | None = None,
        log: EventLog | None = None,
        raw_kept_us: int | None = None,
    ) -> None:
        """Open it; several may share the `process` that runs their queries, which none of them closes then.

        With the `log`, the relations of `raw` are there, of entries that were received within `raw_kept_us`.
        """
        self._store = store
        self._feed = feed
        self._files = files
        self._profiler = profiler
        self._log = log
        self._raw_kept_us = raw_kept_us
        self._process = process or QueryProcess()
        self._own = process is None
        self._erasures: frozenset[str] | None = None
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != hard:  # every file of a snapshot is open while a query runs
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    def __repr__(self) -> str:
        return f"<DuckDbWarehouse({self._files.directory.name})>"

    def relations(self) -> list[Relation]:
        """All relations with their columns, by full name."""
        with self._store.snapshot() as snapshot:
            known = catalog(snapshot, with_raw=self._log is not None).known
        return [known[name] for name in sorted(known)]

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query; see the port."""
        limits = limits or QueryLimits()
        with ExitStack() as leaving:
            with self._store.snapshot() as snapshot:
                of_now = catalog(snapshot, with_raw=self._log is not None)
                known, trees = of_now.known, of_now.trees
                query = with_columns(query, of_now.promoted, known)
                needed = queries.closure(queries.read_by(query, known), trees, known)
                used = _needs(query, trees, known)
                tail = self._tail(snapshot, needed)
                stored, descriptors = [], list[int]()
                segments = snapshot.segments()
                of_log = {name for name in needed if name.startswith(f"{raw.SCHEMA}.")}
                for name in sorted(needed - trees.keys() - of_log):
                    of = self._needed([segment for segment in segments if segment.relation == name], used.get(name))
                    for segment in of:
                        descriptors.append(self._files.open(segment))
                        leaving.callback(os.close, descriptors[-1])
                    made = of_now.promoted if name == relations.EVENT.full_name else ()
                    stored.append(self._stored(known[name], of, tail.get(name), made))
            for name in sorted(of_log):
                # What only the catalog lists is there without its rows.
                window = raw.window(used[name], query) if name in used else Window(rows=0)
                stored.append(self._raw(known[name], window, limits, descriptors, leaving))
            shown = []
            for name in (name for name in trees if name in needed):
                schema, _, bare = name.partition(".")
                shown.append(View(schema, bare, trees[name].sql(dialect=self.dialect)))
            try:
                text = queries.counting(query).sql(dialect=self.dialect)
            except RecursionError:
                raise UsageError("The query is nested too deeply.") from None
            request = Request(text, stored, shown, limits, ",".join(queries.SCHEMAS))
            return self._process.run(request, descriptors)

    def fence(self) -> bool:
        """Refuse to write once something is erased after this; see the port."""
        with self._store.snapshot() as snapshot:
            found = {segment.name for segment in _of(ERASURE, snapshot)}
        same = self._erasures in {None, frozenset(found)}
        self._erasures = frozenset(found)
        return same

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows to a relation; see the port."""
        self._revise(relation, rows, lambda _: ())

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all that the relation had; see the port."""
        self._revise(relation, rows, lambda snapshot: _of(relation, snapshot))

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with the same key, or add it; see the port."""
        if not relation.key:
            raise UsageError(f"{relation.full_name} has no key to merge by.")
        rows = conformed(relation, rows)
        for _ in range(_TRIES):
            with self._store.snapshot() as snapshot:
                before = _of(relation, snapshot)
                done = merged(relation, self._files, before, rows, gone)
            try:
                # A row that came to another file meanwhile may have a key of these.
                self._revise(relation, done.rows, partial(_these, done.replaced), tries=1, expected=before)
            except ConflictError:
                if self._erased_since():
                    raise
                continue
            return
        raise ConflictError(f"{relation.full_name} is being changed by others all the time; try again")

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows; see the port."""
        for _ in range(_TRIES):
            with self._store.snapshot() as snapshot:
                loaded, before = snapshot.loaded(), _of(relation, snapshot)
            names = [segment.name for segment in before]
            try:
                self._commit(ManifestChange(loaded_before=loaded, remove=names, drop=[relation.full_name]))
            except ConflictError:
                continue
            self._files.remove(names)
            return
        raise ConflictError(f"{relation.full_name} is being changed by others all the time; try again")

    def close(self) -> None:
        """End the process of the queries."""
        if self._own:
            self._process.close()

    def _needed(self, segments: list[Segment], needs: list[Need] | None) -> list[Segment]:
        """The files that may hold rows which the query can use; all where it is not known which it can."""
        if needs is None or {} in needs:
            return segments
        found = []
        for segment in segments:
            in_bucket = partial(_in_bucket, segment.bucket)
            if may_hold(self._files.summary(segment), in_bucket, needs):
                found.append(segment)
        return found

    def _raw(
        self, relation: Relation, window: Window, limits: QueryLimits, descriptors: list[int], leaving: ExitStack
    ) -> Stored:
        """A source's rows, read from the log; their descriptor joins the others."""
        assert self._log is not None  # noqa: S101  else there is no such relation
        if self._raw_kept_us is not None:
            window = window.since(time.time_ns() // 1_000 - self._raw_kept_us)
        room = limits.memory_mb << 20
        descriptor, key = raw_rows.written(self._log, relation.name, window, room_bytes=room)
        descriptors.append(descriptor)
        leaving.callback(os.close, descriptor)
        return self._as_stored(relation, [(f"{relation.full_name}{SUFFIX}", key)], None)

    def _tail(self, snapshot: ProfileSnapshot, needed: set[str]) -> dict[str, pa.Table]:
        """Rows of these relations that are in no segment yet."""
        if not needed & {relation.full_name for relation in relations.LOGS}:
            return {}
        loaded = snapshot.loaded()
        chunks = opened(self._feed, snapshot.feed(after=loaded))
        found = fed_tables(chunks)
        profile_change = relations.PROFILE_CHANGE.full_name
        if profile_change in needed:
            touched = touched_since_profiled(snapshot, self._files, loaded)
            for _, fed in chunks:
                touched.take(fed)
            rows = list(self._profiler(snapshot, touched)) if touched else []
            if rows:
                end, known_at_us = (
                    (chunks[-1][0], chunks[-1][1].known_at_us)
                    if chunks
                    else (loaded, latest_known_at(snapshot, self._files))
                )
                found[profile_change] = profile_table(rows, end, known_at_us)
        return found

    def _stored(
        self, relation: Relation, segments: Collection[Segment], tail: pa.Table | None, promoted: Sequence[Promoted]
    ) -> Stored:
        stored = self._as_stored(relation, [(segment.name, self._files.key(segment)) for segment in segments], tail)
        if promoted:
            stored.made = {one.column: one.expression for one in promoted}
            stored.ready = [s.name for s in segments if is_ready(self._files.summary(s), promoted)]
        return stored

    @staticmethod
    def _as_stored(relation: Relation, files: list[tuple[str, bytes]], tail: pa.Table | None) -> Stored:
        sink = pa.BufferOutputStream()
        rows = empty(relation) if tail is None else tail
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        return Stored(
            relation.schema,
            relation.name,
            [(column.name, duckdb_type(column)) for column in relation.columns],
            files,
            sink.getvalue().to_pybytes(),
        )

    def _revise(
        self,
        relation: Relation,
        rows: pa.Table,
        replaced: Callable[[ProfileSnapshot], Iterable[Segment]],
        *,
        tries: int = _TRIES,
        expected: Iterable[Segment] | None = None,
    ) -> None:
        if relation.full_name in views.RELATIONS:
            raise UsageError(f"{relation.full_name} is made by the stream; name another relation.")
        with self._store.snapshot() as snapshot:
            self._files.require(snapshot.segments())
        segment = self._files.write(relation, conformed(relation, rows))
        for attempt in range(tries):
            with self._store.snapshot() as snapshot:
                loaded, names = snapshot.loaded(), [each.name for each in replaced(snapshot)]
            change = ManifestChange(
                loaded_before=loaded,
                add=[segment],
                remove=names,
                relations={relation.full_name: encode(relation)},
                expected=self._fenced()
                | ({} if expected is None else {relation.full_name: {each.name for each in expected}}),
            )
            try:
                self._commit(change)
            except ConflictError:  # a load came between, which has nothing to do with this
                if attempt == tries - 1 or self._erased_since():
                    self._files.remove([segment.name])
                    raise
                continue
            self._files.remove(names)
            return

    def _fenced(self) -> dict[str, Collection[str]]:
        return {} if self._erasures is None else {ERASURE.full_name: self._erasures}

    def _erased_since(self) -> bool:
        if self._erasures is None:
            return False
        with self._store.snapshot() as snapshot:
            return {segment.name for segment in _of(ERASURE, snapshot)} != self._erasures

    def _commit(self, change: ManifestChange) -> None:
        with self._store.transaction() as transaction:
            transaction.revise(change)


def _needs(query: exp.Query, trees: Mapping[str, exp.Query], known: Mapping[str, Relation]) -> dict[str, list[Need]]:
    try:
        return needs(query, trees, known)
    except RecursionError:
        raise UsageError("The query is nested too deeply.") from None


def _in_bucket(bucket: int, node: bytes) -> bool:
    return bucket in {-1, bucket_of(node)}


def _these(segments: list[Segment], _: ProfileSnapshot) -> list[Segment]:
    return segments


def _of(relation: Relation, snapshot: ProfileSnapshot) -> list[Segment]:
    return [segment for segment in snapshot.segments() if segment.relation == relation.full_name]
