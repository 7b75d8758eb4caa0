"""Audiences in the SQLite profile store."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import apsw

from onefold.adapters.sqlite.queries import select, select_in
from onefold.errors import ConflictError
from onefold.model import NodeId
from onefold.ports.audiences import (
    AudienceReader,
    Definition,
    Evaluation,
    Listed,
    Mark,
    Membership,
    Settlement,
    Standing,
)


class SqliteAudienceReader(AudienceReader):
    """Reads what one connection's transaction sees."""

    _connection: apsw.Connection

    def definitions(self) -> list[Definition]:
        """All versions of all segments, by slug and version."""
        return [
            Definition(*row)
            for row in select(self._connection, "SELECT slug, version, body FROM audience ORDER BY slug, version")
        ]

    def evaluation(self) -> Evaluation:
        """How far the evaluation is."""
        ((sequence, active, body),) = select(self._connection, "SELECT sequence, active, body FROM evaluation")
        return Evaluation(sequence, bool(active), body)

    def marks(self, *, limit: int) -> list[Mark]:
        """The oldest marks, in their order."""
        return [
            Mark(*row) for row in select(self._connection, "SELECT seq, body FROM mark ORDER BY seq LIMIT ?", (limit,))
        ]

    def due(self, *, until_us: int, limit: int) -> list[tuple[NodeId, int]]:
        """People to look at again by then, the earliest first."""
        return select(
            self._connection,
            "SELECT person, due_us FROM standing WHERE due_us <= ? ORDER BY due_us, person LIMIT ?",
            (until_us, limit),
        )

    def standings(self, people: Collection[NodeId]) -> dict[NodeId, Standing]:
        """What was found of these people."""
        rows = select_in(
            self._connection,
            "SELECT s.person, s.due_us, s.generation, s.truths FROM carray(?1) v"
            " CROSS JOIN standing s ON s.person = v.value",
            people,
        )
        return {row[0]: Standing(*row) for row in rows}

    def memberships(self, people: Collection[NodeId]) -> list[Membership]:
        """All memberships of these people."""
        rows = select_in(
            self._connection,
            "SELECT m.audience, m.person, m.since_us, m.reason FROM carray(?1) v"
            " CROSS JOIN membership m ON m.person = v.value",
            people,
        )
        return [Membership(*row) for row in rows]

    def audience(self, name: str, *, after: NodeId, limit: int) -> list[Membership]:
        """Members with greater ids than `after`, in byte order."""
        rows = select(
            self._connection,
            "SELECT audience, person, since_us, reason FROM membership WHERE audience = ? AND person > ?"
            " ORDER BY person LIMIT ?",
            (name, after, limit),
        )
        return [Membership(*row) for row in rows]

    def audience_sizes(self) -> dict[str, int]:
        """How many members each audience has that has any."""
        return dict(select(self._connection, "SELECT audience, count(*) FROM membership GROUP BY audience"))

    def listed(self, nodes: Collection[NodeId]) -> list[Listed]:
        """On which lists these nodes are."""
        statement = "SELECT l.audience, l.node FROM carray(?1) v CROSS JOIN listed l ON l.node = v.value"
        return [Listed(*row) for row in select_in(self._connection, statement, nodes)]

    def entries(self, name: str, *, after: NodeId, limit: int) -> list[Listed]:
        """The identifiers on a list with greater ids than `after`, in byte order."""
        rows = select(
            self._connection,
            "SELECT audience, node FROM listed WHERE audience = ? AND node > ? ORDER BY node LIMIT ?",
            (name, after, limit),
        )
        return [Listed(*row) for row in rows]


def marking(connection: apsw.Connection) -> bool:
    """Whether any audience is kept."""
    ((active,),) = select(connection, "SELECT active FROM evaluation")
    return bool(active)


def write_marks(connection: apsw.Connection, bodies: Sequence[bytes] | None) -> None:
    """Keep whom a commit touched, where any audience is kept.

    Raises:
        ConflictError: Nobody looked whom it touches.
    """
    if (bodies is None or bodies) and marking(connection):
        if bodies is None:
            raise ConflictError("an audience is kept by now")
        connection.executemany("INSERT INTO mark (body) VALUES (?)", [(body,) for body in bodies])


def settle(connection: apsw.Connection, settlement: Settlement) -> None:
    """Change who is in which audience.

    Raises:
        ConflictError: Somebody else settled since.
    """
    s = settlement
    settled = select(
        connection,
        "UPDATE evaluation SET sequence = sequence + 1, active = coalesce(?, active), body = coalesce(?, body)"
        " WHERE sequence = ? RETURNING 1",
        (s.active, s.body, s.before),
    )
    if not settled:
        raise ConflictError("audiences were settled by somebody else")
    many = connection.executemany
    many("INSERT INTO audience VALUES (?, ?, ?)", [(d.slug, d.version, d.body) for d in s.define])
    many("DELETE FROM mark WHERE seq = ?", [(seq,) for seq in s.marks])
    many("INSERT INTO mark (body) VALUES (?)", [(body,) for body in s.marked])
    many("DELETE FROM standing WHERE person = ?", [(person,) for person in sorted(s.gone)])
    many(
        "INSERT OR REPLACE INTO standing VALUES (?, ?, ?, ?)",
        sorted((x.person, x.due_us, x.generation, x.truths) for x in s.standings),
    )
    many("DELETE FROM membership WHERE audience = ? AND person = ?", sorted(s.left))
    many(
        "INSERT OR REPLACE INTO membership VALUES (?, ?, ?, ?)",
        sorted((x.audience, x.person, x.since_us, x.reason) for x in s.entered),
    )
    many("DELETE FROM listed WHERE audience = ? AND node = ?", [(x.audience, x.node) for x in s.unlisted])
    many(
        "INSERT INTO listed VALUES (?, ?) ON CONFLICT DO NOTHING",
        sorted((x.audience, x.node) for x in s.listed),
    )
