"""The watchdog: what stops or kills a worker ends as one dead letter, and everything else is processed."""

import contextlib
import subprocess
import sys
import time

import pytest
from bench.ground import wait_until
from tests.running import Server, kill, project

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(240)]

PROGRAM = """
import os, signal
from onefold import cli
from onefold.bootstrap import supervisor
from onefold.profiles import state
fold = state.fold
def planted(into, event, *more):
    while event.traits.get("plan") == "hang":
        pass
    if event.traits.get("plan") == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if event.traits.get("plan") == "eat":
        bytearray(1 << 46)
    fold(into, event, *more)
state.fold = planted
{more}
cli.main()
"""
UNWATCHED = "supervisor._Worker._kill_if_stalled = lambda *_: None"


@contextlib.contextmanager
def served(plant=""):
    """A server whose folds hang, die or eat all memory on some events, and whose watchdog waits a second."""
    with project(more="worker: {stall: 1s}\n") as here:
        command = [sys.executable, "-c", PROGRAM.format(more=plant), "serve", "--project", str(here.directory)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            yield Server(here)
        finally:
            kill(process)
            process.communicate()


def identify(server, who, plan="free"):
    assert server.post("/v1/identify", {"userId": who, "traits": {"plan": plan}, "messageId": who}) == 200


def until(condition, seconds=60.0):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def account(server):
    (mine,) = [a for a in server.get("/api/v1/sources")[1]["sources"] if a["source"] == "web"]
    return mine["stored"], mine["rejected"], mine["pending"]


@pytest.mark.parametrize(("plan", "reason"), [("hang", "timed_out"), ("die", "worker_died"), ("eat", "out_of_memory")])
def test_an_entry_that_stops_the_worker_is_set_aside_alone(plan, reason):
    """It hangs, kills the worker, or takes all memory: one dead letter, everybody else is there, and the server is ready."""
    with served() as server:
        for n in range(20):
            identify(server, f"ann-{n}", plan if n == 11 else "free")
        assert until(lambda: account(server) == (19, 1, 0))
        letters = server.get("/api/v1/dead-letters")[1]["dead_letters"]
        assert [d["reason"] for d in letters] == [reason]
        identify(server, "bob")
        assert until(lambda: account(server) == (20, 1, 0))
        assert until(lambda: server.send("GET", "/readyz")[0] == 200)


def test_a_worker_that_hangs_is_not_ready():
    """The probe says so while the entry is looked for."""
    with served() as server:
        identify(server, "ann", "hang")
        assert until(lambda: b'"bench.processor":false' in server.send("GET", "/readyz")[1])


def test_control_without_the_watchdog_it_hangs():
    """The same event stops everybody for good, and the server calls itself ready."""
    with served(UNWATCHED) as server:
        identify(server, "ann", "hang")
        identify(server, "bob")
        assert not until(lambda: account(server)[0] > 0, 8.0)
        assert server.send("GET", "/readyz")[0] == 200
