"""Profile stores that break one promise each, so that the contract shows that it notices."""

from __future__ import annotations

from contextlib import contextmanager

import msgspec

from onefold.adapters.memory.store import MemoryProfileStore, MemorySnapshot


class OffsetFirst(MemoryProfileStore):
    """Stores the offset before the batch: after a crash the batch is skipped."""

    @contextmanager
    def transaction(self):
        """Begin; the offset takes effect with `write`."""
        with super().transaction() as transaction:
            write = transaction.write

            def write_offset_first(batch):
                self._state.offsets.update(batch.offsets)
                write(batch)

            transaction.write = write_offset_first
            yield transaction


class LiveSnapshot(MemoryProfileStore):
    """Shows look-ups whatever is newest, answer by answer."""

    @contextmanager
    def snapshot(self):
        """Read whatever is newest."""

        class Live(MemorySnapshot):
            _state = property(lambda _: self._state)

            def __init__(self) -> None:
                """Hold no state."""

        yield Live()


class ForgetfulClaims(MemoryProfileStore):
    """Knows the keys of a batch, but not those of the batch before: a window."""

    @contextmanager
    def transaction(self):
        """Begin without the claims of before."""
        self._state.claimed.clear()
        with super().transaction() as transaction:
            yield transaction


class LastEdgeWins(MemoryProfileStore):
    """Keeps the edge that arrived last: the people depend on the order of arrival."""

    @contextmanager
    def transaction(self):
        """Begin; edges replace each other at the end."""
        with super().transaction() as transaction:
            write = transaction.write

            def overwrite(batch):
                write(batch)
                transaction._state.edges.update({(e.a, e.b, e.kind): e for e in batch.edges})

            transaction.write = overwrite
            yield transaction


class UnexpectedSegments(MemoryProfileStore):
    """Lets two merges that began alike both end: rows of one key are in the warehouse twice."""

    @contextmanager
    def transaction(self):
        """Begin; what a change of the manifest expects is not looked at."""
        with super().transaction() as transaction:
            revise = transaction.revise
            transaction.revise = lambda change: revise(msgspec.structs.replace(change, expected={}))
            yield transaction


class UnfencedSettlements(MemoryProfileStore):
    """Lets two evaluations that began alike both end: the older one overwrites what the newer one found."""

    @contextmanager
    def transaction(self):
        """Begin; whatever a settlement began with is taken for what there is."""
        with super().transaction() as transaction:
            settle = transaction.settle

            def unfenced(settlement):
                sequence = transaction._state.evaluation[None].sequence
                settle(msgspec.structs.replace(settlement, before=sequence))

            transaction.settle = unfenced
            yield transaction


class UnfencedLoads(MemoryProfileStore):
    """Lets two loads that began alike both end: the rows of one are in the warehouse twice."""

    @contextmanager
    def transaction(self):
        """Begin; whatever a change of the manifest began with is taken for what there is."""
        with super().transaction() as transaction:
            revise = transaction.revise

            def unfenced(change):
                loaded = transaction._state.sequences["loaded"]
                revise(msgspec.structs.replace(change, loaded_before=loaded))

            transaction.revise = unfenced
            yield transaction
