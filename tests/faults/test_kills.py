"""kill -9 at enumerated system calls: nothing acknowledged is lost, nothing is counted twice, at every point of the way.

A tracer kills the process as it enters its k-th write, sync, rename …; the next start goes on where it was. Processes
are forked from an imported one; a release run also starts them afresh, as an operator would.
"""

import itertools
import random
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from bench.ground import wait_until
from tests.faults import figures, ledger, spine
from tests.faults.ledger import Producer
from tests.faults.scale import RELEASE, scaled
from tests.faults.stage import busiest, points
from tests.running import kill, project

from onefold import bootstrap

pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(3600 if RELEASE else 280)]
WRITES = ("pwrite64", "fdatasync", "write")
CREATION = ("openat", "mkdir", "write", "fsync", "rename", "pwrite64", "fdatasync", "unlink", "ftruncate")
SERVING = ("pwrite64", "fdatasync", "sendto", "write", "ftruncate", "openat")


# ── the spine ──


def spine_faults(directory, batches):
    """What is wrong after the spine's small program has got that far."""
    events = [event for number in range(batches) for event in spine.batch_from(number)]
    valid = [e["messageId"] for e in events if e["type"] == "identify" or e["event"]]
    held = ledger.found(directory, spine.PEOPLE)
    wrong = ledger.faults(held, valid)
    if len(held.stored) > len(valid) + spine.BATCH:
        wrong.append("more than was sent")
    if held.dead != held.account["rejected"]:
        wrong.append(f"{held.dead} dead letters, {held.account['rejected']} rejected")
    return wrong


def walk(zygote, tmp_path, kills, program="work", rounds=6):
    """Kill the program at points spread over a run, going on each time; what is wrong afterwards."""
    struck = 0
    with project() as here:
        book = here.directory / "ledger"
        argv = (str(here.directory), str(book), str(rounds))
        target = f"tests.faults.spine:{program}"
        zygote.count(*argv, log=tmp_path / "calls", program=target)
        counted = zygote.count(*argv, log=tmp_path / "calls", program=target)  # the files are there by now
        for call, k in itertools.islice(itertools.cycle(points(counted, kills, WRITES)), kills):
            code = zygote.struck(f"{call}:signal=SIGKILL:when={k}", *argv, log=tmp_path / "calls", program=target)
            assert code in {0, -9}, zygote.errors.read_text()
            struck += code == -9
        assert zygote.run(str(here.directory), str(book), "1", program=target) == 0
        return struck, spine_faults(here.directory, spine.acknowledged(book))


def test_kills_between_append_and_commit(zygote, tmp_path):
    """Append, acknowledge, process, commit: killed at every write and sync, and always going on in the same files."""
    kills, started = scaled(130, 1_100), time.monotonic()
    struck, wrong = walk(zygote, tmp_path, kills)
    figures.note("kills in the spine", kills=struck, seconds=round(time.monotonic() - started, 1), faults=wrong)
    assert struck > kills * 0.9
    assert wrong == []


def test_acknowledging_before_the_append_is_found_out(zygote, tmp_path):
    """Control: the same kills find the loss."""
    _, wrong = walk(zygote, tmp_path, 12, program="early")
    assert any(word.startswith("lost") for word in wrong)


def test_counting_what_is_sent_again_is_found_out(zygote, tmp_path):
    """Control: without de-duplication the same kills find events counted twice."""
    _, wrong = walk(zygote, tmp_path, 130, program="twofold")
    assert any(word.startswith("counted") for word in wrong), wrong


def test_kills_while_a_workspace_is_made(zygote, tmp_path):
    """The first start of a new workspace, killed anywhere, is simply done again."""
    number, started, struck = scaled(40, 300), time.monotonic(), 0
    with project() as here:
        shutil.copytree(here.directory, tmp_path / "new")
        argv = (str(here.directory), str(here.directory / "ledger"), "2")
        counted = zygote.count(*argv, log=tmp_path / "calls", program="tests.faults.spine:work")
        for place, (call, k) in enumerate(points(counted, number, CREATION)):
            directory = tmp_path / f"made{place}"
            shutil.copytree(tmp_path / "new", directory)
            book = directory / "ledger"
            argv = (str(directory), str(book), "2")
            inject = f"{call}:signal=SIGKILL:when={k}"
            struck += zygote.struck(inject, *argv, log=tmp_path / "calls", program="tests.faults.spine:work") == -9
            assert zygote.run(*argv, program="tests.faults.spine:work") == 0, (call, k, zygote.errors.read_text())
            assert spine_faults(directory, spine.acknowledged(book)) == [], (call, k)
            shutil.rmtree(directory)
    figures.note("kills in a new workspace", kills=struck, seconds=round(time.monotonic() - started, 1))
    assert struck > number * 0.8


# ── the server ──


