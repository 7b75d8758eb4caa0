"""Processes of the product, forked from this one: servers, collectors, workers, and commands of the CLI.

A long-lived one is what its command is but for HTTP: it opens the same parts under the same locks, and appends when told to.
It answers each order with one word; it may be killed at any moment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tests import workbench

from onefold import bootstrap, cli, config
from onefold.bootstrap.processing import Within
from onefold.bootstrap.workers import working
from onefold.errors import OnefoldError
from onefold.ports import EventLog

PEOPLE = 5
KINDS = ("serve", "serve --no-processing", "collect", "process")
_STOP, _GONE = b"stop\n", b""


def entries(names: list[str]) -> list:
    """Events of a few people, some of whom they join."""
    return [
        workbench.entry(
            {
                "type": "track",
                "event": "Read",
                "userId": f"u{int(name) % PEOPLE}",
                "anonymousId": f"c{int(name) % (2 * PEOPLE)}",
                "messageId": name,
                "timestamp": workbench.iso(int(name) % 80_000),
            },
            index=index,
            received_at_us=workbench.NOW_US + int(names[0]),
        )
        for index, name in enumerate(names)
    ]


@contextlib.contextmanager
def living(kind: str, directory: Path) -> Iterator[EventLog | None]:
    """What a command of this kind does for as long as it runs; the log it appends to, None for one that collects nothing."""
    project = config.read_project(directory)
    with contextlib.ExitStack() as leaving:
        if kind == "collect":
            only = bootstrap.CollectingOnly(project)
            leaving.callback(only.close)
            (edge,) = only.edges.values()
            yield edge.log
        elif kind == "process":
            with bootstrap.sole(project), working(project, patience_seconds=1.0):
                yield None
        else:
            alone = kind == "serve"
            opened = bootstrap.Opened(project, lambda w: Within(project, w) if alone else None, alone=alone)
            leaving.callback(opened.close)
            (edge,) = opened.edges.values()
            edge.start()
            leaving.callback(edge.stop)
            yield edge.log


class Process:
    """One that lives until it is told to stop, or killed."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        orders, self._orders = os.pipe()
        self._told, telling = os.pipe()
        self.pid = fork(lambda: _live(kind, directory, orders, telling))
        os.close(orders)
        os.close(telling)
        self.started = self._hear() == b"ready\n"
        if not self.started:
            self._let_go()

    @property
    def collects(self) -> bool:
        return self.kind != "process"

    def append(self, names: list[str]) -> bool:
        """Have it append events; whether it said that they are stored."""
        os.write(self._orders, " ".join(names).encode() + b"\n")
        return self._hear() == b"stored\n"

    def stop(self) -> None:
        """Have it end."""
        os.write(self._orders, _STOP)
        self._let_go()

    def kill(self) -> None:
        """End it in the midst of whatever it does."""
        os.kill(self.pid, signal.SIGKILL)
        self._let_go()

    def _hear(self) -> bytes:
        said = b""
        while not said.endswith(b"\n"):
            some = os.read(self._told, 64)
            if not some:
                return _GONE
            said += some
        return said

    def _let_go(self) -> None:
        os.waitpid(self.pid, 0)
        os.close(self._orders)
        os.close(self._told)


def _live(kind: str, directory: Path, orders: int, telling: int) -> int:
    with living(kind, directory) as log:
        os.write(telling, b"ready\n")
        for line in os.fdopen(orders, "rb"):
            if line == _STOP:
                break
            try:
                assert log is not None
                log.append(entries(line.decode().split()))
            except OnefoldError:
                os.write(telling, b"refused\n")
            else:
                os.write(telling, b"stored\n")
    return 0


def command(*argv: str) -> int:
    """Run a command of the CLI in a process of its own; its exit code."""

    def run() -> int:
        sys.argv = ["onefold", *argv]
        try:
            cli.main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else int(end.code is not None)
        return 0

    _, status = os.waitpid(fork(run), 0)
    return os.waitstatus_to_exitcode(status)


def fork(life: Callable[[], int], *, errors: Path | None = None) -> int:
    """A process that does nothing else, with its output thrown away; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDWR)
        where = null if TRACE is None else os.open(TRACE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for number, to in ((0, null), (1, where), (2, where)):
            os.dup2(to, number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        logging.disable()
        try:
            code = life()
        except OnefoldError as error:
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            code = 1
        except BaseException:  # noqa: BLE001  as the interpreter would
            traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(code)


TRACE: Path | None = None
"""Where what they print goes; None throws it away."""
