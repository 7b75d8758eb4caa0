"""One state of the profile store in memory: plain dictionaries whose values are never changed, only replaced."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from onefold.errors import ConflictError, IntegrityError
from onefold.model import Checkpoint, Edge, EdgeKind, IdentityChange, Judgement, NodeId, WorkspaceIdentity, replaces
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, Tally, TimelineRow
from onefold.ports.audiences import Definition, Evaluation, Listed, Membership, Settlement, Standing
from onefold.ports.warehouse import FeedChunk, ManifestChange, Segment

EdgeKey = tuple[NodeId, NodeId, EdgeKind]


@dataclass(frozen=True, slots=True)
class State:
    """Everything one workspace has stored. A shallow copy is an independent state."""

    offsets: dict[int, int] = field(default_factory=dict)
    checkpoints: dict[int, Checkpoint] = field(default_factory=dict)
    identity: dict[None, WorkspaceIdentity] = field(default_factory=dict)
    nodes: dict[NodeId, NodeRow] = field(default_factory=dict)
    components: dict[NodeId, frozenset[NodeId]] = field(default_factory=dict)
    edges: dict[EdgeKey, Edge] = field(default_factory=dict)
    touching: dict[NodeId, frozenset[EdgeKey]] = field(default_factory=dict)
    judgements: dict[bytes, Judgement] = field(default_factory=dict)
    claimed: dict[bytes, None] = field(default_factory=dict)
    changes: dict[int, IdentityChange] = field(default_factory=dict)
    timeline: dict[NodeId, frozenset[TimelineRow]] = field(default_factory=dict)
    dead_letters: dict[tuple[int, int], DeadLetter] = field(default_factory=dict)
    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    outbox: dict[int, OutboxMessage] = field(default_factory=dict)
    feed: dict[int, FeedChunk] = field(default_factory=dict)
    segments: dict[str, Segment] = field(default_factory=dict)
    relations: dict[str, bytes] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=lambda: {"fed": 0, "loaded": 0, "marked": 0})
    definitions: dict[tuple[str, int], Definition] = field(default_factory=dict)
    evaluation: dict[None, Evaluation] = field(default_factory=lambda: {None: Evaluation()})
    marks: dict[int, bytes] = field(default_factory=dict)
    standings: dict[NodeId, Standing] = field(default_factory=dict)
    memberships: dict[NodeId, dict[str, Membership]] = field(default_factory=dict)
    listed: dict[tuple[str, NodeId], Listed] = field(default_factory=dict)
    kept: dict[str, bytes] = field(default_factory=dict)

    def copy(self) -> State:
        """A state that can be changed without changing this one."""
        return State(*(dict(getattr(self, name)) for name in self.__slots__))

    def apply(self, changes: Changes) -> None:
        """Write a commit into this state."""
        self.offsets.update(changes.offsets)
        for partition, offset in changes.offsets.items():
            self.checkpoints[partition] = Checkpoint(offset, changes.fingerprints.get(partition, b""), changes.at_us)
        if changes.identity is not None:
            self.identity.setdefault(None, changes.identity)
        for row in changes.nodes:
            self._place(row)
        for member in changes.members:
            stored = self.nodes.get(member.id)
            if stored is None:
                raise IntegrityError(f"node {member.id.hex()} is to be moved but was never saved")
            self._place(NodeRow(member, stored.key, stored.version, stored.sealed))
        for edge in changes.edges:
            self._record(edge)
        for seen in changes.timeline:
            self.timeline[seen.node] = self.timeline.get(seen.node, frozenset()) | {seen}
        self.kept.update(changes.kept)
        self._apply_history(changes)
        self._apply_accounts(changes)

    def _apply_history(self, changes: Changes) -> None:
        for judgement in changes.judgements:
            self.judgements.setdefault(judgement.id, judgement)
        for change in changes.changes:
            seq = len(self.changes) + 1
            self.changes[seq] = msgspec.structs.replace(change, seq=seq)

    def _apply_accounts(self, changes: Changes) -> None:
        for letter in changes.dead_letters:
            self.dead_letters.setdefault((letter.partition, letter.offset), letter)
        for place in changes.replayed:
            if place in self.dead_letters:
                self.dead_letters[place] = msgspec.structs.replace(self.dead_letters[place], status="replayed")
        for tally in changes.tallies:
            key = (tally.source, tally.outcome, tally.reason)
            self.tallies[key] = add_tallies(self.tallies[key], tally) if key in self.tallies else tally
        for message in changes.outbox:
            seq = len(self.outbox) + 1
            self.outbox[seq] = OutboxMessage(message.topic, message.key, message.body, seq)
        for chunk in changes.feed:
            self.sequences["fed"] += chunk.rows
            last = self.sequences["fed"]
            self.feed[last] = FeedChunk(chunk.rows, chunk.sealed, last)
        if self.evaluation[None].active:
            if changes.marks is None:
                raise ConflictError("an audience is kept by now")
            self._mark(changes.marks)

    def _mark(self, bodies: Sequence[bytes]) -> None:
        for body in bodies:
            self.sequences["marked"] += 1
            self.marks[self.sequences["marked"]] = body

    def settle(self, settlement: Settlement) -> None:
        """Change who is in which audience."""
        known = self.evaluation[None]
        if known.sequence != settlement.before:
            raise ConflictError("audiences were settled by somebody else")
        self.evaluation[None] = Evaluation(
            known.sequence + 1,
            known.active if settlement.active is None else settlement.active,
            known.body if settlement.body is None else settlement.body,
        )
        self.definitions.update(((d.slug, d.version), d) for d in settlement.define)
        for seq in settlement.marks:
            self.marks.pop(seq, None)
        self._mark(settlement.marked)
        self.standings.update((standing.person, standing) for standing in settlement.standings)
        for person in settlement.gone:
            self.standings.pop(person, None)
        for audience, person in settlement.left:
            self._enter(person, {n: m for n, m in self.memberships.get(person, {}).items() if n != audience})
        for membership in settlement.entered:
            person = membership.person
            self._enter(person, {**self.memberships.get(person, {}), membership.audience: membership})
        for one in settlement.unlisted:
            self.listed.pop((one.audience, one.node), None)
        self.listed.update(((one.audience, one.node), one) for one in settlement.listed)

    def _enter(self, person: NodeId, memberships: dict[str, Membership]) -> None:
        if memberships:
            self.memberships[person] = memberships
        else:
            self.memberships.pop(person, None)

    def revise(self, change: ManifestChange) -> None:
        """Change the manifest of the warehouse."""
        if self.sequences["loaded"] != change.loaded_before:
            raise ConflictError("the feed was loaded further by somebody else")
        for relation, names in change.expected.items():
            if {s.name for s in self.segments.values() if s.relation == relation} != set(names):
                raise ConflictError("a relation was changed by somebody else")
        for name in change.remove:
            if self.segments.pop(name, None) is None:
                raise ConflictError("a segment to remove is not there any more")
        self.segments.update((segment.name, segment) for segment in change.add)
        self.relations.update(change.relations)
        for name in change.drop:
            self.relations.pop(name, None)
        if change.loaded is not None:
            self.sequences["loaded"] = change.loaded
            for last in [last for last in self.feed if last <= change.loaded]:
                del self.feed[last]

    def _place(self, row: NodeRow) -> None:
        node = row.member.id
        before = self.nodes.get(node)
        if before is not None:
            self.components[before.member.component] -= {node}
        component = row.member.component
        self.components[component] = self.components.get(component, frozenset()) | {node}
        self.nodes[node] = row

    def _record(self, edge: Edge) -> None:
        key = (edge.a, edge.b, edge.kind)
        known = self.edges.get(key)
        self.edges[key] = edge if known is None or replaces(edge, known.at_us, known.event) else known
        for end in (edge.a, edge.b):
            self.touching[end] = self.touching.get(end, frozenset()) | {key}


def add_tallies(a: Tally, b: Tally) -> Tally:
    """The sum of two tallies of one (source, outcome, reason)."""
    emq = tuple(x + y for x, y in zip(a.emq, b.emq, strict=True)) if a.emq and b.emq else a.emq or b.emq
    return Tally(a.source, a.outcome, a.count + b.count, a.reason, emq)
