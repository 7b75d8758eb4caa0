"""Connections of outsiders: each bound holds on a real socket, says why, and is missed where it is switched off."""

import contextlib
import json
import logging
import math
import socket
import threading
import time

import msgspec
import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from tests.serving.edge import UNLIMITED, Edge, basic

from onefold.serving import server
from onefold.serving.connections import Bounds, Guard

STRICT = Bounds(
    head_bytes=4_096,
    head_seconds=0.4,
    request_seconds=0.8,
    idle_seconds=1,
    answer_seconds=0.5,
    connections=12,
    per_address=12,
)  # fmt: skip
NONE = Bounds(
    head_bytes=1 << 40,
    head_seconds=3_600,
    request_seconds=3_600,
    idle_seconds=3_600,
    answer_seconds=3_600,
    per_address=1 << 20,
)  # fmt: skip
PATIENCE = 10.0  # for a busy machine; nothing waits this long when all is well
CONTROL = 2.5  # how long a control looks for what must not happen
GET = b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n"


@contextlib.contextmanager
def serving(bounds, *, trusted=()):
    """A server on a free port whose outsiders are on this machine; gives the edge and its address."""
    settings = msgspec.structs.replace(UNLIMITED, bounds=bounds, trusted_proxies=trusted)
    edge = Edge(settings=settings)
    listener = socket.create_server(("127.0.0.1", 0))
    running = server.configure(edge.app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield edge, listener.getsockname()
    finally:
        running.should_exit = True
        thread.join(30)
        listener.close()
        assert not thread.is_alive()


@contextlib.contextmanager
def connected(address, sent=b"", *, source="127.0.0.1", count=1):
    """Connections that have sent something; `source` may hold `{n}`."""
    with contextlib.ExitStack() as leaving:
        made = []
        for n in range(count):
            one = leaving.enter_context(socket.socket())
            one.settimeout(PATIENCE)
            one.bind((source.format(n=n), 0))
            one.connect(address)
            if sent:
                one.sendall(sent)
            made.append(one)
        yield made


def rest(one, seconds=PATIENCE):
    """All that comes until the other side closes; None when it does not within that time."""
    one.settimeout(seconds)
    got = b""
    try:
        while chunk := one.recv(65_536):
            got += chunk
    except TimeoutError:
        return None
    except ConnectionError:
        pass
    return got


def answered(address, sent=GET, *, source="127.0.0.1"):
    """The status of a request on a connection of its own."""
    with connected(address, source=source) as (one,):
        try:
            one.sendall(sent)
            got = one.recv(65_536)
        except ConnectionError:
            return 0
        return int(got.split(b" ", 2)[1]) if got else 0


def head(size):
    return b"GET /livez HTTP/1.1\r\nhost: x\r\nx-much: " + b"a" * size


RUDE = {
    "one endless header": (head(1_000_000), 431, "head_too_large"),
    "many headers": (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: b\r\n" % n for n in range(400)), 431, "head_too_large"),
    "a finished head, too large": (head(5_000) + b"\r\n\r\n", 431, "head_too_large"),
    "half a head": (b"GET /livez HTTP/1.1\r\nhost", 408, "head_late"),
    "half a body": (b"POST /v1/t HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{", 408, "body_late"),
    "no body": (b"POST /v1/t HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n", 408, "body_late"),
    "nothing": (b"", 0, "head_late"),
    "blank lines": (b"\r\n", 0, "head_late"),
    "no HTTP": (b"\x16\x03\x01\x02\x00", 400, "invalid"),
    "forty at once": (GET * 40, None, "pipelined"),
}


@pytest.fixture(scope="module")
def strict():
    with serving(STRICT) as made:
        yield made


@pytest.mark.parametrize("name", RUDE)
def test_what_is_too_much_or_too_late_is_closed(strict, name):
    """Closed within the bound, with an answer where there is a request; counted by reason; others are served."""
    edge, address = strict
    sent, status, reason = RUDE[name]
    before = edge.app.guard.closed.get(reason, 0)
    with connected(address) as (one,):
        with contextlib.suppress(ConnectionError):
            one.sendall(sent)
        got = rest(one)
        assert got is not None, "still open"
        # Whoever still sends while we close may lose the answer.
        if status and got:
            assert int(got.split(b" ", 2)[1]) == status
            assert json.loads(got.rpartition(b"\r\n\r\n")[2])["code"] == reason
    assert edge.app.guard.closed[reason] == before + 1
    assert answered(address) == 200


@pytest.mark.parametrize("name", ["one endless header", "half a head", "half a body", "nothing", "blank lines"])
def test_without_bounds_they_stay(name):
    """Control: with the bounds switched off the same outsiders hold their connections."""
    with serving(NONE) as (_, address), connected(address) as (one,):
        one.sendall(RUDE[name][0])
        assert rest(one, CONTROL) is None


@pytest.mark.parametrize("first", [b"GET / HTTP/1.1\r\nx: ", b"POST /v1/t HTTP/1.1\r\ncontent-length: 4096\r\n\r\n"])
def test_a_trickle_is_no_progress(strict, first):
    """A byte now and then does not put the deadline off."""
    _, address = strict
    with connected(address, first) as (one,):
        until = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < until:
                one.sendall(b"a")
                time.sleep(0.05)
        except ConnectionError:
            return
    raise AssertionError("a trickle kept the connection open")


def test_an_unused_connection_is_kept_for_a_while(strict):
    """Two requests on one connection, then closed once nobody has used it."""
    edge, address = strict
    before = edge.app.guard.closed.get("idle", 0)
    with connected(address) as (one,):
        for _ in range(2):
            one.sendall(GET)
            assert b"200 OK" in one.recv(65_536)
        assert rest(one) == b""
    assert edge.app.guard.closed["idle"] == before + 1


def test_a_few_requests_at_once_are_answered_in_order(strict):
    """Pipelining, which HTTP allows, works: so many answers as requests."""
    _, address = strict
    with connected(address, GET * 3) as (one,):
        assert rest(one).count(b"HTTP/1.1 200 OK") == 3


def test_who_does_not_read_is_dropped():
    """Answers that nobody takes are not kept for ever."""
    asked = b"GET /analytics.js/v1/k/analytics.min.js HTTP/1.1\r\nhost: x\r\n\r\n"
    with serving(STRICT) as (edge, address), socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        one.connect(address)
        until = time.monotonic() + PATIENCE
        with contextlib.suppress(ConnectionError):
            while not edge.app.guard.closed.get("answer_unread") and time.monotonic() < until:
                one.sendall(asked)
                time.sleep(0.02)
        assert edge.app.guard.closed.get("answer_unread") == 1


@pytest.mark.parametrize("held", [b"", b"GET /", RUDE["no body"][0], RUDE["half a body"][0]])
def test_a_full_server_sheds_whoever_wants_nothing_yet(held):
    """However many connections are held half-way, the next client is served; the oldest gave way."""
    patient = msgspec.structs.replace(NONE, connections=12)
    with serving(patient) as (edge, address), connected(address, held, source="127.0.1.{n}", count=12):
        for _ in range(30):
            assert answered(address, source="127.0.0.9") == 200
        assert edge.app.guard.closed["shed"] >= 1
        assert sum(edge.app.guard.counts().values()) <= 12


def test_where_it_is_crowded_everybody_has_a_share():
    """An address that holds much gets no more once three quarters are taken; one that holds little does."""
    with serving(msgspec.structs.replace(NONE, connections=40)) as (edge, address):
        with connected(address, count=20), connected(address, source="127.0.0.8", count=9):
            assert answered(address) == 200
            with connected(address, source="127.0.0.8", count=2):
                assert answered(address) == 0
                assert answered(address, source="127.0.0.9") == 200
        assert edge.app.guard.closed == {"address_full": 1}


def test_one_address_does_not_take_all():
    """Over its bound an address gets no further connection; another does; a trusted proxy is not one client."""
    few = msgspec.structs.replace(NONE, per_address=5)
    with serving(few) as (edge, address), connected(address, count=5):
        assert answered(address) == 0
        assert answered(address, source="127.0.0.9") == 200
        assert edge.app.guard.closed == {"address_full": 1}
    with serving(few, trusted=("127.0.0.0/8",)) as (_, address), connected(address, count=9):
        assert answered(address) == 200


def test_a_body_is_read_only_for_who_may_send_one(strict):
    """The API refuses strangers before their body has come; so does a source whose key is over its limit."""
    edge, address = strict
    asked = (
        b"POST /api/v1/judgements HTTP/1.1\r\nhost: x\r\ncontent-length: 900000\r\ncontent-type: application/json\r\n"
    )
    for key, status in ((b"", 401), (edge.key().encode(), 403)):
        header = b"authorization: Bearer " + key + b"\r\n" if key else b""
        assert answered(address, asked + header + b"\r\n") == status


def test_a_body_nobody_wants_is_not_read_for_ever():
    """The sender of a refused body gets the answer, and is cut off when it goes on and on."""
    with serving(NONE) as (edge, address), connected(address) as (one,):
        one.sendall(b"POST /v1/t HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000000\r\n\r\n")
        assert b" 413 " in one.recv(65_536).partition(b"\r\n")[0]
        with pytest.raises(ConnectionError):
            for _ in range(2_000):
                one.sendall(b"a" * 65_536)
        assert edge.app.guard.closed == {"body_unwanted": 1}


def test_what_happened_is_told_without_addresses(caplog):
    """Log and metrics say how many were closed, and why; neither says who they were."""
    caplog.set_level(logging.WARNING, "onefold.connections")
    with serving(NONE) as (edge, address):
        for _ in range(3):
            assert answered(address, b"\x16\x03") == 400
        until = time.monotonic() + PATIENCE
        while not caplog.records and time.monotonic() < until:
            time.sleep(0.05)
        text = edge.app.health.measures.text(None).decode()
    (line,) = [record for record in caplog.records if record.name == "onefold.connections"]
    assert (line.reason, line.closed >= 1) == ("invalid", True)
    assert 'onefold_http_connections_closed_total{reason="invalid"} 3.0' in text
    assert 'onefold_http_connections{state="waiting"}' in text
    assert "127.0.0" not in text
    assert "127.0.0" not in str(vars(line))


def test_an_upgrade_is_not_spoken(strict):
    """Who asks for another protocol is answered in this one."""
    _, address = strict
    asked = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"
    assert answered(address, asked) == 200


def test_events_pass_as_before(strict):
    """A body in several pieces, and two requests on one connection, are stored."""
    edge, address = strict
    body = json.dumps({"type": "track", "event": "Read", "userId": "u"}).encode()
    asked = b"POST /v1/t HTTP/1.1\r\nhost: x\r\nauthorization: %s\r\ncontent-length: %d\r\n\r\n"
    asked %= (basic(edge.key()).encode(), len(body))
    with connected(address) as (one,):
        for _ in range(2):
            one.sendall(asked + body[:5])
            time.sleep(0.05)
            one.sendall(body[5:])
            assert b" 200 OK" in one.recv(65_536)
    assert [entry.body for entry in edge.main.log.entries][-2:] == [body, body]


class FakeConnection:
    """A connection of the machine below."""

    address = None
    deadline = math.inf

    def __init__(self, guard):
        self.guard = guard
        self.open = True

    def unsent_bytes(self):
        return 0

    def late(self):
        self.drop()

    def drop(self):
        self.open = False
        self.guard.leave(self)


class GuardMachine(RuleBasedStateMachine):
    """Connections come, ask, send, are answered and leave in any order; the guard's books stay right."""

    connections = Bundle("connections")

    def __init__(self):
        super().__init__()
        bounds = Bounds(connections=8, per_address=3)
        self.guard = Guard(bounds, lambda peer: peer == "10.0.0.1")
        self.guard._sweeping = True  # no loop here: nothing sweeps by itself
        self.all = []

    @rule(
        target=connections, peer=st.sampled_from(["10.0.0.1", "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"])
    )
    def connect(self, peer):
        made = FakeConnection(self.guard)
        made.open = self.guard.admit(made, peer)
        self.all.append(made)
        return made

    @rule(one=connections, step=st.sampled_from(["waits", "asks", "arrives", "arrived"]))
    def go_on(self, one, step):
        getattr(self.guard, step)(one)

    @rule(one=consumes(connections))
    def leave(self, one):
        one.open = False
        self.guard.leave(one)

    @invariant()
    def books(self):
        alive = [one for one in self.all if one.open]
        assert set(alive) == set(self.guard._open)
        assert len(alive) <= 8
        counted = [one.address for one in alive if one.address is not None]
        assert self.guard._addresses == {address: counted.count(address) for address in counted}
        assert all(held <= 3 for held in self.guard._addresses.values())
        assert set(self.guard._fresh) | set(self.guard._waiting) | set(self.guard._arriving) <= set(alive)


GuardMachine.TestCase.settings = hypothesis_settings(max_examples=60, stateful_step_count=40, deadline=None)
test_the_books_of_connections = GuardMachine.TestCase
