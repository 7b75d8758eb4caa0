"""Counting: how many entries of each source the log holds, by reading the source that each record names.

Kafka counts records a partition but not a source, and a count kept beside the records could disagree with them after a
crash. So the records themselves are counted, each once, with their values unopened: a count that is exact whatever
died when, and that owes nothing to the processor's. How far it got is written to a compacted topic now and then, so
that another process goes on from there; such a note is true whoever wrote it, because records never change.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from onefold.adapters.kafka.faults import translated
from onefold.adapters.kafka.reading import source_of, taken
from onefold.adapters.kafka.settings import ANSWER_SECONDS, KafkaSettings
from onefold.errors import UnavailableError

_NOTE_EVERY = 20_000
_CHUNK = 2_000
_PATIENCE_SECONDS = 600.0
"""For the first count of a log that nobody has noted; it goes at over 100,000 records a second."""


class _Note(msgspec.Struct):
    """What one partition holds before the record `next`."""

    next: int = 0
    items: dict[str, int] = {}


_decode = msgspec.json.Decoder(_Note).decode


class Ledger:
    """The counts of one process. Safe for threads, which take turns."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._counted: dict[int, _Note] = {}
        self._noted: dict[int, int] = {}

    def count(self, ends: Mapping[int, int], notes_end: int) -> dict[str, int]:
        """Count up to these ends (Kafka's next offset by partition) or a little further.

        Raises:
            UnavailableError: The cluster does not deliver.
        """
        with self._lock, translated("counting"):
            try:
                self._reach(ends, notes_end)
            except BaseException:
                self._let_go()
                raise
            total: Counter[str] = Counter()
            for note in self._counted.values():
                total.update(note.items)
            self._write_notes()
        return dict(total)

    def _reach(self, ends: Mapping[int, int], notes_end: int) -> None:
        if self._consumer is None:
            self._consumer = Consumer(
                self._settings.consumer(fetch_wait_max_ms=100, queued_min_messages=5_000,
                                        queued_max_messages_kbytes=8_192)
            )  # fmt: skip
            self._read_notes(self._consumer, notes_end)
            self._assign(ends)
        elif ends.keys() - self._counted.keys():  # the topic has got more partitions
            self._assign(ends)
        behind = {p for p, end in ends.items() if self._counted[p].next < end}
        alive, until = time.monotonic(), time.monotonic() + _PATIENCE_SECONDS
        while behind:
            messages = self._consumer.consume(_missing(self._counted, ends, behind), 0.2)
            for message in messages:
                partition, at, _ = taken(message)
                note = self._counted[partition]
                source = source_of(message)
                note.items[source] = note.items.get(source, 0) + 1
                note.next = at + 1
            now = time.monotonic()
            alive = now if messages else alive
            if now - alive > ANSWER_SECONDS or now > until:
                raise UnavailableError("The Kafka cluster does not deliver what is to be counted.")
            behind = {p for p in behind if self._counted[p].next < ends[p]}

    def _assign(self, ends: Mapping[int, int]) -> None:
        for partition in ends:
            self._counted.setdefault(partition, _Note())
        if self._consumer is not None:
            raw = self._settings.raw
            self._consumer.assign([TopicPartition(raw, p, note.next) for p, note in self._counted.items()])

    def _read_notes(self, consumer: Consumer, end: int) -> None:
        """The furthest note of each partition; `end` is that of the notes' topic."""
        if end == 0:
            return
        consumer.assign([TopicPartition(self._settings.received, 0, 0)])
        position, alive = 0, time.monotonic()
        while position < end:
            for message in consumer.consume(1, 0.2):
                _, at, value = taken(message)
                position, alive = at + 1, time.monotonic()
                try:
                    note, partition = _decode(value), int(message.key() or b"")
                except (msgspec.DecodeError, ValueError, TypeError):
                    continue
                if note.next > self._counted.get(partition, _Note()).next:
                    self._counted[partition] = note
                    self._noted[partition] = note.next
            if time.monotonic() - alive > ANSWER_SECONDS:
                raise UnavailableError("The Kafka cluster does not deliver the notes of what was counted.")

    def _write_notes(self) -> None:
        """A note that does not arrive costs the next process a little counting, so nobody waits for it."""
        for partition, note in self._counted.items():
            if note.next - self._noted.get(partition, 0) >= _NOTE_EVERY:
                if self._producer is None:
                    self._producer = Producer(self._settings.producer(acks="all", message_timeout_ms=4_000))
                self._producer.produce(self._settings.received, msgspec.json.encode(note), str(partition), 0)
                self._noted[partition] = note.next
        if self._producer is not None:
            self._producer.poll(0)

    def _let_go(self) -> None:
        """Forget everything: after a failure nobody knows where the consumer stands."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None
        self._counted.clear()
        self._noted.clear()

    def close(self) -> None:
        """Let go of the connections."""
        with self._lock:
            if self._producer is not None:
                self._producer.flush(1.0)
            self._let_go()


def _missing(counted: Mapping[int, _Note], ends: Mapping[int, int], behind: set[int]) -> int:
    """How many records to wait for: never more than there are, or the wait would last until its end."""
    return min(_CHUNK, sum(ends[p] - counted[p].next for p in behind))
