"""The store of the simulation: transactions that overlap, as PostgreSQL runs them.

Read committed: every read sees what is committed at that moment. Locks are held until a transaction ends, and asked for
in the order that decision 0005 lays down: de-duplication keys, components, new nodes, dead letters, the row of totals,
leases. Each call of the port, and each single lock, is a point where others act. It models the statements of
`adapters/postgres/transaction.py` one by one, so what goes wrong here may go wrong there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.simulation.schedule import Actor, Mismatch, Schedule

from onefold.adapters.memory.state import State
from onefold.adapters.memory.store import MemoryReader, MemorySnapshot
from onefold.errors import ConflictError, LeaseLostError
from onefold.model import Judgement, Member, NodeId
from onefold.ports import Changes, Leases, NodeRow, ProfileStore, ProfileTransaction

Lock = tuple[Any, ...]


class Database(ProfileStore):
    """Committed state, and the locks of whoever is at work."""

    def __init__(self, schedule: Schedule, rules: type[Transaction] | None = None) -> None:
        """An empty store; `rules` is how its transactions behave."""
        self.schedule = schedule
        self.state = State()
        self.owners: dict[Lock, Transaction] = {}
        self.leases: dict[int, Lease] = {}
        self.workers: dict[str, float] = {}
        self._rules = rules or Transaction
        self.commits = 0

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin; all is visible at the end of the block, or nothing ever was."""
        transaction = self._rules(self)
        try:
            yield transaction
            self.schedule.pause("COMMIT")
            transaction.apply()
        finally:
            transaction.release()
        # The answer may be lost although the transaction is not.
        self.schedule.pause("committed")

    @contextmanager
    def snapshot(self) -> Iterator[MemorySnapshot]:
        """Read one committed state."""
        self.schedule.pause("snapshot")
        yield MemorySnapshot(self.state)

    def close(self) -> None:
        """Nothing to let go of."""


