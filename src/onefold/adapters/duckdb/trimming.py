"""Trimming: rows and values that are older than the project keeps them leave the segment files, and so do the keys.

`quality.retention` tells up to when, and so copies of the warehouse learn of it (`bootstrap/engine_retention.py`).
A file is looked at by what the manifest knows of its times, so that only files with something to lose are read. A file that
is written anew is left alone for a day; one that has nothing younger to lose, for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.duckdb.catalog import promoted
from onefold.adapters.duckdb.columns import schema
from onefold.adapters.duckdb.promotion import made, with_promoted
from onefold.adapters.duckdb.replacing import replaced
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.model import PersonalClass, Relation
from onefold.ports import ProfileStore
from onefold.ports.warehouse import Segment
from onefold.warehouse import relations
from onefold.warehouse.promoted import Promoted
from onefold.warehouse.retention import TIMES, Retention, clearing, only, without
from onefold.warehouse.upkeep import RETENTION

STEP_US = 86_400_000_000
"""How much older than it is kept something may get before its file is written anew."""
_encode = msgspec.msgpack.Encoder().encode
_RETAINED = {relation.full_name: relation for relation in relations.LOGS if relation.full_name in TIMES}


class _Work(msgspec.Struct, frozen=True):
    """What a file has to lose: rows before a time, and values of classes before a time each."""

    rows_before_us: int | None
    values_before_us: Mapping[PersonalClass, int]


class Trimmer:
    """Trims one workspace's segment files."""

    def __init__(
        self, store: ProfileStore, files: SegmentFiles, retention: Retention, clock_us: Callable[[], int]
    ) -> None:
        self._store = store
        self._files = files
        self._retention = retention
        self._clock_us = clock_us

    def trim(self) -> int:
        """Write files anew that hold what is too old; how many they were.

        Raises:
            UnavailableError: The disk or the store cannot be written.
        """
        if not self._retention:
            return 0
        with self._store.snapshot() as snapshot:
            loaded, columns = snapshot.loaded(), promoted(snapshot)
            everything = snapshot.segments()
        segments = [segment for segment in everything if segment.relation in _RETAINED]
        marks = [segment for segment in everything if segment.relation == RETENTION.full_name]
        now_us = self._clock_us()
        work = [(segment, found) for segment in segments if (found := self._work(segment, now_us)) is not None]
        changes = relations.PROFILE_CHANGE.full_name
        latest = self._latest(segments) if any(segment.relation == changes for segment, _ in work) else None
        done = 0
        for segment, found in work:
            mark = self._mark(marks, segment.relation, found, now_us)
            anew = chain(self._anew(segment, found, columns, latest), [mark])
            before = [segment, *marks]
            if replaced(self._store, self._files, before, anew, loaded, {RETENTION.full_name: _encode(RETENTION)}):
                done, marks = done + 1, [mark]
        if done:
            self._store.scrub()
        return done

    def _mark(self, before: Sequence[Segment], relation: str, work: _Work, now_us: int) -> Segment:
        """A file of `quality.retention` with what it said before, and of this relation what is about to be done."""
        rows = {row["relation"]: row for segment in before for row in self._files.read(segment).to_pylist()}
        earlier = rows.get(relation, {}).get("rows_before")
        cut = earlier if work.rows_before_us is None else max(filter(None, (earlier, _moment(work.rows_before_us))))
        rows[relation] = {"relation": relation, "trimmed_at": _moment(now_us), "rows_before": cut}
        return self._files.write(
            RETENTION, pa.Table.from_pylist([rows[name] for name in sorted(rows)], schema(RETENTION))
        )

    def _work(self, segment: Segment, now_us: int) -> _Work | None:
        summary = self._files.summary(segment)
        ends = summary.ranges.get(TIMES[segment.relation])
        if ends is None:
            return None
        low, high = ends
        rows_before, kept_us = None, self._retention.relations_us.get(segment.relation)
        # What stays however old is looked at again when something else is due, or not at all.
        start = max(low, summary.trimmed.get("", low))
        if kept_us is not None and start <= high and start < now_us - kept_us - STEP_US:
            rows_before = now_us - kept_us
        values_before: dict[PersonalClass, int] = {}
        for of, class_us in self._retention.classes_us.items():
            start = max(low, summary.trimmed.get(of, low))
            if start <= high and start < now_us - class_us - STEP_US:
                values_before[of] = now_us - class_us
        return _Work(rows_before, values_before) if rows_before is not None or values_before else None

    def _anew(
        self, segment: Segment, work: _Work, columns: Sequence[Promoted], latest: pa.Array | None
    ) -> Iterator[Segment]:
        relation, summary = _RETAINED[segment.relation], self._files.summary(segment)
        rows = self._files.read(segment, [column.name for column in relation.columns])
        at = rows[TIMES[segment.relation]].cast(pa.int64())
        present = _present(rows, latest)
        if work.rows_before_us is not None:
            kept = pc.or_(present, pc.greater_equal(at, work.rows_before_us))
            rows, at, present = rows.filter(kept), at.filter(kept), present.filter(kept)
        for of, before_us in work.values_before_us.items():
            old = pc.less(at, before_us)
            if relation == relations.PROFILE_CHANGE:  # the latest of them is the profile, which is kept elsewhere, too
                old = pc.and_(old, pc.invert(present))
            rows = self._cleared(relation, rows, of, old)
        if not rows.num_rows:
            return
        has_columns = relation == relations.EVENT and bool(summary.promoted)
        trimmed = summary.trimmed | dict(work.values_before_us)
        if work.rows_before_us is not None:
            trimmed[""] = work.rows_before_us
        yield self._files.write(
            relation,
            with_promoted(rows, columns) if has_columns else rows,
            level=segment.level,
            bucket=segment.bucket,
            promoted=made(columns) if has_columns else {},
            trimmed=trimmed,
        )

    def _cleared(self, relation: Relation, rows: pa.Table, of: PersonalClass, old: pa.ChunkedArray) -> pa.Table:
        """The rows, the old ones without values of a class."""
        found = clearing(relation, of, self._retention.classes)
        for name in found.columns:
            rows = _put(rows, name, pc.if_else(old, pa.scalar(None, rows[name].type), rows[name]))
        for edit, which in ((without, found.members), (only, found.others)):
            for name, members in which.items():
                values = zip(rows[name].to_pylist(), old.to_pylist(), strict=True)
                edited = [edit(value, members) if is_old else value for value, is_old in values]
                rows = _put(rows, name, pa.array(edited, rows[name].type))
        return rows

    def _latest(self, segments: Sequence[Segment]) -> pa.Array:
        """Which rows of `golden.profile_change` are a person's latest, as far as they are in files (`_key`)."""
        parts = [
            self._files.read(segment, ["person", "sequence"])
            for segment in segments
            if segment.relation == relations.PROFILE_CHANGE.full_name
        ]
        rows = pa.concat_tables(parts)
        plain = pa.table({"person": _plain(rows["person"]), "sequence": rows["sequence"]})
        found = plain.group_by("person").aggregate([("sequence", "max")])
        return _key(found["person"], found["sequence_max"])


def _moment(time_us: int) -> datetime:
    return datetime.fromtimestamp(0, UTC).replace(tzinfo=None) + timedelta(microseconds=time_us)


def _present(rows: pa.Table, latest: pa.Array | None) -> pa.Array:
    """Which rows the present is made of."""
    if "kind" in rows.column_names:
        return pc.or_(pc.equal(rows["kind"], "record"), pc.is_valid(rows["consents"]))
    return pc.is_in(_key(_plain(rows["person"]), rows["sequence"]), value_set=latest)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks().storage.cast(pa.binary())


def _key(people: pa.ChunkedArray | pa.Array, sequences: pa.ChunkedArray) -> pa.Array:
    """Person and sequence as one value."""
    joined = pc.binary_join_element_wise(people, sequences.cast(pa.string()).cast(pa.binary()), b"")
    return joined.combine_chunks() if isinstance(joined, pa.ChunkedArray) else joined


def _put(rows: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    return rows.set_column(rows.column_names.index(name), rows.schema.field(name), values)
