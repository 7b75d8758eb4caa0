"""The event log in memory: a list a partition, and a lock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence

from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog


class MemoryEventLog(EventLog):
    """Keeps every promise of the port but one: it does not outlive its process. Safe for threads."""

    def __init__(self, *, partitions: int = 1, place: Callable[[LogEntry], int] = lambda _: 0) -> None:
        """An empty log of `partitions` partitions, numbered from 0; `place` says which one an entry belongs to."""
        self._partitions: list[list[LogEntry]] = [[] for _ in range(partitions)]
        self._received: Counter[str] = Counter()
        self._place = place
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryEventLog(entries={sum(map(len, self._partitions))})>"

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none; returns the place of each. The first offset of a partition is 1."""
        per_source = Counter(entry.source for entry in entries)
        partitions = [self._place(entry) for entry in entries]
        places = []
        with self._lock:
            for partition, entry in zip(partitions, entries, strict=True):
                self._partitions[partition].append(entry)
                places.append((partition, len(self._partitions[partition])))
            self._received.update(per_source)
        return places

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order."""
        if not 0 <= partition < len(self._partitions):
            return []
        start = max(after, 0)
        with self._lock:
            some = self._partitions[partition][start : start + limit]
        return [StoredEntry(partition, offset, entry) for offset, entry in enumerate(some, start=start + 1)]

    def get(self, places: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these places, in the order asked; those not there are left out."""
        with self._lock:
            return [
                StoredEntry(partition, offset, self._partitions[partition][offset - 1])
                for partition, offset in places
                if 0 <= partition < len(self._partitions) and 1 <= offset <= len(self._partitions[partition])
            ]

    def ends(self) -> dict[int, int]:
        """Last offset of each partition."""
        with self._lock:
            return {partition: len(entries) for partition, entries in enumerate(self._partitions)}

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with self._lock:
            return dict(self._received)

    def close(self) -> None:
        """Nothing to let go of."""
