"""Isolation: the stream goes on although our own code breaks on an entry.

What breaks on single events (`BrokenEntriesError`) is known by name: the batch is tried again, and all events that broke
twice become dead letters (`internal_error`) together, in the batch's own transaction, to be sent again once the bug is
mended. So thousands of them in a row cost three times what their batch costs. What breaks for no such reason is tried in
halves until the entry at fault stands alone; everything else is processed. So is what takes more memory than there is; where
two entries in a row do, the batch waits before the second is blamed. A systemic failure of the store sets nothing
aside: recording the dead letter fails as well, and the batch waits.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping

from onefold.model import Rejected, fingerprint
from onefold.pipelines.context import Context
from onefold.pipelines.stream import internal_errors, process
from onefold.pipelines.stream.internal_errors import BrokenEntriesError, Position
from onefold.pipelines.stream.process import BatchResult
from onefold.ports import Changes, Tally

_log = logging.getLogger("onefold.quarantine")

_TRIES_ALONE = 2
"""Failures alone, one after the other, before an entry is blamed: what fails once may have been chance."""

_STARVED_MAX = 1
"""Entries one after the other that want of memory makes dead letters of at a time: it may be nobody's fault."""

_TRIES_TOGETHER = 8
"""Tries of a batch whose events break one by one. Three do, but where an event breaks only once another is set aside."""


def advance(
    context: Context,
    *,
    batch: int = process.BATCH_ENTRIES,
    until: Mapping[int, int] | None = None,
    leased: Mapping[int, int] | None = None,
) -> BatchResult:
    """`process.advance`, which no single entry can stop.

    Raises:
        LeaseLostError: One of the leases is another worker's by now; what was passed until then stays passed.
        UnavailableError: The log or the store does not answer. No entry is blamed for it.
    """
    try:
        return _advance(context, batch, until, leased)
    except Exception as error:
        if not internal_errors.may_be_an_entrys(error):
            raise
        _log.warning(
            "batch broke and is tried in parts", extra={"workspace": context.name, "error": type(error).__name__}
        )
        total = BatchResult()
        for partition, (end, entries) in _reach(context, batch, until, leased).items():
            total = total + _work_around(context, partition, end, entries, leased)
        return total


def drain(
    context: Context, *, batch: int = process.BATCH_ENTRIES, until: Mapping[int, int] | None = None
) -> BatchResult:
    """Process what the log holds, up to the offsets in `until` if given, and stop when nothing is left."""
    total = BatchResult()
    while (done := advance(context, batch=batch, until=until)).read:
        total = total + done
    return total


def _advance(
    context: Context, batch: int, until: Mapping[int, int] | None, leased: Mapping[int, int] | None
) -> BatchResult:
    """`process.advance`, which no events can stop that break by themselves.

    Each try is a transaction of its own and begins with what is stored.
    """
    suspects: Mapping[Position, Rejected] = {}
    blamed: dict[Position, Rejected] = {}
    for left in reversed(range(_TRIES_TOGETHER)):
        try:
            done = process.advance(context, batch=batch, until=until, leased=leased, rejecting=blamed)
        except BrokenEntriesError as error:
            if not left:
                raise
            blamed |= {position: why for position, why in error.verdicts.items() if position in suspects}
            suspects = error.verdicts
            # The same batch again, although the log may have grown: else there might always be new ones.
            until = error.ends
        else:
            break
    if done.read:
        _tell(context, blamed)
    return done


def _tell(context: Context, blamed: Mapping[Position, Rejected]) -> None:
    """One line for each bug: its first entry, and how many there are."""
    first: dict[str, Position] = {}
    for position in sorted(blamed):
        first.setdefault(blamed[position].detail, position)
    entries = Counter(why.detail for why in blamed.values())
    for detail, (partition, offset) in first.items():
        _log.error(
            "entries set aside",
            extra={"workspace": context.name, "partition": partition, "offset": offset, "entries": entries[detail],
                   "error": detail},
        )  # fmt: skip


def _reach(
    context: Context, batch: int, until: Mapping[int, int] | None, leased: Mapping[int, int] | None
) -> dict[int, tuple[int, int]]:
    """Per partition, the last offset of the batch that broke, and how many entries it had."""
    with context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    reach = {}
    for partition, end in (context.log.ends() if until is None else until).items():
        if leased is None or partition in leased:
            entries = [e for e in context.log.read(partition, offsets.get(partition, 0), batch) if e.offset <= end]
            if entries:
                reach[partition] = (entries[-1].offset, len(entries))
    return reach


def _work_around(
    context: Context, partition: int, end: int, entries: int, leased: Mapping[int, int] | None
) -> BatchResult:
    """Process one partition up to `end` in smaller and, where all is well, again larger batches."""
    total, size, well, alone, starved = BatchResult(), max(1, entries // 2), 1, 0, 0
    only = None if leased is None else {partition: leased[partition]}
    while True:
        try:
            done = _advance(context, size, {partition: end}, only)
        except Exception as error:
            if not internal_errors.may_be_an_entrys(error):
                raise
            if size > 1:
                size //= 2
                continue
            alone += 1
            if alone < _TRIES_ALONE:
                continue
            starved = starved + 1 if isinstance(error, MemoryError) else 0
            if starved > _STARVED_MAX:
                raise
            done = set_aside(context, partition, internal_errors.rejection(error), only or {})
            # Such entries come in crowds: on at the size that went well since the last one, alone if none did.
            size, well = well, 1
        else:
            size, well, starved = min(entries, size * 2), size, 0
        if not done.read:
            return total
        total, alone = total + done, 0


def set_aside(context: Context, partition: int, why: Rejected, leased: Mapping[int, int]) -> BatchResult:
    """Make a dead letter of the partition's next entry, and pass it."""
    with context.store.transaction() as transaction:
        following = context.log.read(partition, transaction.offsets().get(partition, 0), 1)
        if not following:
            # Another worker has the partition by now, and has passed it.
            return BatchResult()
        (stored,) = following
        entry = stored.entry
        transaction.write(
            Changes(
                offsets={partition: stored.offset},
                fingerprints={partition: fingerprint(entry)},
                at_us=context.clock_us(),
                epochs=leased,
                dead_letters=[process.dead_letter(stored, why)],
                replayed=[] if entry.replay_of is None else [process.replayed(stored, entry.replay_of)],
                tallies=[Tally(entry.source, "rejected", 1, why.reason)],
            )
        )
    _log.error(
        "entry set aside",
        extra={"workspace": context.name, "partition": partition, "offset": stored.offset, "error": why.detail},
    )
    return BatchResult(read=1, rejected=1)
