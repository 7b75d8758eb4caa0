"""ClickHouse as an engine of the customer, over its HTTP interface: version 25.8 or newer.

Tested with ClickHouse 26.9 as it is in chdb, which runs it within a process: the tests put its HTTP interface, as far as it
is used here, before it. A ClickHouse server of its own, a cluster and replicated tables were not tried.

Logs are `ReplacingMergeTree` tables in the order of their sequence, read with FINAL: a row that came twice is there once.
Times are kept between the years 1900 and 2299, which is what ClickHouse has; a list that is null becomes an empty one.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote, unquote, urlencode, urlsplit

import pyarrow as pa

from onefold.adapters.sql_engines.session import Kind, Session
from onefold.errors import ConfigurationError, ExpensiveError, UnavailableError, UsageError
from onefold.model import ColumnType
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import clickhouse

_PORTS = {"http": 8123, "https": 8443}
_TYPES: Mapping[ColumnType, str] = {
    "uuid": "Nullable(String)",
    "bigint": "Nullable(Int64)",
    "integer": "Nullable(Int32)",
    "double": "Nullable(Float64)",
    "boolean": "Nullable(Bool)",
    "decimal": "Nullable(Decimal(38, 9))",
    "timestamp": "Nullable(DateTime64(6, 'UTC'))",
    "date": "Nullable(Date32)",
    "text": "Nullable(String)",
    "json": "Nullable(String)",
    "uuids": "Array(String)",
}
_GRACE_SECONDS = 30.0
_UNLIMITED = QueryLimits(seconds=3600.0, result_mb=1 << 20)
_TOO_LONG, _TOO_MUCH_MEMORY, _TOO_LARGE, _NO_ACCESS = {159, 160}, 241, 396, {192, 194, 497, 516}
_ABOUT_THE_QUERY = {6, 38, 41, 43, 44, 46, 47, 48, 53, 62, 69, 70, 72, 153, 184, 386, 407}
"""Codes of errors about a value, or about what engines mean differently; see ErrorCodes.cpp of ClickHouse."""


def _table(table: str, columns: str, key: Sequence[str]) -> str:
    order = ", ".join(key)
    engine = "ReplacingMergeTree" if "sequence" in key else "MergeTree"
    return f"CREATE TABLE {table} ({columns}) ENGINE = {engine} ORDER BY ({order}) SETTINGS allow_nullable_key = 1"


def _delete(table: str, where: str) -> str:
    return f"ALTER TABLE {table} DELETE WHERE {where} SETTINGS mutations_sync = 2"


def _ids(table: str) -> str:
    return f"(SELECT groupArray(assumeNotNull(id)) FROM {table})"


KIND = Kind(
    dialect=clickhouse.DIALECT,
    types=_TYPES,
    quote='"',
    escape=lambda text: text.replace("\\", "\\\\").replace("'", "\\'"),
    table=_table,
    delete=_delete,
    ids=_ids,
    among=lambda ids, column: f"has({ids}, ifNull({column}, ''))",
    overlaps=lambda ids, column: f"hasAny({ids}, {column})",
    without=lambda ids, column: f"arrayFilter(each -> NOT has({ids}, each), {column})",
    named=lambda ids, column: (
        f"arrayExists(each -> position(ifNull({column}, ''), replaceAll(each, '-', '')) > 0, {ids})"
    ),
    update_some=lambda table, changes, where, some: (
        f"ALTER TABLE {table} UPDATE {changes(_ids(some))} WHERE {where(_ids(some))} SETTINGS mutations_sync = 2"
    ),
    delete_some=lambda table, where, some: _delete(table, where(_ids(some))),
    delete_named=lambda table, text, some: _delete(table, f"{text} IN (SELECT id FROM {some})"),
    schema=lambda name: f"CREATE DATABASE IF NOT EXISTS {name}",
    rewrite=lambda table: [f"OPTIMIZE TABLE {table} FINAL"],
    settings=" SETTINGS " + ", ".join(f"{name} = {value}" for name, value in clickhouse.SETTINGS.items()),
    deduplicates=True,
    rows=lambda table: f"{table} FINAL",
)


class ClickHouseSession(Session):
    """A connection to ClickHouse's HTTP interface."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet. The address is `http://USER:…@host:8123`, or `https://…`.

        Raises:
            ConfigurationError: It is not such an address.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ConfigurationError("an engine on ClickHouse needs an address like https://USER:…@host:8443")
        self._parts = parts
        self._connection: http.client.HTTPConnection | None = None

    def execute(self, statement: str) -> None:
        """Run a statement to its end."""
        self._ask(statement)

    def fetch(self, query: str, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query."""
        if limits is None:
            data = self._ask(f"{query} FORMAT ArrowStream")
        else:
            bounds = {"max_execution_time": f"{limits.seconds:g}", "max_result_bytes": str(limits.result_mb << 20)}
            data = self._ask(f"{query} FORMAT ArrowStream", None, limits, readonly="2", **bounds)
        with pa.ipc.open_stream(data) as stream:
            return stream.read_all()

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table, in one block."""
        if not rows.num_rows:
            return
        names = ", ".join(KIND.name(name) for name in rows.column_names)
        sink = pa.BufferOutputStream()
        rows = rows.combine_chunks()
        with pa.ipc.new_stream(sink, rows.schema) as writer:
            writer.write_table(rows)
        whole = str(rows.num_rows + 1)
        self._ask(
            f"INSERT INTO {table} ({names}) FORMAT ArrowStream",
            sink.getvalue().to_pybytes(),
            max_insert_block_size=whole,
            min_insert_block_size_rows=whole,
            min_insert_block_size_bytes="0",
        )

    def tables(self, schema: str) -> list[str]:
        """Names of the tables in a schema; of a schema that is missing, none."""
        found = self.fetch(f"SELECT name FROM system.tables WHERE database = {KIND.literal(schema)}")
        return [str(name) for name in found["name"].to_pylist()]

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(
        self, statement: str, body: bytes | None = None, limits: QueryLimits = _UNLIMITED, **settings: str
    ) -> bytes:
        asked = {name: value.strip("'") for name, value in clickhouse.SETTINGS.items()} | settings
        asked |= {"output_format_arrow_string_as_string": "1", "wait_end_of_query": "1", "session_timezone": "UTC"}
        if body is not None:
            asked["query"] = statement
        headers = {"Content-Type": "application/octet-stream"}
        if self._parts.username:
            headers["X-ClickHouse-User"] = unquote(self._parts.username)
            headers["X-ClickHouse-Key"] = unquote(self._parts.password or "")
        path = f"{self._parts.path or '/'}?{urlencode(asked, quote_via=quote)}"
        try:
            connection = self._connected(limits.seconds + _GRACE_SECONDS)
            connection.request("POST", path, statement.encode() if body is None else body, headers)
            answer = connection.getresponse()
            data = answer.read()
        except TimeoutError:
            self.close()
            raise _too_long(limits) from None
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise UnavailableError(f"the engine does not answer ({type(error).__name__})") from error
        if answer.status != HTTPStatus.OK:
            raise _error(answer.status, answer.getheader("X-ClickHouse-Exception-Code"), limits)
        return data

    def _connected(self, seconds: float) -> http.client.HTTPConnection:
        if self._connection is None:
            host, port = self._parts.hostname or "", self._parts.port or _PORTS[self._parts.scheme]
            if self._parts.scheme == "https":
                context = ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(host, port, timeout=seconds, context=context)
            else:
                self._connection = http.client.HTTPConnection(host, port, timeout=seconds)
        self._connection.timeout = seconds
        if self._connection.sock is not None:
            self._connection.sock.settimeout(seconds)
        return self._connection


def _too_long(limits: QueryLimits) -> ExpensiveError:
    return ExpensiveError(f"The query was ended after {limits.seconds:g} s; narrow it, or allow it more time.")


def _error(status: int, code: str | None, limits: QueryLimits) -> Exception:
    """What an answer means. Its text can quote rows, so it is not passed on."""
    number = int(code) if code and code.isdigit() else 0
    if number in _TOO_LONG:
        return _too_long(limits)
    if number == _TOO_LARGE:
        return ExpensiveError(f"The result has more than {limits.result_mb} MB; narrow the query.")
    if number == _TOO_MUCH_MEMORY:
        return ExpensiveError("The query needs more memory than the engine allows; narrow it.")
    if number in _NO_ACCESS or status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return ConfigurationError(f"ClickHouse refuses this user what the copy needs (code {number})")
    if number in _ABOUT_THE_QUERY:
        return UsageError(f"{clickhouse.NAME} cannot run the query (code {number}).")
    return UnavailableError(f"the engine fails (status {status}, code {number})")
