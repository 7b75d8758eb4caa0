"""Places: how Kafka's offsets, which start at 0 in every partition, become offsets of the log.

An offset of the log is `(kafka + 1) * 256 + partition`: it rises within a partition, is never 0, and says which
partition it belongs to, so that a dead letter can be named by its offset alone, whatever the log is kept in.
"""

from __future__ import annotations

_BITS = 8
_PARTITION = (1 << _BITS) - 1


def offset_of(partition: int, kafka: int) -> int:
    """The log's offset of a record; of the record before the first, 0."""
    return (kafka + 1) << _BITS | partition if kafka >= 0 else 0


def kafka_of(partition: int, offset: int) -> int | None:
    """Kafka's offset of a position; None when no record can be there."""
    return (offset >> _BITS) - 1 if offset & _PARTITION == partition and offset >> _BITS > 0 else None


def first_after(partition: int, offset: int) -> int:
    """Kafka's offset of the first record of the partition that lies after `offset`."""
    before = offset & _PARTITION < partition
    return max(0, (offset >> _BITS) - before)
