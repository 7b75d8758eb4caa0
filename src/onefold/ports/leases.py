"""Leases: which worker has which partition of the log."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Leases(Protocol):
    """Which worker processes which partition: kept beside the offsets, so that a commit can be refused (fenced)."""

    def renew(self, worker: str, partitions: Collection[int], *, seconds: float) -> dict[int, int]:
        """Say that `worker` lives, and settle what it works on until `seconds` from now.

        It keeps what it holds, takes free and expired partitions up to its fair share (partitions by living workers,
        rounded up), and gives back what is above that. A worker that sees fewer partitions than another has nothing until it
        sees them too. Time is the store's clock, not the worker's.

        Returns:
            Epoch of each partition it now holds. An epoch rises whenever a partition changes hands.
        """
        ...

    def release(self, worker: str) -> None:
        """Give everything back; the others need not wait for the lease to expire."""
        ...
