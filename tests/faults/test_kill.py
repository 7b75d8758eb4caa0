"""kill -9 while events are collected and processed: nothing acknowledged is lost, nothing is counted twice."""

import http.client
import json
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from bench.ground import wait_until
from tests.running import project

from onefold import bootstrap
from onefold.model import Identifier
from onefold.pipelines import accounts, reading

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(280)]
PEOPLE = 20
EARLY = Path(__file__).parent / "early_ack.py"


class Producer(threading.Thread):
    """Sends batches of unique events and keeps its own ledger; what is not acknowledged is sent again if `stubborn`."""

    def __init__(self, here, name, *, stubborn):
        super().__init__(daemon=True)
        self.here, self.prefix, self.stubborn = here, name, stubborn
        self.acknowledged: list[str] = []
        self.done = threading.Event()

    def run(self):
        number = 0
        while not self.done.is_set():
            names = [f"{self.prefix}-{number + n}" for n in range(5)]
            number += 5
            batch = [
                {"type": "track", "event": "Read", "userId": f"u{int(m.rpartition('-')[2]) % PEOPLE}", "messageId": m}
                for m in names
            ]
            while not self.deliver(json.dumps({"batch": batch})):
                if self.done.is_set() or not self.stubborn:
                    break
                time.sleep(0.01)
            else:
                self.acknowledged += names
            # Enough to be busy at every kill, not so many that counting them takes longer than the kills.
            time.sleep(0.01)

    def deliver(self, body):
        connection = http.client.HTTPConnection("127.0.0.1", self.here.port, timeout=5)
        try:
            connection.request("POST", "/v1/batch", body, {"Authorization": f"Bearer {self.here.write_key}"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def torment(here, kills, *, program=("-m", "onefold"), stubborn=True, seed=7):
    """Kill the server that often, at random moments of its life, while two producers send; what they hold to be safe."""
    draw = random.Random(seed)
    producers = [Producer(here, name, stubborn=stubborn) for name in ("a", "b")]
    command = [sys.executable, *program, "serve", "--project", str(here.directory)]
    for number in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(f"http://127.0.0.1:{here.port}/livez")
        if number == 0:
            for producer in producers:
                producer.start()
        time.sleep(draw.random() * 0.4)
        process.kill()
        process.wait()
    for producer in producers:
        producer.done.set()
        producer.join()
    return [name for producer in producers for name in producer.acknowledged]


def found(here):
    """What is there once everything in the log is processed: events counted, message ids, and the account."""
    with bootstrap.opened(here.directory, None) as workspace:
        assert bootstrap.catch_up(workspace)
        counted, stored = 0, set()
        for n in range(PEOPLE):
            who = Identifier("user_id", f"u{n}")
            profile = reading.profile(workspace.parts, who)
            counted += profile["counters"]["events"] if profile else 0
            cursor = None
            while profile:
                page = reading.timeline(workspace.parts, who, cursor=cursor, limit=500)
                stored.update(e["message_id"] for e in page["events"])
                cursor = page["next"]
                if cursor is None:
                    break
        (account,) = accounts.sources(workspace.parts)
        assert bootstrap.verify(workspace).equal
    return counted, stored, account


def test_fifty_kills_lose_nothing_and_count_nothing_twice():
    """After 50 kills every acknowledged event is there, each is counted once, and the store is what the log implies."""
    with project() as here:
        acknowledged = torment(here, 50)
        counted, stored, account = found(here)
    assert len(acknowledged) > 1_000
    assert set(acknowledged) <= stored
    assert counted == len(stored) == account["stored"]
    assert account["received"] == account["stored"] + account["duplicate"]
    assert account["balanced"]


def test_answering_before_the_commit_is_found_out():
    """Control: a server that answers early loses acknowledged events within a few kills, and this test sees it."""
    with project() as here:
        acknowledged = torment(here, 8, program=(str(EARLY),), stubborn=False)
        _, stored, _ = found(here)
    assert set(acknowledged) - stored
