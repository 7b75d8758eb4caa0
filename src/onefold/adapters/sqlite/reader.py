"""What the writer and the snapshots read alike: nodes, components, evidence, judgements, offsets."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import apsw
import msgspec

from onefold.adapters.sqlite.queries import select, select_in
from onefold.governance.encryption import EntrySealer
from onefold.model import Checkpoint, Edge, EdgeKind, Judgement, Member, NodeId, WorkspaceIdentity
from onefold.ports import NodeRow, ProfileReader

CONTESTED = 1
SHARED = 2

KINDS: tuple[EdgeKind, ...] = ("event", "record", "alias", "scored")
KIND_NUMBERS: dict[EdgeKind, int] = {kind: number for number, kind in enumerate(KINDS, start=1)}

MEMBER_COLUMNS = "x.n, x.id, x.type, x.first_seen_us, p.id, c.id, x.flags"
NODE_COLUMNS = f"{MEMBER_COLUMNS}, x.key, x.version, x.sealed"
NODES = "node x LEFT JOIN node p ON p.n = x.person LEFT JOIN node c ON c.n = x.component"
NUMBERS = ("number_new", "number")
"""Where a node's number may stand by its id."""
EDGE_COLUMNS = "e.kind, e.strength, e.at_us, e.event, e.source, e.rule, e.score, e.log_offset"
# CROSS JOIN holds the planner to our order: from what is asked for to the nodes, to their edges, to the other ends.
_EDGES_FROM_A = (
    f"SELECT x.id, y.id, {EDGE_COLUMNS} FROM carray(?1) v CROSS JOIN node x ON x.n = v.value"  # noqa: S608 - constants
    " CROSS JOIN edge e ON e.a = x.n CROSS JOIN node y ON y.n = e.b"
)
_EDGES_FROM_B = (
    f"SELECT x.id, y.id, {EDGE_COLUMNS} FROM carray(?1) v CROSS JOIN node y ON y.n = v.value"  # noqa: S608 - constants
    " CROSS JOIN edge e ON e.b = y.n CROSS JOIN node x ON x.n = e.a"
)
_LEAVING_FROM_A = f"{_EDGES_FROM_A} WHERE e.b NOT IN (SELECT value FROM carray(?1))"  # noqa: S608 - constants
_LEAVING_FROM_B = f"{_EDGES_FROM_B} WHERE e.a NOT IN (SELECT value FROM carray(?1))"  # noqa: S608 - constants
_MEMBERS = f"SELECT {MEMBER_COLUMNS} FROM carray(?1) v CROSS JOIN {NODES} WHERE x.component = v.value"  # noqa: S608 - constants
_BY_ID = """
SELECT {} FROM (
    SELECT coalesce(
        (SELECT n FROM number_new WHERE id = v.value), (SELECT n FROM number WHERE id = v.value)
    ) AS n FROM carray(?1) v
) i CROSS JOIN {} WHERE x.n = i.n
"""


def member(row: Sequence[Any]) -> Member:
    """Read the first columns of `NODE_COLUMNS`; a person or component of NULL is the node itself."""
    _, node, kind, first_seen_us, person, component, flags = row[:7]
    return Member(
        node, kind, first_seen_us, person or node, component or node, bool(flags & CONTESTED), bool(flags & SHARED)
    )


def node_row(row: Sequence[Any]) -> NodeRow:
    """Read `NODE_COLUMNS`."""
    _, node, kind, first_seen_us, person, component, flags, key, version, sealed = row
    return NodeRow(
        Member(
            node, kind, first_seen_us, person or node, component or node, bool(flags & CONTESTED), bool(flags & SHARED)
        ),
        key,
        version,
        sealed,
    )


def edge(row: Sequence[Any]) -> Edge:
    """Read the ids of both ends and `EDGE_COLUMNS`."""
    a, b, kind, *rest = row
    return Edge(a, b, KINDS[kind - 1], *rest)


_JUDGEMENTS = (
    "SELECT j.id, j.verdict, j.a, j.b, j.at_us, j.said, j.log_offset FROM carray(?1) v CROSS JOIN judgement j WHERE"
)
_EVIDENCE = (
    f"SELECT e.a, e.b, {EDGE_COLUMNS} FROM (VALUES {{}}) v"  # noqa: S608 - constants
    " CROSS JOIN edge e ON e.a = v.column1 AND e.b = v.column2"
)
_PAIRS_PER_QUERY = 256
# A node that names its component is in no index of it, and one that names its person refers to nobody.
_PERSON = """
SELECT {0} FROM node x WHERE x.n IN (?1, ?2) AND x.type IS NOT NULL
    AND coalesce(x.component, x.n) = ?1 AND coalesce(x.person, x.n) = ?2
UNION ALL SELECT {0} FROM node x WHERE x.component = ?1 AND x.person = ?2 LIMIT ?3
"""
PERSON_COLUMNS = "x.n, x.id, x.type, x.first_seen_us, x.flags"
_NODES_ASKED_ONE_BY_ONE = 100


