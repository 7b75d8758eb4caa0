"""The one writer's view of a batch in the SQLite profile store."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import Any

import apsw
import msgspec

from onefold.adapters.sqlite import audiences, manifest, tiers
from onefold.adapters.sqlite.queries import select, select_in
from onefold.adapters.sqlite.reader import (
    CONTESTED,
    KIND_NUMBERS,
    SHARED,
    SqliteReader,
    join_ids,
    member,
    node_row,
)
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer
from onefold.model import Edge, Member, NodeId, replaces
from onefold.ports import Changes, NodeRow, ProfileTransaction, Tally
from onefold.ports.audiences import Settlement
from onefold.ports.warehouse import ManifestChange

_EDGES_PER_QUERY = 256
_NEVER_SAVED = (None,) * 8
_CLAIM = (
    "INSERT INTO dedupe_new SELECT v.value FROM carray(?1) v"
    " WHERE NOT EXISTS (SELECT 1 FROM dedupe d WHERE d.key = v.value) ON CONFLICT DO NOTHING RETURNING key"
)
_STORED_EDGES = (
    "SELECT e.a, e.b, e.kind, e.at_us, e.event FROM (VALUES {}) v"
    " CROSS JOIN edge e ON e.a = v.column1 AND e.b = v.column2 AND e.kind = v.column3"
)
_REPLACE_EDGE = (
    "INSERT OR REPLACE INTO edge (strength, at_us, event, source, rule, score, log_offset, a, b, kind)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)

_LARGE = (
    "SELECT v.value FROM carray(?1) v WHERE"
    " (SELECT count(*) FROM (SELECT 1 FROM node x WHERE x.component = v.value LIMIT ?2)) >= ?2"
)
_SIGHTINGS = """
SELECT x.first_seen_us FROM node x WHERE x.component = ?1 AND x.type = ?2 AND x.first_seen_us > ?3 AND x.first_seen_us < ?4
UNION ALL SELECT x.first_seen_us FROM node x
    WHERE x.n = ?1 AND x.component IS NULL AND x.type = ?2 AND x.first_seen_us > ?3 AND x.first_seen_us < ?4
