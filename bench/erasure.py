"""Erasing people from the warehouse: how long it takes, whether anything is left, whether the rest is as it was.

Beside it stands what the events are on the disk: bytes an event in the log, the store and the warehouse.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
from sqlglot import exp

from bench import twins
from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.adapters.duckdb.sealed_file import SealedFile
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.synthetic.stream import items
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT

TARGET = "target"
PEOPLE = 100
TWINS = 9
"""For each event that came through the stream, so many more in the warehouse."""
LIMITS = QueryLimits(seconds=1800.0, memory_mb=4096)
_WHOM = "SELECT person, list(node) AS nodes, list(value) AS values FROM golden.identity GROUP BY person ORDER BY person"


def run(full: bool) -> Iterator[Figure]:
    """Some people, one erasure each, then as many at once, among all events that there are; with `full` ten million."""
    events, people = (1_000_000, PEOPLE) if full else (10_000, 10)
    with ground() as here:
        fill(here.directory, items(1, events, events // 5))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            bootstrap.load_warehouse(workspace)
            yield Figure(bench="erasure", metric="stream_events", value=events, unit="events")
            yield from _sizes(workspace.directory, events)
            twins.add(workspace, SegmentFiles(workspace.directory / "warehouse", workspace.entries), TWINS)
            yield Figure(bench="erasure", metric="events", value=events * (1 + TWINS), unit="events")
            warehouse, eraser = bootstrap.warehouse_of(workspace), bootstrap.eraser_of(workspace)
            assert eraser is not None
            try:
                whom = warehouse.run(parse(f"{_WHOM} LIMIT {2 * people}"), LIMITS).to_pylist()
                nodes = [[bytes.fromhex(node.replace("-", "")) for node in map(str, one["nodes"])] for one in whom]
                values = [value.encode() for one in whom for value in one["values"] if len(value) > 5]
                gone = [node for some in nodes for node in some]
                assert found_in(workspace, values) == len(set(values)), "the sweep finds what is there"
                before, took = rest(warehouse, gone), list[float]()
                for some in nodes[:people]:
                    began = time.perf_counter()
                    eraser.erase(some)
                    took.append(time.perf_counter() - began)
                began = time.perf_counter()
                eraser.erase([node for some in nodes[people:] for node in some])
                together = time.perf_counter() - began
                after = rest(warehouse, gone)
            finally:
                warehouse.close()
            yield Figure(
                bench="erasure", metric="person_s", value=sum(took) / len(took), unit="s", beside=TARGET,
                beside_value=5.0,
            )  # fmt: skip
            yield Figure(
                bench="erasure", metric="slowest_person_s", value=max(took), unit="s", beside=TARGET, beside_value=5.0
            )
            yield Figure(
                bench="erasure", metric=f"people_at_once_{people}_s", value=together, unit="s",
                beside="one after the other", beside_value=sum(took),
            )  # fmt: skip
            hits = eraser.count(gone) + found_in(workspace, values)
            yield Figure(bench="erasure", metric="hits_after", value=hits, unit="hits", beside=TARGET, beside_value=0)
            yield Figure(
                bench="erasure", metric="rest_changed", value=float(before != after), unit="0 or 1", beside=TARGET,
                beside_value=0,
            )  # fmt: skip


def _sizes(directory: Path, events: int) -> Iterator[Figure]:
    """Bytes an event of each part of a workspace, and the memory that it took to get there."""
    parts = {"log": "log.db", "store": "profiles.db", "warehouse": "warehouse/"}
    for name, start in parts.items():
        files = [path for path in directory.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files if str(path.relative_to(directory)).startswith(start))
        assert size, f"nothing of the {name} is where it is looked for"
        yield Figure(bench="erasure", metric=f"{name}_bytes_per_event", value=size / events, unit="bytes")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    yield Figure(bench="erasure", metric="peak_resident_mb", value=peak, unit="MB", beside=TARGET, beside_value=1000.0)


def found_in(workspace: bootstrap.Workspace, values: list[bytes]) -> int:
    """How many of these values are in the segment files, unsealed, footers and rows."""
    files = SegmentFiles(workspace.directory / "warehouse", workspace.entries)
    left = {value.decode() for value in values}
    many = len(left)
    with workspace.context.store.snapshot() as snapshot:
        for segment in snapshot.segments():
            with SealedFile(files.open(segment), files.key(segment)) as file:
                text = file.read()
            left -= _found(left, pl.Series([text.decode("latin-1")]))
            rows = files.read(segment)
            for column in rows.columns:
                if left and (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                    left -= _found(left, pl.Series(column))
    return many - len(left)


def _found(values: set[str], texts: pl.Series) -> set[str]:
    """Those of some values that texts have, all looked for in one pass."""
    if not values:
        return set()
    having = texts.filter(texts.str.contains_any(sorted(values)))
    return set(having.str.extract_many(sorted(values), overlapping=True).explode().drop_nulls().to_list())


def rest(warehouse: Warehouse, gone: list[bytes]) -> list[object]:
    """Sums over all events of others, to the bit."""
    told = ", ".join(f'"{column.name}"' for column in EVENT.columns)
    hexes = [exp.cast(exp.Literal.string(node.hex()), "UUID") for node in gone]
    rows = parse(f"SELECT node, CAST(to_json(row({told})) AS TEXT) AS row FROM staging.event")  # noqa: S608  our columns
    others = exp.select("*").from_(rows.subquery("e")).where(exp.Not(this=exp.column("node").isin(*hexes)))
    sums = exp.select("count(*) AS n", "sum(md5_number_lower(row)) AS low", "sum(md5_number_upper(row)) AS high")
    return list(warehouse.run(sums.from_(others.subquery("o")), LIMITS).to_pylist()[0].values())
