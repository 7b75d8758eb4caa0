"""Workspaces share a process, and nothing else: neither haste nor trouble of one is felt by another."""

from __future__ import annotations

from tests.serving.edge import Edge, basic, bearer

from onefold.serving.app import ServingSettings
from onefold.serving.limits import Limit, Limiter

EVENT = {"type": "track", "event": "Read", "userId": "ann"}
TIGHT = ServingSettings(limits={"lookup": Limit(60, burst=2), "ingest": Limit(60, burst=2)})


def hurried():
    """Statuses of a neighbour's look-up and event after the other has used up both of its limits."""
    with Edge("amber", "beryl", settings=TIGHT) as edge:
        keys = {
            name: (bearer(edge.key("secret", workspace=name)), basic(edge.key(workspace=name)))
            for name in ("amber", "beryl")
        }
        edge.workspaces["beryl"].know("ann")

        def asked(name):
            read, write = keys[name]
            look_up = edge.send("GET", "/api/v1/profiles/user_id:ann", Authorization=read)
            return look_up.status, edge.send("POST", "/v1/track", EVENT, Authorization=write).status

        assert [asked("amber") for _ in range(3)][-1] == (429, 429)
        return asked("beryl")


def test_haste_of_one_workspace_costs_another_nothing():
    assert hurried() == (200, 200)


def test_a_limit_that_all_share_is_found(monkeypatch):
    """The negative control: requests are counted together, whoever makes them."""
    waiting = Limiter.wait_seconds
    monkeypatch.setattr(
        Limiter, "wait_seconds", lambda self, _w, _k, operation, now: waiting(self, "all", "all", operation, now)
    )
    assert hurried() == (429, 429)


def test_a_log_that_takes_nothing_troubles_its_own_workspace_only():
    with Edge("amber", "beryl") as edge:
        edge.workspaces["amber"].log.failing = True
        statuses = {
            name: edge.send("POST", "/v1/track", EVENT, Authorization=basic(edge.key(workspace=name))).status
            for name in ("amber", "beryl")
        }
        assert statuses == {"amber": 503, "beryl": 200}
        assert edge.workspaces["amber"].log.entries == []
