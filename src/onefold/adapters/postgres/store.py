"""The profile store on PostgreSQL: any number of workers and readers, in any number of processes and machines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from onefold.adapters.postgres import migrations
from onefold.adapters.postgres.connections import WRITER_IDLE, WRITER_LONGEST, Connections, schema_of
from onefold.adapters.postgres.leases import PostgresLeases
from onefold.adapters.postgres.snapshot import PostgresSnapshot
from onefold.adapters.postgres.transaction import PostgresTransaction
from onefold.errors import ConfigurationError
from onefold.governance.encryption import EntrySealer
from onefold.ports import ProfileStore, StoreCapabilities


class PostgresProfileStore(ProfileStore):
    """One workspace's schema. Commits are as durable as the server's `synchronous_commit`. Safe for threads."""

    capabilities = StoreCapabilities(remote=True)

    def __init__(self, dsn: str, workspace: str, sealer: EntrySealer, *, trusted: bool = False) -> None:
        """Open the store; `onefold migrate` has made its tables.

        Args:
            dsn: The address, of a role that owns nothing: `postgresql://…` or keywords as libpq reads them.
            workspace: Whose schema.
            sealer: Seals what people wrote into judgements.
            trusted: Accept a role that row-level security does not bind. For tests only.

        Raises:
            ConfigurationError: The tables are absent or older than this version, or the role is too powerful.
            UnavailableError: The server does not answer.
        """
        self._sealer = sealer
        self._connections = Connections(dsn, schema_of(workspace))
        self.leases = PostgresLeases(self._connections)
        try:
            self._check(trusted=trusted)
        except BaseException:
            self.close()
            raise

    def _check(self, *, trusted: bool) -> None:
        with self._connections.lend(begin="BEGIN READ ONLY") as connection:
            power = migrations.powers(connection)
            if power and not trusted:
                raise ConfigurationError(
                    f"the role of the PostgreSQL store has {power}, so its policies would not bind it; use a role with"
                    " neither SUPERUSER nor BYPASSRLS (`onefold migrate --grant ROLE` gives it what it needs)"
                )
            migrations.check(connection)

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        """Begin; commit durably at the end of the block, roll back on an exception."""
        begin = "BEGIN ISOLATION LEVEL READ COMMITTED"
        with self._connections.lend(begin=begin, idle=WRITER_IDLE, longest=WRITER_LONGEST) as connection:
            yield PostgresTransaction(connection, self._sealer)

    @contextmanager
    def snapshot(self) -> Iterator[PostgresSnapshot]:
        """Read one committed state; never blocks the writers and is never blocked by them."""
        with self._connections.lend(begin="BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as connection:
            yield PostgresSnapshot(connection, self._sealer)

    def scrub(self) -> None:
        """What was deleted leaves the pages with the server's next vacuum, and its log as that is recycled."""

    def close(self) -> None:
        """Let go of connections."""
        self._connections.close()
