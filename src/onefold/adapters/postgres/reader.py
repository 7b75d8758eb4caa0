"""What transactions and snapshots read alike: nodes, components, evidence, judgements, offsets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from psycopg import Connection

from onefold.adapters.postgres.arrays import Ids
from onefold.governance.encryption import EntrySealer
from onefold.model import Checkpoint, Edge, EdgeKind, Judgement, Member, NodeId, WorkspaceIdentity
from onefold.ports import NodeRow, ProfileReader

CONTESTED = 1
SHARED = 2
KINDS: tuple[EdgeKind, ...] = ("event", "record", "alias", "scored")
KIND_NUMBERS: dict[EdgeKind, int] = {kind: number for number, kind in enumerate(KINDS, start=1)}


def member(row: Sequence[Any]) -> Member:
    """Read `id, type, first_seen_us, person, component, flags`."""
    node, kind, first_seen_us, person, component, flags = row
    return Member(node, kind, first_seen_us, person, component, bool(flags & CONTESTED), bool(flags & SHARED))


def node_row(row: Sequence[Any]) -> NodeRow:
    """Read the columns of `member`, then `key, version, sealed`."""
    return NodeRow(member(row[:6]), row[6], row[7], row[8])


def edge(row: Sequence[Any]) -> Edge:
    """Read `a, b, kind, strength, at_us, event, source, rule, score, log_offset`."""
    a, b, kind, *rest = row
    return Edge(a, b, KINDS[kind - 1], *rest)


_EDGES = b"SELECT a, b, kind, strength, at_us, event, source, rule, score, log_offset FROM edge"
MEMBERS = (
    b"SELECT id, type, first_seen_us, person, component, flags FROM node WHERE id = ANY(%b) AND component = id"
    b" UNION ALL SELECT id, type, first_seen_us, person, component, flags FROM node"
    b" WHERE component = ANY(%b) AND component <> id"
)

# The node that names a component is in no index of it.
PERSON = (
    b"SELECT %b FROM (SELECT * FROM node WHERE id = %%b AND component = id"
    b" UNION ALL SELECT * FROM node WHERE component = %%b AND component <> id) n WHERE person = %%b"
)


class PostgresReader(ProfileReader):
    """Reads through one connection, inside the transaction it is in."""

    def __init__(self, connection: Connection[Any], sealer: EntrySealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def _rows(self, statement: bytes, *values: Any) -> list[Any]:
        with self._connection.cursor(binary=True) as cursor:
            return cursor.execute(statement, values).fetchall()

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition."""
        return dict(self._rows(b"SELECT log_partition, log_offset FROM consumer"))

    def checkpoints(self) -> dict[int, Checkpoint]:
        """The same with what the log is to be recognised by."""
        rows = self._rows(b"SELECT log_partition, log_offset, fingerprint, at_us, marked FROM consumer")
        return {
            partition: Checkpoint(offset, fingerprint, at_us) if marked == offset else Checkpoint(offset)
            for partition, offset, fingerprint, at_us, marked in rows
        }

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace the store belongs to."""
        said = dict(self._rows(b"SELECT name, value FROM about"))
        return WorkspaceIdentity(said["id"], said["keys"]) if "id" in said else None

    def kept(self) -> dict[str, bytes]:
        """What is known of aggregates that node states hold, by key."""
        return dict(self._rows(b"SELECT key, body FROM kept"))

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist."""
        rows = self._rows(
            b"SELECT id, type, first_seen_us, person, component, flags, key, version, sealed FROM node"
            b" WHERE id = ANY(%b)",
            Ids(sorted(set(ids))),
        )
        return {row[0]: node_row(row) for row in rows}

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order."""
        asked = Ids(sorted(set(components)))
        return [member(row) for row in self._rows(MEMBERS, asked, asked)]

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`."""
        columns = b"id, type, first_seen_us, person, component, flags"
        rows = self._rows(PERSON % columns + b" LIMIT %b::bigint", *place_of(place), limit)
        return [member(row) for row in rows]

    def edges(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence that touches any of `nodes`, at either end, each edge once."""
        asked = set(nodes)
        ids = Ids(sorted(asked))
        found = [edge(row) for row in self._rows(_EDGES + b" WHERE a = ANY(%b)", ids)]
        touching = self._rows(_EDGES + b" WHERE b = ANY(%b)", ids)
        return found + [edge(row) for row in touching if row[0] not in asked]

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Edge]:
        """All evidence between the two nodes of any of these pairs, each edge once."""
        both = sorted({pair for a, b in pairs for pair in ((a, b), (b, a))})
        rows = self._rows(
            b"SELECT e.a, e.b, e.kind, e.strength, e.at_us, e.event, e.source, e.rule, e.score, e.log_offset"
            b" FROM unnest(%b, %b) v(a, b) JOIN edge e ON e.a = v.a AND e.b = v.b",
            Ids([a for a, _ in both]), Ids([b for _, b in both]),
        )  # fmt: skip
        return [edge(row) for row in rows]

    def leaving(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence with exactly one end among `nodes`, each edge once."""
        ids = Ids(sorted(set(nodes)))
        found = self._rows(_EDGES + b" WHERE a = ANY(%b) AND b <> ALL(%b)", ids, ids)
        found += self._rows(_EDGES + b" WHERE b = ANY(%b) AND a <> ALL(%b)", ids, ids)
        return [edge(row) for row in found]

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of `nodes`, withdrawn and overruled ones too."""
        asked = set(nodes)
        ids = Ids(sorted(asked))
        columns = b"id, verdict, a, b, at_us, said, log_offset"
        rows = self._rows(b"SELECT " + columns + b" FROM judgement WHERE a = ANY(%b)", ids)
        also = self._rows(b"SELECT " + columns + b" FROM judgement WHERE b = ANY(%b)", ids)
        return [self._judgement(row) for row in (*rows, *(row for row in also if row[2] not in asked))]

    def _judgement(self, row: Sequence[Any]) -> Judgement:
        key, verdict, a, b, at_us, said, offset = row
        by, reason = msgspec.msgpack.decode(self._sealer.open_bytes(said), type=tuple[str, str])
        return Judgement(key, verdict, a, b, at_us, by, reason, offset)


def place_of(place: Member) -> tuple[NodeId, NodeId, NodeId]:
    """What `PERSON` asks for."""
    return place.component, place.component, place.person
