"""Progress: whether what waits is being processed. That the accounts balance does not say so.

Judged from outside, by what the store and the log say: when the store's offset moved last, and how long the next entry has
waited. So a worker that hangs, is missing or never came is seen alike.
"""

from __future__ import annotations

from onefold.pipelines.context import Context

STANDSTILL_SECONDS = 60.0
"""How long entries may wait without the store's offset moving. A large batch takes a second or two."""


def standing(context: Context, *, seconds: float = STANDSTILL_SECONDS) -> dict[int, float]:
    """Partitions in which entries wait and nothing was processed for that long, each with for how many seconds.

    A partition of which an earlier version processed the last entries is left out: it did not note when.
    """
    with context.store.snapshot() as snapshot:
        checkpoints = snapshot.checkpoints()
    waiting = context.log.waiting({p: c.offset for p, c in checkpoints.items()})
    found = {}
    for partition, entries in waiting.items():
        reached = checkpoints.get(partition)
        moved_us = 0 if reached is None else reached.at_us
        if not entries or (reached is not None and not moved_us and reached.offset):
            continue
        if context.clock_us() - moved_us < seconds * 1_000_000:
            continue
        following = context.log.read(partition, 0 if reached is None else reached.offset, 1)
        since_us = max([moved_us, *(stored.entry.received_at_us for stored in following)])
        if (still := (context.clock_us() - since_us) / 1_000_000) >= seconds:
            found[partition] = still
    return found


def told(found: dict[int, float]) -> str:
    """A sentence about partitions that stand still."""
    partitions = ", ".join(map(str, sorted(found)))
    return (
        f"not moving: entries wait in partition {partitions} and none was processed for {max(found.values()):,.0f} s; is a "
        "server or `onefold process` running, and what does its log say?"
    )
