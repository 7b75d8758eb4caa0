"""Times in the log: where in each partition the entries received since a time begin."""

from __future__ import annotations

from onefold.ports import EventLog


def offsets_at(log: EventLog, time_us: int) -> dict[int, int]:
    """Of each partition the last offset before the first entry received at `time_us` or later.

    By halving, which takes receipt times to rise with offsets: they do, but for entries that were sent again from the
    dead letters, which keep their old time, and for what several collectors append within one moment.
    """
    return {partition: _before(log, partition, end, time_us) for partition, end in log.ends().items()}


def _before(log: EventLog, partition: int, end: int, time_us: int) -> int:
    low, high = 0, end  # the answer lies in between, both ends included
    while low < high:
        middle = (low + high) // 2
        found = log.read(partition, middle, 1)
        if not found or found[0].offset > high or found[0].entry.received_at_us >= time_us:
            high = middle
        else:
            low = found[0].offset
    return low
