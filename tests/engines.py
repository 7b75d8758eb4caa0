"""Copies of warehouses in engines for tests."""

from __future__ import annotations

import itertools

from bench.postgres import OWNER, address
from sqlglot import exp

from onefold.adapters.duckdb.changes import pinned
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.postgres.engine import PostgresEngine
from onefold.bootstrap import engines
from onefold.warehouse.views import queries as view_queries

WORKSPACE = "0123456789abcdef0123456789abcdef"
_numbers = itertools.count()


def postgres_engine(queries: QueryProcess, prefix: str | None = None) -> PostgresEngine:
    """An engine on the tests' server; in schemas of its own unless a prefix is stated."""
    return PostgresEngine(address(OWNER), queries, prefix=f"e{next(_numbers)}_" if prefix is None else prefix)


def copy(yard, engine, *, load: bool = True) -> engines.EngineLoaded:
    """Load what waits into segment files, and from there into the engine."""
    if load:
        yard.load()
    with pinned(yard.context.store, yard.files) as segments:
        return engines.load(engine, segments, "copy", WORKSPACE)


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


def views():
    """The trees of the views."""
    return view_queries().values()
