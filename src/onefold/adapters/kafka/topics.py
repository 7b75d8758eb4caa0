"""Topics of a workspace: made when they are missing, refused when they could lose entries."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # documented names that the library imports plainly
    AdminClient,
    ConfigResource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from onefold.adapters.kafka.faults import fault, translated
from onefold.adapters.kafka.settings import ANSWER_SECONDS, PARTITIONS_MAX, KafkaSettings
from onefold.errors import ConfigurationError, UnavailableError

_MOVING = frozenset({
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError._NOENT, KafkaError._TRANSPORT,  # noqa: SLF001  the library's public names
})  # fmt: skip
"""What is said of a partition that is being made or moved, or whose broker we have only just found again."""
_KEPT = {"retention.ms": "-1", "retention.bytes": "-1"}


def ensure(admin: AdminClient, settings: KafkaSettings, *, change: bool = True) -> int:
    """Make the topics that are missing, check those that are there; returns the partitions of the raw topic.

    Without `change` nothing is made, and the raw topic may have fewer partitions than are set.

    Raises:
        ConfigurationError: A topic would lose entries, cannot hold the largest, or has too many partitions.
        UnavailableError: The cluster does not answer.
    """
    safe = {"min.insync.replicas": str(settings.copies), "max.message.bytes": str(settings.item_bytes)}
    wanted = {
        settings.raw: (settings.partitions, {**safe, **_KEPT, "message.timestamp.type": "LogAppendTime"}),
        settings.dead_letters: (1, {**safe, **_KEPT}),
        settings.received: (1, {**safe, "cleanup.policy": "compact"}),
    }
    there = _partitions(admin)
    if not change:
        if absent := sorted(wanted.keys() - there.keys()):
            raise ConfigurationError(f"the topic {absent[0]} is missing; start a server or a collector, which makes it")
        _check(admin, settings)
        return there[settings.raw]
    missing = [
        NewTopic(name, partitions, settings.replication, config=config)
        for name, (partitions, config) in wanted.items()
        if name not in there
    ]
    with translated("making topics"):
        for made in (admin.create_topics(missing, request_timeout=ANSWER_SECONDS) if missing else {}).values():
            _made(admin, made, settings)
        if 0 < there.get(settings.raw, 0) < settings.partitions:
            more = [NewPartitions(settings.raw, settings.partitions)]
            for made in admin.create_partitions(more, request_timeout=ANSWER_SECONDS).values():
                _settled(made, KafkaError.INVALID_PARTITIONS)
        found = _known(admin, settings)
        if settings.raw in there:  # what we made just now is as we said, and a broker may take a moment to know it
            _check(admin, settings)
    return found


def _made(admin: AdminClient, made: Future[Any], settings: KafkaSettings) -> None:
    try:
        _settled(made, KafkaError.TOPIC_ALREADY_EXISTS)
    except KafkaException as failure:
        if failure.args[0].code() != KafkaError.INVALID_REPLICATION_FACTOR:
            raise
        brokers = len(admin.list_topics(timeout=ANSWER_SECONDS).brokers)
        raise ConfigurationError(
            f"`log.replication` is {settings.replication}, and the Kafka cluster has {brokers} "
            f"{'broker' if brokers == 1 else 'brokers'} to keep copies on: set it to {brokers} or less, or add brokers"
        ) from None


def _settled(made: Future[Any], already: int) -> None:
    try:
        made.result(ANSWER_SECONDS + 1)
    except KafkaException as failure:
        if failure.args[0].code() != already:  # another process may have been quicker
            raise


def _partitions(admin: AdminClient) -> dict[str, int]:
    with translated("listing topics"):
        return {name: len(topic.partitions) for name, topic in admin.list_topics(timeout=ANSWER_SECONDS).topics.items()}


def _check(admin: AdminClient, settings: KafkaSettings) -> None:
    asked = [ConfigResource(ResourceType.TOPIC, settings.raw)]
    for told in admin.describe_configs(asked, request_timeout=ANSWER_SECONDS).values():
        config = {name: entry.value for name, entry in told.result(ANSWER_SECONDS + 1).items()}
        if wrong := list(_wrong(config, settings)):
            raise ConfigurationError(f"the topic {settings.raw} cannot hold the log: {'; '.join(wrong)}")


def _wrong(config: Mapping[str, str | None], settings: KafkaSettings) -> list[str]:
    """What of a topic's configuration breaks a promise of the log; a broker that leaves a name out has its default."""
    wrong = [f"{name} must be -1, for the log is the truth" for name in _KEPT if (config.get(name) or "-1") != "-1"]
    if "compact" in (config.get("cleanup.policy") or "delete"):
        wrong.append("cleanup.policy must not be compact")
    if int(config.get("max.message.bytes") or settings.item_bytes) < settings.item_bytes:
        wrong.append(f"max.message.bytes must be at least {settings.item_bytes}")
    if int(config.get("min.insync.replicas") or settings.copies) < settings.copies:
        wrong.append(f"min.insync.replicas must be at least {settings.copies}")
    return wrong


