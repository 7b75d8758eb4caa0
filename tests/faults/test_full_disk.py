"""Full disks and I/O errors: nothing is acknowledged that is not kept, look-ups go on, and recovery needs nobody."""

import contextlib
import http.client
import itertools
import resource
import shutil
import subprocess
import threading
import time

import pytest
from bench.ground import family, wait_until
from tests.faults import figures, ledger, spine
from tests.faults.ledger import Producer
from tests.faults.scale import RELEASE, scaled
from tests.faults.stage import points
from tests.faults.test_kills import spine_faults
from tests.running import Server, project

pytestmark = [pytest.mark.xdist_group("disk"), pytest.mark.timeout(3600 if RELEASE else 280)]
ANSWERS = {200, 429, 503}
"""What SDKs take for done, and what they send again."""
FAILING = ("pwrite64", "fdatasync", "ftruncate")
LONG = 25
"""Calls for which an error lasts: longer than one batch makes."""


# ── errors at enumerated system calls ──


def endured(zygote, tmp_path, number, program):
    """The spine's small program through a disk that fails for a while from each of these calls on."""
    failed = refused = 0
    with project() as here:
        book = here.directory / "ledger"
        argv = (str(here.directory), str(book), "6")
        target = f"tests.faults.spine:{program}"
        zygote.count(*argv, log=tmp_path / "calls", program=target)
        counted = zygote.count(*argv, log=tmp_path / "calls", program=target)
        places = itertools.islice(itertools.cycle(points(counted, number // 2, FAILING)), number // 2)
        for (call, k), error in itertools.product(places, ("ENOSPC", "EIO")):
            log = tmp_path / "calls"
            code = zygote.struck(f"{call}:error={error}:when={k}..{k + LONG}", *argv, log=log, program=target)
            assert code in {0, 1}, zygote.errors.read_text()
            failed += "(INJECTED)" in log.read_text(errors="replace")
            refused += code == 1
        assert zygote.run(str(here.directory), str(book), "1", program=target) == 0
        return failed, refused, spine_faults(here.directory, spine.acknowledged(book))


def test_a_failing_disk_loses_nothing(zygote, tmp_path):
    """ENOSPC and EIO of writes, syncs and truncations, each for a while: refused, tried again, done."""
    number, started = scaled(90, 900), time.monotonic()
    failed, refused, wrong = endured(zygote, tmp_path, number, "endure")
    figures.note("failing system calls", points=failed, refused_at_start=refused,
                 seconds=round(time.monotonic() - started, 1))  # fmt: skip
    assert failed > number * 0.6
    assert wrong == []


def test_taking_a_refusal_for_done_is_found_out(zygote, tmp_path):
    """Control: who takes a refused append for done has lost it, and the same judge says so."""
    _, _, wrong = endured(zygote, tmp_path, 24, "careless")
    assert any(word.startswith("lost") for word in wrong)


# ── the server on a full disk ──


class SmallDisk:
    """A file system of a few megabytes under a project's data; where mounting is not allowed, a limit on file sizes.

    The limit is as hard on the server as a full disk: every write beyond it fails.
    """

    def __init__(self, here, megabytes):
        self.data = here.directory / "data"
        self.ballast = self.data / "ballast"
        self.command = None
        aside = here.directory / "data-before"
        self.data.mkdir(exist_ok=True)
        shutil.move(self.data, aside)
        self.data.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=700", "tmpfs", str(self.data)]
        self.mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        shutil.copytree(aside, self.data, dirs_exist_ok=True)

    def fill(self):
        """Leave no room."""
        if not self.mounted:
            largest = max(f.stat().st_size for f in self.data.rglob("*.db*"))
            self.limit(largest)
            return
        with self.ballast.open("wb", buffering=0) as file:
            for piece in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(piece))

    def free(self):
        """Give the room back."""
        if self.mounted:
            self.ballast.unlink()
        else:
            self.limit(resource.RLIM_INFINITY)

    def limit(self, size):
        """No file of the server or its worker may grow beyond this."""
        for pid in family(self.command.pid):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def unmount(self):
        """Let the directory go."""
        if self.mounted:
            subprocess.run(["umount", "--lazy", str(self.data)], check=True)


def refused(producers):
    """How often they were told to come again."""
    return sum(p.answers[503] + p.answers[429] for p in producers)


def looking(server, done, failed, seconds):
    """Ask for a person again and again."""
    while not done.is_set():
        started = time.monotonic()
        try:
            status = server.get("/api/v1/profiles/user_id:u1")[0]
        except (OSError, http.client.HTTPException) as error:
            status = repr(error)
        failed += [] if status == 200 else [status]
        seconds.append(time.monotonic() - started)
        done.wait(0.02)


def test_a_full_disk_is_survived_and_left_by_itself(zygote):
    """While it is full nothing new is acknowledged and people are still found; once there is room, all goes on."""
    with project() as here:
        disk = SmallDisk(here, 24)
        command = disk.command = zygote.start("serve", "--project", str(here.directory))
        try:
            command.go()
            wait_until(f"http://127.0.0.1:{here.port}/livez")
            server, done, failed, seconds = Server(here), threading.Event(), [], []
            producers = [Producer(here, name, size=20) for name in ("a", "b")]
            for producer in producers:
                producer.start()
            while server.get("/api/v1/profiles/user_id:u1")[0] != 200:
                time.sleep(0.02)
            looker = threading.Thread(target=looking, args=(server, done, failed, seconds), daemon=True)
            looker.start()
            refusals = []
            for _ in range(scaled(2, 10)):
                known = sum(len(p.acknowledged) for p in producers)
                assert _until(lambda known=known: sum(len(p.acknowledged) for p in producers) > known + 500)
                disk.fill()
                before = refused(producers)
                refusals.append(_until(lambda before=before: refused(producers) > before + 60))
                acknowledged = [len(p.acknowledged) for p in producers]
                disk.free()
                resumed = [
                    _until(lambda p=p, n=n: len(p.acknowledged) > n)
                    for p, n in zip(producers, acknowledged, strict=True)
                ]
                assert all(resumed)
            for producer in producers:
                producer.end()
            server.account()
            done.set()
            looker.join()
            assert not command.ended(), zygote.errors.read_text()
            command.kill(15)
            command.wait()
            names = [name for p in producers for name in p.acknowledged]
            wrong = ledger.faults(ledger.found(here.directory), names)
        finally:
            command.kill()
            disk.unmount()
    answers = sum((p.answers for p in producers), start=type(producers[0].answers)())
    figures.note("full disk", kind="tmpfs" if disk.mounted else "RLIMIT_FSIZE", answers=dict(answers), looked=len(seconds),
                 acknowledged=len(names), look_up_p99=figures.quantile(seconds, 0.99))  # fmt: skip
    assert wrong == []
    assert set(answers) <= ANSWERS
    assert all(refusals)
    assert failed == []


def test_io_errors_under_the_server_end_with_it_going_on(zygote, tmp_path):
    """Errors from the k-th write or sync on, for a while: only answers that SDKs repeat, no restart, nothing lost."""
    errors = itertools.product(("pwrite64", "fdatasync"), (1, 7, 20), ("EIO", "ENOSPC"))
    places = list(errors)[:: 1 if RELEASE else 3]
    with project() as here:
        producer = Producer(here, "a")
        for call, k, error in places:
            command = zygote.start("serve", "--project", str(here.directory))
            command.go()
            wait_until(f"http://127.0.0.1:{here.port}/readyz")
            inject = f"{call}:error={error}:when={k}..{k + 40}"
            command.strike(inject, calls=FAILING, log=tmp_path / "calls")  # each thread's calls are counted from here
            if producer.ident is None:
                producer.start()
            injected = _until(lambda: (tmp_path / "calls").read_text(errors="replace").count("(INJECTED)") >= 20)
            known = len(producer.acknowledged)
            assert injected, (call, k, error)
            assert _until(lambda known=known: len(producer.acknowledged) > known + 10), (call, k, error)
            assert not command.ended(), (call, k, error, zygote.errors.read_text())
            command.kill()
        producer.end()
        wrong = ledger.faults(ledger.found(here.directory), producer.acknowledged)
    figures.note("I/O errors under the server", points=len(places), answers=dict(producer.answers))
    assert wrong == []
    assert set(producer.answers) <= ANSWERS | {0}
    assert producer.answers[503] > 0


def _until(condition, seconds=30):
    """Whether it came true in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
