"""Spark as a cluster, through Spark Connect: functions over batches of Arrow go to the executors, which have the rows.

Experimental: run on a Spark Connect server 4.1 on one machine. The executors' Python has Onefold with its extra `matching`,
in the version of the client, and the client's minor version of Python.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pyarrow as pa
import sqlglot
from pyspark.errors.exceptions.base import AnalysisException
from pyspark.sql.pandas.types import from_arrow_schema
from sqlglot import exp

import onefold
from onefold.adapters.sql_engines.spark import NEEDED_THERE, SparkConnectSession
from onefold.errors import ConfigurationError, NotFoundError, UsageError
from onefold.matching import batches
from onefold.ports.cluster import OfBatch

_MISSING = ("TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PATH_NOT_FOUND", "DELTA_", "UNABLE_TO_INFER_SCHEMA")


class SparkCluster:
    """A session of a Spark Connect server that runs Python beside its rows; see `ports.cluster`."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet; see `SparkConnectSession`.

        Raises:
            ConfigurationError: It is not an address of Spark Connect.
        """
        self._session = SparkConnectSession(url)
        # Relations of ours hide no table there, of whatever name.
        self._prefix = f"onefold_{uuid.uuid4().hex[:8]}_"
        self._made: set[str] = set()
        self._kept: list[Any] = []

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<SparkCluster(relations={len(self._made)})>"

    def source(self, name: str, table: str) -> list[str]:
        """Make a relation of a table; see the port."""
        with self._session.asked() as session:
            try:
                rows = session.table(table)
                columns = list(rows.columns)
            except AnalysisException as error:
                if str(error.getCondition() or "").startswith(_MISSING):
                    raise NotFoundError(
                        f"the engine has no table `{table}`; name it as Spark does, like `catalog.schema.table`, "
                        "or its files, like parquet.`s3a://bucket/people`"
                    ) from None
                raise
            self._name(name, rows)
        return columns

    def map(self, name: str, query: str, function: OfBatch, schema: pa.Schema) -> None:
        """Make a relation of what a function makes of rows; see the port."""
        if not self._kept:
            self._see_python()
        with self._session.asked() as session:
            self._keep(name, _mapped(session.sql(self._sql(query)), function, schema))

    def keep(self, name: str, query: str) -> None:
        """Make a relation of a query; see the port."""
        with self._session.asked() as session:
            self._keep(name, session.sql(self._sql(query)))

    def put(self, name: str, rows: pa.Table) -> None:
        """Make a relation of rows; see the port."""
        with self._session.asked() as session:
            # Of no rows Spark would not know the columns.
            self._name(name, session.createDataFrame(rows if rows.num_rows else [], from_arrow_schema(rows.schema)))

    def fetch(self, query: str) -> pa.Table:
        """The rows of a query; see the port."""
        return self._session.fetch(self._sql(query))

    def free(self, table: str) -> None:
        """See that a table can be made; see the port."""
        with self._session.asked() as session:
            if session.catalog.tableExists(table):
                raise UsageError(f"the engine has a table `{table}` already; name another one, or drop it first")

    def write(self, table: str, query: str) -> None:
        """Make a table that lasts; see the port."""
        self.free(table)
        with self._session.asked() as session:
            session.sql(self._sql(query)).writeTo(table).create()

    def close(self) -> None:
        """End the session; what the executors keep for it they let go."""
        kept, self._kept = self._kept, []
        try:
            if kept:
                with self._session.asked():
                    for each in kept:
                        each.unpersist()
        finally:
            self._session.close()

    def _see_python(self) -> None:
        with self._session.asked() as session:
            schema = pa.schema([("version", pa.string())])
            found = _mapped(session.range(1), batches.version, schema).toArrow()["version"].to_pylist()
        if found != [onefold.__version__]:
            raise ConfigurationError(NEEDED_THERE)

    def _keep(self, name: str, rows: Any) -> None:
        self._kept.append(rows.persist())
        self._name(name, rows)

    def _name(self, name: str, rows: Any) -> None:
        rows.createOrReplaceTempView(self._prefix + name)
        self._made.add(name)

    def _sql(self, query: str) -> str:
        """A query in Spark's words, of relations by the names that they have there."""
        parsed = sqlglot.parse_one(query, dialect="duckdb")
        own = {cte.alias for cte in parsed.find_all(exp.CTE)}
        for table in list(parsed.find_all(exp.Table)):
            if table.name in self._made - own:
                table.replace(exp.to_table(self._prefix + table.name).as_(table.alias_or_name, table=True))
        return parsed.sql(dialect="spark")


def _mapped(rows: Any, function: OfBatch, schema: pa.Schema) -> Any:
    return rows.mapInArrow(partial(batches.over, function, schema), from_arrow_schema(schema))
