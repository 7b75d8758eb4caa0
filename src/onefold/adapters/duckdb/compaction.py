"""Compaction: many small segments of a relation become few large ones, sorted so that a query reads less of them.

Events are put into eight buckets by node, and in each sorted by name, node and time: a query about one kind of event or one
person's skips most row groups, and an erasure rewrites an eighth of the files. Rows and sequences stay as they are.

Compacted files of events have columns for the properties that are promoted; those that lack one are written anew with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.duckdb.catalog import promoted
from onefold.adapters.duckdb.promotion import is_ready, made, with_promoted
from onefold.adapters.duckdb.replacing import replaced
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import IntegrityError
from onefold.ports import ProfileStore
from onefold.ports.warehouse import Segment
from onefold.warehouse import relations, views
from onefold.warehouse.promoted import Promoted
from onefold.warehouse.retention import TIMES

BUCKETS = 8
ROWS = 1_000_000
"""Rows of small segments that are compacted together."""
RUN_ROWS = 100_000
"""Rows of one file of a relation that has no buckets: whole profiles, and an erasure writes those of one file anew."""
SEGMENTS = 64
"""So many small segments are compacted, however small: each costs a query a third of a millisecond."""


def bucket_of(node: bytes) -> int:
    """The bucket of a node's rows."""
    return node[0] % BUCKETS


class Compactor:
    """Compacts one workspace's segments. Readers keep the files that they have open."""

    def __init__(self, store: ProfileStore, files: SegmentFiles, *, rows: int = ROWS, segments: int = SEGMENTS) -> None:
        self._store = store
        self._files = files
        self._rows = rows
        self._segments = segments

    def compact(self) -> int:
        """Compact the relations that have enough small segments; the rows that were moved.

        Raises:
            UnavailableError: The disk or the store cannot be written. Nothing was changed.
        """
        moved = self._backfill()
        for relation in relations.LOGS:
            with self._store.snapshot() as snapshot:
                loaded = snapshot.loaded()
                columns = promoted(snapshot)
                small = [s for s in snapshot.segments() if s.relation == relation.full_name and s.level == 0]
            if len(small) > 1 and (sum(s.rows for s in small) >= self._rows or len(small) >= self._segments):
                moved += self._replace(small, self._written(small, columns), loaded)
        return moved

    def _backfill(self) -> int:
        """Write compacted files of events anew that lack a promoted column; the rows of these."""
        moved = 0
        with self._store.snapshot() as snapshot:
            loaded, columns = snapshot.loaded(), promoted(snapshot)
            of = [s for s in snapshot.segments() if s.relation == relations.EVENT.full_name and s.level]
        for segment in of if columns else ():
            if not is_ready(self._files.summary(segment), columns):
                moved += self._replace([segment], self._anew(segment, columns), loaded)
        return moved

    def _anew(self, segment: Segment, columns: Sequence[Promoted]) -> Iterator[Segment]:
        rows = with_promoted(self._files.read(segment), columns)
        yield self._files.write(
            relations.EVENT,
            rows,
            level=segment.level,
            bucket=segment.bucket,
            promoted=made(columns),
            trimmed=self._files.summary(segment).trimmed,
        )

    def _replace(self, before: Sequence[Segment], written: Iterator[Segment], loaded: int) -> int:
        """Put new files in the place of others; the rows in them, 0 where a load came between."""
        done = replaced(self._store, self._files, before, written, loaded)
        return sum(segment.rows for segment in before) if done else 0

    def _written(self, small: Sequence[Segment], columns: Sequence[Promoted]) -> Iterator[Segment]:
        """New segments with the rows of these: a bucket or a run at a time, so that no more than its rows are held."""
        relation = views.RELATIONS[small[0].relation]
        left = sum(segment.rows for segment in small)
        of_events = relation == relations.EVENT
        trimmed = self._trimmed(small)
        parts = [(bucket, small) for bucket in range(BUCKETS)] if of_events else [(-1, some) for some in _runs(small)]
        for bucket, some in parts:
            rows = pa.concat_tables([_in_bucket(self._files.read(segment), bucket) for segment in some])
            if rows.num_rows:
                ordered = with_promoted(_sorted(rows), columns) if of_events else _sorted(rows)
                stated = made(columns) if of_events else None
                written = self._files.write(relation, ordered, level=1, bucket=bucket, promoted=stated, trimmed=trimmed)
                left -= written.rows
                yield written
        if left:
            raise IntegrityError(f"a compaction of {relation.full_name} does not add up; nothing was changed")

    def _trimmed(self, small: Sequence[Segment]) -> dict[str, int]:
        """What the rows of these have lost all together: before the least of what each has, or of when each begins."""
        time = TIMES.get(small[0].relation)
        summaries = [self._files.summary(segment) for segment in small]
        return {
            what: min(max(low, about.trimmed.get(what, low)) for about in summaries for low, _ in [about.ranges[time]])
            for what in sorted({what for about in summaries for what in about.trimmed})
            if time is not None
        }


def _runs(small: Sequence[Segment]) -> Iterator[list[Segment]]:
    """Segments one after the other in the order of their rows, as many as have the rows of one file."""
    run: list[Segment] = []
    for segment in sorted(small, key=lambda segment: (segment.first, segment.last)):
        if run and sum(one.rows for one in run) + segment.rows > RUN_ROWS:
            yield run
            run = []
        run.append(segment)
    if run:
        yield run


def _in_bucket(rows: pa.Table, bucket: int) -> pa.Table:
    if bucket < 0:
        return rows
    first = pc.binary_slice(rows["node"].combine_chunks().storage.cast(pa.binary()), 0, 1)
    own = pa.array([bytes([value]) for value in range(256) if bucket_of(bytes([value])) == bucket], pa.binary())
    return rows.filter(pc.is_in(first, value_set=own))


def _sorted(rows: pa.Table) -> pa.Table:
    if "event_at" not in rows.column_names or "name" not in rows.column_names:
        return rows.take(pc.sort_indices(rows["sequence"]))
    keys = pa.table(
        {
            "name": rows["name"],
            "node": rows["node"].combine_chunks().storage.cast(pa.binary()),
            "event_at": rows["event_at"],
            "sequence": rows["sequence"],
        }
    )
    return rows.take(pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]))
