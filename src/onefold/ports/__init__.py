"""The ports: what the stages need from the outside, in our words. Every adapter inherits from one of these.

Everything here is synchronous and moves batches. `tests/contracts` holds one suite a port, run over every adapter.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

import msgspec

from onefold.model import (
    Checkpoint,
    Counted,
    Edge,
    IdentityChange,
    Judgement,
    Member,
    NodeId,
    WorkspaceIdentity,
)
from onefold.ports.audiences import AudienceReader, Settlement
from onefold.ports.keys import KeyManager
from onefold.ports.leases import Leases
from onefold.ports.log import EventLog
from onefold.ports.scores import ScoredPair, ScoreReader
from onefold.ports.warehouse import FeedChunk, ManifestChange, ManifestReader

__all__ = [
    "Changes",
    "DeadLetter",
    "EventLog",
    "KeyManager",
    "Leases",
    "NodeRow",
    "OutboxMessage",
    "ProfileReader",
    "ProfileSnapshot",
    "ProfileStore",
    "ProfileTransaction",
    "ScoredPair",
    "StoreCapabilities",
    "Tally",
    "TimelineRow",
]


class NodeRow(msgspec.Struct, frozen=True, gc=False):
    """An identity node as stored: its place in the graph, and its state sealed under its own key.

    Attributes:
        member: The node's place in the graph, in the clear (keyed hashes and times only).
        key: The node's data-encryption key, wrapped by the workspace key. Destroying it erases the node.
        version: Rises with each save of `sealed`; part of the authenticated data.
        sealed: Identifier value and fold state, encrypted.
    """

    member: Member
    key: bytes
    version: int
    sealed: bytes


class Stamp(NamedTuple):
    """What tells whether a node's row is as it was: as long as all four are, so are its place in its person and its state."""

    node: NodeId
    version: int
    first_seen_us: int
    shared: bool


class TimelineRow(msgspec.Struct, frozen=True, gc=False):
    """That an event happened to a node: the event itself stays in the log."""

    node: NodeId
    at_us: int
    partition: int
    offset: int


class DeadLetter(msgspec.Struct, frozen=True, gc=False):
    """A rejected entry; its payload stays in the log at (partition, offset).

    Attributes:
        status: `open`, or `replayed` once it was sent again.
    """

    partition: int
    offset: int
    source: str
    reason: str
    detail: str
    received_at_us: int
    status: str = "open"


class OutboxMessage(msgspec.Struct, frozen=True, gc=False):
    """A message for the outside, committed with the change it tells of. `body` is JSON without personal data.

    Attributes:
        topic: `profile.created`, `profile.merged`, `profile.split`; `segment.entered`, `segment.exited` and, for lifecycle
            stages, `stage.entered`, `stage.exited`.
        key: The profile it is about; messages with the same key are delivered in order of `seq`.
        seq: Order in the outbox; 0 before it is stored.
    """

    topic: str
    key: NodeId
    body: bytes
    seq: int = 0


