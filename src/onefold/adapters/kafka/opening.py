"""Opening: the entries that records hold, and what stands for a record that cannot be opened.

A topic is open to whoever may write to the cluster. One record of somebody else must not stop a worker for ever, and a
wrong key must not turn every record into a dead letter. Our records name their source in a header, so:

- A record that names none is somebody else's: a dead letter, `foreign_record`.
- One that names a source and does not open, where another of ours does: a dead letter, `damaged_record`.
- Where none of ours opens, the keys are not this log's, and we stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
from confluent_kafka import Message

from onefold.adapters.kafka.positions import offset_of
from onefold.adapters.kafka.reading import NAMELESS, Sealed, sealed
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer
from onefold.ingest.reasons import REASONS
from onefold.model import LogEntry, StoredEntry


class Opener:
    """Opens the records of one topic. Safe for threads.

    What a record becomes depends on the record alone, or is an error: whoever reads it again gets the same.
    """

    def __init__(self, sealer: EntrySealer, topic: str, neighbours: Callable[[int, int], Iterable[Sealed]]) -> None:
        """An opener; `neighbours` gives records around a partition and Kafka's offset."""
        self._sealer, self._topic, self._neighbours = sealer, topic, neighbours
        self._ours = False

    def read(self, partition: int, messages: Sequence[Message]) -> list[StoredEntry]:
        """The entries of a partition's records, in their order.

        Raises:
            IntegrityError: None of our records opens.
        """
        opened, entries = self._sealer.open, []
        closed: list[int] = []
        for number, message in enumerate(messages):
            at = message.offset() or 0
            try:
                entry = opened(message.value() or b"")
            except IntegrityError:
                closed.append(number)
                continue
            entries.append(StoredEntry(partition, offset_of(partition, at), entry))
        if entries:
            self._ours = True
        for number in closed:
            at = messages[number].offset() or 0
            entry = self._stands_for(partition, at, sealed(messages[number]))
            entries.insert(number, StoredEntry(partition, offset_of(partition, at), entry))
        return entries

    def entry(self, partition: int, at: int, record: Sealed) -> LogEntry:
        """The entry of one record, at Kafka's offset `at`.

        Raises:
            IntegrityError: None of our records opens.
        """
        try:
            found = self._sealer.open(record.value)
        except IntegrityError:
            return self._stands_for(partition, at, record)
        self._ours = True
        return found

    def _stands_for(self, partition: int, at: int, record: Sealed) -> LogEntry:
        where = f"offset {at} of partition {partition} of the topic {self._topic}"
        if record.source == NAMELESS:
            return _stating("foreign_record", where, record, record.value)
        if not self._ours and not any(map(self._opens, self._neighbours(partition, at))):
            raise IntegrityError(
                f"The record at {where} does not open under this workspace's log key, nor does any beside it: "
                "look whether the root key and `keys.bin` are the ones that this log was begun with."
            )
        self._ours = True
        return _stating("damaged_record", where, record, b"")

    def _opens(self, record: Sealed) -> bool:
        try:
            self._sealer.open(record.value)
        except IntegrityError:
            return False
        return True


def _stating(reason: str, where: str, record: Sealed, body: bytes) -> LogEntry:
    """An entry that says itself why it is turned away. No two are alike, or the second would count as a repeat."""
    shared: Mapping[str, str] = {"reason": reason, "detail": f"{REASONS[reason]} It is at {where}."}
    return LogEntry("unreadable", record.source, record.at_us, 0, body, shared=msgspec.json.encode(shared))
