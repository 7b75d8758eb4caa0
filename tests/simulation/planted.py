"""Bugs on purpose: each breaks one rule that the store or the stream keeps, and each must be caught.

The last three are bugs that this simulator has found.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import msgspec
from tests.simulation.database import Transaction
from tests.simulation.simulator import Planted
from tests.simulation.stand_ins import SEALER

from onefold.identity.known import EdgeKey, KnownEdges
from onefold.model import Judgement, NodeId
from onefold.ports import Changes, NodeRow
from onefold.profiles import money
from onefold.profiles import state as folds


class Unaudited(Transaction):
    """Nothing looks at commits, so that what is wrong has to show in the result."""

    audited = False


class Unlocked(Unaudited):
    """Reads, works it out and writes, as if nobody else were there."""

    def lock(self, ids: Sequence[NodeId]) -> None:
        """Nothing."""

    def check_moved(self, moved: set[NodeId]) -> None:
        """Nothing."""

    def meet(self, found: Collection[NodeId]) -> None:
        """Whatever is there is there."""
        self.met.update(found)

    def hear(self, found: Sequence[Judgement], nodes: Sequence[NodeId]) -> None:
        """Nothing."""

    def insert(self, changes: Changes) -> None:
        """Whoever comes last wins."""


class OffsetsFirst(Unaudited):
    """Stores the offsets in a transaction of their own, before the rest."""

    def advance(self, changes: Changes) -> None:
        """Store them now."""
        super().advance(changes)
        self._state.offsets.update(changes.offsets)


class Unfenced(Transaction):
    """Believes that its leases are its own for ever."""

    def fence(self, changes: Changes) -> None:
        """Nothing."""


class UnfencedAndUnordered(Unaudited):
    """Neither looks at the lease nor at the offset that it goes on from: a worker back from the dead undoes others."""

    def fence(self, changes: Changes) -> None:
        """Nothing."""

    def advance(self, changes: Changes) -> None:
        """Nothing."""


class AnyOrder(Unaudited):
    """Locks components in the order in which they were named, and waits for each."""

    def lock(self, ids: Sequence[NodeId]) -> None:
        """Backwards as often as forwards."""
        stored = self._state.nodes
        wanted = sorted({stored[node].member.component for node in ids if node in stored})
        if self.schedule.draw() < 0.5:
            wanted.reverse()
        for component in wanted:
            self.acquire(("node", component))
            self.locked.add(component)


class LocksOnce(Unaudited):
    """Locks what it names, and not what it finds it needs beyond."""

    def lock(self, ids: Sequence[NodeId]) -> None:
        """The first time only."""
        if not self.locked:
            super().lock(ids)

    def check_moved(self, moved: set[NodeId]) -> None:
        """Nothing: what it read late is not locked."""


class DoesNotLookAgain(Unaudited):
    """Does not look whether the component it waited for is still one."""

    def check_moved(self, moved: set[NodeId]) -> None:
        """Nothing."""


class AddsUpWhenMerging(Unaudited):
    """Copies the counters of the one who is merged to the one who stays, as most products do."""

    def write(self, changes: Changes) -> None:
        """With more than there was."""
        rows = {row.member.id: row for row in changes.nodes}
        places = {member.id: member for member in changes.members}
        stored = self._state.nodes
        for change in changes.changes:
            if change.kind != "merged" or change.before not in stored:
                continue
            gone, kept = stored[change.before], rows.get(change.person)
            version = 0
            if kept is None and change.person in stored:
                kept = stored[change.person]
                version = 1
            if kept is None:
                continue
            (_, theirs), (value, mine) = (folds.open_node(SEALER.open(row)) for row in (gone, kept))
            mine.events += theirs.events
            mine.purchases += theirs.purchases
            for currency, amount in theirs.revenue.items():
                mine.revenue[currency] = money.plus(mine.revenue.get(currency, amount - amount), amount)
            member = places.pop(change.person, kept.member)
            sealed = SEALER.seal(member.id, kept.version + version, b"", folds.close_node(value, mine))
            rows[member.id] = NodeRow(member, kept.key, kept.version + version, sealed)
        super().write(msgspec.structs.replace(changes, nodes=list(rows.values()), members=list(places.values())))


class HastyEdges(KnownEdges):
    """Takes evidence for stored as soon as it has met it; but its transaction may never be."""

    def covers(self, key: EdgeKey, at_us: int, event: bytes) -> bool:
        """Whether it met evidence at least this early."""
        covered = super().covers(key, at_us, event)
        if not covered:
            self._keep(key, (at_us, event))
        return covered


class MadeMeanwhile(Transaction):
    """Saves a node that it took for new over the one that another worker made while it looked further."""

    def meet(self, found: Collection[NodeId]) -> None:
        """Whatever is there is there."""
        self.met.update(found)


class AbsentUnguarded(Unaudited):
    """Judges an identifier that is not there, while another worker makes it and has heard of no judgement."""

    def insert(self, changes: Changes) -> None:
        """Look at what it makes itself, not at what it looked for in vain."""
        self.looked_for &= {row.member.id for row in changes.nodes} | {m.id for m in changes.members}
        super().insert(changes)


class HearsHalf(Unaudited):
    """Does not notice a judgement that came between two readings."""

    def hear(self, found: Sequence[Judgement], nodes: Sequence[NodeId]) -> None:
        """Nothing."""


RESULT = frozenset({"partition", "survivorship", "counters", "consent", "conservation", "progress"})
"""Kinds of mismatch in what a schedule leaves: never that the planted bug itself does not run."""


class Control(NamedTuple):
    """A bug, and within how many schedules it must be caught, as one of which kinds of mismatch."""

    planted: Planted
    within: int
    kinds: frozenset[str] = RESULT


CONTROLS = {
    "no locks": Control(Planted(Unlocked), 200),
    "offsets outside of the transaction": Control(Planted(OffsetsFirst), 200),
    "no fencing": Control(Planted(Unfenced), 200, frozenset({"fencing"})),
    "no fencing, offsets unordered": Control(Planted(UnfencedAndUnordered), 200),
    "edges known before they are stored": Control(Planted(known=HastyEdges), 200),
    "counters added up when merging": Control(Planted(AddsUpWhenMerging), 200, frozenset({"counters"})),
    "locks in any order": Control(Planted(AnyOrder), 300, frozenset({"deadlock"})),
    "late locks left out": Control(Planted(LocksOnce), 1000),
    "components not looked at again": Control(Planted(DoesNotLookAgain), 2000),
    "node made meanwhile": Control(Planted(MadeMeanwhile), 2000, frozenset({"lost update", "history"})),
    "absent nodes unguarded": Control(Planted(AbsentUnguarded), 5000),
    "judgements between readings": Control(Planted(HearsHalf), 5000),
}
