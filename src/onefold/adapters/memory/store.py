"""The profile store in memory: a transaction copies the state, changes the copy and puts it in the old one's place.

So atomicity and isolation need no argument. The price is a shallow copy a transaction: some milliseconds at 100
thousand events, which suits tests, what-if runs and small jobs.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from onefold.adapters.memory.audiences import MemoryAudienceReader
from onefold.adapters.memory.state import State
from onefold.model import Checkpoint, Edge, IdentityChange, Judgement, Member, NodeId, WorkspaceIdentity
from onefold.ports import (
    Changes,
    DeadLetter,
    NodeRow,
    OutboxMessage,
    ProfileReader,
    ProfileSnapshot,
    ProfileStore,
    ProfileTransaction,
    ScoredPair,
    Stamp,
    StoreCapabilities,
    Tally,
    TimelineRow,
)
from onefold.ports.audiences import Settlement
from onefold.ports.warehouse import FeedChunk, ManifestChange, Segment, enough


class MemoryProfileStore(ProfileStore):
    """Keeps every promise of the port but one: it does not outlive its process. Writers wait for each other."""

    def __init__(self, *, preferred_entries_per_write: int | None = None) -> None:
        """Begin empty; `preferred_entries_per_write` lets a test see batches told in pieces."""
        self.capabilities = StoreCapabilities(preferred_entries_per_write=preferred_entries_per_write)
        self._state = State()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryProfileStore(nodes={len(self._state.nodes)}, edges={len(self._state.edges)})>"

    @contextmanager
    def transaction(self) -> Iterator[MemoryTransaction]:
        """Begin; commit at the end of the block, forget everything on an exception."""
        with self._lock:
            transaction = MemoryTransaction(self._state)
            yield transaction
            self._state = transaction.after()

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        """Read one committed state."""
        yield MemorySnapshot(self._state)

    def scrub(self) -> None:
        """Nothing is in a file."""

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryReader(ProfileReader):
    """Reads one state."""

    def __init__(self, state: State) -> None:
        self._state = state

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition."""
        return dict(self._state.offsets)

    def checkpoints(self) -> dict[int, Checkpoint]:
        """The same with what the log is to be recognised by."""
        return dict(self._state.checkpoints)

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace the store belongs to."""
        return self._state.identity.get(None)

    def kept(self) -> dict[str, bytes]:
        """What is known of aggregates that node states hold, by key."""
        return dict(self._state.kept)

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist."""
        return {node: self._state.nodes[node] for node in ids if node in self._state.nodes}

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order."""
        found = self._state.components
        return [self._state.nodes[node].member for name in set(components) for node in found.get(name, ())]

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`."""
        return [m for m in self.members([place.component]) if m.person == place.person][:limit]

    def edges(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence that touches any of `nodes`, at either end, each edge once."""
        keys = {key for node in nodes for key in self._state.touching.get(node, ())}
        return [self._state.edges[key] for key in keys]

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Edge]:
        """All evidence between the two nodes of any of these pairs, each edge once."""
        asked = {frozenset(pair) for pair in pairs}
        return [edge for edge in self.edges(list({n for pair in pairs for n in pair})) if {edge.a, edge.b} in asked]

    def leaving(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence with exactly one end among `nodes`, each edge once."""
        asked = set(nodes)
        return [edge for edge in self.edges(nodes) if (edge.a in asked) != (edge.b in asked)]

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of `nodes`, withdrawn and overruled ones too."""
        asked = set(nodes)
        return [j for j in self._state.judgements.values() if j.a in asked or j.b in asked]

    def large(self, components: Sequence[NodeId], *, nodes_min: int) -> list[NodeId]:
        """Those of these components that have at least so many nodes besides the one that names them."""
        found = self._state.components
        return [c for c in components if len(found.get(c, frozenset()) - {c}) >= nodes_min]

    def sightings(self, component: NodeId, kind: str, within: tuple[int, int] | None) -> list[int]:
        """First sightings of a component's nodes of a type, strictly between two moments or whenever."""
        times = [m.first_seen_us for m in self.members([component]) if m.type == kind]
        return times if within is None else [at for at in times if within[0] < at < within[1]]

    def scored(self, nodes: Sequence[NodeId]) -> bool:
        """Whether any scored evidence touches one of these."""
        return any(edge.kind == "scored" for edge in self.edges(nodes))


class MemoryTransaction(MemoryReader, ProfileTransaction):
    """Reads a state of its own, which takes the store's state's place at the end."""

    def __init__(self, state: State) -> None:
        super().__init__(state)
        self._before = state
        self._claimed: dict[bytes, None] = {}

    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Record de-duplication keys; True for each that was never seen before."""
        fresh = []
        for key in keys:
            fresh.append(key not in self._state.claimed and key not in self._claimed)
            self._claimed[key] = None
        return fresh

    def marking(self) -> bool:
        """Whether any audience is kept."""
        return self._state.evaluation[None].active

    def write(self, changes: Changes) -> None:
        """Write everything when the transaction's block ends without an exception."""
        self._own().apply(changes)

    def revise(self, change: ManifestChange) -> None:
        """Change the manifest of the warehouse when the transaction's block ends without an exception."""
        self._own().revise(change)

    def settle(self, settlement: Settlement) -> None:
        """Change who is in which audience when the transaction's block ends without an exception."""
        self._own().settle(settlement)

    def after(self) -> State:
        """The state with everything done."""
        state = self._own()
        state.claimed.update(self._claimed)
        return state

    def _own(self) -> State:
        if self._state is self._before:
            self._state = self._before.copy()
        return self._state


class MemorySnapshot(MemoryReader, MemoryAudienceReader, ProfileSnapshot):
    """Reads one committed state, which nobody changes any more."""

    def stamps(self, place: Member) -> list[Stamp]:
        """One of each node of that person, in order of id."""
        rows = self.nodes(sorted(m.id for m in self.person(place)))
        return [Stamp(node, r.version, r.member.first_seen_us, r.member.shared) for node, r in rows.items()]

    def timeline(
        self, nodes: Sequence[NodeId], *, before: tuple[int, int, int] | None, limit: int
    ) -> list[TimelineRow]:
        """Newest first, strictly before the given triple, at most `limit`."""
        rows = {row for node in nodes for row in self._state.timeline.get(node, ())}
        older = [row for row in rows if before is None or _moment(row) < before]
        older.sort(key=lambda row: row.node)
        older.sort(key=_moment, reverse=True)
        return older[:limit]

    def changes(self, nodes: Sequence[NodeId]) -> list[IdentityChange]:
        """Merge history in which any of `nodes` moved or is named as a person, oldest first."""
        asked = set(nodes)
        return [c for c in self._state.changes.values() if asked & {c.person, c.before, *c.nodes}]

    def dead_letters(
        self, *, status: str | None, source: str | None, after: tuple[int, int], limit: int
    ) -> list[DeadLetter]:
        """In order of (partition, offset), strictly after the given place; None means any."""
        found = [
            letter
            for place, letter in sorted(self._state.dead_letters.items())
            if place > after and status in {None, letter.status} and source in {None, letter.source}
        ]
        return found[:limit]

    def tallies(self) -> list[Tally]:
        """Totals per (source, outcome, reason), in that order."""
        return [tally for _, tally in sorted(self._state.tallies.items())]

    def outbox(self, *, after: int, limit: int) -> list[OutboxMessage]:
        """Messages with seq > `after`, in order."""
        return [message for seq, message in self._state.outbox.items() if seq > after][:limit]

    def people(self, *, after: NodeId, limit: int) -> list[NodeId]:
        """Person ids greater than `after`, in byte order, each once."""
        return sorted(person for person in self._people() if person > after)[:limit]

    def scan(self) -> Iterator[NodeRow]:
        """Every node."""
        return iter(self._state.nodes.values())

    def scan_edges(self) -> Iterator[Edge]:
        """Every edge."""
        return iter(self._state.edges.values())

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
        nodes = self._state.nodes
        found = []
        for e in self._state.edges.values():
            if (
                e.kind != "scored"
                or e.score is None
                or not least <= e.score <= most
                or e.a not in nodes
                or e.b not in nodes
            ):
                continue
            one, other = nodes[e.a].member, nodes[e.b].member
            beyond = after is None or (-e.score, e.a, e.b) > (-after[0], after[1], after[2])
            if beyond and (one.person == other.person) == joined and not one.shared and not other.shared:
                found.append((-e.score, ScoredPair(e, one.person, other.person)))
        found.sort(key=lambda item: (item[0], item[1].edge.a, item[1].edge.b))
        return [pair for _, pair in found[:limit]]

    def scan_judgements(self) -> Iterator[Judgement]:
        """Every judgement."""
        return iter(self._state.judgements.values())

    def hubs(self, *, edges_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many edges, the most first."""
        return _most({node: len(keys) for node, keys in self._state.touching.items()}, edges_min, limit)

    def large_people(self, *, nodes_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """People with at least so many nodes, the most first."""
        return _most(Counter(row.member.person for row in self._state.nodes.values()), nodes_min, limit)

    def busy_nodes(self, *, events_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many events, the most first."""
        return _most({node: len(rows) for node, rows in self._state.timeline.items()}, events_min, limit)

    def counts(self) -> dict[str, int]:
        """How many there are of what, counted."""
        state = self._state
        return {
            "nodes": len(state.nodes),
            "people": len(self._people()),
            "edges": len(state.edges),
            "judgements": len(state.judgements),
            "dead_letters": sum(letter.status == "open" for letter in state.dead_letters.values()),
            "events": sum(tally.count for tally in state.tallies.values() if tally.outcome == "stored"),
        }

    def loaded(self) -> int:
        """Sequence up to which the feed is in segments."""
        return self._state.sequences["loaded"]

    def fed(self) -> int:
        """The last sequence given."""
        return self._state.sequences["fed"]

    def feed(self, *, after: int, rows: int | None = None) -> list[FeedChunk]:
        """Chunks with rows after that sequence, in order; as many as have at least so many rows, or all."""
        return enough((chunk for last, chunk in sorted(self._state.feed.items()) if last > after), rows)

    def segments(self) -> list[Segment]:
        """All of them, by relation and sequence."""
        return sorted(self._state.segments.values(), key=lambda s: (s.relation, s.first, s.name))

    def relations(self) -> dict[str, bytes]:
        """Definitions that were recorded, by full name."""
        return dict(self._state.relations)

    def _people(self) -> set[NodeId]:
        return {row.member.person for row in self._state.nodes.values()}


def _most(counted: Mapping[NodeId, int], least: int, limit: int) -> list[tuple[NodeId, int]]:
    found = [(node, many) for node, many in counted.items() if many >= least]
    return sorted(found, key=lambda one: (-one[1], one[0]))[:limit]


def _moment(row: TimelineRow) -> tuple[int, int, int]:
    return row.at_us, row.partition, row.offset
