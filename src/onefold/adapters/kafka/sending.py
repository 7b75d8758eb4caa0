"""Sending: records to Kafka, and the word that all replicas have them."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from onefold.adapters.kafka.faults import fault
from onefold.adapters.kafka.settings import DELIVERY_SECONDS, KafkaSettings
from onefold.errors import TooLargeError, UnavailableError

_ENVELOPE_BYTES = 512
"""Kafka's own share of a record, generously."""
_PURGE_SECONDS = 0.5


class Record(msgspec.Struct, frozen=True, gc=False):
    """What becomes one record."""

    partition: int
    key: bytes
    value: bytes
    headers: list[tuple[str, str | bytes | None]] = []


class Sender:
    """An idempotent producer. Safe for threads, which take turns."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._producer = self._connected()

    def _connected(self) -> Producer:
        milliseconds = int(DELIVERY_SECONDS * 1000)
        return Producer(
            self._settings.producer(
                acks="all", enable_idempotence=True, message_max_bytes=self._settings.item_bytes,
                message_timeout_ms=milliseconds, request_timeout_ms=milliseconds // 2, linger_ms=2,
                retry_backoff_ms=50, queue_buffering_max_messages=1_000_000,
                queue_buffering_max_kbytes=512 * 1024,
            )
        )  # fmt: skip

    def send(self, topic: str, records: Sequence[Record]) -> list[int]:
        """Send all; returns Kafka's offset of each once all replicas that must have them do.

        Raises:
            TooLargeError: One is larger than the topic takes. None was sent.
            UnavailableError: For at least one there was no such word within 5 s. Any of them may be stored all the
                same: whoever sends again may store it twice.
        """
        if any(len(r.value) + _ENVELOPE_BYTES > self._settings.item_bytes for r in records):
            raise TooLargeError("An entry is larger than the log takes.")
        offsets = [-1] * len(records)
        failed: list[KafkaError] = []

        def told(number: int, error: KafkaError | None, message: Message) -> None:
            if error is None:
                offsets[number] = message.offset() or 0
            else:
                failed.append(error)

        with self._lock:
            until = time.monotonic() + DELIVERY_SECONDS + _PURGE_SECONDS
            try:
                for number, r in enumerate(records):
                    self._produce(topic, r, partial(told, number), until)
                while self._producer.flush(0.1) and not failed and time.monotonic() < until:
                    pass
            except KafkaException as failure:
                failed.append(failure.args[0])
            except BufferError:
                failed.append(KafkaError(KafkaError._QUEUE_FULL))  # noqa: SLF001  the library's public name
            if failed or -1 in offsets:
                self._give_up()
        if failed:
            raise fault("appending", failed[0])
        if -1 in offsets:
            raise UnavailableError("The Kafka cluster did not confirm the entries in time.")
        return offsets

    def _produce(self, topic: str, r: Record, told: partial[None], until: float) -> None:
        while True:
            try:
                self._producer.produce(topic, r.value, r.key, r.partition, told, headers=r.headers)
            except BufferError:
                if time.monotonic() > until:
                    raise
                self._producer.poll(0.05)
            else:
                return

    def _give_up(self) -> None:
        """Take back what has not been sent, so that the next send does not wait for it; a new producer starts afresh.

        What is on the wire cannot be taken back. The old producer's sequence numbers end with it.
        """
        self._producer.purge(in_queue=True, in_flight=True)
        self._producer.flush(_PURGE_SECONDS)
        self._producer = self._connected()

    def close(self) -> None:
        """Let go of the connections; everything sent was confirmed or refused."""
        with self._lock:
            self._producer.flush(_PURGE_SECONDS)
