"""Hubs: people of thousands of identifiers are read by a process of their own, and come out the same."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from bench.stream import fill
from tests.plain import profiles
from tests.running import Server, gone, kill, project

from onefold import bootstrap
from onefold.bootstrap.hub_reader import NODES_MAX
from onefold.model import Identifier

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(240)]

COOKIES = NODES_MAX + 100


def bodies():
    for n in range(COOKIES):
        yield {"type": "identify", "userId": "hub", "anonymousId": f"a{n}", "traits": {"plan": f"p{n % 7}"}}
        yield {"type": "track", "event": "Read", "anonymousId": f"a{n}", "timestamp": f"2026-06-01T00:{n % 60:02d}:00Z"}
    yield {"type": "identify", "userId": "ann", "anonymousId": "b"}


@pytest.fixture(scope="module")
def served():
    with project() as here:
        (here.directory / "identity.yaml").write_text("types:\n  anonymous_id: {limit: 10000}\n")
        fill(here.directory, (json.dumps(b | {"messageId": f"m{n}"}).encode() for n, b in enumerate(bodies())))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            direct = profiles.profile(workspace.context, Identifier("user_id", "hub"))
        with here.server() as process:
            yield Server(here), process, direct


def reader_of(process):
    """The process that reads hubs; None while there is none. A thread has started it, so it is no child of the first one."""
    children = [p.read_text().split() for p in Path(f"/proc/{process.pid}/task").glob("*/children")]
    pids = [int(pid) for some in children for pid in some]
    return next((pid for pid in pids if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()), None)


def test_a_hub_is_read_by_another_process_and_comes_out_the_same(served):
    """Profile, timeline, explanation and history; everybody else is read where they always were."""
    server, process, direct = served
    assert server.profile("user_id:ann")["identifiers_total"] == 2
    assert reader_of(process) is None
    found = server.profile("user_id:hub")
    assert reader_of(process) is not None
    moving = {"lifecycle"}
    assert {k: v for k, v in found.items() if k not in moving} == {k: v for k, v in direct.items() if k not in moving}
    assert (len(found["identifiers"]), found["identifiers_total"]) == (100, COOKIES + 1)
    assert found["counters"]["events"] == 2 * COOKIES
    assert len(server.timeline("user_id:hub")) == 2 * COOKIES
    status, why = server.get("/api/v1/explain?a=anonymous_id:a1&b=anonymous_id:a2")
    assert (status, why["verdict"], len(why["path"])) == (200, "same", 2)
    assert server.get("/api/v1/profiles/user_id:hub/history")[0] == 200


def test_a_hub_that_changed_is_read_anew(served):
    """What the process keeps of a profile is good until one of its nodes changes."""
    server, _, _ = served
    before = server.profile("user_id:hub")["counters"]["events"]
    for n in range(3):
        assert server.post("/v1/track", {"event": "Read", "anonymousId": "a7", "messageId": f"new{n}"}) == 200
    server.account()
    assert server.profile("user_id:hub")["counters"]["events"] == before + 3
    assert server.post("/v1/track", {"event": "Read", "anonymousId": "b", "messageId": "others"}) == 200
    server.account()
    assert server.profile("user_id:hub")["counters"]["events"] == before + 3


def test_a_reader_that_was_killed_is_replaced(served):
    """One request is told to come again."""
    server, process, _ = served
    server.profile("user_id:hub")
    os.kill(reader_of(process), signal.SIGKILL)
    status, _ = server.get("/api/v1/profiles/user_id:hub")
    assert status in {200, 503}
    end = time.monotonic() + 60
    while server.get("/api/v1/profiles/user_id:hub")[0] != 200:
        assert time.monotonic() < end
    assert reader_of(process) is not None


def test_a_reader_ends_with_its_server(served):
    """Even when that is killed."""
    server, process, _ = served
    server.profile("user_id:hub")
    reader = reader_of(process)
    kill(process, seconds=30.0)
    assert gone([reader], 10.0)
