"""A board: memory that a worker and the process which watches over it share, so that what was written outlives the worker.

One slot a workspace. A worker writes where it stands; when it has ended, its watcher reads that and writes what the next one
should do about it. They never write at the same time.
"""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Callable, Sequence

from onefold.pipelines.stream.internal_errors import TIMED_OUT, WORKER_DIED
from onefold.pipelines.stream.progress import Fault, Progress

TRIES_ALONE = 2
"""Workers that an entry must end, alone, before it is blamed: one may have been killed by anybody."""
_SHRINKS = 16
_PART_MAX = 4_096
"""A part that went well and would be larger next time is as good as a batch."""

# Written by the worker: whether a batch is under way, since when it is at its present step, its entries, partition and offset
# before it. Written by the watcher: entries of a part, ends of workers on one entry, the reason why that is set aside.
_WORKER = struct.Struct("=qdqqq")
_WATCHER = struct.Struct("=qqq")
_REASONS = ("", TIMED_OUT, WORKER_DIED)


class Slot(Progress):
    """What is written of one workspace."""

    def __init__(self, memory: mmap.mmap, start: int, monotonic: Callable[[], float]) -> None:
        self._memory = memory
        self._worker = start
        self._watcher = start + _WORKER.size
        self._monotonic = monotonic

    @property
    def part(self) -> int:  # type: ignore[override]  # read from memory, where the base has a constant
        """See `Progress`."""
        return int(self._advice()[0])

    @property
    def fault(self) -> Fault | None:  # type: ignore[override]  # the same
        """See `Progress`."""
        reason = self._advice()[2]
        _, _, _, partition, after = _WORKER.unpack_from(self._memory, self._worker)
        return Fault(partition, after, _REASONS[reason]) if reason else None

    def begins(self, entries: int, partition: int = -1, after: int = -1) -> None:
        """See `Progress`."""
        _WORKER.pack_into(self._memory, self._worker, 1, self._monotonic(), entries, partition, after)

    def step(self) -> None:
        """See `Progress`."""
        struct.pack_into("=d", self._memory, self._worker + 8, self._monotonic())

    def ends(self) -> None:
        """See `Progress`."""
        struct.pack_into("=q", self._memory, self._worker, 0)

    def went_well(self, *, nothing_left: bool = False) -> None:
        """See `Progress`."""
        part = self.part * 4
        _WATCHER.pack_into(self._memory, self._watcher, 0 if nothing_left or part > _PART_MAX else part, 0, 0)

    def stands_for(self) -> float:
        """For how many seconds the batch under way has been at the same step; 0 when there is none."""
        busy, since, _, _, _ = _WORKER.unpack_from(self._memory, self._worker)
        return self._monotonic() - since if busy else 0.0

    def worker_ended(self, *, stalled: bool) -> None:
        """Take note that the worker ended, hanging or killed; advise the next one, if this one was in a batch."""
        busy, _, entries, partition, _ = _WORKER.unpack_from(self._memory, self._worker)
        self.ends()
        if not busy:
            return
        _, ended, _ = self._advice()
        if entries > 1 or partition < 0:
            _WATCHER.pack_into(self._memory, self._watcher, max(1, entries // _SHRINKS), 0, 0)
            return
        ended += 1
        reason = 0 if ended < TRIES_ALONE else _REASONS.index(TIMED_OUT if stalled else WORKER_DIED)
        _WATCHER.pack_into(self._memory, self._watcher, 1, ended, reason)

    def _advice(self) -> tuple[int, int, int]:
        part, ended, reason = _WATCHER.unpack_from(self._memory, self._watcher)
        return part, ended, reason


class Board:
    """The slots of a worker's workspaces."""

    def __init__(self, workspaces: Sequence[str], monotonic: Callable[[], float] = time.monotonic) -> None:
        """Make it before the worker is forked, which then shares it."""
        size = _WORKER.size + _WATCHER.size
        memory = mmap.mmap(-1, size * len(workspaces))
        self.slots = {name: Slot(memory, size * n, monotonic) for n, name in enumerate(workspaces)}
