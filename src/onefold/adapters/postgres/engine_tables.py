"""The tables of a copy in PostgreSQL: how they are made, brought up to date, and filled."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

import msgspec
import psycopg
import pyarrow as pa
from psycopg import errors, sql

from onefold.adapters.postgres.engine_rows import copied, postgres_type
from onefold.model import Relation
from onefold.warehouse import relations, views
from onefold.warehouse.dialects import postgres, translation

OWN = "onefold"
_VERSION = 1
"""Rises with what this module makes there besides relations and views."""
_BUILTIN_COLLATIONS = 170_000
"""From which version on letters get their other case as DuckDB gives it, one by one; before, ICU does it, or the
database's own collation where the server has no ICU."""
_INDEXES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    relations.EVENT.full_name: (("node",), ("event_at",)),
    relations.IDENTITY_CHANGE.full_name: (("node",),),
    relations.EVIDENCE.full_name: (("node_a",), ("node_b",)),
    relations.JUDGEMENT.full_name: (("node_a",), ("node_b",)),
    relations.PROFILE_CHANGE.full_name: (("person", "sequence"),),
}
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Relation).decode


class EngineTables:
    """The schemas, tables and views of one copy, by the prefix of its schemas. Every method is part of a transaction."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def set_up(self, connection: psycopg.Connection[Any]) -> None:
        """Make schemas, relations and views that are missing, and add columns that are."""
        self._make_schemas(connection)
        connection.execute(
            self.statement(
                "CREATE TABLE IF NOT EXISTS {own}.state"
                " (workspace text PRIMARY KEY, sequence bigint NOT NULL, form text NOT NULL);"
                "CREATE TABLE IF NOT EXISTS {own}.relation"
                " (name text PRIMARY KEY, definition bytea NOT NULL, files text[])"
            )
        )
        self._make_collation(connection)
        self._make_aggregates(connection)
        for relation in relations.LOGS:
            self.make(connection, relation)
        self._make_views(connection)

    def statement(self, text: str, relation: Relation | None = None, **more: sql.Composable) -> sql.Composed:
        """A statement; `{own}` is the schema of our own tables, `{table}` the relation."""
        named = {"own": sql.Identifier(self.prefix + OWN), **more}
        if relation is not None:
            named["table"] = sql.Identifier(self.prefix + relation.schema.lower(), relation.name.lower())
        return sql.SQL(text).format(**named)

    def exists(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether a copy was ever prepared."""
        found = connection.execute("SELECT to_regclass(%s)", (f'"{self.prefix}{OWN}".state',)).fetchone()
        return found is not None and found[0] is not None

    def _make_schemas(self, connection: psycopg.Connection[Any], *more: str) -> None:
        # `IF NOT EXISTS` asks for the right to create before it looks, and an owner may have made them for us.
        found = connection.execute("SELECT nspname FROM pg_namespace")
        there = {name for (name,) in found.fetchall()}
        for schema in (OWN, "staging", "golden", "marts", "dimensions", "profiles", *more):
            if self.prefix + schema not in there:
                connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(self.prefix + schema)))

    def _make_collation(self, connection: psycopg.Connection[Any]) -> None:
        exists = "SELECT 1 FROM pg_collation WHERE collname = %s AND collnamespace = to_regnamespace(%s)"
        own = f'"{self.prefix}{OWN}"'
        if connection.execute(exists, (postgres.LETTERS, own)).fetchone() is not None:
            return
        if connection.info.server_version >= _BUILTIN_COLLATIONS:
            kind = "(provider = builtin, locale = 'C.UTF-8')"
        elif connection.execute(exists, ("und-x-icu", "pg_catalog")).fetchone() is not None:
            kind = 'FROM "und-x-icu"'
        else:
            kind = 'FROM "default"'
        name = sql.Identifier(self.prefix + OWN, postgres.LETTERS)
        connection.execute(sql.SQL("CREATE COLLATION {} {}").format(name, sql.SQL(kind)))

    def _make_aggregates(self, connection: psycopg.Connection[Any]) -> None:
        """`min` and `max` of types for which PostgreSQL has none."""
        for kind in ("uuid", "boolean"):
            for name, function, sign in (("min", "lesser", "<"), ("max", "greater", ">")):
                connection.execute(
                    self.statement(
                        "CREATE OR REPLACE FUNCTION {own}.{function}({kind}, {kind}) RETURNS {kind} LANGUAGE sql"
                        " IMMUTABLE STRICT PARALLEL SAFE AS 'SELECT CASE WHEN $1 {sign} $2 THEN $1 ELSE $2 END';"
                        "CREATE OR REPLACE AGGREGATE {own}.{name}({kind}) (SFUNC = {own}.{function}, STYPE = {kind},"
                        " COMBINEFUNC = {own}.{function}, PARALLEL = SAFE)",
                        kind=sql.SQL(kind),
                        function=sql.Identifier(function),
                        name=sql.Identifier(name),
                        sign=sql.SQL(sign),
                    )
                )

    def make(self, connection: psycopg.Connection[Any], relation: Relation) -> None:
        """Make a relation that is missing, and columns that are."""
        of = "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped"
        full = f'"{self.prefix}{relation.schema.lower()}"."{relation.name.lower()}"'
        there = {name for (name,) in connection.execute(of, (full,)).fetchall()}
        columns = [
            sql.SQL("{} {}").format(sql.Identifier(column.name.lower()), sql.SQL(postgres_type(column)))
            for column in relation.columns
            if column.name.lower() not in there
        ]
        if there:
            for column in columns:
                connection.execute(self.statement("ALTER TABLE {table} ADD COLUMN {column}", relation, column=column))
        else:
            self._make_schemas(connection, relation.schema.lower())
            self._create(connection, relation, sql.SQL(", ").join(columns))
        if columns:
            self._describe(connection, relation)
        if relation.kind != "log":
            connection.execute(
                self.statement(
                    "INSERT INTO {own}.relation VALUES (%s, %s, NULL)"
                    " ON CONFLICT (name) DO UPDATE SET definition = EXCLUDED.definition"
                ),
                (relation.full_name, _encode(relation)),
            )

    def _create(self, connection: psycopg.Connection[Any], relation: Relation, columns: sql.Composable) -> None:
        connection.execute(self.statement("CREATE TABLE {table} ({columns})", relation, columns=columns))
        if relation.kind == "log":
            # The last guard against a row that is loaded twice.
            named = sql.SQL(", ").join(map(sql.Identifier, relations.row_key(relation)))
            connection.execute(self.statement("ALTER TABLE {table} ADD PRIMARY KEY ({named})", relation, named=named))
        for index in _INDEXES.get(relation.full_name, ()):
            named = sql.SQL(", ").join(map(sql.Identifier, index))
            connection.execute(self.statement("CREATE INDEX ON {table} ({named})", relation, named=named))

    def _describe(self, connection: psycopg.Connection[Any], relation: Relation) -> None:
        """What a relation and its columns are, as comments that clients show."""
        kind = sql.SQL("VIEW" if relation.kind == "view" else "TABLE")
        said = sql.Literal(relation.description)
        statements = [self.statement("COMMENT ON {kind} {table} IS {said}", relation, kind=kind, said=said)]
        for column in relation.columns:
            personal = "" if column.personal == "none" else f" (personal data: {column.personal})"
            said, name = sql.Literal(column.description + personal), sql.Identifier(column.name.lower())
            statements.append(
                self.statement("COMMENT ON COLUMN {table}.{name} IS {said}", relation, name=name, said=said)
            )
        connection.execute(sql.SQL(";").join(statements))

    def _make_views(self, connection: psycopg.Connection[Any]) -> None:
        for name, tree in views.queries().items():
            made = translation.translate(tree, postgres.DIALECT, views.RELATIONS, self.prefix)
            view, query = views.RELATIONS[name], sql.SQL(translation.sql(made, postgres.DIALECT))
            try:
                with connection.transaction():
                    connection.execute(self.statement("CREATE OR REPLACE VIEW {table} AS {query}", view, query=query))
            except errors.InvalidTableDefinition:  # an earlier version's had other columns
                connection.execute(self.statement("DROP VIEW {table} CASCADE", view))
                connection.execute(self.statement("CREATE VIEW {table} AS {query}", view, query=query))
            self._describe(connection, view)

    def remake(self, connection: psycopg.Connection[Any], relation: Relation, files: Collection[str] | None) -> None:
        """The relation without rows, with the columns that it has now."""
        known = connection.execute(
            self.statement("SELECT definition FROM {own}.relation WHERE name = %s"), (relation.full_name,)
        ).fetchone()
        if known is not None and _decode(known[0]).columns != relation.columns:
            self.drop(connection, relation)
        self.make(connection, relation)
        connection.execute(self.statement("TRUNCATE {table}", relation))
        connection.execute(
            self.statement("UPDATE {own}.relation SET files = %s WHERE name = %s"),
            (None if files is None else sorted(files), relation.full_name),
        )

    def empty(self, connection: psycopg.Connection[Any], relation: Relation) -> None:
        """Remove the rows of a relation; the next load brings those that it has by then."""
        connection.execute(self.statement("TRUNCATE {table}", relation))
        connection.execute(
            self.statement("UPDATE {own}.relation SET files = '{{}}' WHERE name = %s AND files IS NOT NULL"),
            (relation.full_name,),
        )

    def drop(self, connection: psycopg.Connection[Any], relation: Relation) -> None:
        """Remove a relation with its rows."""
        connection.execute(self.statement("DROP TABLE IF EXISTS {table}", relation))
        connection.execute(self.statement("DELETE FROM {own}.relation WHERE name = %s"), (relation.full_name,))

    def copy(
        self,
        connection: psycopg.Connection[Any],
        relation: Relation,
        rows: pa.Table,
        *,
        into: sql.Composable | None = None,
    ) -> None:
        """Add rows to a relation, or to the table `into` with its columns."""
        columns = sql.SQL(", ").join(sql.Identifier(column.name.lower()) for column in relation.columns)
        table = into or sql.Identifier(self.prefix + relation.schema.lower(), relation.name.lower())
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, columns)
        with connection.cursor() as cursor, cursor.copy(statement) as copying:
            for data in copied(relation, rows):
                copying.write(data)

    def latest(self, connection: psycopg.Connection[Any], log: Relation) -> tuple[int, int] | None:
        """Sequence and time of commit, in microseconds, of a log's last row."""
        found = connection.execute(
            self.statement(
                "SELECT sequence, (extract(epoch FROM known_at) * 1000000)::bigint FROM {table}"
                " ORDER BY sequence DESC LIMIT 1",
                log,
            )
        ).fetchone()
        return None if found is None else (found[0], found[1])

    def known(self, connection: psycopg.Connection[Any]) -> dict[str, Relation]:
        """All relations, by full name."""
        found = connection.execute(self.statement("SELECT name, definition FROM {own}.relation")).fetchall()
        return dict(views.RELATIONS) | {name: _decode(definition) for name, definition in found}


@cache
def form() -> str:
    """What tells one version's relations and views from another's."""
    made = [
        translation.sql(translation.translate(tree, postgres.DIALECT, views.RELATIONS), postgres.DIALECT)
        for tree in views.queries().values()
    ]
    columns = [(log.full_name, [(column.name, column.type) for column in log.columns]) for log in relations.LOGS]
    return hashlib.sha256(repr((_VERSION, made, columns)).encode()).hexdigest()
