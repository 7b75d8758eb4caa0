"""What the log on Kafka does beyond the contract: topics, keys, counts that survive, times, refusals."""

import time

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from tests.kafka.entries import entries, entry

from onefold.adapters.kafka import counting
from onefold.adapters.kafka.positions import first_after, kafka_of, offset_of
from onefold.adapters.kafka.settings import KafkaSettings
from onefold.adapters.kafka.topics import ensure
from onefold.errors import ConfigurationError, IntegrityError, TooLargeError, UnavailableError

pytestmark = pytest.mark.xdist_group("kafka")


def records(settings, topic, count):
    """The first records of a topic, as anyone sees them who may read it."""
    consumer = Consumer({"bootstrap.servers": settings.brokers, "group.id": "looking"})
    partitions = consumer.list_topics(topic, timeout=5).topics[topic].partitions
    consumer.assign([TopicPartition(topic, p, 0) for p in partitions])
    found, until = [], time.monotonic() + 20
    while len(found) < count and time.monotonic() < until:
        found += consumer.consume(count - len(found), 0.2)
    consumer.close()
    return found


@pytest.mark.parametrize("partition", [0, 1, 255])
def test_places_rise_and_come_back(partition):
    """An offset of the log says its partition and Kafka's offset; the one before the first is 0."""
    assert offset_of(partition, -1) == 0
    for kafka in (0, 1, 2**40):
        offset = offset_of(partition, kafka)
        assert kafka_of(partition, offset) == kafka
        assert first_after(partition, offset) == kafka + 1
        assert first_after(partition, offset - 1) == kafka
        assert kafka_of(partition ^ 1, offset) is None
    assert first_after(partition, 0) == 0


def test_a_broker_learns_nothing_of_a_person(settings, open_log):
    """Key, value and headers of a record hold the source's name and otherwise only sealed or hashed bytes."""
    open_log(settings).append([entry(1, body=b'{"userId":"ann@example.org"}')])
    (record,) = records(settings, settings.raw, 1)
    assert b"ann" not in record.value() + record.key()
    assert record.headers() == [("s", b"web")]


def test_one_key_is_one_partition(settings, open_log):
    """What has the same key lies in one partition, in the order it was appended."""
    log = open_log(settings)
    places = [log.append([msgspec.structs.replace(entry(7), received_at_us=n)])[0] for n in range(5)]
    assert len({partition for partition, _ in places}) == 1
    assert [s.entry.received_at_us for s in log.read(places[0][0], 0, 9)] == [0, 1, 2, 3, 4]


def test_counts_go_on_from_the_notes_of_another_process(settings, open_log, monkeypatch):
    """A process that opens a counted log reads the note and what came after it, and not what came before."""
    monkeypatch.setattr(counting, "_NOTE_EVERY", 10)
    first = open_log(settings)
    first.append(entries(60))
    assert first.received() == {"web": 60}
    first.close()
    other = open_log(settings)
    other.append(entries(3, 60, "crm"))
    tampered = counting.Ledger(settings)
    _, end = other._asking().get_watermark_offsets(TopicPartition(settings.received, 0), timeout=5)
    assert end == 3
    assert other.received() == {"web": 60, "crm": 3}
    # Control: the notes are what it goes by, so a false note makes a false count.
    producer = Producer({"bootstrap.servers": settings.brokers})
    producer.produce(settings.received, b'{"next":1,"items":{"web":1000}}', b"0", 0)
    producer.produce(settings.received, b'{"next":25,"items":{"web":1000}}', b"0", 0)
    assert producer.flush(5) == 0
    assert tampered.count(other._look(), end + 2)["web"] > 1000
    tampered.close()


def test_records_of_somebody_else_are_counted_apart_and_refused(settings, open_log):
    """A record we did not seal is counted under no source's name, and stops the processor rather than be passed over."""
    log = open_log(settings)
    log.append(entries(3))
    producer = Producer({"bootstrap.servers": settings.brokers})
    producer.produce(settings.raw, b"not ours", partition=0)
    assert producer.flush(5) == 0
    time.sleep(0.05)
    assert log.received() == {"web": 3, "(unknown)": 1}
    with pytest.raises(IntegrityError, match="sealed under"):
        log.read(0, 0, 99)


def test_a_log_that_ends_before_what_was_processed_is_found_out(settings, open_log):
    """A topic made anew would skip what comes until the old offset; we stop instead."""
    log = open_log(settings)
    log.append(entries(9))
    end = log.ends()[0]
    with pytest.raises(IntegrityError, match="ends before"):
        log.read(0, end + 256, 9)
    assert log.read(0, end, 9) == []


def test_too_large_an_entry_is_refused_before_anything_is_sent(settings, open_log):
    """An entry that no topic would take fails the append whole."""
    log = open_log(settings)
    with pytest.raises(TooLargeError):
        log.append([entry(0), entry(1, body=b"x" * settings.item_bytes)])
    assert log.received() == {}
    log.append([entry(1, body=b"x" * (settings.item_bytes - 2_000))])
    assert log.received() == {"web": 1}


def test_a_topic_that_would_lose_entries_is_refused(shared, settings, open_log):
    """Retention, compaction and small messages are each refused at the door."""
    bad = {"retention.ms": "1000", "cleanup.policy": "compact", "max.message.bytes": "1000"}
    admin = AdminClient({"bootstrap.servers": shared.address})
    made = admin.create_topics([NewTopic(settings.raw, 3, 1, config=bad)])
    made[settings.raw].result(5)
    with pytest.raises(ConfigurationError) as refused:
        open_log(settings)
    for word in ("retention.ms", "cleanup.policy", "max.message.bytes"):
        assert word in str(refused.value)


def test_options_cannot_weaken_the_log():
    """The properties that carry the promise are not the project's to set."""
    settings = KafkaSettings(brokers="127.0.0.1:1", workspace="w", options={"acks": "0"})
    with pytest.raises(ConfigurationError, match="acks"):
        settings.client()


def test_secrets_do_not_show(settings):
    """A password is in no repr."""
    held = msgspec.structs.replace(settings, options={"sasl.password": "hunter2"})
    assert "hunter2" not in repr(held) + str(held)


def test_a_cluster_that_is_not_there_is_named_within_seconds(open_log):
    """Opening a log without a broker fails soon and says so."""
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        open_log(KafkaSettings(brokers="127.0.0.1:1", workspace="w"))
    assert time.monotonic() - started < 15


def test_times_become_offsets(settings, open_log, shared):
    """Reading after the offsets at a time begins with what was stored then; a time to come is the end."""
    log = open_log(settings)
    log.append(entries(9))
    assert set(log.offsets_at(0).values()) == {0}
    if shared.durable:  # the wheel's broker answers every time with its beginning
        time.sleep(1.1)
        between = time.time_ns() // 1000
        time.sleep(1.1)
        ends = dict(log.ends())
        log.append(entries(9, 9))
        assert log.offsets_at(between) == ends
        time.sleep(0.1)
        assert log.offsets_at(between + 3_600_000_000) == log.ends()


def test_ensure_can_be_run_again(settings, open_log):
    """What is there already is left as it is."""
    log = open_log(settings)
    assert ensure(log._admin, settings) == ensure(log._admin, settings) == 3
