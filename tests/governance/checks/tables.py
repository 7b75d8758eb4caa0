"""Tables for checks in an in-memory DuckDB."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache

import duckdb
import pyarrow as pa

from onefold.governance.checks import columns
from onefold.model import Column as C  # noqa: N817  many stand in a line
from onefold.model import Relation

THING = pa.schema(
    [("id", pa.int32()), ("text", pa.string()), ("plan", pa.string()), ("amount", pa.decimal128(12, 2)), ("n", pa.int64()),
     ("flag", pa.bool_()), ("day", pa.date32()), ("at", pa.timestamp("us"))]
)  # fmt: skip
THING_RELATION = Relation(
    "temp", "thing",
    (C("id", "integer"), C("text", "text", "personal"), C("plan", "text"), C("amount", "decimal"), C("n", "bigint"),
     C("flag", "boolean"), C("day", "date"), C("at", "timestamp")),
)  # fmt: skip
RELATIONS = {
    "temp.thing": columns(THING_RELATION),
    "temp.other": columns(Relation("temp", "other", (C("a", "bigint"), C("b", "text")))),
}
OTHER = pa.schema([("a", pa.int64()), ("b", pa.string())])


@cache
def _connection():
    connection = duckdb.connect()
    # Another zone than UTC, so that nothing leans on it.
    connection.execute("SET TimeZone = 'America/Chicago'; SET threads = 1")
    return connection


@contextmanager
def database(rows, others):
    """A database with `main.thing` and `main.other`."""
    connection = _connection()
    connection.register("thing", pa.Table.from_pylist(rows, schema=THING))
    connection.register("other", pa.Table.from_pylist(others, schema=OTHER))
    try:
        yield connection
    finally:
        connection.unregister("thing")
        connection.unregister("other")


def query(connection):
    """What checks run their trees with."""
    return lambda tree: connection.sql(tree.sql("duckdb")).to_arrow_table()
