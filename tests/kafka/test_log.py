"""What the log on Kafka does beyond the contract: topics, keys, counts that survive, times, refusals."""

import json
import logging
import os
import time
from concurrent.futures import Future
from contextlib import suppress
from types import SimpleNamespace

import msgspec
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from tests import workbench
from tests.kafka.conftest import settings_on
from tests.kafka.entries import entries, entry
from tests.plain import balances

from onefold.adapters.kafka import counting
from onefold.adapters.kafka import log as log_module
from onefold.adapters.kafka.library_log import LibraryLog
from onefold.adapters.kafka.log import KafkaEventLog
from onefold.adapters.kafka.positions import first_after, kafka_of, offset_of
from onefold.adapters.kafka.settings import KafkaSettings
from onefold.adapters.kafka.topics import ensure
from onefold.errors import ConfigurationError, IntegrityError, TooLargeError, UnavailableError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.pipelines.stream import process
from onefold.pipelines.stream.processor import Processor
from onefold.telemetry import JsonFormatter

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


def planted(settings, value=b"not ours", partition=0, headers=None):
    """A record of somebody who knows nothing of us."""
    producer = Producer({"bootstrap.servers": settings.brokers})
    producer.produce(settings.raw, value, partition=partition, headers=headers)
    assert producer.flush(5) == 0
    time.sleep(0.05)


def processed(log):
    """A workspace over the log, when all is processed, and the dead letters of it."""
    context = workbench.context(log=log)
    process.drain(context)
    with context.store.snapshot() as snapshot:
        return context, snapshot.dead_letters(status="open", source=None, after=(0, 0), limit=99)


def events(count, start=0):
    return [
        workbench.entry({"type": "track", "event": "Read", "userId": f"u{n}", "messageId": f"m{n}"}, index=n)
        for n in range(start, start + count)
    ]


def test_records_of_somebody_else_are_dead_letters_with_their_place(settings, open_log):
    """What we did not write is set aside with its position, each of two alike; the rest is processed; all is balanced."""
    log = open_log(settings)
    log.append(events(20))
    planted(settings)
    planted(settings)
    planted(settings, None, 1)
    log.append(events(20, 20))
    context, letters = processed(log)
    assert [(d.source, d.reason) for d in letters] == [("(unknown)", "foreign_record")] * 3
    for letter in letters:
        assert f"offset {kafka_of(letter.partition, letter.offset)} of partition {letter.partition}" in letter.detail
        (stored,) = open_log(settings).get([(letter.partition, letter.offset)])
        assert stored.entry == log.current(letter.partition, letter.offset)  # the same in every way to read it
    accounts = {a["source"]: a for a in balances.sources(context)}
    assert accounts["web"]["stored"] == 40
    assert accounts["(unknown)"]["received"] == accounts["(unknown)"]["rejected"] == 3
    assert all(a["balanced"] for a in accounts.values())


def test_a_damaged_record_is_a_dead_letter_where_others_open(settings, open_log):
    """One that names a source and does not open, among others that do, is set aside under that source."""
    log = open_log(settings)
    log.append(events(9))
    planted(settings, b"\x01" + b"damaged" * 9, headers=[("s", b"web")])
    context, letters = processed(open_log(settings))
    assert [(d.source, d.reason) for d in letters] == [("web", "damaged_record")]
    (account,) = balances.sources(context)
    assert (account["received"], account["stored"], account["rejected"], account["balanced"]) == (10, 9, 1, True)
    # Read alone by a process that has opened nothing yet, it is the same: others beside it open.
    alone = open_log(settings)
    (stored,) = alone.get([(letters[0].partition, letters[0].offset)])
    assert stored.entry.shared == log.current(letters[0].partition, letters[0].offset).shared


def test_a_wrong_key_is_no_crowd_of_dead_letters(settings, open_log):
    """Where none of our records opens we stop, and say where; control: with the right keys the same records open."""
    log = open_log(settings)
    log.append(events(9))
    planted(settings)
    other = KafkaEventLog(
        settings, EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, b"o" * 32), os.urandom), key=lambda _: b"k"
    )
    try:
        with pytest.raises(IntegrityError, match=rf"offset 0 of partition \d of the topic {settings.raw}"):
            processed(other)
    finally:
        other.close()
    assert len(processed(log)[1]) == 1


def test_a_log_that_is_held_by_one_foreign_record_is_noticed(settings, open_log, monkeypatch):
    """Control: without what stands for such a record, processing ends at it."""
    log = open_log(settings)
    log.append(events(3))
    planted(settings)

    def refuse(*_):
        raise IntegrityError("does not open")

    monkeypatch.setattr(log._opener, "_stands_for", refuse)
    with pytest.raises(IntegrityError):
        processed(log)


