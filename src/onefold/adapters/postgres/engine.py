"""PostgreSQL as an engine of the customer: a copy of the warehouse that is loaded step by step and asked the same queries.

Each step is one transaction, its mark included: killed at any moment, the copy is the warehouse as it was after some step.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import msgspec
import psycopg
import pyarrow as pa
from psycopg import errors, sql
from sqlglot import exp

from onefold.adapters.duckdb.binding import bound
from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.postgres import engine_tables as tables
from onefold.adapters.postgres.connections import bounded
from onefold.adapters.postgres.engine_rows import table
from onefold.adapters.postgres.engine_tables import EngineTables
from onefold.errors import ConfigurationError, ConflictError, ExpensiveError, UnavailableError, UsageError
from onefold.model import NodeId, Relation
from onefold.ports.engine import Engine, EngineState, Step
from onefold.ports.warehouse import QueryLimits, WarehouseCapabilities
from onefold.warehouse import relations, upkeep, views
from onefold.warehouse.dialects import postgres, translation

_FETCHED_ROWS = 10_000
_SESSION = "-c lock_timeout=30s -c idle_in_transaction_session_timeout=300s -c TimeZone=UTC -c extra_float_digits=1"
_CONCERNED = (
    (relations.EVENT, "node = ANY(%(nodes)s)"),
    (relations.IDENTITY_CHANGE, "node = ANY(%(nodes)s)"),
    (relations.EVIDENCE, "node_a = ANY(%(nodes)s) OR node_b = ANY(%(nodes)s)"),
    (relations.JUDGEMENT, "node_a = ANY(%(nodes)s) OR node_b = ANY(%(nodes)s)"),
    (relations.MEMBERSHIP_CHANGE, "person = ANY(%(nodes)s)"),
    # Rows of these people, and of others as they were when one of the nodes was theirs.
    (
        relations.PROFILE_CHANGE,
        (
            "person = ANY(%(nodes)s) OR EXISTS"
            " (SELECT FROM unnest(%(digits)s::text[]) AS node WHERE strpos(identifiers, node) > 0)"
        ),
    ),
)
"""Which rows of each log concern some nodes."""


class PostgresEngine(Engine):
    """A copy of one workspace's warehouse in a PostgreSQL database. Safe for threads; commands run one after the other."""

    dialect = "postgres"
    capabilities = WarehouseCapabilities(merge=True, snapshot_reads=True, fresh=False, isolated=True)

    def __init__(self, dsn: str, process: QueryProcess, *, prefix: str = "") -> None:
        """Nothing is connected yet. Schemas there are called as here, after `prefix`; `process` binds queries."""
        self._conninfo = bounded(dsn, _SESSION)
        self._process = process
        self.prefix = prefix
        self._tables = EngineTables(prefix)
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def __repr__(self) -> str:
        return f"<PostgresEngine(prefix={self.prefix!r})>"

    def prepare(self, workspace: str) -> None:
        """Make what is missing; see the port."""
        form = tables.form()
        with self._transaction() as connection:
            if self._tables.exists(connection):
                held = connection.execute(self._tables.statement("SELECT workspace, form FROM {own}.state")).fetchone()
                if held is not None and held[0] != workspace:
                    raise ConfigurationError(
                        "this database holds another workspace's copy; state another `prefix` or another database"
                    )
                if held == (workspace, form):
                    return
            self._tables.set_up(connection)
            connection.execute(
                self._tables.statement(
                    "INSERT INTO {own}.state VALUES (%s, 0, %s) ON CONFLICT (workspace) DO UPDATE SET form = EXCLUDED.form"
                ),
                (workspace, form),
            )

    def state(self) -> EngineState | None:
        """What it holds; see the port."""
        with self._transaction() as connection:
            if not self._tables.exists(connection):
                return None
            held = connection.execute(self._tables.statement("SELECT workspace, sequence FROM {own}.state")).fetchone()
            if held is None:
                return None
            files = connection.execute(
                self._tables.statement("SELECT name, files FROM {own}.relation WHERE files IS NOT NULL")
            )
            latest = [found for log in relations.LOGS if (found := self._tables.latest(connection, log)) is not None]
            return EngineState(held[0], held[1], max(latest, default=None), dict(files.fetchall()))

    def load(self, step: Step) -> None:
        """Take in the rows of a step; see the port."""
        with self._transaction() as connection:
            held = connection.execute(self._tables.statement("SELECT sequence FROM {own}.state FOR UPDATE")).fetchone()
            if held is None or (step.before and held[0] != step.before):
                raise ConflictError("the engine was loaded by somebody else meanwhile; nothing was changed")
            if not step.before:
                for relation in relations.LOGS:
                    connection.execute(self._tables.statement("TRUNCATE {table}", relation))
            for relation, rows in step.parts:
                self._tables.copy(connection, relation, rows)
            connection.execute(self._tables.statement("UPDATE {own}.state SET sequence = %s"), (step.until,))

    def put(self, relation: Relation, rows: Iterable[pa.Table], files: Collection[str]) -> None:
        """Put rows in the place of all that a relation had; see the port."""
        with self._transaction() as connection:
            self._tables.remake(connection, relation, files)
            for part in rows:
                self._tables.copy(connection, relation, part)

    def relations(self) -> list[Relation]:
        """All relations with their columns, by full name."""
        with self._transaction() as connection:
            known = self._tables.known(connection)
        return [known[name] for name in sorted(known)]

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query; see the port. Memory is the server's to limit."""
        limits = limits or QueryLimits()
        with self._transaction() as connection:
            known = self._tables.known(connection)
            schema = bound(self._process, query, known, views.queries())
            text = translation.sql(translation.translate(query, postgres.DIALECT, known, self.prefix), postgres.DIALECT)
            connection.execute("SET TRANSACTION READ ONLY")
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{limits.seconds * 1000:.0f}ms",))
            return self._rows(connection, text, schema, limits)

    def fence(self) -> bool:
        """Nothing is erased while somebody writes here; see the port."""
        return True

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows to a relation; see the port."""
        rows = conformed(_own(relation), rows)
        with self._transaction() as connection:
            self._tables.make(connection, relation)
            self._tables.copy(connection, relation, rows)

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all that the relation had; see the port."""
        rows = conformed(_own(relation), rows)
        with self._transaction() as connection:
            self._tables.remake(connection, relation, None)
            self._tables.copy(connection, relation, rows)

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with the same key, or add it; see the port."""
        if not _own(relation).key:
            raise UsageError(f"{relation.full_name} has no key to merge by.")
        rows = conformed(relation, rows)
        with self._transaction() as connection:
            self._tables.make(connection, relation)
            connection.execute(
                self._tables.statement("CREATE TEMPORARY TABLE arriving (LIKE {table}) ON COMMIT DROP", relation)
            )
            self._tables.copy(connection, relation, rows, into=sql.Identifier("arriving"))
            if gone is not None:
                part = tuple(column for column in relation.columns if column.name in gone.column_names)
                keys = msgspec.structs.replace(relation, columns=part)
                named = sql.SQL(", ").join(sql.Identifier(column.name.lower()) for column in part)
                made = "CREATE TEMPORARY TABLE leaving ON COMMIT DROP AS SELECT {named} FROM {table} LIMIT 0"
                connection.execute(self._tables.statement(made, relation, named=named))
                self._tables.copy(connection, keys, conformed(keys, gone), into=sql.Identifier("leaving"))
                self._remove_same(connection, relation, "leaving", [column.name for column in part])
            self._remove_same(connection, relation, "arriving", relation.key)
            connection.execute(self._tables.statement("INSERT INTO {table} SELECT * FROM arriving", relation))

    def _remove_same(
        self, connection: psycopg.Connection[Any], relation: Relation, other: str, names: Iterable[str]
    ) -> None:
        """Remove the rows that agree with one of another table in these columns."""
        beside = sql.Identifier(other)
        same = sql.SQL(" AND ").join(
            sql.SQL("there.{0} = {1}.{0}").format(sql.Identifier(name.lower()), beside) for name in names
        )
        statement = "DELETE FROM {table} AS there USING {other} WHERE {same}"
        connection.execute(self._tables.statement(statement, relation, same=same, other=beside))

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows; no error if it is not there."""
        with self._transaction() as connection:
            self._tables.drop(connection, _own(relation))

    def erase(self, nodes: Collection[NodeId]) -> int:
        """Remove rows of the logs, and all rows of relations that were computed; see the port."""
        cleared = sql.SQL(", ").join(
            sql.SQL("{} = NULL").format(sql.Identifier(column.name))
            for column in relations.EVENT.columns
            if column.personal != "none" and not column.required
        )
        with self._transaction() as connection:
            # So no load is in the midst of copying rows that were read before.
            connection.execute(self._tables.statement("SELECT sequence FROM {own}.state FOR UPDATE"))
            connection.execute(
                self._tables.statement(
                    "UPDATE {table} SET {cleared}, nodes = ARRAY(SELECT each FROM unnest(nodes)"
                    " WITH ORDINALITY AS named(each, place) WHERE each <> ALL(%(nodes)s) ORDER BY place)"
                    " WHERE nodes && %(nodes)s AND NOT node = ANY(%(nodes)s)",
                    relations.EVENT,
                    cleared=cleared,
                ),
                _arguments(nodes),
            )
            known = self._tables.known(connection)
            many = sum(
                connection.execute(
                    self._tables.statement("DELETE FROM {table} WHERE {concerned}", log, concerned=sql.SQL(concerned)),
                    _arguments(nodes),
                ).rowcount
                for log, concerned in (*_CONCERNED, *_by_person(known))
            )
            for name in known.keys() - views.RELATIONS.keys() - upkeep.KEPT:
                self._tables.empty(connection, known[name])
            return many

    def count(self, nodes: Collection[NodeId]) -> int:
        """How many rows concern these nodes, of the logs and of relations that tell people apart."""
        many = 0
        with self._transaction() as connection:
            computed = _by_person(self._tables.known(connection))
            for log, concerned in (*_CONCERNED, *computed, (relations.EVENT, "nodes && %(nodes)s")):
                statement = self._tables.statement(
                    "SELECT count(*) FROM {table} WHERE {concerned}", log, concerned=sql.SQL(concerned)
                )
                ((found,),) = connection.execute(statement, _arguments(nodes)).fetchall()
                many += found
        return many

    def trim(self, log: Relation, gone: pa.Table, anew: Iterable[pa.Table]) -> None:
        """Remove rows of a log, and put others in the place of theirs; see the port."""
        with self._transaction() as connection:
            # So no load is in the midst of copying rows that were read before.
            connection.execute(self._tables.statement("SELECT sequence FROM {own}.state FOR UPDATE"))
            self._remove_rows(connection, log, gone)
            for rows in anew:
                self._remove_rows(connection, log, rows)
                self._tables.copy(connection, log, rows)

    def _remove_rows(self, connection: psycopg.Connection[Any], log: Relation, rows: pa.Table) -> None:
        """Remove the rows of a log that agree with some in what tells rows apart."""
        names = relations.row_key(log)
        keys = msgspec.structs.replace(log, columns=tuple(column for column in log.columns if column.name in names))
        named = sql.SQL(", ").join(map(sql.Identifier, names))
        made = "CREATE TEMPORARY TABLE leaving ON COMMIT DROP AS SELECT {named} FROM {table} LIMIT 0"
        connection.execute(self._tables.statement(made, log, named=named))
        self._tables.copy(connection, keys, conformed(keys, rows.select(list(names))), into=sql.Identifier("leaving"))
        self._remove_same(connection, log, "leaving", names)
        connection.execute(self._tables.statement("DROP TABLE leaving"))

    def compact(self) -> None:
        """Rewrite the logs; see the port. The server's write-ahead log and its backups keep rows until it recycles them."""
        with self._lock, _told():
            connection = self._connected()
            for log in relations.LOGS:
                connection.execute(self._tables.statement("VACUUM (FULL) {table}", log))

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _connected(self) -> psycopg.Connection[Any]:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = psycopg.connect(self._conninfo, autocommit=True)
            self._connection.execute(
                "SELECT set_config('search_path', %s, false)", (f'"{self.prefix}{tables.OWN}", pg_catalog',)
            )
        return self._connection

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[Any]]:
        with self._lock, _told():
            connection = self._connected()
            with connection.transaction():
                yield connection

    def _rows(self, connection: psycopg.Connection[Any], text: str, schema: pa.Schema, limits: QueryLimits) -> pa.Table:
        parts, size = [schema.empty_table()], 0
        try:
            with connection.cursor("asked", binary=True) as cursor:
                cursor.execute(sql.SQL(text))
                while rows := cursor.fetchmany(_FETCHED_ROWS):
                    names = [column.name for column in cursor.description or ()]
                    parts.append(table(schema, names, rows))
                    size += parts[-1].nbytes
                    if size > limits.result_mb << 20:
                        raise ExpensiveError(f"The result has more than {limits.result_mb} MB; narrow the query.")
        except errors.QueryCanceled:
            raise ExpensiveError(
                f"The query was ended after {limits.seconds:g} s; narrow it, or allow it more time."
            ) from None
        except (psycopg.DataError, psycopg.ProgrammingError, psycopg.NotSupportedError) as error:
            # Bound before, so it is about a value, or about what the engines mean differently; the message quotes rows.
            raise UsageError(f"{postgres.NAME} cannot run the query ({type(error).__name__}).") from None
        return pa.concat_tables(parts)


