"""What look-ups read: one committed state of the SQLite profile store."""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from heapq import nlargest
from typing import Any

import apsw
import msgspec

from onefold.adapters.sqlite.audiences import SqliteAudienceReader
from onefold.adapters.sqlite.manifest import SqliteManifestReader
from onefold.adapters.sqlite.queries import select, select_in
from onefold.adapters.sqlite.reader import (
    EDGE_COLUMNS,
    KIND_NUMBERS,
    NODE_COLUMNS,
    NODES,
    NUMBERS,
    PERSON_COLUMNS,
    SHARED,
    SqliteReader,
    edge,
    in_person,
    node_row,
    split_ids,
)
from onefold.governance.encryption import EntrySealer
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

_CHANGE_COLUMNS = "kind, person, before, nodes, at_us, log_partition, log_offset, request_id, seq"
_LATEST = """
SELECT v.value, (
    SELECT at_us FROM {0} WHERE node = v.value AND (at_us, log_partition, log_offset) < (?2, ?3, ?4)
    ORDER BY at_us DESC, log_partition DESC, log_offset DESC LIMIT 1
) FROM carray(?1) v
"""
_SCORED_PAIRS = f"""
SELECT x.id, y.id, {EDGE_COLUMNS}, p.id, q.id FROM edge e
    CROSS JOIN node x ON x.n = e.a CROSS JOIN node y ON y.n = e.b
    CROSS JOIN node p ON p.n = coalesce(x.person, x.n) CROSS JOIN node q ON q.n = coalesce(y.person, y.n)
WHERE e.kind = {KIND_NUMBERS["scored"]} AND e.score BETWEEN ?1 AND ?2 AND (e.score < ?3 OR (x.id, y.id) > (?4, ?5))
    AND x.type IS NOT NULL AND y.type IS NOT NULL AND (p.n = q.n) = ?6 AND (x.flags | y.flags) & {SHARED} = 0
ORDER BY e.score DESC, x.id, y.id LIMIT ?7
"""  # noqa: S608 - constants
_FOR_EVER = (2**63 - 1, 2**63 - 1, 2**63 - 1)


