"""SDKs in hard times: told to wait, cut off by a restart, late, with a wrong clock, in chunks.

Each check is a function of how the server is started, so that its control puts the very same to a server with a bug.
"""

import http.client
import json
import math
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bench.ground import wait_until
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

PROGRAM = """
import sys
{plant}
sys.argv[0] = "onefold"
from onefold.cli import main
main()
"""
DROPS_WHAT_IT_REFUSES = """
from onefold.serving.collect import Collector, Answer
collect = Collector._collect
async def dropping(self, scope, receive, call):
    answer = await collect(self, scope, receive, call)
    return self._success(call.route) if answer.status == 429 else answer
Collector._collect = dropping
"""
SAYS_THE_WAIT_AS_A_TIME_OR_SO = """
from onefold.serving import collect, problems
from onefold.serving.answers import failure
def wait(status, code, message, seconds, now_us):
    import math
    left = str(math.ceil(seconds)).encode()
    return failure(status, code, message, ((b"retry-after", left), (b"x-ratelimit-reset", left)))
collect.wait = wait
describe = problems.describe
problems.describe = lambda error, now_seconds: describe(error, 0.0)
"""
ANSWERS_BEFORE_THE_DISK = """
from onefold.serving.appender import Appender
Appender._append = lambda self, group: [None] * len(group)
"""
DIES_BEFORE_IT_ANSWERS = """
import os
from onefold.serving.appender import Appender
append, times = Appender._append, []
def dying(self, group):
    done = append(self, group)
    times.append(1)
    if len(times) == 3:
        os._exit(9)
    return done
Appender._append = dying
"""
FORGETS_WHAT_IT_HAS = """
from onefold.adapters.sqlite import store
for kind in vars(store).values():
    if hasattr(kind, "claim"):
        kind.claim = lambda self, keys: [True] * len(keys)
"""
IGNORES_SENT_AT = """
import msgspec
from onefold.ingest import framing
entries = framing.entries
framing.entries = lambda envelope, **more: entries(msgspec.structs.replace(envelope, sent_at=None), **more)
"""
TAKES_RECEIPT_FOR_THE_TIME = """
from onefold.ingest import clock
settle = clock.settle
clock.settle = lambda *a: settle(*a)._replace(timestamp_us=a[3])
"""
READS_THE_FIRST_PIECE = """
from onefold.serving.request import Bodies
async def read(self, receive):
    return (await receive())["body"]
Bodies.read = read
"""


