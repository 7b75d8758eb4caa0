"""A broker cut off from those who collect: an error within five seconds, no 200 for what is not stored, look-ups go on."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from bench.broker import broker, project_on
from bench.ground import free_port, wait_until
from tests.faults import figures
from tests.faults.ledger import Producer, faults, found
from tests.faults.scale import RELEASE, scaled
from tests.network.proxy import DOWN, UP, proxied
from tests.running import Server, project

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.timeout(280)]

LIMIT_SECONDS = 5.0
SLACK_SECONDS = 3.0
"""For a machine that does other things as well."""

CUTS = {"silent": (UP, DOWN), "deaf": (UP,), "mute": (DOWN,)}
"""Nothing passes; the broker hears nothing; nobody hears the broker, which stores what it is sent."""

# The product with a log that says yes before the broker does.
HASTY = """
import threading
from onefold.adapters.kafka.sending import Sender
whole = Sender.send

def send(self, topic, records):
    if not topic.endswith(".raw"):
        return whole(self, topic, records)
    threading.Thread(target=lambda: whole(self, topic, records), daemon=True).start()
    return list(range(len(records)))

if __name__ == "__main__":
    import runpy
    from onefold.adapters.kafka import log
    made = log.Sender
    log.Sender = lambda settings: setattr(made, "send", send) or made(settings)
    runpy.run_module("onefold", run_name="__main__")
"""


@pytest.fixture(scope="module")
def cluster():
    """A broker, and the proxy that it tells its clients to come to."""
    port = free_port()
    with broker(advertised=port) as started, proxied(("127.0.0.1", started.port), port=port) as proxy:
        yield started, proxy
        proxy.heal()


def timed(producer):
    """Whether a batch was acknowledged, and after how long."""
    names, started = producer.names(), time.monotonic()
    known = producer.deliver(names)
    if known:
        producer.acknowledged += names
    return known, time.monotonic() - started


def recovered(producer, seconds=40.0):
    """Send until a batch is acknowledged."""
    until = time.monotonic() + seconds
    while not timed(producer)[0]:
        assert time.monotonic() < until, "it did not recover"


@contextmanager
def both_running(here):
    """A server and, beside it, a collector on a port of its own; a producer with a ledger for each."""
    beside = copy.copy(here)
    beside.port = free_port()
    command = [sys.executable, "-m", "onefold", "collect", "--project", str(here.directory), "--port", str(beside.port)]
    with here.server():
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(f"http://127.0.0.1:{beside.port}/readyz")
            yield {"serve": Producer(here, "a"), "collect": Producer(beside, "b")}
            assert process.poll() is None
        finally:
            process.terminate()
            process.wait(30)


def test_a_broker_that_is_cut_off_is_told_within_five_seconds(cluster):
    """Cut off, reset, and slow at the end: what was acknowledged is there, and counts once, stored twice or not."""
    started, proxy = cluster
    took, refused = {}, []
    with project(more=project_on(started).replace("{kind", "{prefix: cut, kind")) as here:
        with both_running(here) as producers, ThreadPoolExecutor(1) as pool:
            each(producers, recovered)
            server = Server(here)
            server.account()
            for name in CUTS if RELEASE else ["mute"]:
                proxy.silence(*CUTS[name])
                sending = pool.submit(each, producers, timed)
                assert server.profile("user_id:u1")["counters"]["events"] > 0
                for verb, (known, seconds) in sending.result().items():
                    refused.append(known)
                    took[f"{verb}, {name}"] = seconds
                proxy.heal()
                each(producers, recovered)
            for _ in range(scaled(2, 20)):
                proxy.reset()
                each(producers, recovered)
            proxy.slow(pause=0.1)
            each(producers, recovered)
            assert all(known for known, _ in each(producers, timed).values())
            proxy.heal()
        held = found(here.directory)
    figures.note("silent broker", seconds={name: round(s, 2) for name, s in took.items()})
    assert refused
    assert not any(refused)
    for producer in producers.values():
        assert producer.answers.keys() <= {200, 429, 503}
        assert faults(held, producer.acknowledged) == []
    assert {name: s for name, s in took.items() if s > LIMIT_SECONDS + SLACK_SECONDS} == {}


def each(producers, action):
    """What an action comes to for each of them, at the same time."""
    with ThreadPoolExecutor(len(producers)) as pool:
        return dict(zip(producers, pool.map(action, producers.values()), strict=True))


def test_a_collector_that_answers_before_the_broker_is_found_out(cluster, tmp_path):
    """The negative control: it says 200 to what only its memory has, and the ledger shows the loss."""
    started, proxy = cluster
    script = tmp_path / "hasty.py"
    script.write_text(HASTY)
    with project(more=project_on(started).replace("{kind", "{prefix: hasty, kind")) as here:
        ledger = Producer(here, "a")
        command = [sys.executable, str(script), "collect", "--project", str(here.directory)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            recovered(ledger)
            time.sleep(1.0)
            proxy.silence()
            known, _ = timed(ledger)
            assert known
            proxy.reset()
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        proxy.heal()
        held = found(here.directory)
    assert any(wrong.startswith("lost: 5 of") for wrong in faults(held, ledger.acknowledged))
