"""The consumer group: what Kafka's own tools see of processing, and an alarm when a worker comes or goes.

Offsets and leases in the profile store decide; the group repeats them. Nothing is ever read back from it to process by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import Consumer, KafkaException, TopicPartition

from onefold.adapters.kafka.faults import translated
from onefold.adapters.kafka.positions import first_after
from onefold.adapters.kafka.settings import KafkaSettings

SESSION_MS = 10_000
"""A member that was silent for so long is gone."""


class Membership:
    """One worker's membership. Use it from one thread, and call `poll` every few seconds.

    Members are never sent a record: the log is read by position, under leases.
    """

    def __init__(
        self, settings: KafkaSettings, *, changed: Callable[[frozenset[int]], None], session_ms: int = SESSION_MS
    ) -> None:
        """Join the group. `changed` is called from `poll`, with all partitions the group gives this member now.

        A worker renews its leases then: it takes what a member left that has gone, and gives back what is above its
        share. That a partition is in the set is no right to process it; the lease is.
        """
        self._raw = settings.raw
        self._changed = changed
        self.assigned: frozenset[int] = frozenset()
        self._consumer = Consumer(
            settings.consumer(
                session_timeout_ms=session_ms, heartbeat_interval_ms=max(100, session_ms // 6),
                partition_assignment_strategy="cooperative-sticky",
            )
        )  # fmt: skip
        with translated("joining the group"):
            self._consumer.subscribe([self._raw], on_assign=self._given, on_revoke=self._taken, on_lost=self._taken)

    def poll(self, seconds: float = 0.0) -> frozenset[int]:
        """Stay a member, hear of changes, and say what the group gives this member."""
        with translated("keeping the group membership"):
            message = self._consumer.poll(seconds)
        if message is not None and (error := message.error()) is not None and error.fatal():
            raise KafkaException(error)
        return self.assigned

    def show(self, offsets: Mapping[int, int]) -> None:
        """Let others see that processing has got this far; lost when the cluster is busy, and shown anew next time."""
        if committed := _committable(self._raw, offsets):
            self._consumer.commit(offsets=committed, asynchronous=True)

    def _given(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        consumer.incremental_assign(list(partitions))
        consumer.pause(list(partitions))
        self.assigned |= {p.partition for p in partitions}
        self._changed(self.assigned)

    def _taken(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        consumer.incremental_unassign(list(partitions))
        self.assigned -= {p.partition for p in partitions}
        self._changed(self.assigned)

    def close(self) -> None:
        """Leave the group; the others hear of it at once."""
        self._consumer.close()


class GroupOffsets:
    """The group's offsets without membership, for a process that is the only worker."""

    def __init__(self, settings: KafkaSettings, *, group: str | None = None) -> None:
        self._raw = settings.raw
        self._consumer = Consumer(settings.consumer(group_id=group or settings.group))

    def show(self, offsets: Mapping[int, int]) -> None:
        """Commit these offsets of the log to the group, and wait until that is done.

        Raises:
            UnavailableError: The cluster did not take them.
        """
        if committed := _committable(self._raw, offsets):
            with translated("showing offsets"):
                self._consumer.commit(offsets=committed, asynchronous=False)

    def shown(self, partitions: Sequence[int]) -> dict[int, int]:
        """Kafka's next offset of each partition as the group has it; 0 where it has none.

        Raises:
            UnavailableError: The cluster does not answer.
        """
        with translated("reading the group's offsets"):
            found = self._consumer.committed([TopicPartition(self._raw, p) for p in partitions], timeout=4.0)
        return {at.partition: max(0, at.offset) for at in found}

    def close(self) -> None:
        """Let go of the connections."""
        self._consumer.close()


def _committable(topic: str, offsets: Mapping[int, int]) -> list[TopicPartition]:
    """As Kafka has it: the offset of the next record."""
    return [TopicPartition(topic, p, first_after(p, offset)) for p, offset in offsets.items() if offset > 0]