class SqliteReader(ProfileReader):
    """Reads through one connection, inside whatever transaction that connection is in."""

    def __init__(self, connection: apsw.Connection, sealer: EntrySealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition."""
        return dict(select(self._connection, "SELECT log_partition, log_offset FROM consumer"))

    def checkpoints(self) -> dict[int, Checkpoint]:
        """The same with what the log is to be recognised by."""
        rows = select(self._connection, "SELECT log_partition, log_offset, fingerprint, at_us FROM consumer")
        return {partition: Checkpoint(*rest) for partition, *rest in rows}

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace the store belongs to."""
        said = dict(select(self._connection, "SELECT name, value FROM about"))
        return WorkspaceIdentity(said["id"], said["keys"]) if "id" in said else None

    def kept(self) -> dict[str, bytes]:
        """What is known of aggregates that node states hold, by key."""
        return dict(select(self._connection, "SELECT key, body FROM kept"))

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist."""
        return {row[1]: node_row(row) for row in self._node_rows(ids) if row[2] is not None}

    def _node_rows(self, ids: Sequence[NodeId]) -> list[Any]:
        """`NODE_COLUMNS` of all rows, also those of nodes that are only referred to and have no type."""
        return self._by_id(NODE_COLUMNS, NODES, ids)

    def _by_id(self, columns: str, tables: str, ids: Collection[NodeId]) -> list[Any]:
        """Columns of the nodes that have one of these ids."""
        return select_in(self._connection, _BY_ID.format(columns, tables), ids)

    def _numbers_of(self, ids: Collection[NodeId]) -> dict[NodeId, int]:
        """The numbers of those of these nodes that have one."""
        return {node: number for number, node in self._by_id("x.n, x.id", "node x", ids)}

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order."""
        return [member(row) for row in self._member_rows(components)]

    def _member_rows(self, components: Sequence[NodeId]) -> Iterator[tuple[Any, ...]]:
        numbers = []
        for row in self._by_id(MEMBER_COLUMNS, NODES, components):
            numbers.append(row[0])
            if row[2] is not None and row[5] is None:
                yield row
        yield from select_in(self._connection, _MEMBERS, numbers)

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`."""
        return in_person(self._person(PERSON_COLUMNS, place, limit), place)

    def _person(self, columns: str, place: Member, most: int | None = None) -> list[Any]:
        numbers = self._numbers_of({place.component, place.person})
        bounds = (numbers[place.component], numbers[place.person], -1 if most is None else most)
        return select(self._connection, _PERSON.format(columns), bounds)

    def edges(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence that touches any of `nodes`, at either end, each edge once."""
        asked = self._numbers_of(nodes)
        found = [edge(row) for row in select_in(self._connection, _EDGES_FROM_A, asked.values())]
        found += [
            edge(row) for row in select_in(self._connection, _EDGES_FROM_B, asked.values()) if row[0] not in asked
        ]
        return found

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Edge]:
        """All evidence between the two nodes of any of these pairs, each edge once."""
        numbers = self._numbers_of({node for pair in pairs for node in pair})
        known = [(numbers[a], numbers[b]) for a, b in pairs if a in numbers and b in numbers]
        both = sorted({pair for a, b in known for pair in ((a, b), (b, a))})
        ids = {number: node for node, number in numbers.items()}
        found = []
        for start in range(0, len(both), _PAIRS_PER_QUERY):
            some = both[start : start + _PAIRS_PER_QUERY]
            some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))  # few lengths, few statements
            query = _EVIDENCE.format(",".join(["(?,?)"] * len(some)))
            rows = select(self._connection, query, [number for pair in some for number in pair])
            found += [edge((ids[a], ids[b], *rest)) for a, b, *rest in set(rows)]
        return found

    def leaving(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence with exactly one end among `nodes`, each edge once."""
        inside = self._numbers_of(nodes).values()
        found = select_in(self._connection, _LEAVING_FROM_A, inside)
        found += select_in(self._connection, _LEAVING_FROM_B, inside)
        return [edge(row) for row in found]

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of `nodes`, withdrawn and overruled ones too."""
        asked = set(nodes)
        if len(asked) > _NODES_ASKED_ONE_BY_ONE:
            # A batch asks about thousands of nodes, and people judge few: their nodes are read instead.
            pairs = select(self._connection, "SELECT a, b FROM judgement LIMIT ?", (len(asked),))
            if len(pairs) < len(asked):
                asked &= {node for pair in pairs for node in pair}
        rows = select_in(self._connection, f"{_JUDGEMENTS} j.a = v.value", asked)
        rows += [
            row for row in select_in(self._connection, f"{_JUDGEMENTS} j.b = v.value", asked) if row[2] not in asked
        ]
        return [self._judgement(row) for row in rows]

    def _judgement(self, row: Sequence[Any]) -> Judgement:
        key, verdict, a, b, at_us, said, offset = row
        by, reason = msgspec.msgpack.decode(self._sealer.open_bytes(said), type=tuple[str, str])
        return Judgement(key, verdict, a, b, at_us, by, reason, offset)


def in_person(rows: Sequence[Any], place: Member) -> list[Member]:
    """Read `PERSON_COLUMNS` of the nodes of the person that a node of this place belongs to."""
    person, component = place.person, place.component
    return [
        Member(node, kind, at_us, person, component, bool(flags & CONTESTED), bool(flags & SHARED))
        for _, node, kind, at_us, flags in rows
    ]


def split_ids(joined: bytes) -> tuple[NodeId, ...]:
    """Read 16-byte ids that stand one after the other."""
    return tuple(joined[start : start + 16] for start in range(0, len(joined), 16))


def join_ids(ids: Iterable[NodeId]) -> bytes:
    """Write what `split_ids` reads."""
    return b"".join(ids)
