"""SDKs in hard times: told to wait, cut off by a restart, late, with a wrong clock, in chunks."""

import http.client
import json
import subprocess
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from segment.analytics.client import Client
from tests.running import Server, project

pytestmark = pytest.mark.xdist_group("server")
INSTALLED = Path(__file__).parents[2] / "build" / "node"
TIGHT = "limits: {enabled: true, ingest_per_minute: 60, lookups_per_minute: 60000, operations_per_minute: 60000}"
SEGMENT = """
import { Analytics } from '@segment/analytics-node';
const [writeKey, host] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host, flushAt: 10, flushInterval: 100, maxRetries: 10 });
let errors = 0;
analytics.on('error', () => { errors += 1; });
for (let n = 0; n < 100; n += 1) analytics.track({ userId: 'w1', event: 'Story Read', properties: { n } });
await analytics.closeAndFlush({ timeout: 40000 });
process.exit(errors ? 1 : 0);
"""


@contextmanager
def furnished(*, limits="limits: {enabled: false}"):
    """A project whose server is not started yet."""
    with project() as here:
        settings = here.directory / "onefold.yaml"
        settings.write_text(settings.read_text().replace("limits: {enabled: false}", limits))
        yield here


def read(server, who):
    """The numbers of the stories a person has read, and what became of all that arrived."""
    account = server.account()
    numbers = sorted(e["properties"]["n"] for e in server.timeline(who) if e["name"] == "Story Read")
    return numbers, account


def refused(server):
    """Requests answered 429 until now."""
    _, text, _ = server.send("GET", "/metrics", Authorization=f"Bearer {server.here.read_key}")
    lines = [
        line
        for line in text.decode().splitlines()
        if '"429"' in line and "_count" not in line and "_bucket" not in line
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)


def test_segment_node_waits_when_told_and_nothing_is_lost_or_doubled():
    """Ten requests where six may come at once: the rest is told 429, comes again, and the process ends well."""
    assert (INSTALLED / "node_modules").is_dir(), "the Node SDKs are not installed: run `make node`"
    with furnished(limits=TIGHT) as here, here.server():
        server = Server(here)
        file = INSTALLED / "waiting-segment.mjs"
        file.write_text(SEGMENT)
        done = subprocess.run(
            ["node", file.name, here.write_key, f"http://127.0.0.1:{here.port}"],
            cwd=INSTALLED, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        numbers, account = read(server, "user_id:w1")
        assert numbers == list(range(100))
        assert (account["stored"], account["rejected"]) == (100, 0)
        assert refused(server) > 0


def test_segment_python_waits_when_told_and_nothing_is_lost_or_doubled():
    """Ten requests where six may come at once."""
    with furnished(limits=TIGHT) as here, here.server():
        server, failures = Server(here), []
        client = Client(
            here.write_key,
            host=f"http://127.0.0.1:{here.port}",
            upload_size=10,
            on_error=lambda e, _: failures.append(e),
        )
        for n in range(100):
            client.track("w1", "Story Read", {"n": n})
        client.shutdown()
        assert failures == []
        numbers, account = read(server, "user_id:w1")
        assert numbers == list(range(100))
        assert (account["stored"], account["rejected"]) == (100, 0)
        assert refused(server) > 0


def test_a_server_killed_and_started_again_in_the_middle_loses_and_doubles_nothing():
    """Killed while the SDK sends: it tries again, and what had been taken before is known by its messageId."""
    with furnished() as here:
        failures = []
        client = Client(
            here.write_key,
            host=f"http://127.0.0.1:{here.port}",
            upload_size=5,
            on_error=lambda e, _: failures.append(e),
        )
        with here.server() as process:
            for n in range(100):
                client.track("k1", "Story Read", {"n": n})
            process.kill()
            process.wait(30)
            for n in range(100, 200):
                client.track("k1", "Story Read", {"n": n})
        with here.server():
            ended = threading.Thread(target=client.shutdown)
            ended.start()
            ended.join(60)
            assert not ended.is_alive()
            assert failures == []
            numbers, account = read(Server(here), "user_id:k1")
            assert numbers == list(range(200))
            assert account["stored"] == 200


def stamp(moment):
    """A moment as SDKs write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@pytest.mark.parametrize(
    ("skew", "age"),
    [(timedelta(0), timedelta(days=4)), (timedelta(hours=2), timedelta(0)), (timedelta(hours=-2), timedelta(hours=1))],
    ids=["offline for days", "clock ahead", "clock behind"],
)
def test_times_are_those_of_the_event_by_the_servers_clock(skew, age):
    """Days late keeps its time; a clock two hours off is set right by `sentAt`."""
    with furnished() as here, here.server():
        server = Server(here)
        now = datetime.now(UTC)
        event = {"type": "track", "event": "Story Read", "userId": "t1", "messageId": "t-1", "properties": {"n": 0}}
        event["timestamp"] = stamp(now + skew - age)
        assert server.post("/v1/batch", {"batch": [event], "sentAt": stamp(now + skew)}) == 200
        server.account()
        (found,) = server.timeline("user_id:t1")
        assert abs(datetime.fromisoformat(found["timestamp"]) - (now - age)) < timedelta(seconds=20)
        assert found["original_timestamp"] == event["timestamp"]


def test_a_body_in_chunks_is_read_whole():
    """No length is stated; the body comes in pieces."""
    with furnished() as here, here.server():
        server = Server(here)
        event = {"type": "track", "event": "Story Read", "userId": "c1", "messageId": "c-1", "properties": {"n": 0}}
        raw = json.dumps({"writeKey": here.write_key, "batch": [event]}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
        pieces = (raw[at : at + 7] for at in range(0, len(raw), 7))
        connection.request("POST", "/v1/batch", pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
        assert connection.getresponse().status == 200
        connection.close()
        assert read(server, "user_id:c1")[0] == [0]
