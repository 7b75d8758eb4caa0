"""What is known of aggregates that node states hold, in the PostgreSQL profile store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import Connection


def write(connection: Connection[Any], kept: Mapping[str, bytes]) -> None:
    """Put these bodies in the place of what was there; in order of the keys, as workers wait for each other."""
    for key, body in sorted(kept.items()):
        connection.execute(
            b"INSERT INTO kept VALUES (%b, %b) ON CONFLICT (key) DO UPDATE SET body = EXCLUDED.body", (key, body)
        )
