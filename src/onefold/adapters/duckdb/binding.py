"""Binding: what a query would give, told by DuckDB over relations without rows.

Engines of the customer are asked the same queries as the embedded warehouse. Bound here first, a query that is not one,
names a column that there is not, or calls a function that there is not, is refused in the same words whatever the engine;
and its result has the same columns and types.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
from sqlglot import exp

from onefold.adapters.duckdb.columns import duckdb_type, empty
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.duckdb.query_messages import Request, Stored, View
from onefold.errors import UsageError
from onefold.model import Relation
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import query as queries
from onefold.warehouse import views

_LIMITS = QueryLimits(seconds=30.0, memory_mb=256, result_mb=1, threads=1)


def bound(
    process: QueryProcess, query: exp.Query, relations: Mapping[str, Relation], trees: Mapping[str, exp.Query]
) -> pa.Schema:
    """The columns of a query's result.

    Raises:
        UsageError: It cannot be run as it is.
    """
    needed = queries.closure(queries.read_by(query, relations), trees, relations)
    stored = [_stored(relations[name]) for name in sorted(needed - trees.keys())]
    shown = []
    for name in (name for name in trees if name in needed):
        schema, _, bare = name.partition(".")
        shown.append(View(schema, bare, trees[name].sql(dialect=views.DIALECT)))
    try:
        text = queries.counting(query).sql(dialect=views.DIALECT)
    except RecursionError:
        raise UsageError("The query is nested too deeply.") from None
    return process.run(Request(text, stored, shown, _LIMITS, ",".join(queries.SCHEMAS)), ()).schema


def _stored(relation: Relation) -> Stored:
    rows, sink = empty(relation), pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    columns = [(column.name, duckdb_type(column)) for column in relation.columns]
    return Stored(relation.schema, relation.name, columns, [], sink.getvalue().to_pybytes())
