"""A warehouse for tests: its feed, its loader and its queries over any store, with one process for all queries."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tests import workbench

from onefold.adapters.duckdb.loader import Loader
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.adapters.duckdb.warehouse import DuckDbWarehouse
from onefold.bootstrap.workspace import feed_of
from onefold.governance.encryption import EntrySealer
from onefold.pipelines.context import Context
from onefold.pipelines.reading import profile_rows
from onefold.pipelines.stream import process
from onefold.warehouse.query import parse


class Yard:
    """A workspace with its warehouse."""

    def __init__(self, context: Context, directory: Path, queries: QueryProcess, *, rows: int = 60_000) -> None:
        sealer = EntrySealer(workbench.KEYS, os.urandom)
        feed = feed_of(sealer)
        assert feed is not None, "the extra `warehouse` is not installed"
        self.context = replace(context, feed=feed)
        self.files = SegmentFiles(directory / "warehouse", sealer)
        profiler = partial(profile_rows.profile_rows, self.context)
        self.loader = Loader(context.store, feed, self.files, profiler, rows=rows)
        self.warehouse = DuckDbWarehouse(context.store, feed, self.files, profiler, queries, context.log)

    def receive(self, *bodies: dict[str, Any], batch: int = 1_000) -> None:
        """Append items and process them."""
        self.context.log.append([workbench.entry(body, index=n) for n, body in enumerate(bodies)])
        process.drain(self.context, batch=batch)

    def load(self) -> int:
        """Load all that waits."""
        total = 0
        while loaded := self.loader.load():
            total += loaded
        return total

    def rows(self, query: str, **limits: Any) -> list[dict[str, Any]]:
        """The rows of a query."""
        from onefold.ports.warehouse import QueryLimits

        found: list[dict[str, Any]] = self.warehouse.run(parse(query), QueryLimits(**limits)).to_pylist()
        return found
