"""Migrations: numbered SQL files, each applied once and whole, by one process at a time."""

from __future__ import annotations

from importlib import resources
from typing import Any

import psycopg
from psycopg import Connection, sql

from onefold.adapters.postgres.connections import translated
from onefold.errors import ConfigurationError

_LOCK = 0x6F6E65666F6C64  # "onefold": held while migrating, so that two processes that start together take turns


def scripts() -> list[tuple[int, str]]:
    """All migrations, by number."""
    folder = resources.files(__package__).joinpath("migrations")
    return sorted((int(file.name[:4]), file.read_text()) for file in folder.iterdir() if file.name.endswith(".sql"))


def migrate(
    dsn: str, schema: str, *, role: str | None = None, migrations: list[tuple[int, str]] | None = None
) -> list[int]:
    """Bring a schema up to date, made if it is absent; each migration is one transaction, so a kill loses none.

    Args:
        dsn: The schema's owner, or a role that may create one.
        schema: The workspace's schema.
        role: Whom to grant what the store needs and no more; None: nobody.
        migrations: Other migrations than ours.

    Returns:
        The numbers of the migrations applied now.
    """
    applied = []
    with translated(), psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, applied timestamptz DEFAULT now())"
        )
        done = {number for (number,) in connection.execute("SELECT number FROM migration")}
        for number, script in scripts() if migrations is None else migrations:
            if number not in done:
                with connection.transaction():
                    connection.execute("SELECT set_config('onefold.workspace', %s, true)", (schema,))
                    connection.execute(script.encode())
                    connection.execute("INSERT INTO migration VALUES (%s)", (number,))
                applied.append(number)
        if role is not None:
            _grant(connection, name, sql.Identifier(role))
    return applied


def _grant(connection: Connection[Any], schema: sql.Identifier, role: sql.Identifier) -> None:
    for right in (
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON TABLE {schema}.migration FROM {role}",
    ):
        connection.execute(sql.SQL(right).format(schema=schema, role=role))


def check(connection: Connection[Any]) -> None:
    """Refuse a schema that is not ours, and a role that policies do not bind.

    Raises:
        ConfigurationError: Saying what to do.
    """
    latest = scripts()[-1][0]
    row = connection.execute("SELECT to_regclass('migration') IS NOT NULL").fetchone()
    if row is None or not row[0]:
        raise ConfigurationError("the PostgreSQL store has no tables for this workspace; run `onefold migrate`")
    row = connection.execute("SELECT coalesce(max(number), 0) FROM migration").fetchone()
    found = row[0] if row else 0
    if found < latest:
        raise ConfigurationError(f"the PostgreSQL store is at migration {found} of {latest}; run `onefold migrate`")


def powers(connection: Connection[Any]) -> str | None:
    """What lets this role past row-level security; None when nothing does."""
    row = connection.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user").fetchone()
    if row is None:
        return None
    return "SUPERUSER" if row[0] else "BYPASSRLS" if row[1] else None
