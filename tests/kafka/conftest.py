"""The broker of these tests: one for the session, and one of its own for a test that mistreats it."""

import itertools
import os

import pytest
from bench.broker import JARS, broker

from onefold.adapters.kafka.log import KafkaEventLog
from onefold.adapters.kafka.settings import KafkaSettings
from onefold.governance.encryption import EntrySealer, WorkspaceKeys

# What a disk survives can only be asked of a broker that has one: `make test-kafka`.
collect_ignore = [] if os.environ.get(JARS) else ["test_apache.py"]

KEYS = WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32)))
_numbers = itertools.count(1)


def settings_on(broker):
    """A workspace that nobody used before, on a broker."""
    return KafkaSettings(
        brokers=broker.address, workspace=f"t{next(_numbers)}", partitions=3, replication=1, options=broker.options
    )


@pytest.fixture(scope="session")
def shared():
    """A broker that no test harms."""
    with broker() as started:
        yield started


@pytest.fixture
def own():
    """A broker to mistreat."""
    with broker() as started:
        yield started


@pytest.fixture
def settings(shared):
    """A workspace of this test's own on the shared broker."""
    return settings_on(shared)


@pytest.fixture
def open_log():
    """Opens logs, and closes them when the test ends."""
    opened = []

    def opening(settings):
        log = KafkaEventLog(settings, EntrySealer(KEYS, os.urandom), key=lambda entry: entry.index.to_bytes(8, "big"))
        opened.append(log)
        return log

    yield opening
    for log in opened:
        log.close()
