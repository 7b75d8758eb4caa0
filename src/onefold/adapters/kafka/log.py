"""The event log on Kafka: topics of its own a workspace, any number of partitions up to 256, any number of processes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from onefold.adapters.kafka import identity as identities
from onefold.adapters.kafka import topics
from onefold.adapters.kafka.counting import Ledger
from onefold.adapters.kafka.faults import translated
from onefold.adapters.kafka.opening import Opener
from onefold.adapters.kafka.positions import first_after, kafka_of, offset_of
from onefold.adapters.kafka.reading import SOURCE, Follower, Picker, Sealed
from onefold.adapters.kafka.sending import Record, Sender
from onefold.adapters.kafka.settings import ANSWER_SECONDS, PARTITIONS_MAX, KafkaSettings
from onefold.errors import ConfigurationError, IntegrityError, UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.ingest.partition import partition_of
from onefold.model import LogEntry, LostEntries, StoredEntry, WorkspaceIdentity
from onefold.ports import EventLog

_RECOGNISED_SECONDS = 1.0
"""For how long the topic is taken for the one that was claimed, once that was seen."""
_ASKING_SECONDS = 1.0
_PARTITIONS_SECONDS = 5.0
"""How soon partitions are seen that were added to the topic while this process runs."""
_NEIGHBOURS = 20
"""Records on each side that are tried before keys are said to be another log's."""
_FRESH_SECONDS = 0.02
"""For how long the partitions' ends are taken as known: what another process appends is seen that much later at most."""


