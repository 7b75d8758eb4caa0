"""Erasing people from the warehouse: how long it takes, whether anything is left, whether the rest is as it was."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sqlglot import exp

from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.adapters.duckdb.sealed_file import SealedFile
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.ports.warehouse import Warehouse
from onefold.synthetic.stream import items
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT

TARGET = "target"
PEOPLE = 100
_WHOM = "SELECT person, list(node) AS nodes, list(value) AS values FROM golden.identity GROUP BY person ORDER BY person"


def run(full: bool) -> Iterator[Figure]:
    """Some people, one erasure each, among all the events that there are."""
    events, people = (1_000_000, PEOPLE) if full else (10_000, 10)
    with ground() as here:
        fill(here.directory, items(1, events, events // 5))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            bootstrap.load_warehouse(workspace)
            warehouse, eraser = bootstrap.warehouse_of(workspace), bootstrap.eraser_of(workspace)
            assert eraser is not None
            try:
                whom = warehouse.run(parse(f"{_WHOM} LIMIT {people}")).to_pylist()
                nodes = [[bytes.fromhex(node.replace("-", "")) for node in map(str, one["nodes"])] for one in whom]
                values = [value.encode() for one in whom for value in one["values"] if len(value) > 5]
                gone = [node for some in nodes for node in some]
                assert found_in(workspace, values), "the sweep finds nothing where all is there"
                before, began = rest(warehouse, gone), time.perf_counter()
                for some in nodes:
                    eraser.erase(some)
                took = time.perf_counter() - began
                after = rest(warehouse, gone)
            finally:
                warehouse.close()
            yield Figure(bench="erasure", metric="events", value=events, unit="events")
            yield Figure(
                bench="erasure", metric="person_s", value=took / len(nodes), unit="s", beside=TARGET, beside_value=5.0
            )
            hits = eraser.count(gone) + found_in(workspace, values)
            yield Figure(bench="erasure", metric="hits_after", value=hits, unit="hits", beside=TARGET, beside_value=0)
            yield Figure(
                bench="erasure", metric="rest_changed", value=float(before != after), unit="0 or 1", beside=TARGET,
                beside_value=0,
            )  # fmt: skip


def found_in(workspace: bootstrap.Workspace, values: list[bytes]) -> int:
    """How many of these values are in the segment files, unsealed, footers and rows."""
    files = SegmentFiles(workspace.directory / "warehouse", workspace.entries)
    left = set(values)
    with workspace.context.store.snapshot() as snapshot:
        for segment in snapshot.segments():
            with SealedFile(files.open(segment), files.key(segment)) as file:
                text = file.read() + repr(files.read(segment).to_pydict()).encode()
            left -= {value for value in left if value in text}
    return len(set(values)) - len(left)


def rest(warehouse: Warehouse, gone: list[bytes]) -> list[object]:
    """Sums over all events of others, to the bit."""
    told = ", ".join(f'"{column.name}"' for column in EVENT.columns)
    hexes = [exp.cast(exp.Literal.string(node.hex()), "UUID") for node in gone]
    rows = parse(f"SELECT node, CAST(to_json(row({told})) AS TEXT) AS row FROM staging.event")  # noqa: S608  our columns
    others = exp.select("*").from_(rows.subquery("e")).where(exp.Not(this=exp.column("node").isin(*hexes)))
    sums = exp.select("count(*) AS n", "sum(md5_number_lower(row)) AS low", "sum(md5_number_upper(row)) AS high")
    return list(warehouse.run(sums.from_(others.subquery("o"))).to_pylist()[0].values())
