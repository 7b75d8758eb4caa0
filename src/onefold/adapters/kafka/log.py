"""The event log on Kafka: topics of its own a workspace, any number of partitions up to 256, any number of processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from onefold.adapters.kafka import topics
from onefold.adapters.kafka.counting import SOURCE, Ledger
from onefold.adapters.kafka.faults import translated
from onefold.adapters.kafka.positions import first_after, kafka_of, offset_of
from onefold.adapters.kafka.reading import Follower, Picker
from onefold.adapters.kafka.sending import Record, Sender
from onefold.adapters.kafka.settings import ANSWER_SECONDS, KafkaSettings
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer
from onefold.ingest.partition import partition_of
from onefold.model import LogEntry, StoredEntry
from onefold.ports import EventLog

_FRESH_SECONDS = 0.02
"""For how long the partitions' ends are taken as known: what another process appends is seen that much later at most."""


class KafkaEventLog(EventLog):
    """Appends return when all replicas that must have the entries do. Safe for threads and processes.

    All or none, as far as Kafka allows: no transactions are used, so when an append raises `UnavailableError`, any of
    its entries may be stored all the same. They are then processed and counted like any other; whoever sends them again
    stores them twice, and the de-duplication key lets only one count.
    """

    def __init__(self, settings: KafkaSettings, sealer: EntrySealer, *, key: Callable[[LogEntry], bytes]) -> None:
        """Open the log, and make its topics if they are missing.

        `key` says whom an entry is about, as a keyed hash: it becomes the record's key and decides the partition.

        Raises:
            ConfigurationError: The topics could lose entries, or the cluster refuses us.
            UnavailableError: The cluster does not answer.
        """
        self._settings, self._sealer, self._key = settings, sealer, key
        self._admin = AdminClient(settings.client())
        self._partitions = topics.ensure(self._admin, settings)
        self._sender = Sender(settings)
        self._picker = Picker(settings, settings.raw)
        self._ledger = Ledger(settings)
        self._asker: Consumer | None = None
        self._followers: dict[int, Follower] = {}
        self._lock = threading.Lock()
        self._headers: dict[str, list[tuple[str, str | bytes | None]]] = {}
        self._ends: dict[int, int] = {}
        self._looked = float("-inf")

    @property
    def settings(self) -> KafkaSettings:
        """Where it is."""
        return self._settings

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all; returns the place of each when all replicas that must have them do."""
        if not entries:
            return []
        key, seal, partitions = self._key, self._sealer.seal, self._settings.partitions
        records = [
            Record(partition_of(about, partitions), about, seal(entry), self._named(entry.source))
            for entry, about in ((entry, key(entry)) for entry in entries)
        ]
        offsets = self._sender.send(self._settings.raw, records)
        with self._lock:
            for record, offset in zip(records, offsets, strict=True):
                if self._ends.get(record.partition, 0) <= offset:
                    self._ends[record.partition] = offset + 1
        return [(r.partition, offset_of(r.partition, offset)) for r, offset in zip(records, offsets, strict=True)]

    def _named(self, source: str) -> list[tuple[str, str | bytes | None]]:
        header = self._headers.get(source)
        if header is None:
            header = self._headers[source] = [(SOURCE, source.encode())]
        return header

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order.

        Raises:
            IntegrityError: The partition ends before `after`: the topic lost what was processed, or is another one.
        """
        if not 0 <= partition < self._partitions or limit <= 0:
            return []
        start = first_after(partition, after)
        end = self._end(partition, start)
        if start > end:
            raise IntegrityError(
                f"Partition {partition} of {self._settings.raw} ends before what was processed of it: "
                "the topic lost entries, or was made anew."
            )
        if start == end:
            return []
        records = self._follower(partition).read(start, min(limit, end - start))
        opened = self._sealer.open
        return [StoredEntry(partition, offset_of(partition, kafka), opened(sealed)) for kafka, sealed in records]

    def _follower(self, partition: int) -> Follower:
        with self._lock:
            follower = self._followers.get(partition)
            if follower is None:
                follower = Follower(self._settings, self._settings.raw, partition, self._partitions)
                self._followers[partition] = follower
            return follower

    def get(self, positions: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these positions, in the order asked; those not there are left out."""
        wanted: dict[int, list[int]] = {}
        for partition, offset in positions:
            kafka = kafka_of(partition, offset)
            if kafka is not None and partition < self._partitions and kafka < self._end(partition, kafka):
                wanted.setdefault(partition, []).append(kafka)
        found = self._picker.pick(wanted)
        opened = self._sealer.open
        return [
            StoredEntry(partition, offset, opened(found[partition, kafka]))
            for partition, offset in positions
            if (kafka := kafka_of(partition, offset)) is not None and (partition, kafka) in found
        ]

    def ends(self) -> dict[int, int]:
        """Last offset of each partition, 0 for an empty one."""
        return {p: offset_of(p, end - 1) for p, end in self._look().items()}

    def _end(self, partition: int, beyond: int) -> int:
        """Kafka's next offset of a partition; asked for only if what is known does not lie beyond `beyond`."""
        known = self._ends.get(partition, 0)
        return known if known > beyond else self._look().get(partition, 0)

    def _look(self) -> dict[int, int]:
        now = time.monotonic()
        if now - self._looked > _FRESH_SECONDS:
            found = topics.ends(self._admin, self._settings.raw, self._partitions)
            with self._lock:
                # What the cluster has confirmed is there, even if its answer comes from a moment before.
                self._ends = {p: max(end, self._ends.get(p, 0)) for p, end in found.items()}
                self._looked = now
        return dict(self._ends)

    def waiting(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """How many entries of each partition lie after these offsets."""
        return {p: max(0, end - first_after(p, offsets.get(p, 0))) for p, end in self._look().items()}

    def received(self) -> dict[str, int]:
        """Items ever appended, per source: counted from the records themselves."""
        ends = self._look()
        notes = TopicPartition(self._settings.received, 0)
        with translated("asking for offsets"):
            _, notes_end = self._asking().get_watermark_offsets(notes, timeout=ANSWER_SECONDS)
        return self._ledger.count(ends, notes_end)

    def offsets_at(self, time_us: int) -> dict[int, int]:
        """Of each partition the last offset before the first entry stored at `time_us` or later."""
        asked = [TopicPartition(self._settings.raw, p, time_us // 1000) for p in range(self._partitions)]
        with translated("asking for offsets by time"):
            found = self._asking().offsets_for_times(asked, timeout=ANSWER_SECONDS)
        ends = self._look()
        return {at.partition: offset_of(at.partition, (at.offset if at.offset >= 0 else ends[at.partition]) - 1)
                for at in found}  # fmt: skip

    def _asking(self) -> Consumer:
        with self._lock:
            if self._asker is None:
                self._asker = Consumer(self._settings.consumer())
            return self._asker

    def close(self) -> None:
        """Let go of the connections."""
        self._sender.close()
        self._picker.close()
        self._ledger.close()
        with self._lock:
            for follower in self._followers.values():
                follower.close()
            self._followers.clear()
            if self._asker is not None:
                self._asker.close()
                self._asker = None
