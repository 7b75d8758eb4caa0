"""Audiences in the PostgreSQL profile store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from psycopg import Connection

from onefold.adapters.postgres.arrays import Blobs, Ids, Integers, Texts
from onefold.adapters.postgres.reader import PostgresReader
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


class PostgresAudienceReader(PostgresReader, AudienceReader):
    """Reads what one connection's transaction sees."""

    def definitions(self) -> list[Definition]:
        """All versions of all segments, by slug and version."""
        rows = self._rows(b'SELECT slug, version, body FROM audience ORDER BY slug COLLATE "C", version')
        return [Definition(*row) for row in rows]

    def evaluation(self) -> Evaluation:
        """How far the evaluation is."""
        ((sequence, active, body),) = self._rows(b"SELECT sequence, active, body FROM evaluation CROSS JOIN marking")
        return Evaluation(sequence, active, body)

    def marks(self, *, limit: int) -> list[Mark]:
        """The oldest marks, in their order."""
        return [Mark(*row) for row in self._rows(b"SELECT seq, body FROM mark ORDER BY seq LIMIT %b::bigint", limit)]

    def due(self, *, until_us: int, limit: int) -> list[tuple[NodeId, int]]:
        """People to look at again by then, the earliest first."""
        rows = self._rows(
            b"SELECT person, due_us FROM standing WHERE due_us <= %b::bigint ORDER BY due_us, person LIMIT %b::bigint",
            until_us, limit,
        )  # fmt: skip
        return [(person, at_us) for person, at_us in rows]

    def standings(self, people: Collection[NodeId]) -> dict[NodeId, Standing]:
        """What was found of these people."""
        rows = self._rows(
            b"SELECT person, due_us, generation, truths FROM standing WHERE person = ANY(%b)", Ids(sorted(set(people)))
        )
        return {row[0]: Standing(*row) for row in rows}

    def memberships(self, people: Collection[NodeId]) -> list[Membership]:
        """All memberships of these people."""
        rows = self._rows(
            b"SELECT audience, person, since_us, reason FROM membership WHERE person = ANY(%b)",
            Ids(sorted(set(people))),
        )
        return [Membership(*row) for row in rows]

    def audience(self, name: str, *, after: NodeId, limit: int) -> list[Membership]:
        """Members with greater ids than `after`, in byte order."""
        rows = self._rows(
            b"SELECT audience, person, since_us, reason FROM membership WHERE audience = %b AND person > %b"
            b" ORDER BY person LIMIT %b::bigint",
            name, after, limit,
        )  # fmt: skip
        return [Membership(*row) for row in rows]

    def audience_sizes(self) -> dict[str, int]:
        """How many members each audience has that has any."""
        return dict(self._rows(b"SELECT audience, count(*) FROM membership GROUP BY audience"))

    def listed(self, nodes: Collection[NodeId]) -> list[Listed]:
        """On which lists these nodes are."""
        rows = self._rows(b"SELECT audience, node FROM listed WHERE node = ANY(%b)", Ids(sorted(set(nodes))))
        return [Listed(*row) for row in rows]

    def entries(self, name: str, *, after: NodeId, limit: int) -> list[Listed]:
        """The identifiers on a list with greater ids than `after`, in byte order."""
        rows = self._rows(
            b"SELECT audience, node FROM listed WHERE audience = %b AND node > %b ORDER BY node LIMIT %b::bigint",
            name, after, limit,
        )  # fmt: skip
        return [Listed(*row) for row in rows]


def marking(connection: Connection[Any], lock: bytes = b"") -> bool:
    """Whether any audience is kept."""
    row = connection.execute(b"SELECT active FROM marking" + lock).fetchone()
    return row is not None and bool(row[0])


def write_marks(connection: Connection[Any], bodies: Sequence[bytes] | None) -> None:
    """Keep whom a commit touched, where any audience is kept.

    The share lock makes a change of definitions wait for this commit, so that whoever is evaluated then is seen as this
    commit leaves them; or this commit for it, which then marks.

    Raises:
        ConflictError: Nobody looked whom it touches.
    """
    if (bodies is None or bodies) and marking(connection, b" FOR SHARE"):
        if bodies is None:
            raise ConflictError("an audience is kept by now")
        connection.execute(b"INSERT INTO mark (body) SELECT unnest(%b)", (Blobs(list(bodies)),))


def settle(connection: Connection[Any], settlement: Settlement) -> None:
    """Change who is in which audience.

    Raises:
        ConflictError: Somebody else settled since.
    """
    s = settlement
    if s.active is not None:
        connection.execute(b"UPDATE marking SET active = %b", (s.active,))
    settled = connection.execute(
        b"UPDATE evaluation SET sequence = sequence + 1, body = coalesce(%b, body) WHERE sequence = %b::bigint",
        (s.body, s.before),
    ).rowcount
    if not settled:
        raise ConflictError("audiences were settled by somebody else")
    for d in s.define:
        connection.execute(b"INSERT INTO audience VALUES (%b, %b, %b)", (d.slug, d.version, d.body))
    if s.marks:
        connection.execute(b"DELETE FROM mark WHERE seq = ANY(%b)", (Integers(sorted(s.marks)),))
    if s.marked:
        connection.execute(b"INSERT INTO mark (body) SELECT unnest(%b)", (Blobs(list(s.marked)),))
    _settle_people(connection, s)
    if s.unlisted:
        connection.execute(
            b"DELETE FROM listed l USING unnest(%b, %b) AS u(audience, node)"
            b" WHERE l.audience = u.audience AND l.node = u.node",
            (Texts([x.audience for x in s.unlisted]), Ids([x.node for x in s.unlisted])),
        )
    if s.listed:
        connection.execute(
            b"INSERT INTO listed SELECT * FROM unnest(%b, %b) ON CONFLICT DO NOTHING",
            (Texts([x.audience for x in s.listed]), Ids([x.node for x in s.listed])),
        )


def _settle_people(connection: Connection[Any], s: Settlement) -> None:
    if s.gone:
        connection.execute(b"DELETE FROM standing WHERE person = ANY(%b)", (Ids(sorted(s.gone)),))
    for x in s.standings:
        connection.execute(
            b"INSERT INTO standing VALUES (%b, %b, %b, %b) ON CONFLICT (person) DO UPDATE"
            b" SET due_us = excluded.due_us, generation = excluded.generation, truths = excluded.truths",
            (x.person, x.due_us, x.generation, x.truths),
        )
    if s.left:
        connection.execute(
            b"DELETE FROM membership m USING unnest(%b, %b) AS u(audience, person)"
            b" WHERE m.audience = u.audience AND m.person = u.person",
            (Texts([audience for audience, _ in s.left]), Ids([person for _, person in s.left])),
        )
    if s.entered:
        connection.execute(
            b"INSERT INTO membership SELECT * FROM unnest(%b, %b, %b, %b) ON CONFLICT (audience, person) DO UPDATE"
            b" SET since_us = excluded.since_us, reason = excluded.reason",
            (
                Texts([x.audience for x in s.entered]),
                Ids([x.person for x in s.entered]),
                Integers([x.since_us for x in s.entered]),
                Blobs([x.reason for x in s.entered]),
            ),
        )
