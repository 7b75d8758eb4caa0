"""Connections to PostgreSQL: bounded in every wait, confined to one workspace, and its errors in our words."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from onefold.adapters.postgres.silence import Guarded, Pulse
from onefold.errors import ConfigurationError, ConflictError, IntegrityError, UnavailableError

_IDLE_KEPT = 8
_LETTERS = 63
"""Longest name PostgreSQL keeps apart from others; of longer ones it cuts off the rest."""
# A partition must be an error within five seconds. Without these a client waits for hours (measured: 25 s and counting).
# They see a network that passes nothing; a server that hears us and says nothing is seen by `silence`.
_BOUNDS: dict[str, Any] = {
    "connect_timeout": 3,
    "tcp_user_timeout": 4_000,  # ms for which sent data may go unacknowledged
    "keepalives_idle": 1,
    "keepalives_interval": 1,
    "keepalives_count": 3,
}
# The server has to notice too that a client has gone: until then its transaction keeps people locked that others wait for.
_SERVER_BOUNDS = (
    "-c tcp_keepalives_idle=1 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3 -c tcp_user_timeout=4s"
)
_SESSION = "-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout=120s"
WRITER_IDLE = "15s"
"""How long a transaction that holds locks may say nothing, before the server ends it for the sake of the others."""
WRITER_LONGEST = "30s"
"""How long it may take in all. A client cut off in the midst of a command is not idle to the server, which reads on for ever.
Known to PostgreSQL from 17 on; before, only a dead wire is noticed then."""
_TRANSACTION_TIMEOUT_SINCE = 170_000


@contextmanager
def translated() -> Iterator[None]:
    """Raise PostgreSQL's errors as ours. Their messages can quote rows, so only their class is passed on."""
    try:
        yield
    except (errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable) as error:
        raise ConflictError("another worker is changing the same people") from error
    except (errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout) as error:
        raise ConflictError("the batch took so long that others were let at its people") from error
    except (errors.InsufficientPrivilege, errors.InvalidSchemaName, errors.UndefinedTable) as error:
        raise ConfigurationError(
            f"PostgreSQL refuses this role what it needs ({type(error).__name__}); `onefold migrate` as the owner"
            " of the schema makes the tables and grants the rights"
        ) from error
    except (errors.DiskFull, errors.OutOfMemory, errors.ReadOnlySqlTransaction, errors.QueryCanceled) as error:
        raise UnavailableError(f"PostgreSQL cannot do it now ({type(error).__name__})") from error
    except (errors.DataCorrupted, errors.IndexCorrupted) as error:
        raise IntegrityError(f"PostgreSQL says that its files are damaged ({type(error).__name__})") from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise UnavailableError(f"PostgreSQL does not answer ({type(error).__name__})") from error


def schema_of(workspace: str) -> str:
    """The schema of a workspace, its own; also what `onefold.workspace` must say for its rows to be visible.

    PostgreSQL takes 63 letters, and no `-` without quotes. A name it would not take as it is gets a digest, and a second
    `_`, with which no workspace's name begins: so `a-b` and `a_b` are two schemas, and so are names alike at the beginning.
    """
    plain = f"onefold_{workspace}"
    if len(plain) <= _LETTERS and "-" not in plain:
        return plain
    digest = hashlib.blake2b(workspace.encode(), digest_size=8).hexdigest()
    return f"onefold__{workspace.replace('-', '_')[:32]}_{digest}"


def bounded(dsn: str, session: str = "") -> str:
    """The address with limits on how long either side takes a silent network for a living one, unless it states its own.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        stated = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        raise ConfigurationError("the address of the PostgreSQL store is none: postgresql://user@host/db") from None
    options = f"{session} {_SERVER_BOUNDS} {stated.pop('options', '')}".strip()
    return make_conninfo(**{"application_name": "onefold", **_BOUNDS, **stated, "options": options})


class Connections:
    """Connections lent one at a time: one is never used by two threads at once."""

    def __init__(self, dsn: str, schema: str) -> None:
        self._conninfo = bounded(dsn, f"{_SESSION} -c search_path={schema}")
        self._pulse = Pulse(self._conninfo)
        self.schema = schema
        self._idle: list[Connection[Any]] = []
        self._lock = threading.Lock()
        self._closed = False

    @contextmanager
    def lend(self, *, begin: str, idle: str | None = None, longest: str | None = None) -> Iterator[Connection[Any]]:
        """A connection in a transaction begun by the statement `begin`; committed at the end, or rolled back.

        Args:
            begin: The statement.
            idle: How long the server lets the transaction say nothing, if less than what holds for all.
            longest: How long the server lets it take.
        """
        with translated():
            connection = self._take()
            try:
                self._begin(connection, begin, idle, longest)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                self._put_back(connection)
                raise
            self._put_back(connection)

    def _begin(self, connection: Connection[Any], begin: str, idle: str | None, longest: str | None) -> None:
        with connection.pipeline():
            connection.execute(begin.encode())
            if idle is not None:
                connection.execute("SELECT set_config('idle_in_transaction_session_timeout', %s, true)", (idle,))
            if longest is not None and connection.info.server_version >= _TRANSACTION_TIMEOUT_SINCE:
                connection.execute("SELECT set_config('transaction_timeout', %s, true)", (longest,))
            connection.execute("SELECT set_config('onefold.workspace', %s, true)", (self.schema,))

    def _take(self) -> Connection[Any]:
        if self._pulse.stopped():
            raise UnavailableError("PostgreSQL has not answered for a moment")
        with self._lock:
            if self._closed:
                raise UnavailableError("the store has been closed")
            while self._idle:
                connection = self._idle.pop()
                if not connection.closed and not connection.broken and _alive(connection):
                    return connection
                connection.close()
        try:
            made = Guarded.connect(self._conninfo, autocommit=True, prepare_threshold=2)
        except errors.ConnectionTimeout:
            self._pulse.missed()
            raise
        made.pulse = self._pulse
        return made

    def _put_back(self, connection: Connection[Any]) -> None:
        try:
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE and not connection.closed:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            connection.close()
        with self._lock:
            if not self._closed and not connection.closed and len(self._idle) < _IDLE_KEPT:
                self._idle.append(connection)
                return
        connection.close()

    def close(self) -> None:
        """Close idle connections now and lent ones when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()


def _alive(connection: Connection[Any]) -> bool:
    """Whether the server has not hung up meanwhile (restart, time-out); asks the socket, not the server."""
    try:
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == psycopg.pq.ConnStatus.OK
