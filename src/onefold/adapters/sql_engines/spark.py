"""Spark with Delta tables as an engine of the customer, through Spark Connect: Spark 4.1 or newer, Delta 4.2 or newer.

Tested on a Spark Connect server 4.1.1 with Delta 4.2.0 on one machine, with the client pyspark 4.1. Databricks speaks
Spark Connect, too (`sc://HOST:443/;token=…;x-databricks-cluster-id=…`); it was not tried, nor was a
metastore or an object store.

Every statement is one commit of a Delta table. Tables keep no deletion vectors and no statistics of columns but `sequence`,
so that nobody's values outlive an erasure in files of Delta's own.
"""

from __future__ import annotations

import itertools
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import grpc
import pyarrow as pa
from pyspark.errors import exceptions
from pyspark.errors.exceptions.connect import PythonException, SparkConnectException
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.plan import SQL, SubqueryAlias
from pyspark.sql.connect.session import SparkSession

import onefold
from onefold.adapters.sql_engines.session import Kind, OfIds, Session
from onefold.errors import (
    ConfigurationError,
    ConflictError,
    ExpensiveError,
    NotFoundError,
    UnavailableError,
    UsageError,
)
from onefold.model import ColumnType
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import spark

_TYPES: Mapping[ColumnType, str] = {
    "uuid": "STRING",
    "bigint": "BIGINT",
    "integer": "INT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "decimal": "DECIMAL(38, 9)",
    "timestamp": "TIMESTAMP_NTZ",
    "date": "DATE",
    "text": "STRING",
    "json": "STRING",
    "uuids": "ARRAY<STRING>",
}
_SETTINGS = {
    **spark.SETTINGS,
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",  # VACUUM right after an erasure
}
_RETRIES = 5
"""About 20 seconds in all, instead of ten minutes."""
_ABOUT_THE_QUERY = (
    exceptions.base.AnalysisException,
    exceptions.base.ArithmeticException,
    exceptions.base.ArrayIndexOutOfBoundsException,
    exceptions.base.DateTimeException,
    exceptions.base.IllegalArgumentException,
    exceptions.base.NumberFormatException,
    exceptions.base.SparkRuntimeException,
    exceptions.base.UnsupportedOperationException,
)
_NO_ACCESS = ("INSUFFICIENT_PERMISSIONS", "PERMISSION_DENIED", "UNAUTHENTICATED")
_CANNOT_IMPORT = ("ModuleNotFoundError", "ImportError", "PYTHON_VERSION_MISMATCH")
NEEDED_THERE = (
    f"the Python of Spark's executors cannot run Onefold: install onefold[matching]=={onefold.__version__} there, for Python "
    f"{sys.version_info.major}.{sys.version_info.minor} as here, and name that Python in `spark.pyspark.python`"
)
_numbers = itertools.count()


def _table(table: str, columns: str, key: Sequence[str]) -> str:
    kept = (
        "'delta.dataSkippingStatsColumns' = 'sequence'"
        if "sequence" in key
        else "'delta.dataSkippingNumIndexedCols' = '0'"
    )
    return (
        f"CREATE TABLE {table} ({columns}) USING delta TBLPROPERTIES ('delta.enableDeletionVectors' = 'false', {kept})"
    )


def _merged(table: str, where: OfIds, some: str, what: str) -> str:
    """A statement that Delta's log has without the ids, unlike an UPDATE or DELETE of which it has the condition."""
    ids = f"(SELECT collect_list(id) AS ids FROM {some}) AS erased"
    return f"MERGE INTO {table} USING {ids} ON {where('erased.ids')} WHEN MATCHED THEN {what}"


KIND = Kind(
    dialect=spark.DIALECT,
    types=_TYPES,
    quote="`",
    escape=lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    table=_table,
    delete=lambda table, where: f"DELETE FROM {table} WHERE {where}",
    ids=lambda table: f"(SELECT collect_list(id) FROM {table})",
    among=lambda ids, column: f"array_contains({ids}, coalesce({column}, ''))",
    overlaps=lambda ids, column: f"coalesce(arrays_overlap({ids}, {column}), false)",
    without=lambda ids, column: f"filter({column}, each -> NOT array_contains({ids}, each))",
    # A function of a function takes no subquery there, so the ids are one pattern.
    named=lambda ids, column: f"rlike(coalesce({column}, ''), replace(array_join({ids}, '|'), '-', ''))",
    update_some=lambda table, changes, where, some: _merged(table, where, some, f"UPDATE SET {changes('erased.ids')}"),
    delete_some=lambda table, where, some: _merged(table, where, some, "DELETE"),
    delete_named=lambda table, text, some: (
        f"MERGE INTO {table} USING {some} AS leaving ON {text} = leaving.id WHEN MATCHED THEN DELETE"
    ),
    schema=lambda name: f"CREATE SCHEMA IF NOT EXISTS {name}",
    rewrite=lambda table: [f"OPTIMIZE {table}", f"VACUUM {table} RETAIN 0 HOURS"],
)