class Transaction(MemoryReader, ProfileTransaction):
    """One worker's batch."""

    audited = True

    def __init__(self, database: Database) -> None:
        super().__init__(database.state)
        self.database = database
        self.schedule = database.schedule
        self.actor: Actor = self.schedule.current
        self.held: list[Lock] = []
        self.waiting: Lock | None = None
        self.told: dict[int, int] | None = None
        self.locked: set[NodeId] = set()
        self.met: set[NodeId] = set()
        self.looked_for: set[NodeId] = set()
        self.asked_about: set[NodeId] = set()
        self.told_of: set[bytes] = set()
        self.claimed: list[bytes] = []
        self.pending: Changes | None = None

    # ── locks ──

    def acquire(self, lock: Lock, *, wait: bool = True) -> None:
        """Hold a lock until the end.

        Raises:
            ConflictError: Another holds it, and it is not to be waited for.
            Mismatch: Waiting would never end.
        """
        owners = self.database.owners
        self.schedule.pause(f"locks {_shown(lock)}")
        while (owner := owners.get(lock)) is not None:
            if owner is self:
                return
            if not wait:
                raise ConflictError("another worker is at these people")
            self._look_for_deadlock(owner, lock)
            self.waiting = lock
            self.schedule.wait(_shown(lock), lambda: lock in owners)
            self.waiting = None
        owners[lock] = self
        self.held.append(lock)

    def _look_for_deadlock(self, owner: Transaction, lock: Lock) -> None:
        chain: Transaction | None = owner
        while chain is not None and chain.waiting is not None:
            chain = self.database.owners.get(chain.waiting)
            if chain is self:
                raise Mismatch("deadlock", f"two transactions wait for each other, one for {_shown(lock)}")

    def release(self) -> None:
        """Let go of all locks."""
        for lock in self.held:
            del self.database.owners[lock]
        self.held = []

    # ── reading ──

    def offsets(self) -> dict[int, int]:
        """Consumer offset per partition."""
        self.schedule.pause("reads offsets")
        self.told = super().offsets()
        return self.told

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those that exist; their components are locked."""
        self.lock(ids)
        self.schedule.pause(f"reads {len(ids)} nodes")
        found = super().nodes(ids)
        self.check_moved({row.member.component for row in found.values()} - self.locked)
        self.meet(found)
        self.looked_for.update(ids)
        return found

    def meet(self, found: Collection[NodeId]) -> None:
        """Nodes that were read; give up where this batch has already worked as if one of them did not exist."""
        if any(node in self.looked_for and node not in self.met for node in found):
            raise ConflictError("another worker has met the same identifiers for the first time")
        self.met.update(found)

    def check_moved(self, moved: set[NodeId]) -> None:
        """Give up where a component is another one's by now."""
        if moved:
            raise ConflictError("a component was joined with another while it was waited for")

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """All nodes of these components, which are locked."""
        late = sorted(set(components) - self.locked)
        if late:
            self.lock(late)
        self.schedule.pause(f"reads members of {len(components)} components")
        found = super().members(components)
        self.meet([member.id for member in found])
        return found

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of a person, of whom one was read."""
        self.schedule.pause("reads a person")
        found = super().person(place, limit=limit)
        self.meet([member.id for member in found])
        return found

    def large(self, components: Sequence[NodeId], *, nodes_min: int) -> list[NodeId]:
        """Which of these components are large: here as good as all are, so that they are not read whole."""
        self.schedule.pause("asks which components are large")
        return super().large(components, nodes_min=min(nodes_min, 2))

    def sightings(self, component: NodeId, kind: str, within: tuple[int, int] | None) -> list[int]:
        """First sightings of a component's nodes of a type."""
        self.schedule.pause("reads sightings")
        return super().sightings(component, kind, within)

    def evidence(self, pairs: Collection[tuple[NodeId, NodeId]]) -> list[Any]:
        """All evidence between the nodes of these pairs."""
        self.schedule.pause("reads evidence")
        return super().evidence(pairs)

    def lock(self, ids: Sequence[NodeId]) -> None:
        """Lock the components of these nodes: in order and waiting the first time, later without waiting."""
        wait = not self.locked
        stored = self._state.nodes
        for component in sorted({stored[node].member.component for node in ids if node in stored}):
            self.acquire(("node", component), wait=wait)
            self.locked.add(component)

    def edges(self, nodes: Sequence[NodeId]) -> list[Any]:
        """All evidence that touches any of these."""
        self.schedule.pause("reads edges")
        return super().edges(nodes)

    def judgements(self, nodes: Sequence[NodeId]) -> list[Judgement]:
        """All judgements about any of these; give up where one has come that was not there when it was asked before."""
        self.schedule.pause("reads judgements")
        found = super().judgements(nodes)
        self.hear(found, nodes)
        return found

    def hear(self, found: Sequence[Judgement], nodes: Sequence[NodeId]) -> None:
        """Take judgements in."""
        if any(j.id not in self.told_of and not self.asked_about.isdisjoint((j.a, j.b)) for j in found):
            raise ConflictError("somebody has judged an identifier before it was met")
        self.told_of.update(judgement.id for judgement in found)
        self.asked_about.update(nodes)

    # ── writing ──

    def claim(self, keys: Sequence[bytes]) -> list[bool]:
        """Record de-duplication keys; a key another is about to record is waited for."""
        fresh = set()
        for key in sorted(set(keys)):
            self.acquire(("key", key))
            if key not in self._state.claimed:
                fresh.add(key)
        self.claimed += fresh
        answers = []
        for key in keys:
            answers.append(key in fresh)
            fresh.discard(key)
        return answers

    def write(self, changes: Changes) -> None:
        """Write everything; it is seen when the transaction's block ends."""
        self.schedule.pause(f"writes {_told(changes)}")
        self.insert(changes)
        for letter in sorted({(d.partition, d.offset) for d in changes.dead_letters}):
            self.acquire(("dead letter", *letter))
        for place in sorted(set(changes.replayed)):
            self.acquire(("dead letter", *place))
        self.acquire(("totals",))
        self.advance(changes)
        self.fence(changes)
        self.pending = changes

    def insert(self, changes: Changes) -> None:
        """Insert what is new, and stand in the place of what was looked for in vain: nobody else may make it now.

        Raises:
            ConflictError: Another worker has made a node that this batch took for new or absent, or somebody has judged
                a node that is new.
        """
        names = {row.member.id for row in changes.nodes} | {member.id for member in changes.members}
        unmet = names - self.looked_for - self.met
        if unmet:
            self.nodes(sorted(unmet))
        new = sorted(names - self.met)
        absent = (self.looked_for | set(new)) - self.met
        for node in sorted(absent):
            self.acquire(("new", node))
        if any(node in self._state.nodes for node in absent):
            raise ConflictError("another worker has met the same identifiers for the first time")
        self.hear(super().judgements(new), new)

    def advance(self, changes: Changes) -> None:
        """Store offsets, only over those this transaction was told."""
        stored, told = self._state.offsets, self.told or {}
        if any(stored.get(p, 0) != told.get(p, 0) for p in changes.offsets):
            raise ConflictError("another worker has processed the same entries")

    def fence(self, changes: Changes) -> None:
        """Hold the leases as they are, if they are still this worker's.

        Behind the row of totals only one transaction at a time gets here, so a shared lock is as good as this one.
        """
        leases = self.database.leases
        for partition in sorted(changes.epochs):
            self.acquire(("lease", partition))
        if any(leases[partition].epoch != epoch for partition, epoch in changes.epochs.items()):
            raise LeaseLostError("another worker has taken a partition of this batch over")

    def apply(self) -> None:
        """What COMMIT does, at one moment."""
        if self.pending is None:
            self._state.claimed.update(dict.fromkeys(self.claimed))
            return
        if self.audited:
            self._audit(self.pending)
        self._state.claimed.update(dict.fromkeys(self.claimed))
        self._state.apply(self.pending)
        self.database.commits += 1

    # ── what must hold of every changes, whatever led to it ──

    def _audit(self, changes: Changes) -> None:
        state = self._state
        after = {row.member.id: row.member for row in changes.nodes} | {m.id: m for m in changes.members}
        moves = {}
        for change in changes.changes:
            for node in change.nodes:
                if node in moves:
                    raise Mismatch("history", "one commit tells of one move twice")
                moves[node] = (change.before, change.person)
        for node, member in after.items():
            row = state.nodes.get(node)
            if row is None:
                continue
            before = row.member
            if before.component not in self.locked:
                raise Mismatch("locks", "a node was changed by somebody who did not hold its component")
            if (before.person, member.person) != moves.pop(node, (before.person, before.person)):
                raise Mismatch("history", "a node changed person and the history tells something else")
        if moves:
            raise Mismatch("history", "the history tells of a move that was none")
        for row in changes.nodes:
            old = state.nodes.get(row.member.id)
            if row.version != (0 if old is None else old.version) + 1:
                raise Mismatch("lost update", "a node's state was written over one that this batch had not read")
        for partition, offset in changes.offsets.items():
            if offset <= state.offsets.get(partition, 0):
                raise Mismatch("offsets", "an offset did not rise")
            lease = self.database.leases[partition]
            if changes.epochs.get(partition) != lease.epoch:
                raise Mismatch("fencing", "a commit was made under a lease that is another worker's by now")