def more_partitions(shared, settings, count):
    """The topic gets more partitions; the wheel's broker can only make it anew, which is the same while it is empty."""
    admin = AdminClient({"bootstrap.servers": shared.address})
    if shared.durable:
        admin.create_partitions([NewPartitions(settings.raw, count)])[settings.raw].result(5)
    else:
        admin.delete_topics([settings.raw])[settings.raw].result(5)
        admin.create_topics([NewTopic(settings.raw, count, 1)])[settings.raw].result(5)


@pytest.mark.parametrize("looking", [True, False])
def test_partitions_added_under_a_running_worker_are_processed(shared, settings, open_log, monkeypatch, looking):
    """What another process appends to new partitions is seen by the old worker; one that does not look says "lag 0"."""
    monkeypatch.setattr(log_module, "_PARTITIONS_SECONDS", 0.3 if looking else 1e9)
    old = open_log(settings)
    assert set(old.ends()) == {0, 1, 2}
    context = workbench.context(log=old)
    worker = Processor(context)
    worker.start()
    try:
        more_partitions(shared, settings, 6)
        new = open_log(msgspec.structs.replace(settings, partitions=6))
        places = new.append(events(60))
        beyond = sum(partition >= 3 for partition, _ in places)
        assert beyond > 10
        expected = 60 if looking else 60 - beyond

        def stored():
            with context.store.snapshot() as snapshot:
                return sum(t.count for t in snapshot.tallies() if t.outcome == "stored")

        until = time.monotonic() + 60
        while stored() < expected:
            assert time.monotonic() < until, worker.failure
            time.sleep(0.05)
        assert stored() == expected
        with context.store.snapshot() as snapshot:
            assert sum(old.waiting(snapshot.offsets()).values()) == 0
        assert set(old.ends()) == set(range(6 if looking else 3))
        assert sum(old.received().values()) == expected
        # Whoever is told of such a place by the store looks sooner.
        while len(old.get(places)) < 60:
            assert time.monotonic() < until
            time.sleep(0.1)
    finally:
        worker.stop()


def test_too_many_copies_are_told_by_the_setting_s_name(settings, monkeypatch):
    """The error names `log.replication`, its value and how many brokers there are."""
    refused = Future()
    refused.set_exception(KafkaException(KafkaError(KafkaError.INVALID_REPLICATION_FACTOR)))
    admin = AdminClient({"bootstrap.servers": settings.brokers})
    asking = SimpleNamespace(create_topics=lambda *_, **__: {"raw": refused}, list_topics=admin.list_topics)
    with pytest.raises(ConfigurationError, match=r"`log\.replication` is 3, and the Kafka cluster has 1 broker to"):
        ensure(asking, msgspec.structs.replace(settings, replication=3))


def test_the_library_s_lines_are_ours_and_few(caplog):
    """A real client's lines arrive as a constant message with fields; many of a kind are one line with their number."""
    now = [0.0]
    lines = LibraryLog(logging.getLogger("onefold.kafka"), lambda: now[0])
    client = Producer({"bootstrap.servers": "127.0.0.1:1", "logger": lines})
    until = time.monotonic() + 30
    while not caplog.records and time.monotonic() < until:
        client.poll(0.1)
    first = json.loads(JsonFormatter().format(caplog.records[0]))
    assert first["message"] == "kafka client"
    assert first["kind"] == "FAIL"
    assert "refused" in first["error"]
    told = len(caplog.records)
    for _ in range(50):
        lines.log(logging.ERROR, "%s [%s] %s", "REQTMOUT", "client", "text")
    assert len(caplog.records) == told + 1
    now[0] += 11
    lines.log(logging.ERROR, "%s [%s] %s", "REQTMOUT", "client", "text")
    assert caplog.records[-1].entries == 50


def test_a_broker_that_goes_away_is_told_by_who_only_asks_for_ends(own, open_log, caplog, monkeypatch):
    """The library's lines of the administrative client arrive too, though nobody waits for its answers by polling."""
    monkeypatch.setattr(log_module, "_PARTITIONS_SECONDS", 0.0)
    log = open_log(settings_on(own))
    own.kill()
    until = time.monotonic() + 60
    while not any(r.msg == "kafka client" for r in caplog.records):
        assert time.monotonic() < until
        with suppress(UnavailableError):
            log.ends()


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