class Torment:
    """Starts and kills of a server, while two producers send."""

    def __init__(self, zygote, here, log, *, program=None, stubborn=True):
        self.zygote, self.here, self.log, self.program = zygote, here, log, program
        self.argv = ("serve", "--project", str(here.directory))
        self.producers = [Producer(here, name, stubborn=stubborn, size=scaled(5, 100)) for name in ("a", "b")]
        self.ready: list[float] = []
        self.kills = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for producer in self.producers:
            if producer.is_alive():
                producer.end()

    @property
    def acknowledged(self):
        return [name for producer in self.producers for name in producer.acknowledged]

    def start(self, inject=None):
        """A server, perhaps with a tracer that will kill it, once it is ready or dead."""
        command = self.zygote.start(*self.argv, program=self.program)
        if inject:
            command.strike(inject, calls=SERVING, log=self.log)
        started = time.monotonic()
        command.go()
        while not command.ended() and time.monotonic() < started + 30:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.here.port}/readyz", timeout=5):
                    self.ready.append(time.monotonic() - started)
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.01)
        for producer in self.producers:
            if producer.ident is None:
                producer.start()
        return command

    def kill(self, inject, seconds):
        """One life: until the tracer strikes, or that long after it was ready."""
        command = self.start(inject)
        until = time.monotonic() + seconds
        while not command.ended() and time.monotonic() < until:
            time.sleep(0.005)
        command.kill()
        self.kills += 1

    def counted(self):
        """How often a server makes each system call in half a second under load."""
        command = self.start()
        command.kill()
        command = self.zygote.start(*self.argv, program=self.program)
        command.strike(calls=SERVING, log=self.log)
        command.go()
        wait_until(f"http://127.0.0.1:{self.here.port}/readyz")
        time.sleep(0.5)
        command.kill()
        return busiest(self.log)


def test_kills_of_the_server(zygote, tmp_path):
    """Half at enumerated system calls, half at any moment; producers resend what was not acknowledged."""
    kills, started, draw = scaled(24, 300), time.monotonic(), random.Random(7)
    with project() as here:
        with Torment(zygote, here, tmp_path / "calls") as torment:
            places = itertools.cycle(points(torment.counted(), kills // 2, SERVING))
            for number in range(kills):
                call, k = next(places) if number % 2 else (None, 0)
                torment.kill(f"{call}:signal=SIGKILL:when={k}" if call else None, 0.5 if call else draw.random() * 0.4)
        held = ledger.found(here.directory)
    acknowledged = torment.acknowledged
    figures.note(
        "kills of the server", kills=torment.kills, acknowledged=len(acknowledged),
        ready_p50=figures.quantile(torment.ready, 0.5), ready_p99=figures.quantile(torment.ready, 0.99),
        seconds=round(time.monotonic() - started, 1),
    )  # fmt: skip
    assert len(acknowledged) > 10 * kills
    assert ledger.faults(held, acknowledged) == []
    assert figures.quantile(torment.ready, 0.99) < 10


def test_answering_before_the_commit_is_found_out(zygote, tmp_path):
    """Control: a server that answers early loses acknowledged events within a few kills, and this judge sees it."""
    with project() as here:
        with Torment(zygote, here, tmp_path / "calls", program="tests.faults.buggy:early", stubborn=False) as torment:
            for _ in range(8):
                torment.kill(None, 0.3)
        wrong = ledger.faults(ledger.found(here.directory), torment.acknowledged)
    assert any(word.startswith("lost") for word in wrong)


def test_a_cold_start_after_a_kill_is_ready_soon():
    """The interpreter and all imports included; timed as an operator would see it."""
    ready = []
    with project() as here:
        producer = Producer(here, "a")
        command = [sys.executable, "-m", "onefold", "serve", "--project", str(here.directory)]
        for _ in range(scaled(4, 100)):
            started = time.monotonic()
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            ready.append(time.monotonic() - started)
            if producer.ident is None:
                producer.start()
            time.sleep(0.1)
            kill(process)
        producer.end()
        wrong = ledger.faults(ledger.found(here.directory), producer.acknowledged)
    figures.note("cold starts after a kill", kills=len(ready), ready_p50=figures.quantile(ready, 0.5),
                 ready_p99=figures.quantile(ready, 0.99))  # fmt: skip
    assert wrong == []
    assert figures.quantile(ready, 0.99) < 10


def test_the_judge_sees_a_profile_store_from_before(tmp_path):
    """Control: a store put back to an earlier moment, its offset along, is caught up; without it, the judge says so."""
    with project() as here:
        book = here.directory / "ledger"
        spine.work(str(here.directory), str(book), "4")
        with bootstrap.opened(here.directory, None) as workspace, workspace.context.store.transaction() as transaction:
            transaction._connection.execute("UPDATE consumer SET log_offset = log_offset - 3, fingerprint = x''")
            transaction._connection.execute("DELETE FROM dedupe_new")
        assert spine_faults(here.directory, spine.acknowledged(book)) != []
