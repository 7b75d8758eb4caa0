"""Several workers on a log in Kafka and a store in PostgreSQL: one is killed, another takes over, and all counts once."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from bench.broker import project_on
from bench.ground import wait_until
from confluent_kafka import Consumer, TopicPartition
from tests.faults.ledger import Producer, faults, looked
from tests.plain import profiles
from tests.running import project

from bench import postgres
from onefold import bootstrap
from onefold.errors import UnavailableError
from onefold.model import Identifier

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(280)]

PREFIX = "leased"


@pytest.fixture
def here(shared, monkeypatch):
    """A project with its log on the broker and its schema in the database."""
    with project(more=project_on(shared).replace("{kind", f"{{prefix: {PREFIX}, kind")) as found:
        bootstrap.migrate_postgres(postgres.url(postgres.OWNER), ("bench",), role=postgres.WORKER)
        monkeypatch.setenv("ONEFOLD_STORE", postgres.url(postgres.WORKER))
        yield found
        postgres.forget("onefold_bench")


def start(here, *words):
    command = [sys.executable, "-m", "onefold", *words, "--project", str(here.directory)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def children(process):
    """Processes that `process` has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


def leases():
    """How many partitions each living worker holds, and how often partitions have changed hands."""
    import psycopg

    with psycopg.connect(postgres.server()) as connection:
        held = connection.execute(
            "SELECT count(*) FROM onefold_bench.lease WHERE worker IS NOT NULL AND expires > clock_timestamp()"
            " GROUP BY worker"
        ).fetchall()
        ((changes,),) = connection.execute("SELECT coalesce(sum(epoch), 0)::bigint FROM onefold_bench.lease").fetchall()
    return [count for (count,) in held], changes


def until(true, seconds=90.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.1)


def answered(look, seconds=90.0):
    """What is found once a starved cluster delivers in time: whoever asks is told to ask again."""
    end = time.monotonic() + seconds
    while True:
        try:
            return look()
        except UnavailableError:
            assert time.monotonic() < end, "it never delivered in time"


def relayed(shared, count):
    """The dead letters in the cluster, by place: `count` of them, and whatever else comes within half a second."""
    consumer = Consumer({"bootstrap.servers": shared.address, "group.id": "other"})
    consumer.assign([TopicPartition(f"{PREFIX}.bench.dead-letter", 0, 0)])
    found, end = [], time.monotonic() + 30
    while len(found) < count and time.monotonic() < end:
        found += [m for m in consumer.consume(count - len(found), 0.2) if m.error() is None]
    found += [m for m in consumer.consume(100, 0.5) if m.error() is None]
    consumer.close()
    return [m.key() for m in found]


def reject(here, producer, count):
    """Send what no producer's ledger has: items that are turned away."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
    batch = [{"type": "nonsense", "userId": f"{producer}{n}"} for n in range(count)]
    connection.request("POST", "/v1/batch", json.dumps({"batch": batch}), {"Authorization": f"Bearer {here.write_key}"})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_killed_worker_is_replaced_and_every_event_counts_once(here, shared):
    """Two workers share four partitions, one is killed while it works; each dead letter is relayed once."""
    collector, workers = start(here, "collect"), start(here, "process", "--workers", "2")
    producers = [Producer(here, name) for name in ("a", "b")]
    try:
        wait_until(f"http://127.0.0.1:{here.port}/readyz", seconds=60)
        until(lambda: leases()[0] == [2, 2])
        for producer in producers:
            producer.start()
        reject(here, "before", 6)
        first = relayed(shared, 6)
        _, before = leases()
        victim = children(workers)[0]
        os.kill(victim, signal.SIGKILL)
        until(lambda: leases()[1] >= before + 2)  # its partitions are taken over
        until(lambda: leases()[0] == [2, 2])
        assert victim not in children(workers)
        for producer in producers:
            producer.end()
        reject(here, "after", 6)
        acknowledged = [name for producer in producers for name in producer.acknowledged]
        with bootstrap.opened(here.directory, None) as workspace:
            until(lambda: bootstrap.pending(workspace) == 0)
            found = answered(lambda: looked(workspace.context, bootstrap.verify(workspace).equal))
            assert profiles.profile(workspace.context, Identifier("user_id", "before0")) is None
        letters = relayed(shared, 12)
    finally:
        for producer in producers:
            producer.done.set()
        for process in (workers, collector):
            process.terminate()
        codes = [process.wait(40) for process in (workers, collector)]
    assert len(acknowledged) > 200
    assert faults(found, acknowledged) == []
    assert len(first) == 6
    assert len(letters) == len(set(letters)) == 12
    assert codes == [0, 0]
