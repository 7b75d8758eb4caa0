"""Which workspace the topics belong to: a record in the compacted topic, and the id the cluster gave the raw topic.

The first such record counts: of two processes that claim new topics at once, both read the same one. A topic that was
deleted and made anew has another id, so it is told although its name is the same.
"""

from __future__ import annotations

import time

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient

from onefold.adapters.kafka.faults import translated
from onefold.adapters.kafka.reading import taken
from onefold.adapters.kafka.sending import Record, Sender
from onefold.adapters.kafka.settings import ANSWER_SECONDS, KafkaSettings
from onefold.errors import ConfigurationError, UnavailableError
from onefold.model import WorkspaceIdentity

_KEY = "identity:"
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""What the library says where a cluster has no ids of topics."""


class Claim(msgspec.Struct, frozen=True):
    """What the record says.

    Attributes:
        identity: The workspace.
        topic: Id of the raw topic; empty where the cluster gives none.
    """

    identity: WorkspaceIdentity
    topic: str = ""


_decode = msgspec.json.Decoder(Claim).decode


def topic_id(admin: AdminClient, topic: str, *, seconds: float = ANSWER_SECONDS) -> str:
    """The id the cluster gave a topic when it was made; empty where it gives none.

    Raises:
        ConfigurationError: There is no such topic.
        UnavailableError: The cluster does not answer.
    """
    asked = admin.describe_topics(TopicCollection([topic]), request_timeout=seconds)
    try:
        found = str(asked[topic].result(seconds + 1).topic_id)
    except KafkaException as failure:
        if failure.args[0].name() == "UNKNOWN_TOPIC_OR_PART":
            raise ConfigurationError(f"the topic {topic} is gone; put it back, or restore a backup") from None
        with translated("looking at the topic"):
            raise
    except TimeoutError:
        raise UnavailableError("The Kafka cluster does not answer while looking at the topic.") from None
    return "" if found == _NO_ID else found


def check_topic(claim: Claim, found: str, settings: KafkaSettings) -> None:
    """Refuse a raw topic that is not the one the log was begun in.

    Raises:
        ConfigurationError: It was made anew.
    """
    if claim.topic and found and claim.topic != found:
        raise ConfigurationError(
            f"the topic {settings.raw} was deleted and made anew: it has the id {found}, and the log of this workspace was "
            f"begun in {claim.topic}. What it held is lost unless you put it back; `onefold repair --accept-loss` goes on "
            "with the new one"
        )


def read(settings: KafkaSettings) -> Claim | None:
    """The claim that counts: who was first, with the topic's id as it was last recorded for that workspace.

    Raises:
        UnavailableError: The cluster does not answer.
    """
    notes = TopicPartition(settings.received, 0, 0)
    consumer = Consumer(settings.consumer(fetch_wait_max_ms=20))
    counts: Claim | None = None
    try:
        with translated("looking for the log's identity"):
            position, end = consumer.get_watermark_offsets(notes, timeout=ANSWER_SECONDS)
            consumer.assign([TopicPartition(settings.received, 0, position)])
            alive = time.monotonic()
            while position < end:
                for message in consumer.consume(min(1_000, end - position), 0.2):
                    _, at, value = taken(message)
                    position, alive = at + 1, time.monotonic()
                    key = message.key()
                    if isinstance(key, bytes) and key.startswith(_KEY.encode()):
                        claim = _decode(value)
                        if counts is None or counts.identity.id == claim.identity.id:
                            counts = claim
                if time.monotonic() - alive > ANSWER_SECONDS:
                    raise UnavailableError("The Kafka cluster does not deliver the log's identity.")
    finally:
        consumer.close()
    return counts


def write(sender: Sender, settings: KafkaSettings, claim: Claim) -> None:
    """Record a claim; it counts if nobody was before. Each workspace's has a key of its own, so that compaction keeps it."""
    key = f"{_KEY}{claim.identity.id}".encode()
    sender.send(settings.received, [Record(0, key, msgspec.json.encode(claim))])
