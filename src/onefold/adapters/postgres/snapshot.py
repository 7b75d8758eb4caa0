"""What look-ups read: one committed state of the PostgreSQL profile store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from onefold.adapters.postgres.arrays import Ids
from onefold.adapters.postgres.audiences import PostgresAudienceReader
from onefold.adapters.postgres.manifest import PostgresManifestReader
from onefold.adapters.postgres.reader import KIND_NUMBERS, PERSON, SHARED, edge, node_row, place_of
from onefold.model import Edge, IdentityChange, Judgement, Member, NodeId
from onefold.ports import (
    DeadLetter,
    NodeRow,
    OutboxMessage,
    ProfileSnapshot,
    ScoredPair,
    Stamp,
    Tally,
    TimelineRow,
)

_ROWS_PER_FETCH = 2_000


class PostgresSnapshot(PostgresManifestReader, PostgresAudienceReader, ProfileSnapshot):
    """Reads inside a repeatable-read transaction: it sees one committed state throughout."""

    def stamps(self, place: Member) -> list[Stamp]:
        """One of each node of that person, in order of id."""
        rows = self._rows(PERSON % b"id, version, first_seen_us, flags" + b" ORDER BY id", *place_of(place))
        return [Stamp(node, version, at_us, bool(flags & SHARED)) for node, version, at_us, flags in rows]

    def timeline(
        self, nodes: Sequence[NodeId], *, before: tuple[int, int, int] | None, limit: int
    ) -> list[TimelineRow]:
        """Newest first, strictly before the given triple, at most `limit`."""
        bounds = before or (2**63 - 1, 2**31 - 1, 2**63 - 1)
        rows = self._rows(
            # Node by node from the end of its index, so a long history costs no more than its newest page.
            b"SELECT n.id, t.at_us, t.log_partition, t.log_offset FROM unnest(%b) AS n(id) CROSS JOIN LATERAL ("
            b" SELECT at_us, log_partition, log_offset FROM timeline WHERE node = n.id"
            b" AND (at_us, log_partition, log_offset) < (%b::bigint, %b::integer, %b::bigint)"
            b" ORDER BY at_us DESC, log_partition DESC, log_offset DESC LIMIT %b::bigint) t"
            b" ORDER BY t.at_us DESC, t.log_partition DESC, t.log_offset DESC, n.id LIMIT %b::bigint",
            Ids(sorted(set(nodes))), *bounds, limit, limit,
        )  # fmt: skip
        return [TimelineRow(*row) for row in rows]

    def changes(self, nodes: Sequence[NodeId]) -> list[IdentityChange]:
        """Merge history in which any of `nodes` moved or is named as a person, oldest first."""
        rows = self._rows(
            b"SELECT kind, person, before, nodes, at_us, log_partition, log_offset, request_id, seq FROM change"
            b" WHERE seq IN (SELECT seq FROM change_node WHERE node = ANY(%b)) ORDER BY seq",
            Ids(sorted(set(nodes))),
        )
        return [_change(row) for row in rows]

    def dead_letters(
        self, *, status: str | None, source: str | None, after: tuple[int, int], limit: int
    ) -> list[DeadLetter]:
        """In order of (partition, offset), strictly after the given place; None means any."""
        rows = self._rows(
            b"SELECT log_partition, log_offset, source, reason, detail, received_at_us, status FROM dead_letter"
            b" WHERE (log_partition, log_offset) > (%b::integer, %b::bigint)"
            b" AND (%b::text IS NULL OR status = %b) AND (%b::text IS NULL OR source = %b)"
            b" ORDER BY log_partition, log_offset LIMIT %b::bigint",
            *after, status, status, source, source, limit,
        )  # fmt: skip
        return [DeadLetter(*row) for row in rows]

    def tallies(self) -> list[Tally]:
        """Totals per (source, outcome, reason), in that order."""
        rows = self._rows(
            b'SELECT source, outcome, items, reason, emq FROM tally ORDER BY source COLLATE "C", outcome COLLATE "C",'
            b' reason COLLATE "C"'
        )
        return [Tally(source, outcome, items, reason, tuple(emq)) for source, outcome, items, reason, emq in rows]

    def outbox(self, *, after: int, limit: int) -> list[OutboxMessage]:
        """Messages with seq > `after`, in order."""
        rows = self._rows(
            b"SELECT topic, key, body, seq FROM outbox WHERE seq > %b::bigint ORDER BY seq LIMIT %b::bigint",
            after, limit,
        )  # fmt: skip
        return [OutboxMessage(*row) for row in rows]

    def people(self, *, after: NodeId, limit: int) -> list[NodeId]:
        """Person ids greater than `after`, in byte order, each once: the nodes that name themselves."""
        rows = self._rows(
            b"SELECT id FROM node WHERE id > %b AND person = id ORDER BY id LIMIT %b::bigint", after, limit
        )
        return [row[0] for row in rows]

    def scan(self) -> Iterator[NodeRow]:
        """Every node."""
        for row in self._stream(
            b"SELECT id, type, first_seen_us, person, component, flags, key, version, sealed FROM node"
        ):
            yield node_row(row)

    def scan_edges(self) -> Iterator[Edge]:
        """Every edge."""
        for row in self._stream(
            b"SELECT a, b, kind, strength, at_us, event, source, rule, score, log_offset FROM edge"
        ):
            yield edge(row)

    def scan_judgements(self) -> Iterator[Judgement]:
        """Every judgement."""
        for row in self._stream(b"SELECT id, verdict, a, b, at_us, said, log_offset FROM judgement"):
            yield self._judgement(row)

    def _stream(self, statement: bytes) -> Iterator[Any]:
        with self._connection.cursor("scan", binary=True) as cursor:
            cursor.itersize = _ROWS_PER_FETCH
            yield from cursor.execute(statement)

    def scored_pairs(
        self,
        *,
        joined: bool,
        least: float,
        most: float,
        after: tuple[float, NodeId, NodeId] | None,
        limit: int,
    ) -> list[ScoredPair]:
        """Scored pairs that are one person (`joined`), or two people; the highest score first, equal ones by their nodes."""
        score, a, b = after or (most, b"", b"")
        rows = self._rows(
            b"SELECT e.a, e.b, e.kind, e.strength, e.at_us, e.event, e.source, e.rule, e.score, e.log_offset,"
            b" x.person, y.person FROM edge e JOIN node x ON x.id = e.a JOIN node y ON y.id = e.b"
            b" WHERE e.kind = %d AND e.score BETWEEN %%b::float8 AND %%b::float8"
            b" AND (e.score < %%b::float8 OR (e.a, e.b) > (%%b::bytea, %%b::bytea))"
            b" AND (x.person = y.person) = %%b::boolean AND (x.flags | y.flags) & %d = 0"
            b" ORDER BY e.score DESC, e.a, e.b LIMIT %%b::bigint" % (KIND_NUMBERS["scored"], SHARED),
            least, min(most, score), score, a, b, joined, limit,
        )  # fmt: skip
        return [ScoredPair(edge(row[:-2]), *row[-2:]) for row in rows]

    def hubs(self, *, edges_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many edges, the most first. Both indexes of the edges are read from end to end."""
        rows = self._rows(
            b"SELECT n, sum(many)::bigint AS edges FROM (SELECT a AS n, count(*) AS many FROM edge GROUP BY a"
            b" UNION ALL SELECT b, count(*) FROM edge GROUP BY b) h GROUP BY n HAVING sum(many) >= %b::bigint"
            b" ORDER BY edges DESC, n LIMIT %b::bigint",
            edges_min, limit,
        )  # fmt: skip
        return [(node, many) for node, many in rows]

    def large_people(self, *, nodes_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """People with at least so many nodes, the most first. Reads the index of components, and those that are large."""
        return self._rows(
            b"SELECT n.person, count(*) AS many FROM node n JOIN (SELECT component FROM node WHERE component <> id"
            b" GROUP BY component HAVING count(*) >= %b::bigint - 1) large"
            b" ON n.component = large.component GROUP BY n.person HAVING count(*) >= %b::bigint"
            b" ORDER BY many DESC, n.person LIMIT %b::bigint",
            nodes_min, nodes_min, limit,
        )  # fmt: skip

    def busy_nodes(self, *, events_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many events, the most first. The index of the timeline is read from end to end."""
        return self._rows(
            b"SELECT node, count(*) AS many FROM timeline GROUP BY node HAVING count(*) >= %b::bigint"
            b" ORDER BY many DESC, node LIMIT %b::bigint",
            events_min, limit,
        )  # fmt: skip

    def counts(self) -> dict[str, int]:
        """Kept counters; no table is scanned."""
        ((nodes, people, edges, judgements, letters, events),) = self._rows(
            b"SELECT nodes, people, edges, judgements, dead_letters,"
            b" (SELECT coalesce(sum(items), 0)::bigint FROM tally WHERE outcome = 'stored') FROM totals"
        )
        return {
            "nodes": nodes, "people": people, "edges": edges, "judgements": judgements, "dead_letters": letters,
            "events": events,
        }  # fmt: skip


def _change(row: Sequence[Any]) -> IdentityChange:
    kind, person, before, nodes, *rest = row
    return IdentityChange(kind, person, before, tuple(nodes[n : n + 16] for n in range(0, len(nodes), 16)), *rest)
