"""The event log in memory: a list a partition, and a lock."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from onefold.adapters import seek
from onefold.model import LogEntry, LostEntries, StoredEntry, WorkspaceIdentity
from onefold.ports import EventLog


class MemoryEventLog(EventLog):
    """Keeps every promise of the port but one: it does not outlive its process. Safe for threads."""

    def __init__(self, *, partitions: int = 1, partition_of: Callable[[LogEntry], int] = lambda _: 0) -> None:
        """An empty log of `partitions` partitions, numbered from 0; `partition_of` says which one an entry belongs to."""
        self._partitions: list[list[LogEntry]] = [[] for _ in range(partitions)]
        self._offsets: list[list[int]] = [[] for _ in range(partitions)]
        self._last = 0
        self._received: Counter[str] = Counter()
        self._partition_of = partition_of
        self._identity: WorkspaceIdentity | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryEventLog(entries={sum(map(len, self._partitions))})>"

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none; returns the position of each. Offsets rise over all partitions together, from 1."""
        per_source = Counter(entry.source for entry in entries)
        partitions = [self._partition_of(entry) for entry in entries]
        positions = []
        with self._lock:
            for partition, entry in zip(partitions, entries, strict=True):
                self._last += 1
                self._partitions[partition].append(entry)
                self._offsets[partition].append(self._last)
                positions.append((partition, self._last))
            self._received.update(per_source)
        return positions

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order."""
        if not 0 <= partition < len(self._partitions):
            return []
        with self._lock:
            start = bisect_right(self._offsets[partition], after)
            some = self._partitions[partition][start : start + limit]
            offsets = self._offsets[partition][start : start + limit]
        return [StoredEntry(partition, offset, entry) for offset, entry in zip(offsets, some, strict=True)]

    def get(self, positions: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these positions, in the order asked; those not there are left out."""
        with self._lock:
            found = ((position, self._index(*position)) for position in positions)
            return [StoredEntry(p, o, self._partitions[p][at]) for (p, o), at in found if at is not None]

    def _index(self, partition: int, offset: int) -> int | None:
        if not 0 <= partition < len(self._partitions):
            return None
        offsets = self._offsets[partition]
        at = bisect_right(offsets, offset) - 1
        return at if at >= 0 and offsets[at] == offset else None

    def ends(self) -> dict[int, int]:
        """Last offset of each partition."""
        with self._lock:
            return {partition: offsets[-1] if offsets else 0 for partition, offsets in enumerate(self._offsets)}

    def waiting(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """How many entries of each partition lie after these offsets."""
        with self._lock:
            return {p: len(held) - bisect_right(held, offsets.get(p, 0)) for p, held in enumerate(self._offsets)}

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with self._lock:
            return dict(self._received)

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace this log belongs to."""
        return self._identity

    def claim(self, identity: WorkspaceIdentity, *, anew: bool = False) -> WorkspaceIdentity:
        """Say which workspace this log belongs to, unless that is said already; returns what is said."""
        with self._lock:
            self._identity = identity if anew else self._identity or identity
            return self._identity

    def current(self, partition: int, offset: int) -> LogEntry | None:
        """The entry at a position."""
        found = self.get([(partition, offset)])
        return found[0].entry if found else None

    def lost(self, offsets: Mapping[int, int]) -> list[LostEntries]:
        """Nothing is ever removed."""
        del offsets
        return []

    def unreachable(self) -> int:
        """There is no other version of this."""
        return 0

    def offsets_at(self, time_us: int) -> dict[int, int]:
        """Of each partition the last offset before that time."""
        return seek.offsets_at(self, time_us)

    def close(self) -> None:
        """Nothing to let go of."""