def _known(admin: AdminClient, settings: KafkaSettings) -> int:
    """Wait until all partitions have a leader: a topic just made takes a moment."""
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        with translated("looking at the topic"):
            topic = admin.list_topics(settings.raw, timeout=ANSWER_SECONDS).topics[settings.raw]
        found = len(topic.partitions)
        if found > PARTITIONS_MAX:
            raise ConfigurationError(f"the topic {settings.raw} has more than {PARTITIONS_MAX} partitions")
        if found >= settings.partitions and all(p.leader >= 0 for p in topic.partitions.values()):
            return found
        if time.monotonic() > until:
            if topic.error is not None:
                raise fault("looking at the topic", topic.error)
            raise UnavailableError(f"The topic {settings.raw} has partitions without a leader.")
        time.sleep(0.05)


def count(admin: AdminClient, topic: str, *, seconds: float = ANSWER_SECONDS) -> int:
    """How many partitions the topic has now. Asked so that a topic that is gone is not made.

    Raises:
        ConfigurationError: More than the log can number.
        UnavailableError: The cluster does not answer, or has no such topic.
    """
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=seconds)
    try:
        with translated("looking for new partitions"):
            found = len(asked[topic].result(seconds + 1).partitions)
    except TimeoutError:
        raise UnavailableError("The Kafka cluster does not answer while looking for new partitions.") from None
    if found > PARTITIONS_MAX:
        raise ConfigurationError(f"the topic {topic} has more than {PARTITIONS_MAX} partitions")
    return found


def ends(admin: AdminClient, topic: str, partitions: int) -> dict[int, int]:
    """Kafka's next offset of each partition; waits for partitions that are on the move.

    Raises:
        UnavailableError: The cluster does not answer.
    """
    latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the library leaves it bare
    return _offsets(admin, topic, range(partitions), latest)


def starts(admin: AdminClient, topic: str, partitions: Iterable[int]) -> dict[int, int]:
    """Kafka's offset of the first record that each partition still has, or may get.

    Raises:
        UnavailableError: The cluster does not answer.
    """
    earliest = OffsetSpec.earliest()  # type: ignore[no-untyped-call]  # as above
    return _offsets(admin, topic, partitions, earliest)


def _offsets(admin: AdminClient, topic: str, partitions: Iterable[int], which: OffsetSpec) -> dict[int, int]:
    asked = {TopicPartition(topic, p): which for p in partitions}
    until = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            told = admin.list_offsets(asked, request_timeout=ANSWER_SECONDS)
            found = {at.partition: result.result(ANSWER_SECONDS + 1).offset for at, result in told.items()}
        except KafkaException as failure:
            if failure.args[0].code() not in _MOVING or time.monotonic() > until:
                raise fault("asking for offsets", failure.args[0]) from None
            time.sleep(0.05)
            continue
        # A broker that does not answer is no exception to the library, but a negative offset.
        if min(found.values()) < 0:
            raise UnavailableError("The Kafka cluster does not answer while asking for offsets.")
        return found
