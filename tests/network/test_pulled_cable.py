"""A cable pulled out between workers and PostgreSQL, in a network namespace: packets go nowhere and nobody is told."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests import database, workbench
from tests.faults import figures
from tests.network import postgres
from tests.network.cable import postgres_on_a_cable
from tests.network.test_silent_postgres import LIMIT_SECONDS, SLACK_SECONDS, TRUSTING, reached

from onefold.adapters.postgres import connections
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.errors import UnavailableError
from onefold.pipelines.stream import process

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.timeout(200)]

LONG_SECONDS = LIMIT_SECONDS + SLACK_SECONDS


def store_over(cable, workspace, name):
    """The store of a workspace at the other end of a cable."""
    return PostgresProfileStore(
        make_conninfo(
            database.address(database.WORKER), host=cable.far, sslmode="disable", gssencmode="disable",
            application_name=name,
        ),
        workspace,
        database.SEALER,
    )  # fmt: skip


class Asking(threading.Thread):
    """Asks in the middle of a transaction, once it is told to, and measures how long it waits."""

    def __init__(self, store):
        super().__init__(daemon=True)
        self.store, self.ready, self.go, self.took = store, threading.Event(), threading.Event(), None

    def run(self):
        with suppress(UnavailableError), self.store.transaction() as transaction:
            transaction.claim([b"k" * 16])
            self.ready.set()
            self.go.wait(60)
            started = time.monotonic()
            try:
                transaction.claim([b"l" * 16])
            except psycopg.Error:
                self.took = time.monotonic() - started
                raise


def backends(*names):
    """Those of these clients that the server still takes for living, asked over its Unix socket."""
    with psycopg.connect(database.server()) as connection:
        rows = connection.execute(
            "SELECT DISTINCT application_name FROM pg_stat_activity WHERE application_name = ANY(%s)", (list(names),)
        )
        return {name for (name,) in rows}


def test_a_pulled_cable_is_noticed_at_both_ends_within_five_seconds_and_nothing_is_lost(monkeypatch):
    """By the product, and by TCP's limits alone; the control, with neither, is seen to wait on at both ends."""
    with postgres_on_a_cable() as cable:
        workspaces = {name: database.workspace() for name in ("product", "limits", "neither")}
        log = postgres.log_of(40)
        stores = {"product": store_over(cable, workspaces["product"], "product")}
        process.drain(workbench.context(log=log, store=stores["product"]))
        monkeypatch.setattr(connections, "Guarded", TRUSTING)
        stores["limits"] = store_over(cable, workspaces["limits"], "limits")
        monkeypatch.setattr(connections, "_BOUNDS", {})
        monkeypatch.setattr(connections, "_SERVER_BOUNDS", "")
        stores["neither"] = store_over(cable, workspaces["neither"], "neither")
        monkeypatch.undo()
        asking = {name: Asking(store) for name, store in stores.items()}
        for thread in asking.values():
            thread.start()
            assert thread.ready.wait(30)
        cable.pull()
        pulled = time.monotonic()
        for thread in asking.values():
            thread.go.set()
        reached(lambda: backends(*stores) == {"neither"})
        noticed = time.monotonic() - pulled
        for name in ("product", "limits"):
            asking[name].join(30)
        time.sleep(max(0.0, pulled + LONG_SECONDS - time.monotonic()))
        assert backends(*stores) == {"neither"}
        assert asking["neither"].is_alive()
        took = {name: thread.took for name, thread in asking.items() if name != "neither"}
        figures.note("cable pulled", seconds={name: round(s, 2) for name, s in {**took, "server": noticed}.items()})
        cable.plug()
        log.append([postgres.event(n) for n in range(40, 60)])
        context = workbench.context(log=log, store=stores["product"])
        reached(lambda: process.advance(context).read == 0)
        assert postgres.wrong_with(log, workspaces["product"], 60) == []
        asking["neither"].join(60)
        for store in stores.values():
            store.close()
    assert max(*took.values(), noticed) < LIMIT_SECONDS + SLACK_SECONDS