class SqliteSnapshot(SqliteReader, SqliteManifestReader, SqliteAudienceReader, ProfileSnapshot):
    """Reads inside one deferred transaction, so every answer is about the same moment."""

    def __init__(self, connection: apsw.Connection, sealer: EntrySealer) -> None:
        super().__init__(connection, sealer)
        self._numbers: dict[NodeId, int] = {}  # of nodes met

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`."""
        rows = self._person(PERSON_COLUMNS, place, limit)
        self._numbers.update((row[1], row[0]) for row in rows)
        return in_person(rows, place)

    def stamps(self, place: Member) -> list[Stamp]:
        """One of each node of that person."""
        rows = self._person("x.n, x.id, x.version, x.first_seen_us, x.flags", place)
        self._numbers.update((row[1], row[0]) for row in rows)
        return [Stamp(node, version, at_us, bool(flags & SHARED)) for _, node, version, at_us, flags in rows]

    def _numbers_of(self, ids: Collection[NodeId]) -> dict[NodeId, int]:
        """The numbers of those of these nodes that have one; of a person's nodes that were read they are known."""
        known = self._numbers
        missing = [node for node in ids if node not in known]
        known.update(super()._numbers_of(missing) if missing else {})
        return {node: known[node] for node in ids if node in known}

    def timeline(
        self, nodes: Sequence[NodeId], *, before: tuple[int, int, int] | None, limit: int
    ) -> list[TimelineRow]:
        """Newest first, strictly before the given triple, at most `limit`."""
        found: set[TimelineRow] = set()
        numbers = self._numbers_of(nodes)
        if len(numbers) > limit:
            numbers = self._latest(numbers, before or _FOR_EVER, limit)
        for node, number in numbers.items():
            for tier in ("timeline_new", "timeline"):
                rows = select(
                    self._connection,
                    f"SELECT at_us, log_partition, log_offset FROM {tier}"  # noqa: S608 - constants
                    " WHERE node = ? AND (at_us, log_partition, log_offset) < (?, ?, ?)"
                    " ORDER BY at_us DESC, log_partition DESC, log_offset DESC LIMIT ?",
                    (number, *(before or _FOR_EVER), limit),
                )
                found.update(TimelineRow(node, *row) for row in rows)
        ordered = sorted(found, key=lambda row: row.node)
        ordered.sort(key=lambda row: (row.at_us, row.partition, row.offset), reverse=True)
        return ordered[:limit]

    def _latest(self, numbers: dict[NodeId, int], before: tuple[int, int, int], limit: int) -> dict[NodeId, int]:
        """The nodes that can have one of the `limit` latest events: their own latest is as late as that of so many."""
        last: dict[int, int] = {}
        for tier in ("timeline_new", "timeline"):
            rows = select(self._connection, _LATEST.format(tier), (apsw.carray(array("q", numbers.values())), *before))
            for number, at_us in rows:
                if at_us is not None:
                    last[number] = max(at_us, last.get(number, at_us))
        # Several may be as late as the last that counts.
        least = min(nlargest(limit, last.values()), default=0)
        return {node: number for node, number in numbers.items() if last.get(number, least - 1) >= least}

    def changes(self, nodes: Sequence[NodeId]) -> list[IdentityChange]:
        """Merge history in which any of `nodes` moved or is named as a person, oldest first."""
        about = "SELECT c.seq FROM carray(?1) v CROSS JOIN change_node c ON c.node = v.value"
        seqs = {row[0] for row in select_in(self._connection, about, self._numbers_of(nodes).values())}
        changes = f"SELECT {_CHANGE_COLUMNS} FROM carray(?1) v CROSS JOIN change c ON c.seq = v.value"  # noqa: S608 - constants
        rows = select_in(self._connection, changes, seqs)
        return sorted((_change(row) for row in rows), key=lambda change: change.seq)

    def dead_letters(
        self, *, status: str | None, source: str | None, after: tuple[int, int], limit: int
    ) -> list[DeadLetter]:
        """In order of (partition, offset), strictly after the given place; None means any."""
        # The status stands in the statement, because only a literal lets SQLite use the index of the open ones.
        by_status = " AND status = 'open'" if status == "open" else " AND (? IS NULL OR status = ?)"
        statuses = () if status == "open" else (status, status)
        rows = select(
            self._connection,
            "SELECT log_partition, log_offset, source, reason, detail, received_at_us, status FROM dead_letter"  # noqa: S608 - constants
            f" WHERE (log_partition, log_offset) > (?, ?) AND (? IS NULL OR source = ?){by_status}"
            " ORDER BY log_partition, log_offset LIMIT ?",
            (*after, source, source, *statuses, limit),
        )
        return [DeadLetter(*row) for row in rows]

    def tallies(self) -> list[Tally]:
        """Totals per (source, outcome, reason), in that order."""
        rows = select(
            self._connection, "SELECT source, outcome, items, reason, emq FROM tally ORDER BY source, outcome, reason"
        )
        return [
            Tally(source, outcome, items, reason, msgspec.json.decode(emq, type=tuple[int, ...]))
            for source, outcome, items, reason, emq in rows
        ]

    def outbox(self, *, after: int, limit: int) -> list[OutboxMessage]:
        """Messages with seq > `after`, in order."""
        rows = select(
            self._connection,
            "SELECT topic, key, body, seq FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?",
            (after, limit),
        )
        return [OutboxMessage(*row) for row in rows]

    def people(self, *, after: NodeId, limit: int) -> list[NodeId]:
        """Person ids greater than `after`, in byte order, each once: the nodes that name themselves."""
        found: list[NodeId] = []
        for numbers in NUMBERS:
            rows = select(
                self._connection,
                f"SELECT i.id FROM {numbers} i CROSS JOIN node x ON x.n = i.n"  # noqa: S608 - constants
                " WHERE i.id > ? AND x.person IS NULL AND x.type IS NOT NULL ORDER BY i.id LIMIT ?",
                (after, limit),
            )
            found += [row[0] for row in rows]
        return sorted(found)[:limit]

    def scan(self) -> Iterator[NodeRow]:
        """Every node, in order of arrival."""
        every = f"SELECT {NODE_COLUMNS} FROM {NODES} WHERE x.type IS NOT NULL ORDER BY x.n"  # noqa: S608 - constants
        for row in self._connection.execute(every):
            yield node_row(row)

    def scan_edges(self) -> Iterator[Edge]:
        """Every edge, in order of its ends' arrival."""
        for row in self._connection.execute(
            f"SELECT x.id, y.id, {EDGE_COLUMNS}"  # noqa: S608 - constants
            " FROM edge e CROSS JOIN node x ON x.n = e.a CROSS JOIN node y ON y.n = e.b"
        ):
            yield edge(row)

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
        values = (least, min(most, score), score, a, b, joined, limit)
        return [ScoredPair(edge(row[:-2]), *row[-2:]) for row in select(self._connection, _SCORED_PAIRS, values)]

    def scan_judgements(self) -> Iterator[Judgement]:
        """Every judgement, in order of id."""
        for row in self._connection.execute(
            "SELECT id, verdict, a, b, at_us, said, log_offset FROM judgement ORDER BY id"
        ):
            yield self._judgement(row)

    def hubs(self, *, edges_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many edges, the most first. Both indexes of the edges are read from end to end."""
        rows = select(
            self._connection,
            "SELECT x.id, sum(h.many) AS edges FROM (SELECT a AS n, count(*) AS many FROM edge GROUP BY a"
            " UNION ALL SELECT b, count(*) FROM edge GROUP BY b) h JOIN node x ON x.n = h.n"
            " GROUP BY h.n HAVING edges >= ? ORDER BY edges DESC, x.id LIMIT ?",
            (edges_min, limit),
        )
        return [(node, many) for node, many in rows]

    def large_people(self, *, nodes_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """People with at least so many nodes, the most first. Reads the index of components, and those that are large."""
        rows = select(
            self._connection,
            "WITH large AS (SELECT component AS n FROM node WHERE component IS NOT NULL"
            " GROUP BY component HAVING count(*) >= ?1 - 1),"
            " inside AS (SELECT coalesce(x.person, x.n) AS person FROM large CROSS JOIN node x ON x.component = large.n"
            " UNION ALL SELECT coalesce(x.person, x.n) FROM large CROSS JOIN node x ON x.n = large.n"
            " WHERE x.type IS NOT NULL AND x.component IS NULL)"
            " SELECT p.id, count(*) AS many FROM inside CROSS JOIN node p ON p.n = inside.person"
            " GROUP BY p.n HAVING many >= ?1 ORDER BY many DESC, p.id LIMIT ?2",
            (nodes_min, limit),
        )
        return [(node, many) for node, many in rows]

    def busy_nodes(self, *, events_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many events, the most first. The timeline is read from end to end."""
        # A row that was told twice may stand in both tiers, and is counted twice at most until it moves.
        rows = select(
            self._connection,
            "SELECT x.id, sum(t.many) AS events FROM (SELECT node, count(*) AS many FROM timeline GROUP BY node"
            " UNION ALL SELECT node, count(*) FROM timeline_new GROUP BY node) t JOIN node x ON x.n = t.node"
            " GROUP BY t.node HAVING events >= ? ORDER BY events DESC, x.id LIMIT ?",
            (events_min, limit),
        )
        return [(node, many) for node, many in rows]

    def counts(self) -> dict[str, int]:
        """Kept counters; no table is scanned."""
        counters = dict(select(self._connection, "SELECT name, value FROM counter WHERE name <> 'numbers'"))
        (stored,) = select(self._connection, "SELECT sum(items) FROM tally WHERE outcome = 'stored'")
        return {**counters, "events": stored[0] or 0}


def _change(row: Sequence[Any]) -> IdentityChange:
    kind, person, before, nodes, *rest = row
    return IdentityChange(kind, person, before, split_ids(nodes), *rest)