"""
_SCORED = tuple(
    f"SELECT 1 FROM carray(?1) v CROSS JOIN edge e ON e.{end} = v.value WHERE e.kind = {KIND_NUMBERS['scored']} LIMIT 1"  # noqa: S608 - constants
    for end in "ab"
)

_EdgeKey = tuple[int, int, int]


class SqliteTransaction(SqliteReader, ProfileTransaction):
    """Reads, claims and writes at once; the store's COMMIT at the end of the block makes it last.

    It remembers the number of every node it has met, because most nodes that a batch saves, it has loaded before.
    """

    def __init__(self, connection: apsw.Connection, sealer: EntrySealer, *, tier_rows: int) -> None:
        super().__init__(connection, sealer)
        self._tier_rows = tier_rows
        self._entered: Counter[str] = Counter()  # rows new in each young tier
        self._numbers: dict[NodeId, int] = {}
        self._names_itself: dict[NodeId, bool] = {}  # of the nodes among them that were saved
        self._absent: set[NodeId] = set()  # looked for and not there
        self._counts: dict[str, int] = {}

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist."""
        found = {}
        self._absent.update(ids)
        for row in self._node_rows(ids):
            if row[2] is None:  # only referred to so far
                self._numbers[row[1]] = row[0]
            else:
                found[row[1]] = node_row(row)
                self._meet(row)
        self._absent.difference_update(self._numbers)
        return found

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order."""
        found = []
        for row in self._member_rows(components):
            found.append(member(row))
            self._meet(row)
        return found

    def large(self, components: Sequence[NodeId], *, nodes_min: int) -> list[NodeId]:
        """Those of these components that have at least so many nodes besides the one that names them."""
        asked = {number: node for node, number in self._numbers_of(components).items()}
        table = apsw.carray(array("q", sorted(asked))) if asked else None
        return [asked[n] for (n,) in select(self._connection, _LARGE, (table, nodes_min))] if asked else []

    def sightings(self, component: NodeId, kind: str, within: tuple[int, int] | None) -> list[int]:
        """First sightings of a component's nodes of a type, strictly between two moments or whenever."""
        number = self._numbers_of([component])[component]
        rows = select(self._connection, _SIGHTINGS, (number, kind, *(within or (-(2**63), 2**63 - 1))))
        return [at_us for (at_us,) in rows]

    def scored(self, nodes: Sequence[NodeId]) -> bool:
        """Whether any scored evidence touches one of these."""
        numbers = self._numbers_of(nodes).values()
        return any(select_in(self._connection, statement, numbers) for statement in _SCORED)

    def _numbers_of(self, ids: Collection[NodeId]) -> dict[NodeId, int]:
        """The numbers of those of these nodes that have one; of nodes that were met they are known."""
        known = self._numbers
        found = {node: known[node] for node in ids if node in known}
        missing = [node for node in ids if node not in found]
        return found | super()._numbers_of(missing) if missing else found

    def _meet(self, row: Sequence[Any]) -> None:
        node = row[1]
        self._numbers[node] = row[0]
        self._names_itself[node] = row[4] is None

    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Record de-duplication keys; True for each that was never seen before."""
        fresh = {row[0] for row in select_in(self._connection, _CLAIM, keys)}
        self._entered["dedupe"] += len(fresh)
        claimed = []
        for key in keys:
            claimed.append(key in fresh)
            fresh.discard(key)
        return claimed

    def marking(self) -> bool:
        """Whether any audience is kept."""
        return audiences.marking(self._connection)

    def write(self, changes: Changes) -> None:
        """Write everything; it lasts when the transaction's block ends without an exception."""
        self._counts = {}
        new = self._write_nodes(changes)
        self._write_edges(changes.edges, new)
        self._write_timeline(changes)
        self._write_history(changes)
        self._write_dead_letters(changes)
        self._write_accounts(changes)
        manifest.write_feed(self._connection, changes.feed)
        audiences.write_marks(self._connection, changes.marks)
        self._connection.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?)", changes.kept.items())
        tiers.settle(self._connection, self._entered, kept=self._tier_rows)
        self._entered.clear()

    def revise(self, change: ManifestChange) -> None:
        """Change the manifest of the warehouse."""
        manifest.revise(self._connection, change)

    def settle(self, settlement: Settlement) -> None:
        """Change who is in which audience."""
        audiences.settle(self._connection, settlement)

    def _write_nodes(self, changes: Changes) -> dict[NodeId, int]:
        """Write rows and places; returns the nodes that had no number, with the ones they got."""
        rows = {row.member.id: row for row in changes.nodes}
        places = {place.id: place for place in changes.members}
        new = self._number(changes, rows, places)
        numbers = self._numbers
        fresh = [(numbers[node], node, *(self._columns(rows[node]) if node in rows else _NEVER_SAVED)) for node in new]
        saved = [(*self._columns(row), numbers[node]) for node, row in rows.items() if node not in new]
        moved = [(*self._place(place), numbers[node]) for node, place in places.items()]
        for row in rows.values():
            self._count(row.member)
        for place in places.values():
            if place.id not in self._names_itself:
                raise IntegrityError(f"node {place.id.hex()} is to be moved but was never saved")
            self._count(place)
        execute = self._connection.executemany
        execute("INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", fresh)
        execute("INSERT INTO number_new VALUES (?, ?)", sorted(new.items()))
        self._entered["number"] += len(new)
        execute(
            "UPDATE node SET type = ?, first_seen_us = ?, person = ?, component = ?, flags = ?,"
            " key = ?, version = ?, sealed = ? WHERE n = ?",
            sorted(saved, key=itemgetter(-1)),
        )
        execute(
            "UPDATE node SET type = ?, first_seen_us = ?, person = ?, component = ?, flags = ? WHERE n = ?",
            sorted(moved, key=itemgetter(-1)),
        )
        return new

    def _number(
        self, changes: Changes, rows: Mapping[NodeId, NodeRow], places: Mapping[NodeId, Member]
    ) -> dict[NodeId, int]:
        """Give a number to every node the commit names that has none; returns those.

        Nodes of one component get numbers in a row: they will be asked for together, and so lie on one page.
        """
        component = {node: row.member.component for node, row in rows.items()}
        component.update((node, place.component) for node, place in places.items())
        named = set(component)
        named.update(component.values())
        named.update(row.member.person for row in rows.values())
        named.update(place.person for place in places.values())
        for evidence in changes.edges:
            named.add(evidence.a)
            named.add(evidence.b)
        named.update(row.node for row in changes.timeline)
        for change in changes.changes:
            named.update((change.person, change.before, *change.nodes))
        numbers = self._numbers
        named.difference_update(numbers)
        met = self._by_id("x.n, x.id, x.type, x.person IS NULL", "node x", named - self._absent)
        for number, node, kind, names_itself in met:
            numbers[node] = number
            if kind is not None:
                self._names_itself[node] = bool(names_itself)
        absent = sorted((component.get(node, node), node) for node in named.difference(numbers))
        if not absent:
            return {}
        ((last,),) = select(self._connection, "SELECT value FROM counter WHERE name = 'numbers'")
        new = {node: number for number, (_, node) in enumerate(absent, start=last + 1)}
        numbers.update(new)
        self._counts["numbers"] = len(new)
        return new

    def _place(self, place: Member) -> tuple[Any, ...]:
        node, numbers = place.id, self._numbers
        return (
            place.type,
            place.first_seen_us,
            None if place.person == node else numbers[place.person],
            None if place.component == node else numbers[place.component],
            place.contested * CONTESTED + place.shared * SHARED,
        )

    def _columns(self, row: NodeRow) -> tuple[Any, ...]:
        return (*self._place(row.member), row.key, row.version, row.sealed)

    def _count(self, place: Member) -> None:
        named_itself = self._names_itself.get(place.id)
        names_itself = place.person == place.id
        counts = self._counts
        counts["nodes"] = counts.get("nodes", 0) + (named_itself is None)
        counts["people"] = counts.get("people", 0) + names_itself - bool(named_itself)
        self._names_itself[place.id] = names_itself

    def _write_edges(self, edges: Sequence[Edge], new: Mapping[NodeId, int]) -> None:
        numbers = self._numbers
        told: dict[_EdgeKey, Edge] = {}
        known: set[_EdgeKey] = set()
        for e in edges:
            key = (numbers[e.a], numbers[e.b], KIND_NUMBERS[e.kind])
            earlier = told.get(key)
            if earlier is None or replaces(e, earlier.at_us, earlier.event):
                told[key] = e
            if e.a not in new and e.b not in new:  # a new node has no edges
                known.add(key)
        stored = self._stored_edges(sorted(known)) if known else {}
        rows = [
            (e.strength, e.at_us, e.event, e.source, e.rule, e.score, e.offset, *key)
            for key, e in told.items()
            if key not in stored or replaces(e, *stored[key])
        ]
        rows.sort(key=itemgetter(7, 8, 9))
        self._connection.executemany(_REPLACE_EDGE, rows)
        self._counts["edges"] = len(told) - len(stored)

    def _stored_edges(self, keys: list[_EdgeKey]) -> dict[_EdgeKey, tuple[int, bytes]]:
        """Time and event of those of these edges that are stored. Most evidence between known nodes says nothing new."""
        stored = {}
        for start in range(0, len(keys), _EDGES_PER_QUERY):
            some = keys[start : start + _EDGES_PER_QUERY]
            some += some[-1:] * ((1 << (len(some) - 1).bit_length()) - len(some))  # few lengths, few statements
            query = _STORED_EDGES.format(",".join(["(?,?,?)"] * len(some)))
            for a, b, kind, at_us, event in select(self._connection, query, [part for key in some for part in key]):
                stored[a, b, kind] = (at_us, event)
        return stored

    def _write_timeline(self, changes: Changes) -> None:
        numbers = self._numbers
        rows = sorted((numbers[row.node], row.at_us, row.partition, row.offset) for row in changes.timeline)
        before = self._connection.total_changes()
        self._connection.executemany("INSERT INTO timeline_new VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", rows)
        self._entered["timeline"] += self._connection.total_changes() - before

    def _write_history(self, changes: Changes) -> None:
        for change in changes.changes:
            ((seq,),) = select(
                self._connection,
                "INSERT INTO change (kind, person, before, nodes, at_us, log_partition, log_offset, request_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
                (
                    change.kind,
                    change.person,
                    change.before,
                    join_ids(change.nodes),
                    change.at_us,
                    change.partition,
                    change.offset,
                    change.request_id,
                ),
            )
            about = {self._numbers[node] for node in (change.person, change.before, *change.nodes)}
            self._connection.executemany("INSERT INTO change_node VALUES (?, ?)", ((n, seq) for n in sorted(about)))
        before = self._connection.total_changes()
        self._connection.executemany(
            "INSERT INTO judgement VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [
                (j.id, j.verdict, j.a, j.b, j.at_us, self._seal_said(j.by, j.reason), j.offset)
                for j in changes.judgements
            ],
        )
        self._counts["judgements"] = self._connection.total_changes() - before

    def _seal_said(self, by: str, reason: str) -> bytes:
        return self._sealer.seal_bytes(msgspec.msgpack.encode((by, reason)))

    def _write_dead_letters(self, changes: Changes) -> None:
        opened = 0
        for letter in changes.dead_letters:
            recorded = select(
                self._connection,
                "INSERT INTO dead_letter VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1",
                (
                    letter.partition,
                    letter.offset,
                    letter.source,
                    letter.reason,
                    letter.detail,
                    letter.received_at_us,
                    letter.status,
                ),
            )
            opened += bool(recorded) and letter.status == "open"
        for place in changes.replayed:
            closed = select(
                self._connection,
                "UPDATE dead_letter SET status = 'replayed'"
                " WHERE log_partition = ? AND log_offset = ? AND status = 'open' RETURNING 1",
                place,
            )
            opened -= bool(closed)
        self._counts["dead_letters"] = opened

    def _write_accounts(self, changes: Changes) -> None:
        execute = self._connection.executemany
        for tally in changes.tallies:
            self._add(tally)
        execute(
            "INSERT INTO outbox (topic, key, body) VALUES (?, ?, ?)", ((m.topic, m.key, m.body) for m in changes.outbox)
        )
        execute(
            "INSERT INTO consumer VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
            " SET log_offset = excluded.log_offset, fingerprint = excluded.fingerprint, at_us = excluded.at_us",
            ((p, o, changes.fingerprints.get(p, b""), changes.at_us) for p, o in changes.offsets.items()),
        )
        if changes.identity is not None:
            said = (("id", changes.identity.id), ("keys", changes.identity.keys))
            execute("INSERT INTO about VALUES (?, ?) ON CONFLICT DO NOTHING", said)
        changed = [(by, name) for name, by in self._counts.items() if by]
        execute("UPDATE counter SET value = value + ? WHERE name = ?", changed)

    def _add(self, tally: Tally) -> None:
        key = (tally.source, tally.outcome, tally.reason)
        stored = select(self._connection, "SELECT emq FROM tally WHERE source = ? AND outcome = ? AND reason = ?", key)
        emq = tally.emq
        if stored:
            before = msgspec.json.decode(stored[0][0], type=tuple[int, ...])
            emq = tuple(x + y for x, y in zip(before, emq, strict=True)) if before and emq else before or emq
        self._connection.execute(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET items = items + excluded.items, emq = excluded.emq",
            (*key, tally.count, msgspec.json.encode(emq).decode()),
        )
