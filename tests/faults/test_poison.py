"""Poison: what breaks careless products passes through the running server, and the stream never waits for it."""

import http.client
import itertools
import json
import random
import re
import statistics
import threading
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from bench.ground import wait_until
from tests.faults import corpus, figures
from tests.faults.scale import RELEASE, scaled
from tests.plain import balances, dead_letters, profiles
from tests.running import Server, project

from onefold import bootstrap
from onefold.model import Identifier
from onefold.pipelines.stream import quarantine

pytestmark = [pytest.mark.xdist_group("poison"), pytest.mark.timeout(7200 if RELEASE else 280)]
MARK = re.compile(rb"(?:poison-\d{6}|nasty-[a-z0-9-]+)")
SENDERS = 3
STATUS = {"dead": {200, 400}, "stored": {200}, "either": {200, 400}, "refused": {413}}
EMPTY = (b"", b"   ", b"null", b"[]", b"{}", b'{"batch": []}', b'{"batch": [null]}', b'{"batch": [[], 1, "x"]}')


@contextmanager
def served(zygote, here, program=None):
    """A server on a project, which must not die."""
    command = zygote.start("serve", "--project", str(here.directory), program=program)
    command.go()
    wait_until(f"http://127.0.0.1:{here.port}/readyz")
    try:
        yield Server(here)
        assert not command.ended(), "the server died"
    finally:
        command.kill(15)
        command.wait()


class Sender(threading.Thread):
    """Sends its share of the poison over one connection."""

    def __init__(self, here, poison):
        super().__init__(daemon=True)
        self.here, self.poison = here, poison
        self.wrong: list[tuple] = []
        self.sent: list[tuple[str, str, str]] = []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.here.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.here.write_key}"}
        for p in self.poison:
            body = p.body if p.request else b'{"batch": [' + p.body + b"]}"
            try:
                connection.request("POST", "/v1/batch", body, headers)
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException) as error:
                # A body that is too large is answered before it was read, which the sender may notice as a reset.
                status = 413 if p.fate == "refused" else repr(error)
                connection.close()
            if status not in STATUS[p.fate]:
                self.wrong.append((p.mark, p.kind, status))
            self.sent.append((p.mark, p.kind, p.fate))
        connection.close()


