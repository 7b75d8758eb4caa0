"""A look-up from a file is made on the loop, one over a network beside it."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from fastapi import FastAPI
from tests.serving.edge import Edge

from onefold.model import Identifier
from onefold.serving.access import Caller, Doorkeeper
from onefold.serving.app import ServingSettings
from onefold.serving.limits import Limit
from onefold.serving.lookup import looked_up


@pytest.mark.parametrize("remote", [False, True])
def test_a_look_up_over_a_network_does_not_hold_the_loop_up(remote):
    def profile(who):
        return {"thread": threading.get_ident(), "who": who.value}

    async def ask():
        service = SimpleNamespace(remote=remote, profile=profile, quick_profile=profile)
        caller = SimpleNamespace(service=service)
        return await looked_up(caller, Identifier("user_id", "ann")), threading.get_ident()

    found, loop = asyncio.run(ask())
    assert found["who"] == "ann"
    assert (found["thread"] == loop) is not remote


PATHS = [
    "/api/v1/profiles/user_id:ann",
    "/api/v1/profiles/user_id:ann?pretty=1",
    "/api/v1/profiles/user_id:nobody",
    "/api/v1/profiles/user_id:broken",
    "/api/v1/profiles/ann",
    "/api/v1/profiles/lookup",
    "/api/v1/profiles/:ann",
    "/api/v1/profiles/user_id:",
    "/api/v1/profiles/user_id:ann/",
    "/api/v1/profiles/user_id:ann/identifiers",
    "/api/v1/profiles/phone: 13125550100",
    "/api/v1/profiles/id/00000000-0000-0000-0000-000000000001",
    "/api/v1/profiles",
]
LIMITED = ServingSettings(limits={"lookup": Limit(per_minute=1, burst=2)}, metrics_open=True)


def told(edge, request, answers):
    """One request's answer and how it was counted, but for the request's id."""
    method, path, headers = request
    answer = edge.send(method, path, **headers)
    named = answer.headers.pop("request-id")
    counted = [
        line for line in edge.send("GET", "/metrics").body.decode().splitlines() if "http_requests_total{" in line
    ]
    answers.append((request[:2], answer.status, answer.headers, answer.body.replace(named.encode(), b"-"), counted))


def answers(requests, *, short, settings=None):
    """What all of these requests are answered, one after the other."""
    found = []
    with Edge(settings=settings or ServingSettings(limits={}, metrics_open=True)) as edge:
        edge.main.know("ann")
        real = edge.main.profile
        edge.main.profile = lambda who: real(who) if who.value != "broken" else 1 / 0
        keys = [edge.key("secret"), edge.key("source"), "sk_unknown"]
        sent = [{"Authorization": f"Bearer {key}"} for key in keys]
        if not short:
            edge.app._plain = None
        for method, path, key in requests:
            told(edge, (method, path, {} if key is None else sent[key]), found)
    return found


def test_the_short_way_answers_as_the_long_way_does():
    """Every path, method and key: status, headers, body, and what the metrics count."""
    requests = [(m, path, key) for m in ("GET", "HEAD", "POST") for path in PATHS for key in (0, 1, 2, None)]
    short, long = answers(requests, short=True), answers(requests, short=False)
    assert short == long
    assert {status for _, status, *_ in short} >= {200, 401, 403, 404, 422, 500}


def test_a_look_up_counts_once_against_the_limit():
    """Found or not, by either way."""
    # Nobody first: counted twice, that one alone would use up the two that may come at once.
    requests = [("GET", path, 0) for path in (PATHS[2], PATHS[0], PATHS[0])]
    short = answers(requests, short=True, settings=LIMITED)
    assert short == answers(requests, short=False, settings=LIMITED)
    assert [status for _, status, *_ in short] == [404, 200, 429]


def test_a_plain_look_up_does_not_go_through_the_framework(monkeypatch):
    """Control for the tests above: they would hold if there were no short way."""
    framework = []
    whole = FastAPI.__call__

    async def watched(self, scope, receive, send):
        framework.append(scope["path"])
        await whole(self, scope, receive, send)

    monkeypatch.setattr(FastAPI, "__call__", watched)
    found = answers([("GET", PATHS[0], 0), ("GET", PATHS[2], 0)], short=True)
    assert [status for _, status, *_ in found] == [200, 404]
    assert [path for path in framework if path != "/metrics"] == [PATHS[2]]


def test_a_short_way_that_forgets_the_scope_of_a_key_is_found_out(monkeypatch):
    """Control: the comparison tells of a way in for keys that may only write."""
    monkeypatch.setattr(
        Doorkeeper, "admit", lambda self, request, scope, operation: Caller(None, self._workspaces["main"])
    )
    requests = [("GET", PATHS[0], 1)]
    short = answers(requests, short=True)
    monkeypatch.undo()
    assert short != answers(requests, short=False)
