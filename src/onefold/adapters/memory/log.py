"""The event log in memory: lists, and a lock."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence

from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

PARTITION = 0


class MemoryEventLog(EventLog):
    """Keeps every promise of the port but one: it does not outlive its process. Safe for threads."""

    def __init__(self) -> None:
        self._entries: list[LogEntry] = []
        self._received: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<MemoryEventLog(entries={len(self._entries)})>"

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none; returns the place of each. The first offset is 1."""
        per_source = Counter(entry.source for entry in entries)
        with self._lock:
            first = len(self._entries) + 1
            self._entries.extend(entries)
            self._received.update(per_source)
        return [(PARTITION, first + index) for index in range(len(entries))]

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order."""
        if partition != PARTITION:
            return []
        start = max(after, 0)
        with self._lock:
            some = self._entries[start : start + limit]
        return [StoredEntry(PARTITION, offset, entry) for offset, entry in enumerate(some, start=start + 1)]

    def get(self, places: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these places, in the order asked; those not there are left out."""
        with self._lock:
            return [
                StoredEntry(PARTITION, offset, self._entries[offset - 1])
                for partition, offset in places
                if partition == PARTITION and 1 <= offset <= len(self._entries)
            ]

    def ends(self) -> dict[int, int]:
        """Last offset of the one partition."""
        with self._lock:
            return {PARTITION: len(self._entries)}

    def received(self) -> dict[str, int]:
        """Items ever appended, per source."""
        with self._lock:
            return dict(self._received)

    def close(self) -> None:
        """Nothing to let go of."""