class Prober(threading.Thread):
    """Sends a healthy event, waits until its person can be looked up, and again: the wait at the head of the line."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.waits: list[float] = []
        self.unready = 0
        self.done = threading.Event()

    def run(self):
        while not self.done.is_set():
            who = f"healthy-{len(self.waits)}"
            started = time.monotonic()
            if self.server.post("/v1/track", {"event": "Read", "userId": who, "messageId": who}) != 200:
                self.unready += 1
                continue
            while self.server.get(f"/api/v1/profiles/user_id:{who}")[0] != 200 and time.monotonic() < started + 30:
                time.sleep(0.005)
            self.waits.append(time.monotonic() - started)
            self.done.wait(0.05)

    def end(self):
        self.done.set()
        self.join()


def shares(poison, number):
    """Part a stream of messages among threads, lazily."""
    lock, source = threading.Lock(), iter(poison)

    def share():
        while True:
            with lock:
                p = next(source, None)
            if p is None:
                return
            yield p

    return [share() for _ in range(number)]


def sent_through(zygote, here, poison, program=None):
    """Send it all, with healthy events in between; the senders and the prober."""
    with served(zygote, here, program) as server:
        prober = Prober(server)
        senders = [Sender(here, share) for share in shares(poison, SENDERS)]
        for thread in (prober, *senders):
            thread.start()
        for sender in senders:
            sender.join()
        prober.end()
        caught_up = time.monotonic()
        server.account()
        return senders, prober, time.monotonic() - caught_up


def kept(context):
    """How often each mark stands in a dead letter and in a stored event; and where the dead letters are."""
    dead, places, after = Counter(), {}, (0, 0)
    with context.store.snapshot() as snapshot:
        while letters := snapshot.dead_letters(status="open", source=None, after=after, limit=500):
            after = (letters[-1].partition, letters[-1].offset)
            for stored in context.log.get([(d.partition, d.offset) for d in letters]):
                mark = MARK.search(stored.entry.body)
                if mark:
                    dead[mark[0].decode()] += 1
                    places[stored.offset] = mark[0].decode()
    stored: Counter[str] = Counter()
    offset = 0
    while entries := context.log.read(0, offset, 500):
        offset = entries[-1].offset
        for entry in entries:
            mark = MARK.search(entry.entry.body)
            if mark and entry.offset not in places:
                stored[mark[0].decode()] += 1
    return dead, stored, places


def fates_broken(sent, dead, stored):
    """Messages that met another fate than was theirs, or more than one."""
    wrong = []
    for mark, kind, fate in sent:
        met = (dead[mark], stored[mark])
        allowed = {"dead": {(1, 0)}, "stored": {(0, 1)}, "either": {(1, 0), (0, 1)}, "refused": {(0, 0)}}[fate]
        if met not in allowed:
            wrong.append((mark, kind, fate, met))
    return wrong


def mended(mark):
    return msgspec.json.encode(
        {"type": "track", "event": "Mended", "userId": f"u-{mark}", "messageId": f"mended-{mark}"}
    )


def test_poison_is_set_aside_once_and_delays_nobody(zygote):
    """No restart, no stall; each message has its fate exactly once; mended and replayed, each is stored once."""
    number, started = scaled(2_000, 100_000), time.monotonic()
    poison = itertools.chain(corpus.nastiest(), corpus.generated(number))
    with project() as here:
        senders, prober, rest = sent_through(zygote, here, poison)
        sending = time.monotonic() - started
        assert [wrong for sender in senders for wrong in sender.wrong] == []
        sent = [message for sender in senders for message in sender.sent]
        with bootstrap.opened(here.directory, None) as workspace:
            context = workspace.context
            dead, stored, places = kept(context)
            assert fates_broken(sent, dead, stored) == []
            (account,) = balances.sources(context)
            assert account["balanced"]
            assert account["pending"] == 0
            assert account["rejected"] == len(places) == dead.total()
            again = random.Random(1).sample(sorted(places), len(places))
            for offset in again:
                dead_letters.replay(context, offset, body=mended(places[offset]))
            quarantine.drain(context)
            (after,) = balances.sources(context)
            assert after["stored"] - account["stored"] == len(again)
            assert after["rejected"] == account["rejected"]
            for offset in again[:500]:
                events = profiles.timeline(context, Identifier("user_id", f"u-{places[offset]}"))["events"]
                assert [e["name"] for e in events if e["name"] == "Mended"] == ["Mended"]
            assert bootstrap.verify(workspace).equal
    figures.note(
        "poison", messages=len(sent), dead=dead.total(), replayed=len(again), head_of_line_p50=_p(prober, 0.5),
        head_of_line_p99=_p(prober, 0.99), head_of_line_max=_p(prober, 1), healthy=len(prober.waits),
        caught_up_after=round(rest, 3), sending_seconds=round(sending, 1),
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip
    assert prober.unready == 0
    assert statistics.median(prober.waits) < 1
    assert max(prober.waits) < 10


def _p(prober, q):
    return figures.quantile(prober.waits, q)


def test_the_judge_of_fates_sees_what_is_lost_and_what_is_twice():
    """Control: a lost message, a doubled one and one that got through are each told."""
    sent = [("poison-000001", "a", "dead"), ("poison-000002", "b", "dead"), ("poison-000003", "c", "dead")]
    wrong = fates_broken(sent, Counter({"poison-000002": 2}), Counter({"poison-000003": 1}))
    assert [mark for mark, *_ in wrong] == [mark for mark, *_ in sent]


def test_the_corpus_is_always_the_same_and_has_every_kind():
    """A finding can be told by its number."""
    corpus_of = list(corpus.generated(200))
    assert corpus_of == list(corpus.generated(200))
    assert {p.kind for p in corpus_of} == set(corpus.GENERATORS)
    assert len({p.mark for p in corpus_of}) == 200
    assert all(p.fate in STATUS for p in corpus.nastiest())
    assert len(corpus.nastiest()) == len(list(Path(corpus.NASTIEST).iterdir())) >= 25


def test_bodies_with_nothing_in_them_stop_nothing(zygote):
    """Empty, blank, null, and lists of nothing: answered, accounted for, and the next event passes."""
    with project() as here, served(zygote, here) as server:
        statuses = [server.post("/v1/batch", body) for body in EMPTY]
        assert set(statuses) <= {200, 400}
        assert server.post("/v1/track", {"event": "Read", "userId": "ann", "messageId": "1"}) == 200
        account = server.account()
        assert account["stored"] == 1
        assert account["balanced"]
        assert account["received"] == 1 + account["rejected"]


def test_a_gzip_bomb_is_refused_at_little_cost(zygote):
    """A body of 4 MB that would be 4 GB: 413 after the allowed size was produced, in a moment."""
    packed = corpus.bomb(200)
    with project() as here, served(zygote, here) as server:
        seconds = []
        for _ in range(20):
            started = time.monotonic()
            assert server.post("/v1/batch", packed) == 413
            seconds.append(time.monotonic() - started)
    figures.note("gzip bomb", packed_bytes=len(packed), p50=figures.quantile(seconds, 0.5), most=round(max(seconds), 3))
    assert statistics.median(seconds) < 1


def burst(number):
    """Events in a row on which the planted bug breaks; each hundredth is a healthy one."""
    for n in range(number + number // 100):
        event = "Read" if n % 101 == 100 else "Break"
        yield json.dumps({"type": "track", "event": event, "userId": f"b{n % 50}", "messageId": f"b-{n}"}).encode()


def test_events_that_break_our_own_code_delay_nobody(zygote):
    """They are dead letters `internal_error`; the mended server replays them all, and each counts once.

    How much work a crowd of them makes is asserted in tests/pipelines; here the wait is measured as others feel it.
    """
    number = scaled(600, 6_000)
    with project() as here:
        with served(zygote, here, "tests.faults.buggy:breaking") as server:
            prober = Prober(server)
            prober.start()
            bodies = list(burst(number))
            started = time.monotonic()
            for start in range(0, len(bodies), 100):
                assert server.post("/v1/batch", b'{"batch":[' + b",".join(bodies[start : start + 100]) + b"]}") == 200
            sending = time.monotonic() - started
            server.account()
            passing = time.monotonic() - started
            prober.end()
            account = server.account()
            assert account["reasons"] == {"internal_error": number}
            assert account["stored"] == number // 100 + len(prober.waits)
            assert server.send("GET", "/readyz")[0] == 200
        assert zygote.run("dlq", "replay", "--reason", "internal_error", "--project", str(here.directory)) == 0
        with bootstrap.opened(here.directory, None) as workspace:
            counted = sum(
                profiles.profile(workspace.context, Identifier("user_id", f"b{n}"))["counters"]["events"]
                for n in range(50)
            )
            assert counted == len(bodies)
            assert dead_letters.listed(workspace.context) == []
            assert bootstrap.verify(workspace).equal
    figures.note("events that break our code", broken=number, head_of_line_p50=_p(prober, 0.5),
                 head_of_line_max=_p(prober, 1), healthy=len(prober.waits), sending_seconds=round(sending, 2),
                 passed_after_seconds=round(passing, 2))  # fmt: skip
    assert prober.unready == 0
    assert max(prober.waits) < 5


def test_without_isolation_the_same_events_stall_the_stream(zygote):
    """Control: nothing after the first of them is ever seen, and the server says that it is not ready."""
    with project() as here, served(zygote, here, "tests.faults.buggy:stalling") as server:
        assert server.post("/v1/track", {"event": "Break", "userId": "b", "messageId": "1"}) == 200
        assert server.post("/v1/track", {"event": "Read", "userId": "ann", "messageId": "2"}) == 200
        time.sleep(1.5)
        assert server.get("/api/v1/profiles/user_id:ann")[0] == 404
        assert server.send("GET", "/readyz")[0] == 503
