"""Copies of warehouses in engines for tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

from bench.postgres import OWNER, address
from sqlglot import exp

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.postgres.engine import PostgresEngine
from onefold.bootstrap import engines
from onefold.warehouse.dialects import postgres
from onefold.warehouse.views import queries as view_queries

WORKSPACE = "0123456789abcdef0123456789abcdef"
_numbers = itertools.count()


def postgres_engine(queries: QueryProcess, prefix: str | None = None) -> PostgresEngine:
    """An engine on the tests' server; in schemas of its own unless a prefix is stated."""
    return PostgresEngine(address(OWNER), queries, prefix=f"e{next(_numbers)}_" if prefix is None else prefix)


class PostgresEngines:
    """Makes engines on the tests' server, each in schemas of its own; what contracts ask of each kind of engine."""

    name = "postgres"
    nul = "␀"
    """What a NUL in text becomes: PostgreSQL holds none, and its picture stands for it, as in the profile store."""
    parts = postgres.DIALECT.parts
    controls = ("like", "ilike", "lower", "argmax", "round")

    def __init__(self, queries: QueryProcess) -> None:
        self._queries = queries
        self._made: list[PostgresEngine] = []

    def __call__(self) -> PostgresEngine:
        """One more."""
        self._made.append(postgres_engine(self._queries))
        return self._made[-1]

    def close(self) -> None:
        """Close all of them."""
        for engine in self._made:
            engine.close()


@contextmanager
def postgres_engines(queries: QueryProcess) -> Iterator[PostgresEngines]:
    """What makes engines, for the block."""
    made = PostgresEngines(queries)
    try:
        yield made
    finally:
        made.close()


def copy(yard, engine, *, load: bool = True, anew: bool = False) -> engines.EngineLoaded:
    """Load what waits into segment files, and from there into the engine."""
    if load:
        yard.load()
    with pinned(yard.context.store, yard.files) as segments:
        return engines.load(engine, segments, "copy", WORKSPACE, anew=anew)


def whole(name: str) -> exp.Query:
    """The query for all rows of a relation."""
    return exp.select("*").from_(exp.to_table(name))


def contents(warehouse) -> dict[str, list[str]]:
    """All rows of all relations, in an order of their own; but of raw ones, which are the event log's and stay there."""
    return {
        relation.full_name: sorted(map(repr, warehouse.run(whole(relation.full_name)).to_pylist()))
        for relation in warehouse.relations()
        if relation.schema != "raw"
    }


def stored_rows(warehouse) -> dict[str, list[str]]:
    """As `contents`, of what is stored, and of one view that is made of several logs."""
    return {
        relation.full_name: sorted(map(repr, warehouse.run(whole(relation.full_name)).to_pylist()))
        for relation in warehouse.relations()
        if relation.schema != "raw" and (relation.kind != "view" or relation.name == "source_link")
    }


def views():
    """The trees of the views."""
    return view_queries().values()
