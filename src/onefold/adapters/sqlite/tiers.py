"""Two-tier tables: rows with random keys enter a small table and move on to the large one slice by slice.

A row with a random key lands on a random page. In a large table that is a page read, logged and written back for every
row; in one that fits the cache it is next to nothing. So each table keyed by random bytes has a young tier. Once that is
full, each batch moves one slice of the key space, as many rows as came in: neighbours in the old tier, on few pages.
"""

from __future__ import annotations

from collections.abc import Mapping

import apsw

from onefold.adapters.sqlite.queries import select

ROWS_KEPT = 200_000
"""Rows a young tier holds. Not tuned: a large batch writes most of its pages, so more rows cost more of those, and save
pages of the old tier."""
_SLICES = 16

_KEYS = {"dedupe": "key", "number": "id", "timeline": "node"}


def settle(connection: apsw.Connection, entered: Mapping[str, int], *, kept: int) -> None:
    """Count the rows that entered each young tier in this transaction, and move a slice where it is full.

    Args:
        connection: The writer, in a transaction.
        entered: Rows by table.
        kept: Rows a young tier may hold; up to a sixteenth more wait until a slice is worth moving.
    """
    for name, rows in entered.items():
        if rows:
            ((items, place),) = select(connection, "SELECT items, place FROM tier WHERE name = ?", (name,))
            items += rows
            if items > kept + kept // _SLICES:
                moved, place = _move(connection, name, place, items - kept)
                items -= moved
            connection.execute("UPDATE tier SET items = ?, place = ? WHERE name = ?", (items, place, name))


def _move(
    connection: apsw.Connection, name: str, place: bytes | int | None, rows: int
) -> tuple[int, bytes | int | None]:
    """Move about `rows` rows from `place` on; returns how many, and where the next slice begins."""
    key, young = _KEYS[name], f"{name}_new"

    def first(clause: str, *values: bytes | int) -> bytes | int | None:
        found = select(connection, f"SELECT {key} FROM {young} {clause}", values)  # noqa: S608 - constants
        return found[0][0] if found else None

    begin = first(f"ORDER BY {key} LIMIT 1") if place is None else place
    if begin is None:
        return 0, None
    end = first(f"WHERE {key} >= ? ORDER BY {key} LIMIT 1 OFFSET ?", begin, rows)
    if end == begin:  # one key has more rows than a slice
        end = first(f"WHERE {key} > ? ORDER BY {key} LIMIT 1", begin)
    bounds = (begin,) if end is None else (begin, end)
    moving = f"FROM {young} WHERE {key} >= ?" + ("" if end is None else f" AND {key} < ?")
    # A timeline row told twice may stand in both tiers; whoever reads takes it for one.
    connection.execute(f"INSERT OR IGNORE INTO {name} SELECT * {moving} ORDER BY {key}", bounds)
    connection.execute(f"DELETE {moving}", bounds)
    return connection.changes(), end
