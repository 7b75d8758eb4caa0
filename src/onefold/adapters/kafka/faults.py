"""Faults of the cluster, in our words: by Kafka's name of the error, without what a message might carry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from onefold.errors import ConfigurationError, UnavailableError

_MISCONFIGURED = frozenset({
    KafkaError._AUTHENTICATION, KafkaError._INVALID_ARG, KafkaError._SSL,  # noqa: SLF001  the library's public names
    KafkaError._UNSUPPORTED_FEATURE,  # noqa: SLF001  as above
    KafkaError.SASL_AUTHENTICATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED, KafkaError.INVALID_REPLICATION_FACTOR, KafkaError.POLICY_VIOLATION,
})  # fmt: skip


def fault(doing: str, error: KafkaError) -> ConfigurationError | UnavailableError:
    """The error to raise."""
    if error.code() in _MISCONFIGURED:
        return ConfigurationError(f"the Kafka cluster refuses {doing} ({error.name()}): look at `log` in onefold.yaml")
    return UnavailableError(f"The Kafka cluster does not answer while {doing} ({error.name()}).")


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise the library's exceptions as ours."""
    try:
        yield
    except KafkaException as failure:
        raise fault(doing, failure.args[0]) from None
