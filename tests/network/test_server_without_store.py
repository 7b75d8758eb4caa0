"""A server whose PostgreSQL falls silent: it goes on collecting, says that it cannot look up, and recovers by itself."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests import database
from tests.faults import figures
from tests.faults.ledger import Producer, faults, looked
from tests.network import postgres as behind
from tests.network.test_silent_broker import LIMIT_SECONDS, SLACK_SECONDS, recovered, timed
from tests.network.test_silent_postgres import reached
from tests.running import Server, project

from bench import postgres
from onefold import bootstrap

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.timeout(200)]
LOOKUPS = 60
"""More than a server has threads for."""


@pytest.fixture
def served(monkeypatch):
    """A running server with its store behind a proxy."""
    with behind.before_postgres() as proxy, project() as here:
        bootstrap.migrate_postgres(postgres.url(database.OWNER), ("bench",), role=database.WORKER)
        monkeypatch.setenv(
            "ONEFOLD_STORE", f"postgresql://{database.WORKER}@127.0.0.1:{proxy.port}/postgres?sslmode=disable"
        )
        with here.server():
            yield here, proxy
        postgres.forget("onefold_bench")


def test_a_server_without_its_store_collects_and_recovers(served, monkeypatch):
    """Look-ups fail within five seconds with 503, however many wait; what is sent meanwhile is acknowledged and kept."""
    here, proxy = served
    ledger, server = Producer(here, "a"), Server(here)
    recovered(ledger)
    server.account()
    proxy.silence()
    with ThreadPoolExecutor(LOOKUPS) as pool:
        started = time.monotonic()

        def look(number):
            status, _ = server.get(f"/api/v1/profiles/user_id:u{number % 5}")
            return status, time.monotonic() - started

        looking = [pool.submit(look, number) for number in range(LOOKUPS)]
        collected = [timed(ledger) for _ in range(20)]
        answers = [each.result() for each in looking]
    assert server.send("GET", "/readyz")[0] == 503
    assert server.send("GET", "/livez")[0] == 200
    proxy.heal()
    reached(lambda: server.send("GET", "/readyz")[0] == 200)
    recovered(ledger)
    server.account()
    assert server.profile("user_id:u1")["counters"]["events"] > 0
    monkeypatch.setenv("ONEFOLD_STORE", postgres.url(database.WORKER))
    with bootstrap.opened(here.directory, None) as workspace:
        held = looked(workspace.context, bootstrap.verify(workspace).equal)
    assert faults(held, ledger.acknowledged) == []
    assert {status for status, _ in answers} == {503}
    assert all(known for known, _ in collected)
    slowest = max(seconds for _, seconds in answers)
    figures.note("server without its store", lookups=LOOKUPS, seconds=round(slowest, 2),
                 collect_seconds=round(max(s for _, s in collected), 2))  # fmt: skip
    assert max(s for _, s in collected) < LIMIT_SECONDS
    assert slowest < LIMIT_SECONDS + SLACK_SECONDS