class Tally(msgspec.Struct, frozen=True, gc=False):
    """How many items of a source had one outcome. `reason` is set for rejected and suppressed, and a finding's code.

    `emq` counts stored events by tenths of match quality, index 0 for [0, 0.1) … 9 for [0.9, 1.0]; empty otherwise.
    """

    source: str
    outcome: Counted
    count: int
    reason: str = ""
    emq: tuple[int, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """All that a batch, or a piece of one, changes. A batch is stored whole or not at all.

    Attributes:
        offsets: New consumer offset per partition.
        fingerprints: Of the entries at these offsets.
        at_us: When that was; 0 where `offsets` is empty.
        identity: Which workspace the store belongs to, said once; None leaves it as it is.
        epochs: For each of these partitions the epoch of the lease it was read under; empty when the store has one
            worker only. A store whose lease has another epoch refuses the commit.
        nodes: Nodes to insert or to replace (member, version and sealed state).
        members: Nodes whose place in the graph changed but whose state did not; never also in `nodes`.
        edges: Evidence to record; of one (a, b, kind) the smallest (at_us, event) is kept, of `scored` the largest.
        judgements: To record; each id once.
        changes: Merge history to append.
        timeline: To record; a repeated row is no error.
        dead_letters: To record.
        replayed: Places of dead letters that were sent again and are open no more.
        tallies: Counts to add.
        outbox: Messages to append.
        feed: Rows for the warehouse, which get their sequence now.
        marks: Whom the batch touched, for the evaluation of audiences; dropped where none is kept. None: nobody looked,
            because none was kept; the commit is refused where one is by now.
        kept: What is known of aggregates that node states hold, by key; opaque to the store.
    """

    offsets: dict[int, int]
    fingerprints: Mapping[int, bytes] = msgspec.field(default_factory=dict)
    at_us: int = 0
    identity: WorkspaceIdentity | None = None
    epochs: Mapping[int, int] = msgspec.field(default_factory=dict)
    nodes: Sequence[NodeRow] = ()
    members: Sequence[Member] = ()
    edges: Sequence[Edge] = ()
    judgements: Sequence[Judgement] = ()
    changes: Sequence[IdentityChange] = ()
    timeline: Sequence[TimelineRow] = ()
    dead_letters: Sequence[DeadLetter] = ()
    replayed: Sequence[tuple[int, int]] = ()
    tallies: Sequence[Tally] = ()
    outbox: Sequence[OutboxMessage] = ()
    feed: Sequence[FeedChunk] = ()
    marks: Sequence[bytes] | None = ()
    kept: Mapping[str, bytes] = msgspec.field(default_factory=dict)


class ProfileReader(Protocol):
    """A consistent view of one workspace's profile store. A node that has no row was never seen."""

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition: everything up to it is in the store, nothing after it."""
        ...

    def checkpoints(self) -> dict[int, Checkpoint]:
        """The same with what the log is to be recognised by."""
        ...

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace the store belongs to; None while it holds nothing, or holds what an earlier version wrote."""
        ...

    def kept(self) -> dict[str, bytes]:
        """What was written of aggregates that node states hold, by key."""
        ...

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist; a transaction locks them against other workers, in id order."""
        ...

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, in no particular order; locked in a transaction."""
        ...

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`, in no particular order."""
        ...

    def edges(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence that touches any of `nodes`, at either end, each edge once."""
        ...

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Edge]:
        """All evidence between the two nodes of any of these pairs, whichever of them is `a`; each edge once."""
        ...

    def leaving(self, nodes: Sequence[NodeId]) -> list[Edge]:
        """All evidence with exactly one end among `nodes`, each edge once."""
        ...

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of `nodes`, withdrawn and overruled ones too."""
        ...


class ProfileTransaction(ProfileReader, Protocol):
    """The one writer's view of a batch."""

    def large(self, components: Sequence[NodeId], *, nodes_min: int) -> list[NodeId]:
        """Those of these components that have at least so many nodes besides the one that names them."""
        ...

    def sightings(self, component: NodeId, kind: str, within: tuple[int, int] | None) -> list[int]:
        """First sightings of a component's nodes of a type, strictly between two moments or whenever; microseconds."""
        ...

    def scored(self, nodes: Sequence[NodeId]) -> bool:
        """Whether any scored evidence touches one of these."""
        ...

    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Record de-duplication keys (16 bytes each); True for each that was never seen before, for ever.

        A key repeated within `keys` is True once, at its first position.
        """
        ...

    def marking(self) -> bool:
        """Whether any audience is kept, so that what is written has to say whom it touches."""
        ...

    def write(self, changes: Changes) -> None:
        """Write; durable and visible to others when the transaction's `with` block ends without an exception.

        Once a transaction; any number of times where the store's capabilities state `preferred_entries_per_write`, and
        reads of the same transaction then see what was written.

        Raises (here or at the end of the block):
            LeaseLostError: A partition's lease has another epoch than the commit says. Nothing was changed.
            ConflictError: The commit does not say whom it touches, and an audience is kept by now. Nothing was changed.
        """
        ...

    def revise(self, change: ManifestChange) -> None:
        """Change the manifest of the warehouse; visible to others, all at once, when the block ends.

        Raises:
            ConflictError: The feed was loaded further by somebody else, or a segment to remove is not there any more.
        """
        ...

    def settle(self, settlement: Settlement) -> None:
        """Change who is in which audience, or what audiences there are; visible to others, all at once, when the block ends.

        Raises:
            ConflictError: Somebody else settled since. Nothing was changed.
        """
        ...


class ProfileSnapshot(ProfileReader, ManifestReader, AudienceReader, ScoreReader, Protocol):
    """What look-ups read. It sees one committed state throughout."""

    def stamps(self, place: Member) -> list[Stamp]:
        """One of each node of that person, in an order that is the same while the list is."""
        ...

    def timeline(
        self, nodes: Sequence[NodeId], *, before: tuple[int, int, int] | None, limit: int
    ) -> list[TimelineRow]:
        """Newest first by (at_us, partition, offset), strictly before the given triple, at most `limit`."""
        ...

    def changes(self, nodes: Sequence[NodeId]) -> list[IdentityChange]:
        """Merge history in which any of `nodes` moved or is named as a person, oldest first."""
        ...

    def dead_letters(
        self, *, status: str | None, source: str | None, after: tuple[int, int], limit: int
    ) -> list[DeadLetter]:
        """In order of (partition, offset), strictly after the given position; None means any."""
        ...

    def tallies(self) -> list[Tally]:
        """Totals per (source, outcome, reason)."""
        ...

    def outbox(self, *, after: int, limit: int) -> list[OutboxMessage]:
        """Messages with seq > `after`, in order."""
        ...

    def people(self, *, after: NodeId, limit: int) -> list[NodeId]:
        """Person ids greater than `after`, in byte order, each once."""
        ...

    def scan(self) -> Iterator[NodeRow]:
        """Every node, in any order, without holding them all in memory."""
        ...

    def scan_edges(self) -> Iterator[Edge]:
        """Every edge, in any order, without holding them all in memory."""
        ...

    def scan_judgements(self) -> Iterator[Judgement]:
        """Every judgement, in any order, withdrawn and overruled ones too."""
        ...

    def hubs(self, *, edges_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many edges, and how many, the most first; equal ones in byte order."""
        ...

    def large_people(self, *, nodes_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """People with at least so many nodes, and how many, the most first; equal ones in byte order."""
        ...

    def busy_nodes(self, *, events_min: int, limit: int) -> list[tuple[NodeId, int]]:
        """Nodes with at least so many events in the timeline, and how many, the most first; equal ones in byte order."""
        ...

    def counts(self) -> dict[str, int]:
        """How many `nodes`, `people`, `edges`, `judgements`, `dead_letters` (open), `events` (stored) there are."""
        ...


class StoreCapabilities(msgspec.Struct, frozen=True):
    """How one profile store differs from another, for those who use it: declared by the adapter, never probed.

    Attributes:
        preferred_entries_per_write: Preferred log entries per write; None to write once a transaction.
        remote: Whether reads go over a network, and so may take long.
    """

    preferred_entries_per_write: int | None = None
    remote: bool = False


class ProfileStore(Protocol):
    """One workspace's identity graph, node states, de-duplication keys, offsets and outbox, in one transaction.

    Attributes:
        capabilities: What this store can do.
        leases: Which worker has which partition; None for a store with one worker.
    """

    capabilities: StoreCapabilities = StoreCapabilities()
    leases: Leases | None = None

    def transaction(self) -> AbstractContextManager[ProfileTransaction]:
        """Begin; commit durably at the end of the block, roll back on an exception.

        Raises:
            ConflictError: Another worker was at the same people or entries. Nothing was changed; do it all again.
            UnavailableError: The store cannot be written (disk full, locked, gone). Nothing was changed; or all of it
                was, where only the answer to the commit was lost on its way: the offsets tell.
        """
        ...

    def snapshot(self) -> AbstractContextManager[ProfileSnapshot]:
        """Read one committed state; never blocks the writer and is never blocked by it."""
        ...

    def scrub(self) -> None:
        """See to it that what was deleted is left in no file, as far as this process can.

        Raises:
            UnavailableError: Not now, because somebody reads.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections."""
        ...
