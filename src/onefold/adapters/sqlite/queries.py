"""Queries: all rows, rows in turn, and look-ups of many keys a statement: a statement a key costs twice as much."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import apsw

KEYS_PER_QUERY = 512
"""Measured on 100 thousand rows: 4.3 us a key one at a time, 2.1 us at 100 to 1,000 keys a statement."""

# The last, shorter statement is padded to a power of two, so that ten prepared statements serve every length.
_PLACEHOLDERS = {1 << power: ",".join("?" * (1 << power)) for power in range(10)}


def select(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a statement, as tuples."""
    return connection.execute(statement, values).fetchall()


@contextmanager
def selected(connection: apsw.Connection, statement: str, values: Sequence[Any] = ()) -> Iterator[Iterator[Any]]:
    """Rows of a statement in turn, for who may not want them all; it ends with the block, whatever ends that."""
    cursor = connection.cursor()
    try:
        yield cursor.execute(statement, values)
    finally:
        cursor.close()


def select_in(
    connection: apsw.Connection, before: str, keys: Collection[bytes] | Collection[int], after: str = ")"
) -> Iterator[Any]:
    """Rows of the statement `before ?,?,… after` over all `keys`, each key once, sorted so that pages are met once.

    `before` and `after` are constants of this package that end and begin around the list of parameters.
    """
    ordered: list[Any] = sorted(set(keys))
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        some = ordered[start : start + KEYS_PER_QUERY]
        size = 1 << (len(some) - 1).bit_length()
        some += some[-1:] * (size - len(some))
        yield from connection.execute(f"{before}{_PLACEHOLDERS[size]}{after}", some).fetchall()
