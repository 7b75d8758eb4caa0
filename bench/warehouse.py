"""What the feed costs the stream, how fast it becomes files, how soon a segment is counted, what increments cost."""

from __future__ import annotations

import time
from collections.abc import Iterator

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from bench import increments
from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.adapters.duckdb.loader import Loader
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.identity.resolve import Resolution
from onefold.model import Column, Relation
from onefold.pipelines.stream import batches, feeding
from onefold.ports import Changes
from onefold.ports.warehouse import ManifestChange, QueryLimits
from onefold.synthetic.stream import items
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT

TARGET = "target"
FILE_ROWS = 1_000_000
SCANNED_FILES = 100
PIECE = 1_000
_PEOPLE = Relation(
    "marts",
    "person",
    (Column("person", "bigint"), Column("lifetime_value", "decimal"), Column("gifts_12m", "integer"),
     Column("email_consent", "boolean")),
)  # fmt: skip
_SEGMENT = "SELECT count(*) AS n FROM marts.person WHERE lifetime_value >= 1000 AND gifts_12m = 0 AND email_consent"


def run(full: bool) -> Iterator[Figure]:
    """The feed of a batch; the loader on it, many times over; a segment over a million people."""
    events, rounds = (60_000, 60) if full else (15_000, 20)
    with ground() as here:
        fill(here.directory, items(1, events, events // 5))
        with bootstrap.opened(here.directory, None) as workspace:
            context = workspace.context
            batch = batches.prepare(context, batches.BatchBounds({}, events, None, None))
            pieces = [batch.candidates[n : n + PIECE] for n in range(0, len(batch.candidates), PIECE)]
            nobody = Resolution({}, [], [], 0)
            began = time.process_time()
            chunks = [chunk for piece in pieces for chunk in feeding.feed(context, piece, {}, [], nobody, ())]
            cost = (time.process_time() - began) / len(batch.candidates) * 1e6
            yield Figure(
                bench="warehouse", metric="feed_us_per_event", value=cost, unit="µs", beside=TARGET, beside_value=3.0
            )
            size = sum(len(chunk.sealed) for chunk in chunks) / len(batch.candidates)
            yield Figure(bench="warehouse", metric="feed_bytes_per_event", value=size, unit="bytes")
            for _ in range(rounds):
                with context.store.transaction() as transaction:
                    transaction.write(Changes(offsets={}, feed=chunks))
            assert context.feed is not None
            files = SegmentFiles(workspace.directory / "warehouse", workspace.entries)
            loader = Loader(context.store, context.feed, files, lambda *_: ())
            began, total = time.perf_counter(), 0
            while loaded := loader.load():
                total += loaded
            yield Figure(
                bench="warehouse", metric="load_events_per_s", value=total / (time.perf_counter() - began),
                unit="events/s", beside=TARGET, beside_value=150_000.0,
            )  # fmt: skip
            with context.store.snapshot() as snapshot:
                stored = sum(segment.size for segment in snapshot.segments())
            yield Figure(bench="warehouse", metric="segment_bytes_per_event", value=stored / total, unit="bytes")
            yield from _segment(workspace)
            if full:
                yield from _scan(workspace, files, SCANNED_FILES)
    yield from increments.run(full)


def _scan(workspace: bootstrap.Workspace, files: SegmentFiles, many: int) -> Iterator[Figure]:
    """Events of each name counted and dated over a hundred million of them, in files as compaction writes them."""
    with workspace.context.store.snapshot() as snapshot:
        loaded, (segment, *_) = snapshot.loaded(), [s for s in snapshot.segments() if s.relation == EVENT.full_name]
    rows = files.read(segment)
    rows = pa.concat_tables([rows] * -(-FILE_ROWS // rows.num_rows)).slice(0, FILE_ROWS)
    rows = rows.take(pc.sort_indices(rows["name"]))
    added = [files.write(EVENT, rows, level=1) for _ in range(many)]
    with workspace.context.store.transaction() as transaction:
        transaction.revise(ManifestChange(loaded_before=loaded, add=added))
    warehouse = bootstrap.warehouse_of(workspace)
    try:
        query = parse("SELECT name, count(*) AS n, max(event_at) AS last_at FROM staging.event GROUP BY name")
        began = time.perf_counter()
        warehouse.run(query, QueryLimits(seconds=600.0))
        seconds = time.perf_counter() - began
    finally:
        warehouse.close()
    millions = many * FILE_ROWS // 1_000_000
    yield Figure(bench="warehouse", metric=f"scan_{millions}m_s", value=seconds, unit="s")


def _segment(workspace: bootstrap.Workspace) -> Iterator[Figure]:
    warehouse = bootstrap.warehouse_of(workspace)
    try:
        with duckdb.connect(":memory:") as connection:
            people = connection.sql(
                "SELECT range AS person, (hash(range) % 200000 / 100)::DECIMAL(38, 9) AS lifetime_value,"
                " (hash(range + 1) % 5)::INTEGER AS gifts_12m, hash(range + 2) % 3 > 0 AS email_consent"
                " FROM range(1000000)"
            ).to_arrow_table()
        warehouse.append(_PEOPLE, people)
        query = parse(_SEGMENT)
        warehouse.run(query)  # begins the process
        times = []
        for _ in range(3):
            began = time.perf_counter()
            warehouse.run(query)
            times.append(time.perf_counter() - began)
        yield Figure(bench="warehouse", metric="segment_million_s", value=min(times), unit="s")
    finally:
        warehouse.close()
