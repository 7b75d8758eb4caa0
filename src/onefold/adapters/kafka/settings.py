"""How to reach a Kafka cluster, and the client properties that follow from it.

The properties that carry a promise of the log (acknowledgement by all replicas, idempotence, no automatic commits) are
ours; a project's options may set anything else.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from onefold.adapters.kafka.library_log import LibraryLog
from onefold.errors import ConfigurationError

ANSWER_SECONDS = 4.0
"""How long one request to the cluster may take before we say that it is unavailable."""
DELIVERY_SECONDS = 4.0
"""How long an entry may be on its way to all replicas; with what it takes to notice, an append fails within 5 s."""
PARTITIONS_MAX = 256
ITEM_BYTES = 9 * 1024 * 1024
"""Largest sealed entry: a whole request that could not be taken apart (twice the largest request), and its seal."""

OURS = frozenset({
    "acks", "auto.offset.reset", "bootstrap.servers", "delivery.timeout.ms", "enable.auto.commit",
    "enable.auto.offset.store", "enable.gapless.guarantee", "enable.idempotence", "group.id", "group.instance.id",
    "message.max.bytes", "message.timeout.ms", "metadata.broker.list", "partition.assignment.strategy",
    "plugin.library.paths", "request.required.acks", "transactional.id",
})  # fmt: skip
"""Properties that options may not set."""
SECRET = frozenset({
    "sasl.password", "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config", "ssl.key.password", "ssl.key.pem",
    "ssl.keystore.password",
})  # fmt: skip
"""Properties that may stand in no file; `credentials` refers to them."""

_PRODUCING = ("batch.", "compression.", "linger.", "queue.buffering.", "sticky.partitioning.")
"""How properties begin that only a producer has; other clients would complain of them."""

_LIBRARY = LibraryLog(logging.getLogger("onefold.kafka"))


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace's place in a cluster.

    Attributes:
        brokers: `host:port`, several separated by commas.
        workspace: The workspace's name.
        prefix: First part of the topics' names; it keeps installations apart that share a cluster.
        partitions: Partitions that new entries are spread over.
        replication: Copies of each partition.
        min_insync: Copies that have an entry before it counts as stored; None for a majority.
        item_bytes: Largest sealed entry.
        options: Further client properties, credentials among them.
    """

    brokers: str
    workspace: str
    prefix: str = "onefold"
    partitions: int = 1
    replication: int = 3
    min_insync: int | None = None
    item_bytes: int = ITEM_BYTES
    options: Mapping[str, str] = {}

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<KafkaSettings workspace={self.workspace} partitions={self.partitions}>"

    @property
    def raw(self) -> str:
        """Topic of what was received."""
        return f"{self.prefix}.{self.workspace}.raw"

    @property
    def dead_letters(self) -> str:
        """Topic of what was rejected."""
        return f"{self.prefix}.{self.workspace}.dead-letter"

    @property
    def received(self) -> str:
        """Topic of how much was counted up to which offset."""
        return f"{self.prefix}.{self.workspace}.received"

    @property
    def group(self) -> str:
        """Consumer group under which processing shows its offsets."""
        return f"{self.prefix}.{self.workspace}"

    @property
    def copies(self) -> int:
        """Copies that must have an entry before it counts as stored."""
        return self.replication // 2 + 1 if self.min_insync is None else self.min_insync

    def producer(self, **properties: Any) -> dict[str, Any]:
        """The properties of a producer; dots are written as underscores."""
        return {**{n: v for n, v in self.options.items() if n.startswith(_PRODUCING)}, **self.client(**properties)}

    def client(self, **properties: Any) -> dict[str, Any]:
        """The properties of a client that does not produce; dots are written as underscores.

        Raises:
            ConfigurationError: The options set a property that is ours.
        """
        if taken := sorted(OURS & self.options.keys()):
            raise ConfigurationError(f"`log.options` may not set {', '.join(taken)}: the log's promises rest on it")
        return {
            "socket.timeout.ms": int(ANSWER_SECONDS * 1000),
            "socket.connection.setup.timeout.ms": 3_000,
            "socket.keepalive.enable": True,
            "reconnect.backoff.max.ms": 1_000,
            "client.id": f"onefold-{self.workspace}",
            **{name: value for name, value in self.options.items() if not name.startswith(_PRODUCING)},
            "bootstrap.servers": self.brokers,
            "logger": _LIBRARY,
            **{name.replace("_", "."): value for name, value in properties.items()},
        }

    def consumer(self, **properties: Any) -> dict[str, Any]:
        """The properties of a consumer that is told by hand what to read."""
        return self.client(
            **{
                "group_id": self.group,
                "enable_auto_commit": False,
                "enable_auto_offset_store": False,
                # Where the log begins later than we want to read, it was cut on purpose; we go on where it begins.
                "auto_offset_reset": "earliest",
                # What the default of a second costs whenever the queue was full for a moment.
                "fetch_queue_backoff_ms": 2,
                **properties,
            }
        )
