"""Leases in PostgreSQL, beside the offsets they protect, by the server's clock."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from psycopg import Connection

from onefold.adapters.postgres.connections import Connections
from onefold.ports import Leases

_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
_GIVE_BACK = "UPDATE lease SET worker = NULL WHERE worker = %s"
_LEAVE = "DELETE FROM worker WHERE name = %s"
IDLE = "3s"
LONGEST = "10s"
"""Who is cut off in the middle of a renewal holds up everybody else's until the server ends its transaction."""


class PostgresLeases(Leases):
    """One small transaction a call; callers of one workspace take turns."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def renew(self, worker: str, partitions: Collection[int], *, seconds: float) -> dict[int, int]:
        """Say that `worker` lives, and settle what it works on until `seconds` from now."""
        with self._connections.lend(begin=_BEGIN, idle=IDLE, longest=LONGEST) as connection:
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"leases of {self._connections.schema}",)
            )
            connection.execute("DELETE FROM worker WHERE expires < clock_timestamp()")
            connection.execute(
                "INSERT INTO worker VALUES (%s, clock_timestamp() + make_interval(secs => %s))"
                " ON CONFLICT (name) DO UPDATE SET expires = excluded.expires",
                (worker, seconds),
            )
            if self._others_see_more(connection, worker, partitions):
                connection.execute(_GIVE_BACK, (worker,))
                connection.execute(_LEAVE, (worker,))
                return {}
            connection.execute(
                "INSERT INTO lease (log_partition) SELECT unnest(%s::integer[]) ON CONFLICT DO NOTHING",
                (sorted(partitions),),
            )
            rows = connection.execute(
                "SELECT l.log_partition, l.worker IS NOT DISTINCT FROM %s,"
                " l.worker IS NULL OR l.expires < clock_timestamp(), (SELECT count(*) FROM worker)"
                " FROM lease l WHERE l.log_partition = ANY(%s) ORDER BY 1",
                (worker, sorted(partitions)),
            ).fetchall()
            if not rows:
                return {}
            fair = -(-len(rows) // rows[0][3])
            mine = [partition for partition, held, _, _ in rows if held]
            free = [partition for partition, held, idle, _ in rows if idle and not held]
            kept, given = mine[:fair], mine[fair:]
            taken = free[: max(0, fair - len(kept))]
            # In the order in which commits hold them, so that neither waits for the other.
            connection.execute(
                "SELECT FROM lease WHERE log_partition = ANY(%s) ORDER BY log_partition FOR UPDATE",
                ([*given, *taken, *kept],),
            )
            connection.execute("UPDATE lease SET worker = NULL WHERE log_partition = ANY(%s)", (given,))
            connection.execute(
                "UPDATE lease SET worker = %s, epoch = epoch + 1 WHERE log_partition = ANY(%s)", (worker, taken)
            )
            return dict(
                connection.execute(
                    "UPDATE lease SET expires = clock_timestamp() + make_interval(secs => %s)"
                    " WHERE log_partition = ANY(%s) RETURNING log_partition, epoch",
                    (seconds, kept + taken),
                ).fetchall()
            )

    def release(self, worker: str) -> None:
        """Give everything back."""
        with self._connections.lend(begin=_BEGIN, idle=IDLE, longest=LONGEST) as connection:
            connection.execute(_GIVE_BACK, (worker,))
            connection.execute(_LEAVE, (worker,))

    @staticmethod
    def _others_see_more(connection: Connection[Any], worker: str, partitions: Collection[int]) -> bool:
        """Whether another living worker holds a partition that this one does not see.

        Then it takes no share until it does: counted as a worker, it would keep the others' shares too small for all
        partitions to be somebody's. Leases that expired say nothing: the log may have become another, with fewer.
        """
        ((more,),) = connection.execute(
            "SELECT EXISTS (SELECT FROM lease WHERE NOT log_partition = ANY(%s) AND worker <> %s"
            " AND expires > clock_timestamp())",
            (sorted(partitions), worker),
        ).fetchall()
        return bool(more)
