"""BigQuery as an engine of the customer.

Tested against the emulator bqemulator only, which runs BigQuery's SQL on DuckDB behind BigQuery's HTTP interface, with
Google's own client. No project of Google's was tried: neither its limits and prices, nor its permissions, nor how fast it is.

Rows travel as Parquet in load jobs, each of which is seen whole or not at all. Lists are never null there.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import requests
from google.api_core import exceptions
from google.auth import exceptions as auth
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery as client

from onefold.adapters.sql_engines.session import Kind, Session
from onefold.errors import ConfigurationError, ExpensiveError, UnavailableError, UsageError
from onefold.model import ColumnType
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import bigquery

_TYPES: Mapping[ColumnType, str] = {
    "uuid": "STRING",
    "bigint": "INT64",
    "integer": "INT64",
    "double": "FLOAT64",
    "boolean": "BOOL",
    "decimal": "NUMERIC(38, 9)",
    "timestamp": "DATETIME",
    "date": "DATE",
    "text": "STRING",
    "json": "STRING",
    "uuids": "ARRAY<STRING>",
}


def _delete(table: str, where: str) -> str:
    return f"DELETE FROM {table} WHERE {where}"


KIND = Kind(
    dialect=bigquery.DIALECT,
    types=_TYPES,
    quote="`",
    escape=lambda text: text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n"),
    table=lambda table, columns, _: f"CREATE TABLE {table} ({columns})",
    delete=_delete,
    ids=lambda table: table,
    among=lambda ids, column: f"{column} IN (SELECT id FROM {ids})",
    overlaps=lambda ids, column: (
        f"EXISTS (SELECT 1 FROM UNNEST({column}) AS each_id WHERE each_id IN (SELECT id FROM {ids}))"
    ),
    without=lambda ids, column: (
        f"ARRAY(SELECT each_id FROM UNNEST({column}) AS each_id WITH OFFSET AS place"
        f" WHERE each_id NOT IN (SELECT id FROM {ids}) ORDER BY place)"
    ),
    named=lambda ids, column: f"REGEXP_CONTAINS({column}, (SELECT REPLACE(STRING_AGG(id, '|'), '-', '') FROM {ids}))",
    update_some=lambda table, changes, where, some: f"UPDATE {table} SET {changes(some)} WHERE {where(some)}",
    delete_some=lambda table, where, some: _delete(table, where(some)),
    delete_named=lambda table, text, some: _delete(table, f"{text} IN (SELECT id FROM {some})"),
    schema=lambda name: f"CREATE SCHEMA IF NOT EXISTS {name}",
    rewrite=lambda _: [],
)


class BigQuerySession(Session):
    """A client of a project."""

    def __init__(self, url: str) -> None:
        """Nothing is connected yet. The address is `bigquery://PROJECT?location=EU`; who asks is found as Google has it.

        Raises:
            ConfigurationError: It is not such an address.
        """
        parts = urlsplit(url)
        if parts.scheme != "bigquery" or not parts.netloc:
            raise ConfigurationError("an engine on BigQuery needs an address like bigquery://PROJECT?location=EU")
        self._project = parts.netloc
        self._given = {name: values[0] for name, values in parse_qs(parts.query).items()}
        self._client: Any = None

    def execute(self, statement: str) -> None:
        """Run a statement to its end."""
        with self._asked() as asked:
            asked.query(statement).result()

    def fetch(self, query: str, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query. What is larger than the limit is not taken in whole."""
        parts, size = list[pa.RecordBatch](), 0
        with self._asked(limits) as asked:
            config = client.QueryJobConfig()
            if limits is not None:
                config.job_timeout_ms = int(limits.seconds * 1000)
            rows = asked.query(query, job_config=config).result(timeout=None if limits is None else limits.seconds)
            for part in rows.to_arrow_iterable():
                parts.append(part)
                size += part.nbytes
                if limits is not None and size > limits.result_mb << 20:
                    raise ExpensiveError(f"The result has more than {limits.result_mb} MB; narrow the query.")
            return pa.Table.from_batches(parts) if parts else rows.to_arrow(create_bqstorage_client=False)

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table, in one job."""
        if not rows.num_rows:
            return
        schema, _, name = table.replace(KIND.quote, "").partition(".")
        config = client.LoadJobConfig(source_format="PARQUET", write_disposition="WRITE_APPEND")
        config.parquet_options = client.ParquetOptions()
        config.parquet_options.enable_list_inference = True
        with io.BytesIO() as sink, self._asked() as asked:
            pq.write_table(rows, sink, coerce_timestamps="us")
            sink.seek(0)
            into = f"{self._project}.{schema}.{name}"
            asked.load_table_from_file(sink, into, rewind=True, job_config=config).result()

    def tables(self, schema: str) -> list[str]:
        """Names of the tables in a schema; of a schema that is missing, none."""
        with self._asked() as asked:
            try:
                return [table.table_id for table in asked.list_tables(f"{self._project}.{schema}")]
            except exceptions.NotFound:
                return []

    def close(self) -> None:
        """Close the client's connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    @contextmanager
    def _asked(self, limits: QueryLimits | None = None) -> Iterator[Any]:
        try:
            yield self._connected()
        except (exceptions.GoogleAPICallError, auth.GoogleAuthError, requests.RequestException, TimeoutError) as error:
            raise _told(error, limits) from None

    def _connected(self) -> Any:
        if self._client is None:
            endpoint, more = self._given.get("endpoint"), dict[str, Any]()
            if endpoint:  # of an emulator, which knows nobody
                more = {"client_options": {"api_endpoint": endpoint}, "credentials": AnonymousCredentials()}
            self._client = client.Client(project=self._project, location=self._given.get("location"), **more)
        return self._client


def _told(error: Exception, limits: QueryLimits | None) -> Exception:
    """What an error means. Its text can quote rows, so it is not passed on."""
    named = type(error).__name__
    if limits is not None and isinstance(error, TimeoutError | requests.Timeout):
        return ExpensiveError(f"The query was ended after {limits.seconds:g} s; narrow it, or allow it more time.")
    if isinstance(error, exceptions.Forbidden | exceptions.Unauthorized | auth.GoogleAuthError):
        return ConfigurationError(f"BigQuery refuses this user what the copy needs ({named})")
    if isinstance(error, exceptions.ClientError):
        return UsageError(f"{bigquery.NAME} cannot run the query ({named}).")
    return UnavailableError(f"the engine does not answer ({named})")
