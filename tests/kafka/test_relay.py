"""What the cluster is told: how far processing is, what was rejected, and who works."""

import os
import subprocess
import sys
import time

import pytest
from confluent_kafka import Consumer, TopicPartition
from tests import workbench
from tests.kafka.conftest import KEYS
from tests.kafka.entries import entry

from onefold.adapters.kafka.group import GroupOffsets, Membership
from onefold.adapters.kafka.positions import first_after
from onefold.adapters.kafka.relay import Relay
from onefold.governance.encryption import EntrySealer
from onefold.pipelines.stream import process

pytestmark = pytest.mark.xdist_group("kafka")

MEMBER = """
import sys, time
from onefold.adapters.kafka.group import Membership
from onefold.adapters.kafka.settings import KafkaSettings
member = Membership(
    KafkaSettings(brokers=sys.argv[1], workspace=sys.argv[2], partitions=3, replication=1),
    changed=lambda partitions: print(len(partitions), flush=True), session_ms=2_000,
)
while True:
    member.poll(0.1)
"""


def published(settings, count):
    """The records of the dead letters' topic: `count` of them, and whatever else comes within half a second."""
    consumer = Consumer({"bootstrap.servers": settings.brokers, "group.id": "other"})
    consumer.assign([TopicPartition(settings.dead_letters, 0, 0)])
    found, until = [], time.monotonic() + 20
    while len(found) < count and time.monotonic() < until:
        found += consumer.consume(count - len(found), 0.2)
    found += consumer.consume(10, 0.5)
    consumer.close()
    return found


def test_dead_letters_are_published_once_each_and_sealed(settings, open_log):
    """Each rejected entry is in the topic once, readable with the workspace's key only, also after a restart."""
    log, sealer = open_log(settings), EntrySealer(KEYS, os.urandom)
    context = workbench.context(log=log)
    good = workbench.entry({"type": "track", "event": "Read", "userId": "u1", "messageId": "m1"})
    bad = [entry(n, body=b'{"ssn": "%d", "oops' % n) for n in range(7)]
    log.append([good, *bad[:5]])
    process.drain(context)
    relay = Relay(log, context.store, sealer)
    assert relay.tell() == 5
    assert relay.tell() == 0
    log.append(bad[5:])
    process.drain(context)
    again = Relay(log, context.store, sealer)
    assert again.tell() == 2
    records = published(settings, 7)
    assert sorted(sealer.open(r.value()).index for r in records) == list(range(7))
    assert not any(b"ssn" in r.value() for r in records)
    headers = [dict(r.headers()) for r in records]
    places = {(int(h["partition"]), int(h["offset"])) for h in headers}
    with context.store.snapshot() as snapshot:
        letters = snapshot.dead_letters(status=None, source=None, after=(0, 0), limit=99)
    assert places == {(d.partition, d.offset) for d in letters}
    assert {h["reason"].decode() for h in headers} == {d.reason for d in letters}


@pytest.mark.parametrize(("leads", "records"), [(True, 9), (False, 3 + 2 * 6)])
def test_of_several_workers_one_relays(settings, open_log, leads, records):
    """Whoever leads publishes, and the next goes on there; the control: where nobody asks who leads, both publish."""
    log, sealer = open_log(settings), EntrySealer(KEYS, os.urandom)
    context, leader = workbench.context(log=log), ["a"]
    relays = {
        name: Relay(log, context.store, sealer, **({"leads": lambda name=name: leader[0] == name} if leads else {}))
        for name in "ab"
    }
    bad = [entry(n, body=b"{oops") for n in range(9)]
    for first, name in ((0, "a"), (3, "b"), (6, "a")):
        log.append(bad[first : first + 3])
        process.drain(context)
        leader[0] = name
        for relay in relays.values():
            relay.tell()
    found = published(settings, records)
    assert len(found) == records
    assert {sealer.open(r.value()).index for r in found} == set(range(9))


def test_the_group_shows_how_far_processing_is(settings, open_log):
    """After everything is processed and told, Kafka's own tools see no lag; before, they see it."""
    log = open_log(settings)
    context = workbench.context(log=log)
    log.append([entry(n, body=b'{"type":"track","event":"E","userId":"u%d"}' % n) for n in range(12)])
    shown = GroupOffsets(settings)
    assert sum(shown.shown([0, 1, 2]).values()) == 0
    process.drain(context)
    assert sum(log.waiting({}).values()) == 12
    with context.store.snapshot() as snapshot:
        offsets = snapshot.offsets()
    assert sum(log.waiting(offsets).values()) == 0
    Relay(log, context.store, EntrySealer(KEYS, os.urandom)).tell()
    assert shown.shown([0, 1, 2]) == {p: first_after(p, offset) for p, offset in log.ends().items()}
    shown.close()


def test_a_member_hears_that_another_died_and_is_given_its_partitions(settings, open_log):
    """Two members share the partitions; when one is killed, the other is told to take all."""
    open_log(settings)
    heard = []
    member = Membership(settings, changed=heard.append, session_ms=2_000)

    def until(assigned):
        end = time.monotonic() + 40
        while len(member.poll(0.1)) != assigned and time.monotonic() < end:
            pass
        return len(member.assigned)

    assert until(3) == 3
    other = subprocess.Popen(
        [sys.executable, "-c", MEMBER, settings.brokers, settings.workspace], stdout=subprocess.PIPE
    )
    try:
        shared = until(1) if until(2) != 2 else 2
        assert shared in {1, 2}
        other.kill()
        other.wait()
        assert until(3) == 3
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
        member.close()
    assert heard[-1] == frozenset() or heard[-1] == frozenset({0, 1, 2})
    assert frozenset({0, 1, 2}) in heard
