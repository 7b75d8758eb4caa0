"""The warehouse's feed and manifest in the SQLite profile store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import apsw

from onefold.adapters.sqlite.connections import translated
from onefold.adapters.sqlite.queries import select, selected
from onefold.errors import ConflictError
from onefold.ports.warehouse import FeedChunk, ManifestChange, ManifestReader, Segment, enough

_SEGMENTS = (
    "SELECT name, relation, first, last, items, size, key, level, bucket FROM segment ORDER BY relation, first, name"
)


def segment_names(path: Path) -> list[str]:
    """The segment files that a closed store names; none where it is of a schema that has none."""
    with translated(path):
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'segment'").fetchall():
                return []
            return [row[0] for row in connection.execute("SELECT name FROM segment ORDER BY name")]
        finally:
            connection.close()


class SqliteManifestReader(ManifestReader):
    """Reads what one connection's transaction sees."""

    _connection: apsw.Connection

    def loaded(self) -> int:
        """Sequence up to which the feed is in segments."""
        ((value,),) = select(self._connection, "SELECT value FROM sequence WHERE name = 'loaded'")
        return int(value)

    def fed(self) -> int:
        """The last sequence given."""
        ((value,),) = select(self._connection, "SELECT value FROM sequence WHERE name = 'fed'")
        return int(value)

    def feed(self, *, after: int, rows: int | None = None) -> list[FeedChunk]:
        """Chunks with rows after that sequence, in order; as many as have at least so many rows, or all."""
        statement = "SELECT items, sealed, last FROM feed WHERE last > ? ORDER BY last"
        with selected(self._connection, statement, (after,)) as found:
            return enough((FeedChunk(*row) for row in found), rows)

    def segments(self) -> list[Segment]:
        """All of them, by relation and sequence."""
        return [Segment(*row) for row in select(self._connection, _SEGMENTS)]

    def relations(self) -> dict[str, bytes]:
        """Definitions that were recorded, by full name."""
        return dict(select(self._connection, "SELECT name, definition FROM relation"))


def write_feed(connection: apsw.Connection, chunks: Sequence[FeedChunk]) -> None:
    """Give the rows of these chunks their sequence, and keep them until they are loaded."""
    if not chunks:
        return
    ((last,),) = select(connection, "SELECT value FROM sequence WHERE name = 'fed'")
    rows = []
    for chunk in chunks:
        last += chunk.rows
        rows.append((last, chunk.rows, chunk.sealed))
    connection.executemany("INSERT INTO feed VALUES (?, ?, ?)", rows)
    connection.execute("UPDATE sequence SET value = ? WHERE name = 'fed'", (last,))


def revise(connection: apsw.Connection, change: ManifestChange) -> None:
    """Change the manifest.

    Raises:
        ConflictError: Somebody else changed what this change began with.
    """
    loaded = change.loaded_before if change.loaded is None else change.loaded
    connection.execute(
        "UPDATE sequence SET value = ? WHERE name = 'loaded' AND value = ?", (loaded, change.loaded_before)
    )
    if not connection.changes():
        raise ConflictError("the feed was loaded further by somebody else")
    for relation, names in change.expected.items():
        found = connection.execute("SELECT name FROM segment WHERE relation = ?", (relation,))
        if {name for (name,) in found} != set(names):
            raise ConflictError("a relation was changed by somebody else")
    for name in change.remove:
        connection.execute("DELETE FROM segment WHERE name = ?", (name,))
        if not connection.changes():
            raise ConflictError("a segment to remove is not there any more")
    connection.executemany(
        "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        ((s.name, s.relation, s.first, s.last, s.rows, s.size, s.key, s.level, s.bucket) for s in change.add),
    )
    connection.executemany("INSERT OR REPLACE INTO relation VALUES (?, ?)", change.relations.items())
    connection.executemany("DELETE FROM relation WHERE name = ?", ((name,) for name in change.drop))
    if change.loaded is not None:
        connection.execute("DELETE FROM feed WHERE last <= ?", (loaded,))
