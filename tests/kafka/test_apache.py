"""What only Apache Kafka itself shows: what its disk keeps, what it refuses. `make test-kafka` runs these."""

import threading
import time

import msgspec
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests import workbench
from tests.kafka.conftest import settings_on
from tests.kafka.entries import entries, entry
from tests.kafka.test_faults import settled, track

from onefold.adapters.kafka.sending import Sender
from onefold.errors import OnefoldError, UnavailableError
from onefold.pipelines.maintenance import agreement

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(280)]


def test_a_log_gets_more_partitions_and_keeps_its_places(settings, open_log):
    """With more partitions in the configuration the topic grows; what was there stays where it was."""
    places = open_log(settings).append(entries(20))
    wider = msgspec.structs.replace(settings, partitions=5)
    log = open_log(wider)
    more = log.append(entries(20, 20))
    assert {p for p, _ in more} == {0, 1, 2, 3, 4}
    assert [s.entry.index for s in log.get(places + more)] == list(range(40))
    assert log.received() == {"web": 40}


def test_an_append_of_which_a_part_was_refused_raises_and_counts_once_when_repeated(own, open_log):
    """The broker refuses one record of many: the append raises, what was stored is counted, the repeat is a duplicate."""
    settings = settings_on(own)
    small = msgspec.structs.replace(settings, item_bytes=20_000)
    admin = AdminClient({"bootstrap.servers": own.address})
    config = {"max.message.bytes": "20000", "retention.ms": "-1"}
    made = admin.create_topics([NewTopic(settings.raw, 3, 1, config=config)])
    made[settings.raw].result(5)
    log = open_log(small)
    log._sender = Sender(settings)  # as if the topic's limit had been lowered while we run
    large = entry(2, body=b'{"userId":"u","type":"identify","messageId":"large","traits":{"x":"%s"}}' % (b"x" * 40_000))
    batch = [track(0), track(1), track(3), track(4)]
    with pytest.raises(UnavailableError):
        log.append([*batch, large])
    time.sleep(0.1)
    first = sum(log.received().values())
    assert 0 < first < 5
    log.append(batch)
    account = settled(log)
    assert account["received"] == first + 4 == account["stored"] + account["duplicate"]
    assert account["stored"] == 4
    assert account["duplicate"] == first
    assert account["balanced"]


def test_a_broker_killed_and_started_again_has_everything_it_confirmed(own, open_log):
    """Kill -9 of the broker while a producer appends, three times: nothing confirmed is lost, nothing counts twice."""
    log = open_log(settings_on(own))
    confirmed, done = [], threading.Event()

    def append():
        number = 0
        while not done.is_set():
            batch = [track(number + n) for n in range(20)]
            while not done.is_set():
                try:
                    confirmed.extend(log.append(batch))
                except OnefoldError:
                    time.sleep(0.05)
                else:
                    number += 20
                    break
            time.sleep(0.01)

    producer = threading.Thread(target=append)
    producer.start()
    for _ in range(3):
        time.sleep(2)
        own.kill()
        own.start()
    time.sleep(8)
    done.set()
    producer.join()
    assert len(confirmed) > 500
    other = open_log(log.settings)
    assert len(other.get(confirmed)) == len(confirmed)
    account = settled(other)
    assert account["received"] == account["stored"] + account["duplicate"]
    assert account["stored"] >= len(confirmed)
    assert account["balanced"]


def test_entries_that_the_cluster_deleted_before_they_were_processed_are_told(settings, open_log):
    """Retention, or an operator: which entries are lost is said, and who continues on purpose reads what is left."""
    log = open_log(settings)
    context = workbench.context(log=log)
    log.append(entries(30))
    ends = log._look()
    partition, end = max(ends.items(), key=lambda item: item[1])
    admin = AdminClient({"bootstrap.servers": settings.brokers})
    for deleted in admin.delete_records([TopicPartition(settings.raw, partition, end - 1)]).values():
        deleted.result(10)
    (lost,) = agreement.disagreements(context)
    assert lost.kind == "lost"
    assert f"entries 0 to {end - 2} of partition {partition}" in lost.message
    assert agreement.resume(log, {}) == {partition: log.lost({})[0].resume_after}
