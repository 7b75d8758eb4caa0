"""The warehouse's feed and manifest in the PostgreSQL profile store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from onefold.adapters.postgres.arrays import Texts
from onefold.adapters.postgres.reader import PostgresReader
from onefold.errors import ConflictError
from onefold.ports.warehouse import FeedChunk, ManifestChange, ManifestReader, Segment, enough

_CHUNKS_PER_FETCH = 16


class PostgresManifestReader(PostgresReader, ManifestReader):
    """Reads what one connection's transaction sees."""

    def loaded(self) -> int:
        """Sequence up to which the feed is in segments."""
        ((value,),) = self._rows(b"SELECT loaded FROM warehouse")
        return int(value)

    def fed(self) -> int:
        """The last sequence given."""
        ((value,),) = self._rows(b"SELECT fed FROM totals")
        return int(value)

    def feed(self, *, after: int, rows: int | None = None) -> list[FeedChunk]:
        """Chunks with rows after that sequence, in order; as many as have at least so many rows, or all."""
        with self._connection.cursor("feed", binary=True) as cursor:
            cursor.itersize = _CHUNKS_PER_FETCH
            found = cursor.execute(
                b"SELECT items, sealed, last FROM feed WHERE last > %b::bigint ORDER BY last", (after,)
            )
            return enough((FeedChunk(items, bytes(sealed), last) for items, sealed, last in found), rows)

    def segments(self) -> list[Segment]:
        """All of them, by relation and sequence."""
        rows = self._rows(
            b"SELECT name, relation, first, last, items, size, key, level, bucket FROM segment"
            b' ORDER BY relation COLLATE "C", first, name COLLATE "C"'
        )
        return [Segment(*row) for row in rows]

    def relations(self) -> dict[str, bytes]:
        """Definitions that were recorded, by full name."""
        return dict(self._rows(b"SELECT name, definition FROM relation"))


def write_feed(connection: Connection[Any], chunks: Sequence[FeedChunk], before: int) -> None:
    """Keep the rows of these chunks until they are loaded; their sequence goes on from `before`."""
    last = before
    for chunk in chunks:
        last += chunk.rows
        connection.execute(b"INSERT INTO feed VALUES (%b, %b, %b)", (last, chunk.rows, chunk.sealed))


def revise(connection: Connection[Any], change: ManifestChange) -> None:
    """Change the manifest.

    Raises:
        ConflictError: Somebody else changed what this change began with.
    """
    loaded = change.loaded_before if change.loaded is None else change.loaded
    done = connection.execute(
        b"UPDATE warehouse SET loaded = %b::bigint WHERE loaded = %b::bigint", (loaded, change.loaded_before)
    ).rowcount
    if not done:
        raise ConflictError("the feed was loaded further by somebody else")
    for relation, names in change.expected.items():
        found = connection.execute(b"SELECT name FROM segment WHERE relation = %b", (relation,)).fetchall()
        if {name for (name,) in found} != set(names):
            raise ConflictError("a relation was changed by somebody else")
    removed = connection.execute(b"DELETE FROM segment WHERE name = ANY(%b)", (Texts(list(change.remove)),)).rowcount
    if removed != len(change.remove):
        raise ConflictError("a segment to remove is not there any more")
    for s in change.add:
        connection.execute(
            b"INSERT INTO segment VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b)",
            (s.name, s.relation, s.first, s.last, s.rows, s.size, s.key, s.level, s.bucket),
        )
    for name, definition in sorted(change.relations.items()):
        connection.execute(
            b"INSERT INTO relation VALUES (%b, %b) ON CONFLICT (name) DO UPDATE SET definition = excluded.definition",
            (name, definition),
        )
    connection.execute(b"DELETE FROM relation WHERE name = ANY(%b)", (Texts(list(change.drop)),))
    if change.loaded is not None:
        connection.execute(b"DELETE FROM feed WHERE last <= %b::bigint", (loaded,))
