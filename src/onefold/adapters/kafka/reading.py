"""Reading: one partition in order, and single records wherever they lie."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from onefold.adapters.kafka.faults import fault, translated
from onefold.adapters.kafka.settings import ANSWER_SECONDS, KafkaSettings
from onefold.errors import IntegrityError, UnavailableError

_CHUNK = 1_000
_READ_BYTES = 64 * 1024 * 1024
"""After that much a read ends early: a batch of large items must not fill the memory."""
_QUEUE_KBYTES = 64 * 1024
"""Fetched ahead, over all partitions."""
_NEAR = 200
"""Records up to this far ahead are read through: faster than asking anew (measured: 50 positions spread over 2,500
records take 10 ms read through, 60 ms one by one)."""
_CACHE_BYTES = 16 * 1024 * 1024


SOURCE = "s"
"""The header that names a record's source."""
NAMELESS = "(unknown)"
"""The source of records that name none: somebody else's."""


class Sealed(msgspec.Struct, frozen=True, gc=False):
    """A record as it lies in the topic: value, the source it names, and its time in microseconds (0: none)."""

    value: bytes
    source: str
    at_us: int


def source_of(message: Message) -> str:
    """The source that a record names."""
    found = dict(message.headers() or []).get(SOURCE)
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else NAMELESS


def sealed(message: Message) -> Sealed:
    """What there is to a record besides its position."""
    _, milliseconds = message.timestamp()
    return Sealed(message.value() or b"", source_of(message), max(0, milliseconds) * 1000)


def taken(message: Message) -> tuple[int, int, bytes]:
    """A record's partition, Kafka's offset and value.

    Raises:
        UnavailableError: It is an error instead.
    """
    error = message.error()
    if error is not None:
        raise fault("reading", error)
    return message.partition() or 0, message.offset() or 0, message.value() or b""


class Follower:
    """Reads one partition on and on; the cluster sends ahead of what is asked."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int, followers: int) -> None:
        self._topic, self._partition = topic, partition
        self._consumer = Consumer(
            settings.consumer(
                fetch_wait_max_ms=100, queued_min_messages=20_000,
                queued_max_messages_kbytes=max(2_048, _QUEUE_KBYTES // followers),
            )
        )  # fmt: skip
        self._next: int | None = None
        self._lock = threading.Lock()

    def read(self, start: int, count: int) -> list[Message]:
        """`count` records from `start` on, which must be there; fewer if they are large.

        Raises:
            UnavailableError: The cluster delivers nothing.
        """
        until = time.monotonic() + ANSWER_SECONDS
        found: list[Message] = []
        size, end = 0, start + count
        with self._lock, translated("reading"):
            if self._next != start:
                self._consumer.assign([TopicPartition(self._topic, self._partition, start)])
            self._next = None
            while len(found) < count and size < _READ_BYTES and time.monotonic() < until:
                for message in self._consumer.consume(min(count - len(found), _CHUNK), 0.5):
                    _, at, value = taken(message)
                    if at < start:  # the client has begun anew, because the topic no longer has what was asked for
                        raise IntegrityError(
                            f"Partition {self._partition} of {self._topic} begins anew: is it another?"
                        )
                    found.append(message)
                    start = at + 1
                    size += len(value)
                if start >= end:
                    break  # what was cut from the log's beginning counts too
            if not found:
                raise UnavailableError("The Kafka cluster delivers nothing.")
            self._next = start
        return found

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            self._consumer.close()


class Picker:
    """Gets single records. Safe for threads: each has a consumer for as long as it needs one."""

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self._settings, self._topic = settings, topic
        self._idle: list[Consumer] = []
        self._lock = threading.Lock()
        self._cache: OrderedDict[tuple[int, int], Sealed] = OrderedDict()
        self._cached_bytes = 0

    def pick(self, wanted: Mapping[int, Sequence[int]], *, remembered: bool = True) -> dict[tuple[int, int], Sealed]:
        """Records by (partition, Kafka's offset) of those that exist; all must lie before their partition's end.

        Args:
            wanted: Kafka's offsets by partition.
            remembered: Whether what was read before may be given again; otherwise the cluster is asked.

        Raises:
            UnavailableError: The cluster did not deliver them in time.
        """
        found: dict[tuple[int, int], Sealed] = {}
        missing: dict[int, list[int]] = {}
        with self._lock:
            for partition, offsets in wanted.items():
                for offset in sorted(set(offsets)):
                    record = self._cache.get((partition, offset)) if remembered else None
                    if record is not None:
                        self._cache.move_to_end((partition, offset))
                        found[partition, offset] = record
                    else:
                        missing.setdefault(partition, []).append(offset)
        if not missing:
            return found
        until = time.monotonic() + ANSWER_SECONDS
        consumer = self._borrow()
        try:
            with translated("reading"):
                for partition, offsets in missing.items():
                    fresh = self._partition(consumer, partition, offsets, until)
                    if remembered:
                        self._keep(fresh)
                    found.update(fresh)
                consumer.unassign()
        except BaseException:
            consumer.close()
            raise
        with self._lock:
            self._idle.append(consumer)
        return found

    def _partition(
        self, consumer: Consumer, partition: int, offsets: Sequence[int], until: float
    ) -> dict[tuple[int, int], Sealed]:
        found = {}
        position = offsets[0]
        consumer.assign([TopicPartition(self._topic, partition, position)])
        for offset in offsets:
            if offset - position > _NEAR:
                consumer.seek(TopicPartition(self._topic, partition, offset))
                position = offset
            while position <= offset:
                if time.monotonic() > until:
                    raise UnavailableError("The Kafka cluster did not deliver the entries in time.")
                for message in consumer.consume(offset - position + 1, 0.5):
                    _, at, _ = taken(message)
                    position = at + 1
                    if at == offset:
                        found[partition, offset] = sealed(message)
        return found

    def _borrow(self) -> Consumer:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        # Small fetches, answered at once: what is wanted is one record here and one there.
        return Consumer(
            self._settings.consumer(
                fetch_wait_max_ms=5, fetch_max_bytes=100_000, message_max_bytes=100_000,
                max_partition_fetch_bytes=100_000, queued_min_messages=100, queued_max_messages_kbytes=2_048,
            )
        )  # fmt: skip

    def _keep(self, fresh: Mapping[tuple[int, int], Sealed]) -> None:
        """Remember records, sealed as they are, for the next page of the same timeline."""
        with self._lock:
            for position, record in fresh.items():
                if position not in self._cache:
                    self._cache[position] = record
                    self._cached_bytes += len(record.value)
            while self._cached_bytes > _CACHE_BYTES:
                _, record = self._cache.popitem(last=False)
                self._cached_bytes -= len(record.value)

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            for consumer in self._idle:
                consumer.close()
            self._idle.clear()
