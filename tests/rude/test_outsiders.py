"""Rude outsiders against a real server under 1 GB and 1,024 descriptors: others are served, and nothing restarts.

The figure itself is `python -m bench rude`; here the bound is loose, for a machine that does other things as well.
"""

import time

import pytest
from bench.ground import family, resident_mb
from bench.outsiders import ATTACKS
from bench.rude import attacked_server, beside, settled_mb
from tests.faults.scale import RELEASE
from tests.running import Server

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(280 if not RELEASE else 0)]

PATIENCE_SECONDS = 12.0
"""Within which others must be answered: the machine has been seen with ten times the work it can do."""
KEPT_MB = 100.0
"""What a server may keep of an attack: caches, and the pieces in which memory comes back to Python."""
TOGETHER = [
    ["idle connections", "huge headers", "many headers", "no HTTP"],
    ["half-sent headers", "pipelines", "bodies to the API", "unread answers"],
    ["half-sent bodies", "bodies without a key", "bombs", "swollen people", "backtracking patterns"],
    ["trickle", "deep nesting", "empty items", "large batches with a page's key"],
]
SECONDS = 20.0 if RELEASE else 2.0

# The product with no bound on connections.
UNBOUNDED = """
from onefold.serving import connections
made = connections.Guard.__init__

def unbounded(self, bounds, trust):
    for_ever = 1e9
    made(self, connections.Bounds(1 << 40, for_ever, for_ever, for_ever, for_ever, None, 1 << 30), trust)
    self.most = 1 << 30

connections.Guard.__init__ = unbounded
"""


@pytest.fixture(scope="module")
def attacked():
    with attacked_server() as (here, process):
        beside(here, [], 1.0)
        yield here, process, resident_mb(process.pid)


@pytest.mark.parametrize("attacks", [[name] for name in ATTACKS] if RELEASE else TOGETHER, ids=lambda names: names[0])
def test_others_are_served(attacked, attacks):
    """Visitors and an application get their answers, all of them, in time; the server and its worker live on."""
    here, process, before = attacked
    pids = family(process.pid)
    found = beside(here, attacks, SECONDS, patience=PATIENCE_SECONDS)
    assert found["failed"] == 0, found
    assert family(process.pid) == pids
    assert settled_mb(process.pid, until_mb=before + KEPT_MB) <= before + KEPT_MB


def test_what_was_sent_for_the_worker_is_processed(attacked):
    """People that swell and patterns that backtrack wait for the worker: it gets through them, and is the same worker."""
    here, process, _ = attacked
    pids, server = family(process.pid), Server(here)
    for _ in range(20):
        beside(here, ["swollen people", "backtracking patterns"], 1.0, patience=PATIENCE_SECONDS)
        account = server.account()
        status, swollen = server.get("/api/v1/profiles/user_id:swollen")
        if account["reasons"].get("plan_violation") and status == 200 and swollen["counters"]["events"] > 100:
            break
    else:
        pytest.fail(f"nothing was refused, or nobody swelled: {account}")
    assert server.profile("user_id:swollen")["full"] == ["traits"]
    assert family(process.pid) == pids


def test_all_attacks_are_tried():
    """None is left out of the slice that every run takes."""
    assert sorted(name for names in TOGETHER for name in names) == sorted(ATTACKS)


def test_what_was_done_is_told(attacked):
    """Metrics say why connections were closed, the log says how many; no address stands in either."""
    here, _, _ = attacked
    text, until = b"", time.monotonic() + 60
    # As long as an address has all its connections, what it says on others is not read.
    while b'onefold_http_connections_closed_total{reason="invalid"}' not in text and time.monotonic() < until:
        beside(here, ["half-sent headers", "no HTTP"], 1.0)
        status, text, _ = Server(here).send("GET", "/metrics")
        assert status == 200
    assert b'onefold_http_connections_closed_total{reason="invalid"}' in text
    until = time.monotonic() + 60
    log = here.directory / "log"
    while b'"reason":"invalid"' not in log.read_bytes() and time.monotonic() < until:
        time.sleep(0.2)
    assert b'"message":"connections closed","reason":"invalid"' in log.read_bytes()
    assert b"127.0.66." not in log.read_bytes() + text


@pytest.mark.parametrize("attack", ["half-sent headers", "huge headers"] if RELEASE else ["half-sent headers"])
def test_a_server_without_bounds_is_found_out(attack):
    """Control: with the bounds on connections off, others are shut out, or memory is held."""
    with attacked_server(prelude=UNBOUNDED) as (here, process):
        before = resident_mb(process.pid)
        found = beside(here, [attack], 2.0, patience=PATIENCE_SECONDS)
        assert found["failed"] or process.poll() is not None or resident_mb(process.pid) > before + KEPT_MB