class Lease:
    """One row of the table of leases."""

    __slots__ = ("epoch", "expires", "worker")

    def __init__(self) -> None:
        self.worker: str | None = None
        self.epoch = 0
        self.expires = 0.0


class SimulatedLeases(Leases):
    """`PostgresLeases`, statement by statement, by the store's clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _clock(self) -> float:
        return self._database.schedule.now + self._database.schedule.skew

    def renew(self, worker: str, partitions: Collection[int], *, seconds: float) -> dict[int, int]:
        """Say that `worker` lives, and settle what it works on until `seconds` from now."""
        database, schedule = self._database, self._database.schedule
        turn = Transaction(database)
        try:
            turn.acquire(("leases",))
            workers = {name: until for name, until in database.workers.items() if until >= self._clock()}
            workers[worker] = self._clock() + seconds
            for partition in partitions:
                database.leases.setdefault(partition, Lease())
            schedule.pause("reads leases")
            rows = [(p, database.leases[p]) for p in sorted(partitions)]
            fair = -(-len(rows) // len(workers))
            mine = [p for p, lease in rows if lease.worker == worker]
            free = [
                p for p, lease in rows
                if lease.worker != worker and (lease.worker is None or lease.expires < self._clock())
            ]  # fmt: skip
            kept, given = mine[:fair], mine[fair:]
            taken = free[: max(0, fair - len(kept))]
            for partition in sorted((*given, *taken, *kept)):
                turn.acquire(("lease", partition))
            schedule.pause("COMMIT leases")
            database.workers = workers
            for partition in given:
                database.leases[partition].worker = None
            for partition in taken:
                database.leases[partition].worker = worker
                database.leases[partition].epoch += 1
            for partition in (*kept, *taken):
                database.leases[partition].expires = self._clock() + seconds
            held = {p: database.leases[p].epoch for p in (*kept, *taken)}
        finally:
            turn.release()
        schedule.note(f"holds {held}")
        return held

    def release(self, worker: str) -> None:
        """Give everything back."""
        self._database.workers.pop(worker, None)
        for lease in self._database.leases.values():
            if lease.worker == worker:
                lease.worker = None


def _shown(lock: Lock) -> str:
    return " ".join(part.hex()[:6] if isinstance(part, bytes) else str(part) for part in lock)


def _told(changes: Changes) -> str:
    return (
        f"offsets {changes.offsets}, {len(changes.nodes)} nodes, {len(changes.members)} moved, {len(changes.edges)} edges,"
        f" {len(changes.judgements)} judgements, {len(changes.dead_letters)} dead letters"
    )
