"""Snowflake as an engine of the customer.

Tested against the fakesnow emulator only, which runs Snowflake's SQL on DuckDB behind Snowflake's HTTP interface, with
Snowflake's own client. No account of Snowflake's was tried: neither its limits, its roles and warehouses, nor how fast it is.

Rows travel as Parquet files through a stage of the session, which goes with it. Tables are transient and keep no earlier
versions, so that what is deleted is in none of them.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import snowflake.connector as client
from snowflake.connector import errors

from onefold.adapters.sql_engines.session import Kind, Session
from onefold.errors import ConfigurationError, ExpensiveError, UnavailableError, UsageError
from onefold.model import ColumnType
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import snowflake

_TYPES: Mapping[ColumnType, str] = {
    "uuid": "VARCHAR",
    "bigint": "BIGINT",
    "integer": "INT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "decimal": "NUMBER(38, 9)",
    "timestamp": "TIMESTAMP_NTZ(6)",
    "date": "DATE",
    "text": "VARCHAR",
    "json": "VARCHAR",
    "uuids": "ARRAY",
}
_SETTINGS = {"TIMEZONE": "UTC", "WEEK_START": 0, "CLIENT_OUT_OF_BAND_TELEMETRY_ENABLED": False}
_CONNECT = ("warehouse", "role", "host", "port", "protocol")
_ENDED = {604, 630}
"""Codes of a statement that was ended: by somebody, and after its time."""
_NO_ACCESS = {3001, 250001, 390100, 390101, 390189, 390201}
_PATIENCE = 60
"""Seconds for which a request is tried again; without an end by default."""
_SCHEMA = '"onefold_loading"'
_STAGE = f'{_SCHEMA}."arriving"'
_parts = itertools.count()


def _delete(table: str, where: str) -> str:
    return f"DELETE FROM {table} WHERE {where}"


def _any_of(table: str, before: str, after: str) -> str:
    """A pattern of all ids of a table. An id is as long as any other, so a text is one of them or holds it."""
    return f"""(SELECT '{before}(' || LISTAGG("id", '|') || '){after}' FROM {table})"""


def _without(table: str, column: str) -> str:
    left = f"""REGEXP_REPLACE(TO_JSON({column}), {_any_of(table, '"', '",?')}, '')"""
    return f"PARSE_JSON(REGEXP_REPLACE({left}, ',[]]', ']'))::ARRAY"


KIND = Kind(
    dialect=snowflake.DIALECT,
    types=_TYPES,
    quote='"',
    escape=lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    table=lambda table, columns, _: f"CREATE TRANSIENT TABLE {table} ({columns}) DATA_RETENTION_TIME_IN_DAYS = 0",
    delete=_delete,
    ids=lambda table: table,
    among=lambda ids, column: f'{column} IN (SELECT "id" FROM {ids})',
    overlaps=lambda ids, column: f"REGEXP_LIKE(TO_JSON({column}), {_any_of(ids, '.*', '.*')})",
    without=_without,
    named=lambda ids, column: f"REGEXP_LIKE({column}, REPLACE({_any_of(ids, '.*', '.*')}, '-', ''))",
    update_some=lambda table, changes, where, some: f"UPDATE {table} SET {changes(some)} WHERE {where(some)}",
    delete_some=lambda table, where, some: _delete(table, where(some)),
    delete_named=lambda table, text, some: _delete(table, f'{text} IN (SELECT "id" FROM {some})'),
    schema=lambda name: f"CREATE SCHEMA IF NOT EXISTS {name}",
    rewrite=lambda _: [],
)


class SnowflakeSession(Session):
    """A session of Snowflake's."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet. The address is `snowflake://USER:…@ACCOUNT/DATABASE?warehouse=…&role=…`.

        Raises:
            ConfigurationError: It is not such an address.
        """
        parts = urlsplit(url)
        database = parts.path.strip("/")
        if parts.scheme != "snowflake" or not parts.hostname or not database or not parts.username:
            raise ConfigurationError(
                "an engine on Snowflake needs an address like snowflake://USER:…@ACCOUNT/DATABASE?warehouse=NAME"
            )
        more = {name: values[0] for name, values in parse_qs(parts.query).items() if name in _CONNECT}
        self._given: dict[str, Any] = {
            "account": parts.hostname,
            "user": unquote(parts.username),
            "password": unquote(parts.password or ""),
            "database": database,
            **more,
        }
        self._connection: Any = None

    def execute(self, statement: str) -> None:
        """Run a statement to its end."""
        with self._asked() as cursor:
            cursor.execute(statement)

    def fetch(self, query: str, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query."""
        with self._asked(limits) as cursor:
            cursor.execute(query, timeout=None if limits is None else max(1, round(limits.seconds)))
            return cursor.fetch_arrow_all(force_return_table=True)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table, in one statement."""
        if not rows.num_rows:
            return
        name = f"{next(_parts)}.parquet"
        with io.BytesIO() as sink, self._asked() as cursor:
            pq.write_table(rows, sink, coerce_timestamps="us")
            sink.seek(0)
            cursor.execute(f"PUT file://{name} @{_STAGE} AUTO_COMPRESS = FALSE OVERWRITE = TRUE", file_stream=sink)
            cursor.execute(
                f"COPY INTO {table} FROM @{_STAGE}/{name} FILE_FORMAT = (TYPE = PARQUET)"
                " MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE PURGE = TRUE"
            )

    def tables(self, schema: str) -> list[str]:
        """Names of the tables in a schema; of a schema that is missing, none."""
        found = self.fetch(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = {KIND.literal(schema)}"
        )
        return [str(name) for name in found.column(0).to_pylist()]

    def close(self) -> None:
        """End the session."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _asked(self, limits: QueryLimits | None = None) -> Iterator[Any]:
        try:
            if self._connection is None:
                self._connection = client.connect(
                    **self._given, session_parameters=_SETTINGS, login_timeout=_PATIENCE, network_timeout=_PATIENCE
                )
                with self._connection.cursor() as cursor:
                    cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {_SCHEMA}")
                    cursor.execute(f"CREATE TEMPORARY STAGE {_STAGE}")
            with self._connection.cursor() as cursor:
                yield cursor
        except errors.Error as error:
            raise self._told(error, limits) from None

    def _told(self, error: errors.Error, limits: QueryLimits | None) -> Exception:
        """What an error means. Its text can quote rows, so it is not passed on."""
        code = error.errno or 0
        if code in _ENDED and limits is not None:
            return ExpensiveError(f"The query was ended after {limits.seconds:g} s; narrow it, or allow it more time.")
        if code in _NO_ACCESS:
            return ConfigurationError(f"Snowflake refuses this user what the copy needs (code {code})")
        if isinstance(error, errors.ProgrammingError):
            return UsageError(f"{snowflake.NAME} cannot run the query (code {code}).")
        self._connection = None
        return UnavailableError(f"the engine does not answer (code {code})")
