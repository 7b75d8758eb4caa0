"""The stage on which processes die: commands forked from a zygote, and a tracer that strikes at a chosen system call."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.ground import family
from tests.running import gone

ROOT = Path(__file__).parents[2]
CALLS = (
    "pwrite64",
    "fdatasync",
    "fsync",
    "rename",
    "unlink",
    "ftruncate",
    "sendto",
    "write",
    "openat",
    "mkdir",
    "flock",
)
"""The system calls at which something can be half done; `sendto` and `write` are the moments around an answer."""


class Command:
    """A forked command: waiting, running or ended."""

    def __init__(self, zygote: Zygote, pid: int) -> None:
        self.zygote, self.pid = zygote, pid
        self.status: int | None = None
        self.tracer: subprocess.Popen[bytes] | None = None

    def strike(self, *inject: str, calls: Sequence[str], log: Path) -> None:
        """Attach a tracer that will do what `inject` says (`pwrite64:signal=SIGKILL:when=3`)."""
        asked = [word for expression in inject for word in ("-e", f"inject={expression}")]
        whom = [word for pid in family(self.pid) for word in ("-p", str(pid))]
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-o", str(log), "-e", f"trace={','.join(calls)}", *asked, *whom],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert self.tracer.stderr is not None
        said = b""
        while b"attached" not in said:
            line = self.tracer.stderr.readline()
            said += line
            assert line, f"strace did not attach: {said.decode()}"

    def go(self) -> None:
        """Begin."""
        self.zygote.ask(go=self.pid)

    def ended(self) -> bool:
        """Whether it has ended by now."""
        if self.status is None:
            self.status = self.zygote.ask(ended=self.pid)["status"]
            if self.status is not None and self.tracer is not None:
                self.tracer.wait(20)
                assert self.tracer.stderr is not None
                self.tracer.stderr.close()
        return self.status is not None

    def wait(self, seconds: float = 60.0) -> int:
        """Its exit code, negative for a signal; it is killed and reported if it takes longer."""
        until = time.monotonic() + seconds
        while not self.ended():
            if time.monotonic() > until:
                self.kill()
                raise TimeoutError(f"the command did not end within {seconds:.0f} s")
            time.sleep(0.003)
        assert self.status is not None
        return os.waitstatus_to_exitcode(self.status)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal; after SIGKILL it is gone when this returns, and what it had forked with it."""
        if not self.ended():
            forked = [] if number != signal.SIGKILL else family(self.pid)[1:]
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            while number == signal.SIGKILL and not self.ended():
                time.sleep(0.002)
            assert gone(forked), "a worker outlived its server"


class Zygote:
    """Forks commands of the product within milliseconds."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        self.process = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "faults" / "zygote.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert json.loads(self.process.stdout.readline())["ready"]

    def ask(self, **request: object) -> dict:
        """One request, its answer."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(self, *argv: str, program: str | None = None, variables: dict[str, str] | None = None) -> Command:
        """Fork a command; it waits until told to go."""
        preload = [program.partition(":")[0]] if program else []
        asked = {"argv": argv, "errors": str(self.errors), "program": program, "preload": preload}
        return Command(self, self.ask(**asked, variables=variables or {})["pid"])

    def run(self, *argv: str, program: str | None = None) -> int:
        """A command from start to end; its exit code."""
        command = self.start(*argv, program=program)
        command.go()
        return command.wait()

    def struck(self, inject: str, *argv: str, log: Path, program: str | None = None, seconds: float = 60.0) -> int:
        """A command from start to its end, which `inject` may bring about early; its exit code."""
        command = self.start(*argv, program=program)
        command.strike(inject, calls=CALLS, log=log)
        command.go()
        return command.wait(seconds)

    def count(self, *argv: str, log: Path, program: str | None = None, calls: Sequence[str] = CALLS) -> dict[str, int]:
        """How often the busiest thread of a command makes each system call: the points at which it can be struck."""
        command = self.start(*argv, program=program)
        command.strike(calls=calls, log=log)
        command.go()
        assert command.wait() == 0, self.errors.read_text()
        return busiest(log)

    def close(self) -> None:
        """End the zygote; what it forked ends with it."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


def busiest(log: Path) -> dict[str, int]:
    """Per system call, the most calls that one thread made, from a tracer's log."""
    calls: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        thread, _, rest = line.partition(" ")
        name = rest.strip().partition("(")[0]
        if name in CALLS:
            calls[thread, name] += 1
    most: dict[str, int] = {}
    for (_, name), count in calls.items():
        most[name] = max(count, most.get(name, 0))
    return most


def points(counted: dict[str, int], number: int, calls: Sequence[str]) -> list[tuple[str, int]]:
    """`number` points (call, k), evenly spread over all the run has; every one if there are fewer."""
    every = [(name, k) for name in calls for k in range(1, counted.get(name, 0) + 1)]
    if len(every) <= number:
        return every
    return [every[i * len(every) // number] for i in range(number)]


@contextmanager
def zygote(errors: Path) -> Iterator[Zygote]:
    """A zygote for the block."""
    made = Zygote(errors)
    try:
        yield made
    finally:
        made.close()