class SparkConnectSession(Session):
    """A session of a Spark Connect server."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet. The address is `sc://host:15002`, with parameters of Spark Connect after `/;`.

        Raises:
            ConfigurationError: It is not such an address.
        """
        if not url.startswith("sc://"):
            raise ConfigurationError("an engine on Spark needs the address of Spark Connect, like sc://host:15002")
        self._url = url
        self._session: Any = None
        self._shown: dict[str, SubqueryAlias] = {}

    def execute(self, statement: str) -> None:
        """Run a statement to its end."""
        with self.asked() as session:
            session.client.execute_command(self._plan(statement).command(session.client))

    def fetch(self, query: str, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query. What is larger than the limit is not taken in whole."""
        parts, size = [], 0
        with self.asked(limits) as session:
            # Not by `session.sql`, which has the server analyse the query once more.
            for part in session.client.to_table_as_iterator(self._plan(query).to_proto(session.client), {}):
                if isinstance(part, pa.Table):
                    # Of a list without rows Spark leaves out a buffer, which Arrow takes for granted.
                    parts.append(part if part.num_rows else part.schema.empty_table())
                    size += parts[-1].nbytes
                if limits is not None and size > limits.result_mb << 20:
                    raise ExpensiveError(f"The result has more than {limits.result_mb} MB; narrow the query.")
        return pa.concat_tables(parts)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table, in one commit."""
        if rows.num_rows:
            with self.asked() as session:
                session.createDataFrame(rows).coalesce(1).writeTo(table).append()

    def show(self, rows: pa.Table) -> str:
        """Have statements read rows, which travel with each of them; a table would be three more commits each time."""
        name = f"shown_{next(_numbers)}_"
        with self.asked() as session:
            self._shown[name] = SubqueryAlias(session.createDataFrame(rows)._plan, name)  # noqa: SLF001  as `sql` does
        return name

    def hide(self, name: str) -> None:
        """Let go of rows that were shown."""
        del self._shown[name]

    def tables(self, schema: str) -> list[str]:
        """Names of the tables in a schema; of a schema that is missing, none."""
        try:
            found = self.fetch(f"SHOW TABLES IN {KIND.name(schema)}")
        except NotFoundError:
            return []
        return [str(name) for name in found["tableName"].to_pylist()]

    def close(self) -> None:
        """End the session."""
        if self._session is not None:
            session, self._session = self._session, None
            session.stop()

    def _plan(self, statement: str) -> SQL:
        return SQL(statement, views=[rows for name, rows in self._shown.items() if name in statement])

    @contextmanager
    def asked(self, limits: QueryLimits | None = None) -> Iterator[Any]:
        """The session for something that is asked of it, which is ended after its time."""
        tag, ended = f"onefold-{next(_numbers)}", threading.Event()
        timer = None
        try:
            session = self._connected()
            if limits is not None:
                session.addTag(tag)
                timer = threading.Timer(limits.seconds, _interrupt, [session, tag, ended])
                timer.daemon = True
                timer.start()
            yield session
        except (exceptions.base.PySparkException, grpc.RpcError) as error:
            if limits is not None and ended.is_set():
                raise ExpensiveError(
                    f"The query was ended after {limits.seconds:g} s; narrow it, or allow it more time."
                ) from None
            raise self._told(error) from None
        finally:
            if timer is not None:
                timer.cancel()
                session.removeTag(tag)

    def _connected(self) -> Any:
        if self._session is None:
            session: Any = SparkSession(self._url)
            session.client.set_retry_policies([DefaultPolicy(max_retries=_RETRIES)])
            for name, value in _SETTINGS.items():
                session.conf.set(name, value)
            self._session = session
        return self._session

    def _told(self, error: Exception) -> Exception:
        """What an error means. Its text can quote rows, so it is not passed on."""
        condition = str(error.getCondition() or "") if isinstance(error, exceptions.base.PySparkException) else ""
        code = error.code().name if isinstance(error, grpc.RpcError) else ""
        named = condition or code or type(error).__name__
        if named.startswith(_NO_ACCESS):
            return ConfigurationError(f"Spark refuses this user what the copy needs ({named})")
        if condition.startswith("DELTA_CONCURRENT"):
            return ConflictError(f"somebody else changes the same table of the engine ({condition})")
        if isinstance(error, PythonException) and any(each in str(error) for each in _CANNOT_IMPORT):
            return ConfigurationError(NEEDED_THERE)
        if condition == "SCHEMA_NOT_FOUND":
            return NotFoundError("the engine has no such schema")
        if isinstance(error, _ABOUT_THE_QUERY):
            return UsageError(f"{spark.NAME} cannot run the query ({named}).")
        self._session = None  # a server that began again does not know it
        told = "fails" if isinstance(error, SparkConnectException) and condition else "does not answer"
        return UnavailableError(f"the engine {told} ({named})")


def _interrupt(session: Any, tag: str, ended: threading.Event) -> None:
    ended.set()
    session.interruptTag(tag)
