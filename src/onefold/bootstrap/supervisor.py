"""The supervisor: starts workers, watches over them, and starts them again by one rule.

- A worker that ends with 0 has ended because it should, and is not started again.
- One that ends with a permanent error (the configuration, a wrong root key) would end so again: all end, with its code.
- One that is killed or fails is started again, later each time it did not live long.
- One that makes no progress in a batch for too long is killed. Of what it was at, its successor learns (`board`).
- None outlives its supervisor: the kernel kills it.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, NoReturn

from onefold.bootstrap.board import Board

_log = logging.getLogger("onefold.supervisor")

LOOK_SECONDS = 0.2
DRAIN_SECONDS = 25.0
RESTART_SECONDS = (0.2, 1.0, 2.0, 5.0, 10.0)
"""How long to wait before a worker takes the place of one that ended, the first time and the next ones."""
LIVED_LONG_SECONDS = 60.0
CONFIGURATION, INTEGRITY = 2, 70
"""Exit codes of errors that are permanent."""
PART_PATIENCE = 1 / 3
"""A part is small, so it gets that much of the time that a batch gets without progress."""
_MEMORY_SHARE = 0.8
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG

Stop = Literal["drain", "kill"]
Life = Callable[[Board, bool], int]
"""A worker's life, given its board and whether there was one before it; returns its exit code."""


class Supervisor:
    """Watches over workers, each of them forked from this process, which must have no threads."""

    def __init__(
        self,
        life: Life,
        workspaces: Sequence[str],
        *,
        workers: int = 1,
        stall_seconds: float,
        told: Callable[[Mapping[str, str | None]], None] = lambda _: None,
    ) -> None:
        """`told` is given, by workspace, what keeps it from being processed while there is no worker."""
        self._told = told
        self._workers = [_Worker(life, Board(workspaces), stall_seconds) for _ in range(workers)]

    def run(self, stopping: Callable[[float], Stop | None]) -> int:
        """Keep the workers running until `stopping`, which waits that many seconds, says so; returns the exit code.

        It ends before, with 0, when all workers have ended because they should.
        """
        code: int | None = None
        while code is None:
            running = [worker for worker in self._workers if not worker.done]
            if not running:
                return 0
            for worker in running:
                code = worker.look(self._told)
                if code is not None:
                    break
            stop = None if code is not None else stopping(LOOK_SECONDS)
            if stop is not None:
                self._end(stop)
                return 0
        self._end("drain")
        return code

    def _end(self, stop: Stop) -> None:
        until = time.monotonic() + (DRAIN_SECONDS if stop == "drain" else 0.0)
        for worker in self._workers:
            worker.signal(signal.SIGTERM if stop == "drain" else signal.SIGKILL)
        for worker in self._workers:
            worker.wait(until)


class _Worker:
    """One worker's place: the process in it, and when the next may be started."""

    def __init__(self, life: Life, board: Board, stall_seconds: float) -> None:
        self._life = life
        self._board = board
        self._stall_seconds = stall_seconds
        self._pid: int | None = None
        self._started = self._not_before = 0.0
        self._failures = 0
        self._stalled = False
        self._ever = False
        self.done = False

    def look(self, told: Callable[[Mapping[str, str | None]], None]) -> int | None:
        """Start the process if there should be one, kill it if it hangs; the exit code if all should end."""
        now = time.monotonic()
        if self._pid is None:
            if now >= self._not_before:
                self._start(now)
            return None
        code = self._ended()
        if code is None:
            self._kill_if_stalled(told)
            return None
        self._pid = None
        if code == 0:
            self.done = True
            return None
        if code in (CONFIGURATION, INTEGRITY):
            return code
        for slot in self._board.slots.values():
            slot.worker_ended(stalled=self._stalled)
        looking = any(slot.part for slot in self._board.slots.values())
        self._failures = 1 if looking or now - self._started > LIVED_LONG_SECONDS else self._failures + 1
        pause = RESTART_SECONDS[min(self._failures, len(RESTART_SECONDS)) - 1]
        self._not_before = now + pause
        _log.error(
            "worker ended",
            extra={"outcome": str(code), "attempt": self._failures, "milliseconds": int(pause * 1000)},
        )
        if not self._stalled:
            told(dict.fromkeys(self._board.slots, "The worker ended and is started again; its log lines may say why."))
        self._stalled = False
        return None

    def _start(self, now: float) -> None:
        # What waits to be written would be written by the child as well.
        sys.stdout.flush()
        sys.stderr.flush()
        parent, self._started = os.getpid(), now
        pid = os.fork()
        if pid == 0:
            alone(partial(_live, self._life, self._board, self._ever, parent))
        self._pid, self._ever = pid, True

    def _ended(self) -> int | None:
        assert self._pid is not None  # noqa: S101  there is a process
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None

    def _kill_if_stalled(self, told: Callable[[Mapping[str, str | None]], None]) -> None:
        if self._stalled:
            return
        patience = {name: self._stall_seconds * (PART_PATIENCE if slot.part else 1.0)
                    for name, slot in self._board.slots.items()}  # fmt: skip
        stalled = [name for name, slot in self._board.slots.items() if slot.stands_for() > patience[name]]
        if stalled:
            self._stalled = True
            _log.error("worker makes no progress", extra={"workspace": stalled[0]})
            told(
                dict.fromkeys(
                    stalled,
                    f"The worker made no progress for {patience[stalled[0]]:.0f} s; looking for the entry at fault.",
                )
            )
            self.signal(signal.SIGKILL)

    def signal(self, number: int) -> None:
        """Send the process a signal, if there is one."""
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, number)

    def wait(self, until: float) -> None:
        """Wait for its end; kill it when that is later than `until`."""
        while self._pid is not None:
            if self._ended() is not None:
                self._pid = None
            elif time.monotonic() > until:
                self.signal(signal.SIGKILL)
                os.waitpid(self._pid, 0)
                self._pid = None
            else:
                time.sleep(LOOK_SECONDS / 10)


def alone(life: Callable[[], int]) -> NoReturn:
    """A forked process's whole life; nothing of its parent's is run or cleaned up on its way out."""
    code = 1
    try:
        code = life()
    except BaseException:  # noqa: BLE001  whatever it is must not run on as a second parent
        _log.exception("worker failed")
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _live(life: Life, board: Board, ever: bool, parent: int) -> int:
    die_with(parent)
    _limit_memory()
    return life(board, ever)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)  # it ended before we asked


def _limit_memory() -> None:
    """Let allocations fail before the kernel has to kill: an exception tells which entry took too much."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = int(memory_bytes() * _MEMORY_SHARE)
    if most == resource.RLIM_INFINITY or limit < most:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, most))


def memory_bytes() -> int:
    """What this process may have at most: the machine's memory, or its control group's."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with contextlib.suppress(OSError, ValueError):
            found = min(found, int(Path(path).read_text("ascii")))
    return found
