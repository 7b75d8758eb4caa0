"""The worker beside a server: it is started again when it dies, ends with its server, and nothing is lost by any of it."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from bench.ground import family, wait_until
from tests.running import Server, gone, kill, project

from onefold.adapters.sqlite import lease
from onefold.errors import UnavailableError

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(120)]


PROGRAM = "import sys, time, types; from onefold import cli\n{plant}\ncli.main()"
DEAF = (
    "from onefold.bootstrap import supervisor, worker_process\n"
    "supervisor.die_with = lambda _: None\n"
    "worker_process.select = types.SimpleNamespace(select=lambda *_: (time.sleep(0.2), [[]])[1])"
)


@pytest.fixture
def here():
    with project() as made:
        yield made


@pytest.fixture
def start(here):
    """Starts servers; whatever is left of one is killed at the end."""
    started, everybody = [], set()

    def start(*more, ready=True, plant=None):
        program = ["-m", "onefold"] if plant is None else ["-c", PROGRAM.format(plant=plant)]
        command = [sys.executable, *program, "serve", "--project", str(here.directory), *more]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        started.append(process)
        if ready:
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            everybody.update(family(process.pid))
        return process

    yield start
    for pid in everybody:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in started:
        process.kill()
        process.communicate()


def the_worker(process):
    _, _, pid = family(process.pid)
    return pid


def another(process, than):
    """The worker's number, once it is not this one."""
    assert until(lambda: len(family(process.pid)) == 3 and the_worker(process) != than)
    return the_worker(process)


def until(condition, seconds=30.0):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def ended(process):
    """Its exit code and what it said, once it has ended."""
    _, said = process.communicate(timeout=40)
    return process.returncode, said.decode()


def sent(here, count, start=0):
    server = Server(here)
    for n in range(start, start + count):
        assert server.post("/v1/track", {"event": "Read", "userId": "ann", "messageId": str(n)}) == 200
    return server


def test_a_worker_that_was_killed_is_started_again_while_its_server_collects(here, start):
    process = start()
    server = sent(here, 20)
    killed = the_worker(process)
    os.kill(killed, signal.SIGKILL)
    sent(here, 20, 20)
    another(process, killed)
    assert until(lambda: server.send("GET", "/readyz")[0] == 200)
    assert server.account()["stored"] == 40
    process.terminate()
    code, said = ended(process)
    assert code == 0
    assert '"worker ended"' in said


def test_a_server_without_its_worker_says_so(here, start):
    """Killed as often as it starts, it is started later each time, and the server is not ready meanwhile."""
    process = start()
    server, worker = Server(here), 0
    for _ in range(4):
        worker = another(process, worker)
        os.kill(worker, signal.SIGKILL)
    assert until(lambda: server.send("GET", "/readyz")[0] == 503, 5)
    assert b'"bench.processor":false' in server.send("GET", "/readyz")[1]
    assert server.post("/v1/track", {"event": "Read", "userId": "ann", "messageId": "1"}) == 200
    process.terminate()
    assert ended(process)[0] == 0


def test_a_server_with_neither_worker_nor_keeper_ends_and_says_so(here, start):
    process = start()
    sent(here, 20)
    for pid in family(process.pid)[1:]:
        os.kill(pid, signal.SIGKILL)
    code, said = ended(process)
    assert code == 1
    assert "The worker and its keeper ended" in said
    start()
    assert sent(here, 1, 20).account()["stored"] == 21


def test_a_worker_whose_server_was_killed_ends_at_once_and_the_next_server_starts(here, start):
    process = start()
    beside = family(process.pid)[1:]
    sent(here, 20)
    process.kill()
    process = start()
    assert gone(beside)
    assert Server(here).account()["stored"] == 20
    kill(process)


def test_a_worker_told_to_end_takes_its_server_along(here, start):
    """The lease names the worker, so it is what somebody will tell to end."""
    process = start()
    sent(here, 5)
    os.kill(the_worker(process), signal.SIGTERM)
    assert ended(process)[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_all_of_them_is_a_graceful_end(here, start, number):
    """A service manager tells every process; Ctrl-C in a terminal, those that did not go to a group of their own."""
    process = start()
    everybody = family(process.pid)
    sent(here, 20)
    for pid in everybody:
        os.kill(pid, number)
    assert ended(process)[0] == 0
    assert gone(everybody[1:])


def test_a_second_server_is_refused_and_told_by_whom(here, start):
    """In one sentence, with the documented exit code, and without waiting for the lease, which it never gets to."""
    process = start()
    code, said = ended(start("--port", str(here.port + 1), ready=False))
    assert code == 1
    assert said.startswith(f"onefold: Process {process.pid} serves or processes the workspace")
    assert said.count("\n") == 1
    assert Server(here).get("/api/v1/sources")[0] == 200
    kill(process)


def test_without_processing_there_is_no_worker(start):
    process = start("--no-processing")
    assert family(process.pid) == [process.pid]
    process.terminate()
    assert ended(process)[0] == 0


def test_a_lease_is_waited_for_as_long_as_patience_lasts(tmp_path):
    """One that is given back in time is taken; one that is not is an error, and not before."""
    let_go = threading.Event()

    def hold():
        with lease.held(tmp_path):
            held.set()
            let_go.wait()

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(UnavailableError), lease.held(tmp_path):
        pass
    began = time.monotonic()
    with pytest.raises(UnavailableError), lease.held(tmp_path, patience_seconds=0.2):
        pass
    assert time.monotonic() - began >= 0.2
    threading.Timer(0.1, let_go.set).start()
    with lease.held(tmp_path, patience_seconds=20):
        pass
    holder.join()


def test_a_worker_that_outlives_its_server_is_found_out(start):
    """Control: a worker that does not listen lives on after its server, and `gone` says so."""
    process = start(plant=DEAF)
    worker = the_worker(process)
    process.kill()
    process.wait(10)
    assert not gone([worker], 1.0)
