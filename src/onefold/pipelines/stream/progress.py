"""Progress: where a worker stands, told to whoever watches over it; and what the watcher knows of an earlier worker's end.

A worker that hangs, or that the kernel kills, cannot say what it was at. So it says so before each batch and at each step,
and the next worker learns of it: it goes on in smaller parts until the entry at fault stands alone, and sets that aside.
"""

from __future__ import annotations

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """The entry on which workers ended, alone: the first of `partition` after the offset `after`; and how it ended them."""

    partition: int
    after: int
    reason: str


class Progress:
    """What a worker tells of its work on one workspace. This one tells nobody, and knows of nothing.

    Attributes:
        part: Most entries of a batch, while the entry that ended a worker is looked for; 0 when none is.
        fault: The entry to set aside; None when it is not known.
    """

    part = 0
    fault: Fault | None = None

    def begins(self, entries: int, partition: int = -1, after: int = -1) -> None:
        """A batch of so many entries at most; `partition` and `after` when it is of one partition only."""

    def step(self) -> None:
        """The batch is one step further."""

    def ends(self) -> None:
        """The batch is over, well or not: whatever happens now is not its doing."""

    def went_well(self, *, nothing_left: bool = False) -> None:
        """A part was processed, so the next may be larger; with nothing left, no entry is looked for any more."""
