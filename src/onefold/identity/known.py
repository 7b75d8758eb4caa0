"""Edges known to be stored: the processor's memory of what it need not write again."""

from __future__ import annotations

from collections.abc import Iterable

from onefold.model import Edge, EdgeKind, NodeId

EdgeKey = tuple[NodeId, NodeId, EdgeKind]


class KnownEdges:
    """Remembers the earliest evidence stored per edge, so that repeated sightings cost no look-up.

    Safe with other writers: stored evidence only ever gets earlier, so a stale entry causes at worst a write without
    effect. It must be told only what has been committed.
    """

    def __init__(self, capacity: int = 500_000) -> None:
        self._capacity = capacity
        self._earliest: dict[EdgeKey, tuple[int, bytes]] = {}

    def covers(self, key: EdgeKey, at_us: int, event: bytes) -> bool:
        """Whether evidence at least this early is known to be stored."""
        known = self._earliest.get(key)
        return known is not None and known <= (at_us, event)

    def committed(self, edges: Iterable[Edge]) -> None:
        """Remember edges that a transaction has committed."""
        if len(self._earliest) > self._capacity:
            self._earliest.clear()
        for edge in edges:
            key = (edge.a, edge.b, edge.kind)
            stamp = (edge.at_us, edge.event)
            known = self._earliest.get(key)
            if known is None or stamp < known:
                self._earliest[key] = stamp
