"""What goes wrong between us and the broker: a broker that falls silent, part of an append refused, a collector killed."""

import subprocess
import sys
import threading
import time

import pytest
from bench.broker import project_on
from bench.ground import wait_until
from tests import workbench
from tests.faults.ledger import Producer, faults, found
from tests.kafka.conftest import settings_on
from tests.kafka.entries import entries
from tests.plain import balances
from tests.running import project

from onefold.errors import UnavailableError
from onefold.pipelines.stream import process

pytestmark = [pytest.mark.xdist_group("kafka"), pytest.mark.timeout(280)]


def track(number):
    """An event that can be processed, and told from all others."""
    return workbench.entry({"type": "track", "event": "Read", "userId": f"u{number % 5}", "messageId": f"m{number}"},
                           index=number)  # fmt: skip


def settled(log):
    """What the log implies: the account of the source, once everything is processed."""
    context = workbench.context(log=log)
    process.drain(context)
    (account,) = balances.sources(context)
    return account


def seconds_until_unavailable(action):
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        action()
    return time.monotonic() - started


def test_a_silent_broker_is_an_error_within_five_seconds_and_nothing_is_lost(own, open_log):
    """Append, read and look-up each fail soon while the broker is silent, and go on by themselves once it speaks."""
    log = open_log(settings_on(own))
    acknowledged = [track(n) for n in range(30)]
    places = log.append(acknowledged)
    assert len(log.read(0, 0, 5)) == 5
    own.pause()
    lost = [track(n) for n in range(30, 60)]
    took = [
        seconds_until_unavailable(lambda: log.append(lost)),
        seconds_until_unavailable(log.ends),
        seconds_until_unavailable(lambda: log.get(places[3:4])),
    ]
    own.resume()
    # Five seconds by our own clocks; the rest is for a machine that does other things as well.
    assert max(took) < 8
    for _ in range(20):
        try:
            again = log.append(lost)
            break
        except UnavailableError:
            continue
    assert [s.entry for s in log.get(places + again)] == acknowledged + lost
    account = settled(log)
    assert account["stored"] == 60
    assert account["received"] == account["stored"] + account["duplicate"]
    assert account["balanced"]


def torment_collector(here, kills):
    """Kill `onefold collect` that often while two producers send; what they hold to be safe."""
    producers = [Producer(here, name, stubborn=True) for name in ("a", "b")]
    command = [sys.executable, "-m", "onefold", "collect", "--project", str(here.directory)]
    for number in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(f"http://127.0.0.1:{here.port}/readyz")
        if number == 0:
            for producer in producers:
                producer.start()
        time.sleep(1.2 + 0.1 * (number % 7))
        process.kill()
        process.wait()
    for producer in producers:
        producer.done.set()
        producer.join()
    return [name for producer in producers for name in producer.acknowledged]


def test_a_collector_killed_again_and_again_loses_nothing_acknowledged(shared):
    """Kill -9 of `onefold collect` in the middle of batches: nothing acknowledged is lost, nothing is counted twice."""
    with project(more=project_on(shared).replace("{kind", "{prefix: killed, kind")) as here:
        acknowledged = torment_collector(here, 12)
        held = found(here.directory)
    assert len(acknowledged) > 200
    assert not faults(held, acknowledged)


def test_a_log_that_answers_before_the_broker_is_found_out(own, open_log):
    """Control: a sender that does not wait for the broker's word loses what it acknowledged, and the ledger shows it."""
    log = open_log(settings_on(own))
    log.append(entries(3))
    sender = log._sender

    def send(topic, records):
        with pytest.raises(UnavailableError):
            sender.send(topic, records)

    def hasty(topic, records):
        threading.Thread(target=send, args=(topic, records), daemon=True).start()
        return list(range(len(records)))

    log._sender = type("Hasty", (), {"send": staticmethod(hasty), "close": sender.close})()
    own.pause()
    acknowledged = log.append(entries(5, 3))
    time.sleep(5)
    own.kill()
    assert len(acknowledged) == 5
    own.start()
    with pytest.raises((AssertionError, UnavailableError)):
        assert len(log.get(acknowledged)) == 5