class KafkaEventLog(EventLog):
    """Appends return when all replicas that must have the entries do. Safe for threads and processes.

    All or none, as far as Kafka allows: no transactions are used, so when an append raises `UnavailableError`, any of
    its entries may be stored all the same. They are then processed and counted like any other; whoever sends them again
    stores them twice, and the de-duplication key lets only one count.
    """

    def __init__(
        self, settings: KafkaSettings, sealer: EntrySealer, *, key: Callable[[LogEntry], bytes], change: bool = True
    ) -> None:
        """Open the log.

        Args:
            settings: Where it is.
            sealer: Seals and opens entries.
            key: Says whom an entry is about, as a keyed hash: it becomes the record's key and decides the partition.
            change: Whether topics and partitions that are missing are made.

        Raises:
            ConfigurationError: The topics could lose entries or are missing, or the cluster refuses us.
            UnavailableError: The cluster does not answer.
        """
        self._settings, self._sealer, self._key = settings, sealer, key
        self._admin = AdminClient(settings.client())
        self._partitions = topics.ensure(self._admin, settings, change=change)
        self._sender = Sender(settings)
        self._picker = Picker(settings, settings.raw)
        self._opener = Opener(sealer, settings.raw, self._neighbours)
        self._ledger = Ledger(settings)
        self._asker: Consumer | None = None
        self._followers: dict[int, Follower] = {}
        self._lock = threading.Lock()
        self._headers: dict[str, list[tuple[str, str | bytes | None]]] = {}
        self._ends: dict[int, int] = {}
        self._looked = float("-inf")
        self._partitions_at = time.monotonic()
        self._claim: identities.Claim | None = None
        self._recognised = float("-inf")

    @property
    def settings(self) -> KafkaSettings:
        """Where it is."""
        return self._settings

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all; returns the place of each when all replicas that must have them do."""
        if not entries:
            return []
        self._recognise()
        key, seal, partitions = self._key, self._sealer.seal, min(self._settings.partitions, self._partitions)
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
        if not self._sees(partition) or limit <= 0:
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
        return self._opener.read(partition, self._follower(partition).read(start, min(limit, end - start)))

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
            if kafka is not None and self._sees(partition) and kafka < self._end(partition, kafka):
                wanted.setdefault(partition, []).append(kafka)
        found = self._picker.pick(wanted)
        opened = self._opener.entry
        return [
            StoredEntry(partition, offset, opened(partition, kafka, found[partition, kafka]))
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
            self._look_for_partitions(_PARTITIONS_SECONDS)
            found = topics.ends(self._admin, self._settings.raw, self._partitions)
            with self._lock:
                # What the cluster has confirmed is there, even if its answer comes from a moment before.
                self._ends = {p: max(end, self._ends.get(p, 0)) for p, end in found.items()}
                self._looked = now
        return dict(self._ends)

    def _look_for_partitions(self, every: float) -> None:
        """Whether somebody added partitions, for what lies in them would never be read; asked at most so often."""
        now = time.monotonic()
        if now - self._partitions_at < every:
            return
        self._partitions_at = now
        self._admin.poll(0)  # or its log lines would wait for ever
        with suppress(UnavailableError):  # whatever is asked next tells
            found = topics.count(self._admin, self._settings.raw, seconds=_ASKING_SECONDS)
            if found > self._partitions:
                self._partitions, self._looked = found, float("-inf")

    def _sees(self, partition: int) -> bool:
        """Whether there is such a partition, as far as we know; one that another process names is looked for at once."""
        if self._partitions <= partition < PARTITIONS_MAX:
            self._look_for_partitions(_ASKING_SECONDS)
        return 0 <= partition < self._partitions

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

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace this log belongs to.

        Raises:
            ConfigurationError: The raw topic was made anew since.
        """
        self._claim = self._claim or identities.read(self._settings)
        if self._claim is None:
            return None
        identities.check_topic(self._claim, identities.topic_id(self._admin, self._settings.raw), self._settings)
        return self._claim.identity

    def claim(self, identity: WorkspaceIdentity, *, anew: bool = False) -> WorkspaceIdentity:
        """Say which workspace this log belongs to, unless that is said already; returns what is said, the first word."""
        if anew or self.identity() is None:
            found = identities.topic_id(self._admin, self._settings.raw)
            identities.write(self._sender, self._settings, identities.Claim(identity, found))
            self._claim = None
        said = self.identity()
        if said is None:
            raise UnavailableError("The Kafka cluster does not give back the log's identity.")
        return said

    def _recognise(self) -> None:
        """Now and then before an append: whether the topic is still the one that was claimed."""
        now = time.monotonic()
        if self._claim is None or now - self._recognised < _RECOGNISED_SECONDS:
            return
        self._recognised = now
        try:
            found = identities.topic_id(self._admin, self._settings.raw, seconds=_ASKING_SECONDS)
            identities.check_topic(self._claim, found, self._settings)
        except UnavailableError:
            return  # the append will tell
        except ConfigurationError as error:
            self._recognised = float("-inf")
            raise UnavailableError(str(error)) from None

    def current(self, partition: int, offset: int) -> LogEntry | None:
        """The entry at a position as the topic has it now."""
        kafka = kafka_of(partition, offset)
        ends = topics.ends(self._admin, self._settings.raw, self._partitions)
        if kafka is None or kafka >= ends.get(partition, 0) or kafka < self._starts([partition])[partition]:
            return None
        record = self._picker.pick({partition: [kafka]}, remembered=False).get((partition, kafka))
        return None if record is None else self._opener.entry(partition, kafka, record)

    def _neighbours(self, partition: int, kafka: int) -> list[Sealed]:
        """Records around one, and the last ones of the other partitions."""
        starts, ends = self._starts(range(self._partitions)), self._look()
        wanted = {}
        for p, start in starts.items():
            end = ends.get(p, 0)
            at = kafka if p == partition else end
            near = range(max(start, at - _NEIGHBOURS), min(end, at + _NEIGHBOURS + 1))
            wanted[p] = [n for n in near if (p, n) != (partition, kafka)]
        return list(self._picker.pick(wanted, remembered=False).values())

    def lost(self, offsets: Mapping[int, int]) -> list[LostEntries]:
        """Entries after these offsets that retention or somebody deleted; numbered as Kafka numbers them."""
        found = []
        for partition, start in self._starts(range(self._partitions)).items():
            wanted = first_after(partition, offsets.get(partition, 0))
            if wanted < start:
                found.append(LostEntries(partition, wanted, start - 1, offset_of(partition, start - 1)))
        return found

    def _starts(self, partitions: Iterable[int]) -> dict[int, int]:
        return topics.starts(self._admin, self._settings.raw, partitions)

    def unreachable(self) -> int:
        """Every record is in a partition."""
        return 0

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