def _by_person(known: Mapping[str, Relation]) -> list[tuple[Relation, str]]:
    """Relations that have people in a column, and which of their rows are about some."""
    return [(known[name], "person = ANY(%(nodes)s)") for name in sorted(upkeep.BY_PERSON & known.keys())]


def _own(relation: Relation) -> Relation:
    if relation.full_name in views.RELATIONS:
        raise UsageError(f"{relation.full_name} is made by the stream; name another relation.")
    return relation


def _arguments(nodes: Collection[NodeId]) -> dict[str, list[Any]]:
    return {"nodes": [UUID(bytes=node) for node in nodes], "digits": [node.hex() for node in nodes]}


@contextmanager
def _told() -> Iterator[None]:
    """Raise PostgreSQL's errors as ours. Their messages can quote rows, so only their class is passed on."""
    try:
        yield
    except (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable) as error:
        raise ConflictError("the engine is being changed by somebody else; try again") from error
    except (errors.InsufficientPrivilege, errors.InvalidCatalogName, errors.InvalidPassword) as error:
        raise ConfigurationError(
            f"PostgreSQL refuses this role what the copy needs ({type(error).__name__}): it must own the schemas, or may"
            " create some in the database"
        ) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError(f"the engine does not answer ({type(error).__name__})") from error
