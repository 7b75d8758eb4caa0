"""A worker's view of a batch in the PostgreSQL profile store, beside other workers.

Read committed, and no deadlock by construction. Every transaction waits for others in this order only, and within a step
in order of the bytes: de-duplication keys; components, each locked at the row of the node that names it; new nodes; the
row of totals. Whoever changes a component holds its lock, so under the lock all of its members stand still. What a batch
needs beyond what it locked first (the other ends of evidence, of judgements) it locks without waiting, and gives the
batch up when that fails; so it does when a node it took for new, or for absent, turns out to be another worker's, and
when somebody has judged a node that is new: `ConflictError`. What was looked for in vain is kept from being made until
the end, because a judgement on it would otherwise miss it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from psycopg import Connection

from onefold.adapters.postgres import audiences, kept, manifest
from onefold.adapters.postgres.arrays import Blobs, Ids, Integers, Reals, Texts, storable
from onefold.adapters.postgres.reader import CONTESTED, KIND_NUMBERS, SHARED, PostgresReader
from onefold.errors import ConflictError, IntegrityError, LeaseLostError
from onefold.governance.encryption import EntrySealer
from onefold.model import Edge, Judgement, Member, NodeId, replaces
from onefold.ports import Changes, NodeRow, ProfileTransaction, Tally
from onefold.ports.audiences import Settlement
from onefold.ports.warehouse import ManifestChange

_COUNTS = ("nodes", "people", "edges", "judgements", "dead_letters", "changes", "messages", "fed")


class PostgresTransaction(PostgresReader, ProfileTransaction):
    """Reads, locks and writes at once; the store's COMMIT at the end of the block makes it last."""

    def __init__(self, connection: Connection[Any], sealer: EntrySealer) -> None:
        super().__init__(connection, sealer)
        self._locked: set[NodeId] = set()  # components, by the nodes that name them
        self._names_itself: dict[NodeId, bool] = {}  # of the nodes met
        self._looked_for: set[NodeId] = set()
        self._asked_about: set[NodeId] = set()
        self._heard: set[bytes] = set()  # judgements
        self._offsets: dict[int, int] | None = None

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition; what is committed must go on from here."""
        self._offsets = super().offsets()
        return self._offsets

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist; their components are locked."""
        self._lock(Ids(sorted(set(ids))))
        found = super().nodes(ids)
        moved = {row.member.component for row in found.values()} - self._locked
        if moved and self._rows(b"SELECT 1 FROM node WHERE id = ANY(%b) LIMIT 1", Ids(sorted(moved))):
            raise ConflictError("a component was joined with another while it was waited for")
        self._meet(row.member for row in found.values())
        self._looked_for.update(ids)
        return found

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order; the components are locked."""
        late = sorted(set(components) - self._locked)
        if late:
            self._lock(Ids(late))
        found = super().members(components)
        self._meet(found)
        return found

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of a person; the component is locked, since a node of it was read."""
        found = super().person(place, limit=limit)
        self._meet(found)
        return found

    def large(self, components: Sequence[NodeId], *, nodes_min: int) -> list[NodeId]:
        """Those of these components that have at least so many nodes besides the one that names them."""
        statement = (
            b"SELECT c FROM unnest(%b) c WHERE (SELECT count(*) FROM"
            b" (SELECT 1 FROM node WHERE component = c AND component <> id LIMIT %b::bigint) n) >= %b::bigint"
        )
        return [row[0] for row in self._rows(statement, Ids(sorted(set(components))), nodes_min, nodes_min)]

    def sightings(self, component: NodeId, kind: str, within: tuple[int, int] | None) -> list[int]:
        """First sightings of a component's nodes of a type, strictly between two moments or whenever."""
        after, before = within or (-(2**63), 2**63 - 1)
        inside = b"type = %b AND first_seen_us > %b::bigint AND first_seen_us < %b::bigint"
        rows = self._rows(
            b"SELECT first_seen_us FROM node WHERE id = %b AND component = id AND " + inside
            + b" UNION ALL SELECT first_seen_us FROM node WHERE component = %b AND component <> id AND " + inside,
            component, kind, after, before, component, kind, after, before,
        )  # fmt: skip
        return [row[0] for row in rows]

    def scored(self, nodes: Sequence[NodeId]) -> bool:
        """Whether any scored evidence touches one of these."""
        ids = Ids(sorted(set(nodes)))
        kind = KIND_NUMBERS["scored"]
        return any(
            self._rows(b"SELECT 1 FROM edge WHERE " + end + b" = ANY(%b) AND kind = %b::smallint LIMIT 1", ids, kind)
            for end in (b"a", b"b")
        )

    def _meet(self, found: Iterable[Member]) -> None:
        """Take in nodes that were read; this batch must not have worked as if one of them did not exist."""
        for place in found:
            if place.id in self._looked_for and place.id not in self._names_itself:
                raise ConflictError("another worker has met the same identifiers for the first time")
            self._names_itself[place.id] = place.person == place.id

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of `nodes`, withdrawn and overruled ones too."""
        found = super().judgements(nodes)
        self._hear((j.id, j.a, j.b) for j in found)
        self._asked_about.update(nodes)
        return found

    def _hear(self, found: Iterable[tuple[bytes, NodeId, NodeId | None]]) -> None:
        """Take in judgements that were read; this batch must not have worked as if one of them had not been said."""
        for said, a, b in found:
            if said not in self._heard and (a in self._asked_about or b in self._asked_about):
                raise ConflictError("somebody has judged an identifier before it was met")
            self._heard.add(said)

    def _lock(self, ids: Ids) -> None:
        """Lock the components of these nodes: in order and waiting the first time, later without waiting."""
        wait = b"" if not self._locked else b" NOWAIT"
        rows = self._rows(
            b"SELECT id FROM node WHERE id IN (SELECT component FROM node WHERE id = ANY(%b)) ORDER BY id"
            b" FOR NO KEY UPDATE" + wait,
            ids,
        )
        self._locked.update(row[0] for row in rows)

    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Record de-duplication keys; True for each that was never seen before."""
        rows = self._rows(
            b"INSERT INTO dedupe SELECT unnest(%b) ON CONFLICT DO NOTHING RETURNING key", Ids(sorted(set(keys)))
        )
        fresh = {row[0] for row in rows}
        claimed = []
        for key in keys:
            claimed.append(key in fresh)
            fresh.discard(key)
        return claimed

    def marking(self) -> bool:
        """Whether any audience is kept."""
        return audiences.marking(self._connection)

    def write(self, changes: Changes) -> None:
        """Write everything; it lasts when the transaction's block ends without an exception.

        Raises:
            ConflictError: Another worker has made a node that this batch took for new.
            LeaseLostError: A partition's lease has another epoch than the commit says.
        """
        counts = dict.fromkeys(_COUNTS, 0)
        self._write_nodes(changes, counts)
        self._write_edges(changes.edges, counts)
        self._write_timeline(changes)
        self._write_judgements(changes, counts)
        fed_now = sum(chunk.rows for chunk in changes.feed)
        counts |= {"changes": len(changes.changes), "messages": len(changes.outbox), "fed": fed_now}
        audiences.write_marks(self._connection, changes.marks)
        kept.write(self._connection, changes.kept)
        # From here on workers stand in line, so what follows is short.
        counts["dead_letters"] = self._write_dead_letters(changes)
        last, messages, fed = self._write_totals(counts)
        self._write_changes(changes, last - len(changes.changes))
        manifest.write_feed(self._connection, changes.feed, fed - fed_now)
        self._write_accounts(changes, messages - len(changes.outbox))

    def revise(self, change: ManifestChange) -> None:
        """Change the manifest of the warehouse."""
        manifest.revise(self._connection, change)

    def settle(self, settlement: Settlement) -> None:
        """Change who is in which audience."""
        audiences.settle(self._connection, settlement)

    def _write_nodes(self, changes: Changes, counts: dict[str, int]) -> None:
        rows = {row.member.id: row for row in changes.nodes}
        places = {place.id: place for place in changes.members}
        unmet = [node for node in (*rows, *places) if node not in self._looked_for and node not in self._names_itself]
        if unmet:
            self.nodes(unmet)
        met = self._names_itself
        strangers = [node for node in places if node not in met]
        if strangers:
            raise IntegrityError(f"node {strangers[0].hex()} is to be moved but was never saved")
        new = [node for node in sorted(rows) if node not in met]
        absent = self._looked_for - met.keys() - rows.keys()
        saved = [rows[node] for node in sorted(rows) if node in met]
        for place in (*(row.member for row in rows.values()), *places.values()):
            named_itself, names_itself = met.get(place.id), place.person == place.id
            counts["nodes"] += named_itself is None
            counts["people"] += names_itself - bool(named_itself)
            met[place.id] = names_itself
        if new or absent:
            self._insert_nodes([*(rows[node] for node in new), *map(_nobody, absent)])
            self._heed_late_judgements(new)
            if absent:
                # They were there for the time of the insert only, and keep others from making them until the end.
                self._connection.execute(b"DELETE FROM node WHERE id = ANY(%b)", (Ids(sorted(absent)),))
        if saved:
            self._connection.execute(
                b"UPDATE node SET type = u.type, first_seen_us = u.at, person = u.person, component = u.component,"
                b" flags = u.flags, key = u.key, version = u.version, sealed = u.sealed"
                b" FROM unnest(%b, %b, %b, %b, %b, %b, %b, %b, %b)"
                b" AS u(id, type, at, person, component, flags, key, version, sealed) WHERE node.id = u.id",
                (*_places([row.member for row in saved]), *_states(saved)),
            )
        if places:
            self._connection.execute(
                b"UPDATE node SET type = u.type, first_seen_us = u.at, person = u.person, component = u.component,"
                b" flags = u.flags FROM unnest(%b, %b, %b, %b, %b, %b)"
                b" AS u(id, type, at, person, component, flags) WHERE node.id = u.id",
                _places([places[node] for node in sorted(places)]),
            )

    def _insert_nodes(self, rows: list[NodeRow]) -> None:
        rows.sort(key=lambda row: row.member.id)
        made = self._connection.execute(
            b"INSERT INTO node SELECT * FROM unnest(%b, %b, %b, %b, %b, %b::smallint[], %b, %b, %b)"
            b" ON CONFLICT DO NOTHING",
            (*_places([row.member for row in rows]), *_states(rows)),
        ).rowcount
        if made != len(rows):
            raise ConflictError("another worker has met the same identifiers for the first time")

    def _heed_late_judgements(self, new: Sequence[NodeId]) -> None:
        """Give up where a new node was judged by somebody who looked for it in vain, and has committed since."""
        asked = Ids([node for node in new if node in self._asked_about])
        self._hear(self._rows(b"SELECT id, a, b FROM judgement WHERE a = ANY(%b) OR b = ANY(%b)", asked, asked))

    def _write_edges(self, edges: Sequence[Edge], counts: dict[str, int]) -> None:
        best = _best(edges)
        if not best:
            return
        written = self._rows(
            b"INSERT INTO edge SELECT * FROM unnest(%b, %b, %b::smallint[], %b::integer[], %b, %b, %b, %b, %b, %b)"
            b" ON CONFLICT (a, b, kind) DO UPDATE SET strength = excluded.strength, at_us = excluded.at_us,"
            b" event = excluded.event, source = excluded.source, rule = excluded.rule, score = excluded.score,"
            b" log_offset = excluded.log_offset WHERE CASE edge.kind"
            # Scored evidence is replaced by what is newer, all other by what is older: the order of arrival is no matter.
            b" WHEN 4 THEN (edge.at_us, edge.event) < (excluded.at_us, excluded.event)"
            b" ELSE (edge.at_us, edge.event) > (excluded.at_us, excluded.event) END RETURNING xmax = 0",
            Blobs([e.a for e in best]), Blobs([e.b for e in best]), Integers([KIND_NUMBERS[e.kind] for e in best]),
            Integers([e.strength for e in best]), Integers([e.at_us for e in best]), Blobs([e.event for e in best]),
            Texts([e.source for e in best]), Texts([e.rule for e in best]), Reals([e.score for e in best]),
            Integers([e.offset for e in best]),
        )  # fmt: skip
        counts["edges"] = sum(bool(inserted) for (inserted,) in written)

    def _write_timeline(self, changes: Changes) -> None:
        rows = sorted({(row.node, row.at_us, row.partition, row.offset) for row in changes.timeline})
        if rows:
            self._connection.execute(
                b"INSERT INTO timeline SELECT * FROM unnest(%b, %b, %b::integer[], %b) ON CONFLICT DO NOTHING",
                (
                    Ids([row[0] for row in rows]),
                    Integers([row[1] for row in rows]),
                    Integers([row[2] for row in rows]),
                    Integers([row[3] for row in rows]),
                ),
            )

    def _write_judgements(self, changes: Changes, counts: dict[str, int]) -> None:
        for j in sorted(changes.judgements, key=lambda j: j.id):
            said = self._sealer.seal_bytes(msgspec.msgpack.encode((j.by, j.reason)))
            counts["judgements"] += self._connection.execute(
                b"INSERT INTO judgement VALUES (%b, %b, %b, %b, %b, %b, %b) ON CONFLICT DO NOTHING",
                (j.id, j.verdict, j.a, j.b, j.at_us, said, j.offset),
            ).rowcount

    def _write_dead_letters(self, changes: Changes) -> int:
        opened = 0
        letters = sorted({(d.partition, d.offset): d for d in reversed(changes.dead_letters)}.items())
        if letters:
            found = [letter for _, letter in letters]
            written = self._rows(
                b"INSERT INTO dead_letter SELECT * FROM unnest(%b::integer[], %b, %b, %b, %b, %b, %b)"
                b" ON CONFLICT DO NOTHING RETURNING status",
                Integers([d.partition for d in found]), Integers([d.offset for d in found]),
                Texts([d.source for d in found]), Texts([d.reason for d in found]), Texts([d.detail for d in found]),
                Integers([d.received_at_us for d in found]), Texts([d.status for d in found]),
            )  # fmt: skip
            opened = sum(status == "open" for (status,) in written)
        for partition, offset in sorted(set(changes.replayed)):
            opened -= self._connection.execute(
                b"UPDATE dead_letter SET status = 'replayed'"
                b" WHERE log_partition = %b AND log_offset = %b AND status = 'open'",
                (partition, offset),
            ).rowcount
        return opened

    def _write_totals(self, counts: dict[str, int]) -> tuple[int, int, int]:
        """Add to the totals, and stand in line for what follows; the last numbers of changes, messages and fed rows."""
        ((changes, messages, fed),) = self._rows(
            b"UPDATE totals SET nodes = nodes + %b::bigint, people = people + %b::bigint, edges = edges + %b::bigint,"
            b" judgements = judgements + %b::bigint, dead_letters = dead_letters + %b::bigint,"
            b" changes = changes + %b::bigint, messages = messages + %b::bigint, fed = fed + %b::bigint RETURNING"
            b" changes, messages, fed",
            *(counts[name] for name in _COUNTS),
        )
        return changes, messages, fed

    def _write_changes(self, changes: Changes, last: int) -> None:
        for seq, c in enumerate(changes.changes, start=last + 1):
            self._connection.execute(
                b"INSERT INTO change VALUES (%b, %b, %b, %b, %b, %b, %b, %b, %b)",
                (
                    seq,
                    c.kind,
                    c.person,
                    c.before,
                    b"".join(c.nodes),
                    c.at_us,
                    c.partition,
                    c.offset,
                    storable(c.request_id),
                ),
            )
            about = sorted({c.person, c.before, *c.nodes})
            self._connection.execute(b"INSERT INTO change_node SELECT unnest(%b), %b::bigint", (Ids(about), seq))

    def _write_accounts(self, changes: Changes, last: int) -> None:
        for tally in changes.tallies:
            self._add(tally)
        for seq, message in enumerate(changes.outbox, start=last + 1):
            self._connection.execute(
                b"INSERT INTO outbox VALUES (%b, %b, %b, %b)", (seq, message.topic, message.key, message.body)
            )
        for partition, offset in sorted(changes.offsets.items()):
            self._advance(partition, offset, changes)
        if changes.identity is not None:
            said = {"id": changes.identity.id, "keys": changes.identity.keys}
            for name, value in said.items():
                self._connection.execute(b"INSERT INTO about VALUES (%b, %b) ON CONFLICT DO NOTHING", (name, value))
        if changes.epochs:
            held = self._rows(
                # The share lock keeps the lease as it is until this transaction has ended.
                b"SELECT log_partition, epoch FROM lease WHERE log_partition = ANY(%b) ORDER BY 1 FOR SHARE",
                list(changes.epochs),
            )
            if dict(held) != dict(changes.epochs):
                raise LeaseLostError("another worker has taken a partition of this batch over")

    def _advance(self, partition: int, offset: int, changes: Changes) -> None:
        """Store an offset; where this transaction has asked for the offsets, only over the one it was told."""
        told = None if self._offsets is None else self._offsets.get(partition, 0)
        stored = self._connection.execute(
            b"INSERT INTO consumer VALUES (%b, %b, %b, %b, %b) ON CONFLICT (log_partition) DO UPDATE"
            b" SET log_offset = excluded.log_offset, fingerprint = excluded.fingerprint, at_us = excluded.at_us,"
            b" marked = excluded.marked WHERE %b::bigint IS NULL OR consumer.log_offset = %b",
            (partition, offset, changes.fingerprints.get(partition, b""), changes.at_us, offset, told, told),
        ).rowcount
        if not stored:
            raise ConflictError("another worker has processed the same entries")

    def _add(self, tally: Tally) -> None:
        self._connection.execute(
            b"INSERT INTO tally VALUES (%b, %b, %b, %b, %b) ON CONFLICT (source, outcome, reason) DO UPDATE SET"
            b" items = tally.items + excluded.items, emq = CASE WHEN tally.emq = '{}' THEN excluded.emq"
            b" WHEN excluded.emq = '{}' THEN tally.emq ELSE (SELECT array_agg(x + y ORDER BY n)"
            b" FROM unnest(tally.emq, excluded.emq) WITH ORDINALITY AS u(x, y, n)) END",
            (tally.source, tally.outcome, tally.reason, tally.count, Integers(tally.emq)),
        )


def _best(edges: Iterable[Edge]) -> list[Edge]:
    """Of each pair and kind the edge that is kept, in order of the pair."""
    best: dict[tuple[NodeId, NodeId, int], Edge] = {}
    for e in edges:
        key = (e.a, e.b, KIND_NUMBERS[e.kind])
        held = best.get(key)
        if held is None or replaces(e, held.at_us, held.event):
            best[key] = e
    return [best[key] for key in sorted(best)]


def _nobody(node: NodeId) -> NodeRow:
    """A row that stands in the place of a node that was looked for in vain."""
    return NodeRow(Member(node, "", 0, node, node), b"", 0, b"")


def _places(places: Sequence[Member]) -> tuple[Any, ...]:
    return (
        Ids([m.id for m in places]),
        Texts([m.type for m in places]),
        Integers([m.first_seen_us for m in places]),
        Ids([m.person for m in places]),
        Ids([m.component for m in places]),
        Integers([m.contested * CONTESTED + m.shared * SHARED for m in places]),
    )


def _states(rows: Sequence[NodeRow]) -> tuple[Any, ...]:
    return Blobs([r.key for r in rows]), Integers([r.version for r in rows]), Blobs([r.sealed for r in rows])
