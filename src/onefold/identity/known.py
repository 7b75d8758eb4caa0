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

    def __init__(self, capacity: int = 200_000) -> None:
        """Hold at most about `capacity` edges, those met latest."""
        # Two generations: when the young one is full it becomes the old one, which goes.
        self._generation = max(1, capacity // 2)
        self._young: dict[EdgeKey, tuple[int, bytes]] = {}
        self._old: dict[EdgeKey, tuple[int, bytes]] = {}

    def covers(self, key: EdgeKey, at_us: int, event: bytes) -> bool:
        """Whether evidence at least this early is known to be stored."""
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
            if known is None:
                return False
            self._keep(key, known)
        return known <= (at_us, event)

    def committed(self, edges: Iterable[Edge]) -> None:
        """Remember edges that a transaction has committed; if it then fails, call `forget`."""
        for edge in edges:
            if edge.kind == "scored":
                continue  # of scores the newest stands
            key = (edge.a, edge.b, edge.kind)
            stamp = (edge.at_us, edge.event)
            known = self._young.get(key) or self._old.get(key)
            self._keep(key, stamp if known is None or stamp < known else known)

    def forget(self) -> None:
        """Know nothing any more: something it was told may not have been committed."""
        self._young, self._old = {}, {}

    def _keep(self, key: EdgeKey, stamp: tuple[int, bytes]) -> None:
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[key] = stamp