@contextmanager
def started(here, plant=None):
    """A server on the project; with a bug, if one is planted."""
    if plant is None:
        with here.server() as process:
            yield process
        return
    command = [sys.executable, "-c", PROGRAM.format(plant=plant), "serve", "--project", str(here.directory)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(f"http://127.0.0.1:{here.port}/readyz")
        yield process
    finally:
        process.terminate()
        process.wait(30)


def found():
    """A check that must fail, by one of its own assertions."""
    return pytest.raises(AssertionError, match=r"^assert ")


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


def waits_in_node(plant=None):
    """Segment's Node SDK sends ten requests where six may come at once; the rest is told 429."""
    assert (INSTALLED / "node_modules").is_dir(), "the Node SDKs are not installed: run `make node`"
    with furnished(limits=TIGHT) as here, started(here, plant):
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


def waits_in_python(plant=None):
    """Segment's Python SDK does the same."""
    with furnished(limits=TIGHT) as here, started(here, plant):
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


@pytest.mark.parametrize("waits", [waits_in_node, waits_in_python])
def test_an_sdk_waits_when_told_and_nothing_is_lost_or_doubled(waits):
    """It comes again, and its process ends well."""
    waits()


@pytest.mark.parametrize("waits", [waits_in_node, waits_in_python])
def test_an_edge_that_says_200_to_what_it_drops_is_found(waits):
    """The negative control: over the limit, it answers 200 and keeps nothing."""
    with found():
        waits(DROPS_WHAT_IT_REFUSES)


def says_when(plant=None):
    """One request in ten seconds is let in, the next is refused: both headers name the moment the next may come."""
    slow = "limits: {enabled: true, ingest_per_minute: 6, lookups_per_minute: 6, operations_per_minute: 6000}"
    with furnished(limits=slow) as here, started(here, plant):
        server = Server(here)
        for key, method, path, let_in in ((here.write_key, "POST", "/v1/track", 200),
                                          (here.read_key, "GET", "/api/v1/profiles/user_id:nobody", 404)):  # fmt: skip
            times, statuses = [], []
            for _ in range(2):
                times.append(time.time())
                body = b'{"event": "Read", "userId": "r1"}' if method == "POST" else b""
                status, _, heads = server.send(method, path, body, Authorization=f"Bearer {key}")
                statuses.append(status)
                times.append(time.time())
            assert statuses == [let_in, 429]
            # It was let in at some time from times[0] to times[1]; the next may come ten seconds after that. A
            # millisecond is for the server's two clocks, of which one tells the wait and the other the moment.
            earliest, latest = times[0] + 10 - 0.001, times[1] + 10 + 0.001
            assert math.ceil(earliest) <= int(heads["x-ratelimit-reset"]) <= math.ceil(latest)
            assert math.ceil(earliest - times[3]) <= int(heads["retry-after"]) <= math.ceil(latest - times[2])


def test_a_refusal_says_exactly_when_to_come_again():
    says_when()


def test_a_refusal_that_says_seconds_where_a_time_is_meant_is_found():
    """The negative control: an edge and an API that take `X-RateLimit-Reset` for an interval."""
    with found():
        says_when(SAYS_THE_WAIT_AS_A_TIME_OR_SO)


def outlives_a_kill(first=None, second=None):
    """The server dies while the SDK sends: it tries again, and what had been taken is known by its messageId.

    Returns how many came twice.
    """
    with furnished() as here:
        failures = []
        client = Client(
            here.write_key,
            host=f"http://127.0.0.1:{here.port}",
            upload_size=5,
            on_error=lambda e, _: failures.append(e),
        )
        with started(here, first) as process:
            for n in range(100):
                client.track("k1", "Story Read", {"n": n})
            if first != DIES_BEFORE_IT_ANSWERS:
                process.kill()
            process.wait(30)
            for n in range(100, 200):
                client.track("k1", "Story Read", {"n": n})
        with started(here, second):
            ended = threading.Thread(target=client.shutdown)
            ended.start()
            ended.join(60)
            assert not ended.is_alive()
            assert failures == []
            numbers, account = read(Server(here), "user_id:k1")
            assert numbers == list(range(200))
            assert account["stored"] == 200
            return account["duplicate"]


def test_a_server_killed_and_started_again_in_the_middle_loses_and_doubles_nothing():
    outlives_a_kill()


def test_a_server_that_dies_between_disk_and_answer_doubles_nothing():
    """A request is on the disk, and nobody was told so: it comes again, and is known."""
    assert outlives_a_kill(DIES_BEFORE_IT_ANSWERS) > 0


def test_a_server_that_forgets_what_it_has_is_found():
    """The negative control: after the restart it knows no messageId."""
    with found():
        outlives_a_kill(DIES_BEFORE_IT_ANSWERS, FORGETS_WHAT_IT_HAS)


def answered_then_killed(plant=None):
    """What was answered 200 is there after a kill that follows at once."""
    with furnished() as here:
        event = {"type": "track", "event": "Story Read", "userId": "d1", "messageId": "d-1", "properties": {"n": 0}}
        with started(here, plant) as process:
            assert Server(here).post("/v1/track", event) == 200
            process.kill()
            process.wait(30)
        with started(here):
            _, told = Server(here).get("/api/v1/sources")
            assert sum(account["received"] for account in told["sources"]) == 1


def test_what_was_answered_is_there_after_a_kill():
    answered_then_killed()


def test_a_server_that_answers_before_the_disk_is_found():
    """The negative control: it says 200, and keeps the event in memory."""
    with found():
        answered_then_killed(ANSWERS_BEFORE_THE_DISK)


def stamp(moment):
    """A moment as SDKs write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


LATE = (timedelta(0), timedelta(days=4))
AHEAD = (timedelta(hours=2), timedelta(minutes=30))
BEHIND = (timedelta(hours=-2), timedelta(hours=1))


def keeps_time(skew, age, plant=None):
    """An event of `age`, from a client whose clock is off by `skew`, has its time by our clock."""
    with furnished() as here, started(here, plant):
        server = Server(here)
        now = datetime.now(UTC)
        event = {"type": "track", "event": "Story Read", "userId": "t1", "messageId": "t-1", "properties": {"n": 0}}
        event["timestamp"] = stamp(now + skew - age)
        assert server.post("/v1/batch", {"batch": [event], "sentAt": stamp(now + skew)}) == 200
        server.account()
        (event_found,) = server.timeline("user_id:t1")
        assert abs(datetime.fromisoformat(event_found["timestamp"]) - (now - age)) < timedelta(seconds=20)
        assert event_found["original_timestamp"] == event["timestamp"]


@pytest.mark.parametrize(
    ("skew", "age"), [LATE, AHEAD, BEHIND], ids=["offline for days", "clock ahead", "clock behind"]
)
def test_times_are_those_of_the_event_by_the_servers_clock(skew, age):
    """Days late keeps its time; a clock two hours off is set right by `sentAt`."""
    keeps_time(skew, age)


@pytest.mark.parametrize(
    ("case", "plant"),
    [(LATE, TAKES_RECEIPT_FOR_THE_TIME), (AHEAD, IGNORES_SENT_AT), (BEHIND, IGNORES_SENT_AT)],
    ids=["receipt for time", "sentAt ignored, ahead", "sentAt ignored, behind"],
)
def test_a_server_that_takes_the_wrong_time_is_found(case, plant):
    """The negative controls: a collector that ignores `sentAt`, and a judge that takes receipt for the event's time."""
    with found():
        keeps_time(*case, plant)


def slowly(first, *rest):
    """Pieces, the first of which has long arrived when the others come."""
    yield first
    time.sleep(0.7)
    yield from rest


def reads_chunks(plant=None):
    """No length is stated; the body comes in pieces."""
    with furnished() as here, started(here, plant):
        server = Server(here)
        event = {"type": "track", "event": "Story Read", "userId": "c1", "messageId": "c-1", "properties": {"n": 0}}
        raw = json.dumps({"writeKey": here.write_key, "batch": [event]}).encode()
        connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
        try:
            pieces = slowly(raw[:7], *(raw[at : at + 7] for at in range(7, len(raw), 7)))
            connection.request("POST", "/v1/batch", pieces, {"Transfer-Encoding": "chunked"}, encode_chunked=True)
            assert connection.getresponse().status == 200
        finally:
            connection.close()
        assert read(server, "user_id:c1")[0] == [0]


def test_a_body_in_chunks_is_read_whole():
    reads_chunks()


def test_a_server_that_reads_the_first_piece_is_found():
    """The negative control: the rest of the body is left lying."""
    with found():
        reads_chunks(READS_THE_FIRST_PIECE)
