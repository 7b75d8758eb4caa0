"""Migrations: numbered SQL files, each applied once, by one process at a time, while workers go on.

A migration is one transaction, so that a kill leaves all of it or nothing. One that begins with `-- backfill` is a single
statement that changes a bounded number of rows and finds by itself which are left: it is repeated, each time in a
transaction of its own, until it changes none, and goes on where it was stopped. A change of a table that is in use takes
three: expand (a nullable column, and a trigger that fills it, because workers of the version before go on writing),
backfill, contract.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib import resources
from typing import Any

import psycopg
from psycopg import Connection, errors, sql

from onefold.adapters.postgres.connections import bounded, translated
from onefold.errors import ConfigurationError

Progress = Callable[[int, int], None]

_LOCK = 0x6F6E65666F6C64  # "onefold": held while migrating, so that two processes that start together take turns
BACKFILL = "-- backfill"
_TABLE_WAIT = "1s"
"""How long to wait for a table that is in use. Whoever comes after waits behind us, so it is short, and tried again."""
_TRIES = 60
_PAUSE_SECONDS = 1.0
_REST_SECONDS = 0.01
"""Between two batches of a backfill, so that workers get their turn."""


def scripts() -> list[tuple[int, str]]:
    """All migrations, by number."""
    folder = resources.files(__package__).joinpath("migrations")
    return sorted((int(file.name[:4]), file.read_text()) for file in folder.iterdir() if file.name.endswith(".sql"))


def migrate(
    dsn: str,
    schema: str,
    *,
    role: str | None = None,
    migrations: list[tuple[int, str]] | None = None,
    progress: Progress = lambda *_: None,
) -> list[int]:
    """Bring a schema up to date, made if it is absent; killed at any moment, it goes on there the next time.

    Args:
        dsn: The schema's owner, or a role that may create one.
        schema: The workspace's schema.
        role: Whom to grant what the store needs and no more; None: nobody.
        migrations: Other migrations than ours.
        progress: Told after each batch of a backfill: the migration's number, and how many rows it changed so far.

    Returns:
        The numbers of the migrations applied now.

    Raises:
        ConflictError: A table was in use throughout; what was applied until then stays.
    """
    applied = []
    with translated(), psycopg.connect(bounded(dsn), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
        name = sql.Identifier(schema)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(name))
        connection.execute("SELECT set_config('search_path', %s, false)", (schema,))
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (_TABLE_WAIT,))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migration (number integer PRIMARY KEY, applied timestamptz DEFAULT now())"
        )
        done = {number for (number,) in connection.execute("SELECT number FROM migration")}
        for number, script in scripts() if migrations is None else migrations:
            if number not in done:
                _apply(connection, schema, number, script, progress)
                applied.append(number)
        if role is not None:
            _grant(connection, name, sql.Identifier(role))
    return applied


def _apply(connection: Connection[Any], schema: str, number: int, script: str, progress: Progress) -> None:
    rows = 0
    while changed := _patiently(lambda: _step(connection, schema, number, script)):
        rows += changed
        progress(number, rows)
        time.sleep(_REST_SECONDS)


def _step(connection: Connection[Any], schema: str, number: int, script: str) -> int:
    """One transaction of a migration; the rows it changed if there may be more, 0 when the migration is done."""
    with connection.transaction():
        connection.execute("SELECT set_config('onefold.workspace', %s, true)", (schema,))
        changed = connection.execute(script.encode()).rowcount
        more = script.startswith(BACKFILL) and changed > 0
        if not more:
            connection.execute("INSERT INTO migration VALUES (%s)", (number,))
    return changed if more else 0


def _patiently(step: Callable[[], int]) -> int:
    """Do a step, again and again while a worker holds what it needs."""
    for _ in range(_TRIES - 1):
        try:
            return step()
        except (errors.LockNotAvailable, errors.DeadlockDetected):
            time.sleep(_PAUSE_SECONDS)
    return step()


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
