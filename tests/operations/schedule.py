"""One schedule: an operator, a producer and chance, on a project of their own; and what became of each acknowledged event.

The producer's ledger is the judge. What stands in it must be processed in the end, whatever was done meanwhile. Only who put
an older copy in place knows that what came after it is not in it: then the ledger goes back to what it was when the copy was
made, and what is acknowledged from then on counts in full.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.operations import actors
from tests.operations.actors import KINDS, Process
from tests.plain import profiles

from onefold import bootstrap
from onefold.errors import ConfigurationError, OnefoldError
from onefold.model import Identifier

STEPS = (6, 16)
_PROJECT = """\
version: 1
workspace: main
keys: {{root: "file:onefold.key"}}
server: {{port: 1}}
log: {{partitions: {partitions}}}
"""
_IDENTITY = "types: {{anonymous_id: {{limit: {limit}}}}}\n"
_READING = (
    ("sources",), ("doctor",), ("profile", "user_id:u1"), ("history", "user_id:u2"), ("verify",), ("preview",),
    ("explain", "user_id:u1", "anonymous_id:c1"), ("dlq", "list"), ("keys", "list"), ("sources", "--json"),
)  # fmt: skip
_CHANGING = (
    ("rebuild",), ("repair",), ("migrate",), ("load", "rows.csv", "--source", "crm"), ("keys", "create", "web"),
    ("link", "user_id:u1", "user_id:u2"), ("split", "user_id:u1", "--from", "anonymous_id:c1"),
)  # fmt: skip


class Violation(Exception):  # noqa: N818  what the judge finds is no error of the test
    """A promise was broken."""

    def __init__(self, what: str, trace: list[str]) -> None:
        super().__init__(what)
        self.trace = trace


class Schedule:
    """Draws steps from a seed and does them."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.here = Path(tempfile.mkdtemp(prefix="onefold-operations-"))
        self.project = self.here / "project"
        self.trace: list[str] = []
        self.living: list[Process] = []
        self.ledger: set[str] = set()
        self.copies: list[tuple[str, Path, set[str]]] = []
        self.number = 0
        self.replaced = False

    # ── the world ──

    def run(self) -> None:
        """Do it all, and judge."""
        try:
            self._furnish()
            self._start()
            for _ in range(self.random.randint(*STEPS)):
                self.random.choices(*zip(*self._moves(), strict=True))[0]()
            self._judge()
        finally:
            for process in self.living:
                process.kill()
            shutil.rmtree(self.here, ignore_errors=True)

    def _furnish(self) -> None:
        (self.project / "sources").mkdir(parents=True)
        (self.project / "sources" / "web.yaml").write_text("name: web\nkind: http\n")
        (self.project / "sources" / "crm.yaml").write_text("name: crm\nkind: file\n")
        (self.here / "rows.csv").write_text("user_id,first_name\nu1,Ann\nu9,Bob\n")
        self._configure(partitions=1)
        if self._inside(lambda: bootstrap.furnish(self.project)):
            raise Violation("the project could not be furnished", self.trace)

    def _configure(self, *, partitions: int, limit: int = 50) -> None:
        (self.project / "onefold.yaml").write_text(_PROJECT.format(partitions=partitions))
        (self.project / "identity.yaml").write_text(_IDENTITY.format(limit=limit))

    def _inside(self, act: Callable[[], object]) -> int:
        """Do it in a process of its own: this one opens nothing that a fork would copy."""

        def life() -> int:
            act()
            return 0

        _, status = os.waitpid(actors.fork(life), 0)
        return os.waitstatus_to_exitcode(status)

    def _moves(self) -> list[tuple[Callable[[], None], int]]:
        moves = [
            (self._start, 6), (self._read, 4), (self._change, 4), (self._edit, 2), (self._backup, 1), (self._copy, 2),
            (self._vanish, 1),
        ]  # fmt: skip
        if self.living:
            moves += [(self._end, 3), (self._kill, 2)]
        if any(process.collects for process in self.living):
            moves.append((self._send, 14))
        kinds = {copy[0] for copy in self.copies}
        if "copy" in kinds:
            moves.append((self._put_back, 4))
        if "backup" in kinds:
            moves.append((self._restore, 4))
        return moves

    def _say(self, what: str) -> None:
        self.trace.append(what)

    # ── what is done ──

    def _start(self) -> None:
        kind = self.random.choice(KINDS)
        process = Process(kind, self.project)
        self._say(f"{kind}: {'started' if process.started else 'refused'}")
        if process.started:
            self.living.append(process)

    def _send(self) -> None:
        process = self.random.choice([process for process in self.living if process.collects])
        names = [str(self.number + n) for n in range(self.random.randint(1, 8))]
        self.number += len(names)
        stored = process.append(names)
        self._say(f"{process.kind} takes {names[0]}…{names[-1]}: {'stored' if stored else 'refused'}")
        if stored:
            self.ledger.update(names)

    def _end(self) -> None:
        process = self.living.pop(self.random.randrange(len(self.living)))
        process.stop()
        self._say(f"{process.kind} stopped")

    def _kill(self) -> None:
        process = self.living.pop(self.random.randrange(len(self.living)))
        process.kill()
        self._say(f"{process.kind} killed")

    def _read(self) -> None:
        self._command(*self.random.choice(_READING))

    def _change(self) -> None:
        chosen = self.random.choice(_CHANGING)
        self._command(*(str(self.here / word) if word == "rows.csv" else word for word in chosen))

    def _command(self, *argv: str) -> int:
        code = actors.command(*argv, "--project", str(self.project))
        self._say(f"onefold {' '.join(argv[:1])}: {code}")
        if code not in (0, 1, 2):
            raise Violation(f"`onefold {argv[0]}` ended with {code}", self.trace)
        return code

    def _edit(self) -> None:
        partitions, limit = self.random.choice((1, 2, 4)), self.random.choice((2, 5, 50))
        self._configure(partitions=partitions, limit=limit)
        self._say(f"configured {partitions} partitions, limit {limit}")

    def _backup(self) -> None:
        ledger = set(self.ledger)
        to = self.here / f"backup{len(self.trace)}"
        if self._command("backup", str(to)) == 0:
            self.copies.append(("backup", to, ledger))

    def _restore(self) -> None:
        backups = [copy for copy in self.copies if copy[0] == "backup"]
        if backups:
            _, source, ledger = self.random.choice(backups)
            if self._command("restore", str(source)) == 0:
                self.ledger = set(ledger)
            self._go_on()

    def _copy(self) -> None:
        """`cp -r` of the data while they may be in use, the log before the store or after."""
        data = self.project / "data" / "main"
        if not (data / "log.db").exists():
            return
        to = self.here / f"copy{len(self.trace)}"
        to.mkdir()
        ledger = set(self.ledger)
        names = ["log.db", "log.db-wal", "profiles.db", "profiles.db-wal", "keys.bin"]
        if self.random.random() < 0.5:
            names = [*names[2:4], *names[:2], *names[4:]]
        for name in names:
            if (data / name).exists():
                shutil.copyfile(data / name, to / name)
        self.copies.append(("copy", to, ledger))
        self._say("data copied")

    def _put_back(self) -> None:
        """All of a copy, or its log alone, in the place of what is there, with everything stopped as anybody would."""
        copies = [copy for copy in self.copies if copy[0] == "copy"]
        if not copies:
            return
        _, source, ledger = self.random.choice(copies)
        while self.living:
            self._end()
        data = self.project / "data" / "main"
        whole = self.random.random() < 0.5
        for name in ("log.db", "profiles.db") if whole else ("log.db",):
            for suffix in ("", "-wal", "-shm"):
                (data / f"{name}{suffix}").unlink(missing_ok=True)
                if (source / f"{name}{suffix}").exists():
                    shutil.copyfile(source / f"{name}{suffix}", data / f"{name}{suffix}")
        self.ledger, self.replaced = set(ledger), True
        self._say(f"{'data' if whole else 'log'} put back from a copy")
        self._go_on()

    def _go_on(self) -> None:
        """Take events again, as whoever replaced the data means to: by whom lives, or by one that starts."""
        if not any(process.collects for process in self.living):
            self._start()
        if any(process.collects for process in self.living):
            self._send()

    def _vanish(self) -> None:
        """The data are gone for a while, as a disk that is not mounted: nothing may begin anew meanwhile."""
        data = self.project / "data"
        if not (data / "main" / "keys.bin").exists():
            return
        while self.living:
            self._end()
        away = self.here / "away"
        data.rename(away)
        kind = self.random.choice(KINDS)
        process = Process(kind, self.project)
        if process.started:
            process.stop()
            raise Violation(f"{kind} began anew where the data were gone", self.trace)
        shutil.rmtree(data, ignore_errors=True)
        away.rename(data)
        self._say(f"data gone and back; {kind} refused")

    # ── the judge ──

    def _judge(self) -> None:
        while self.living:
            self._end()
        reading, writing = os.pipe()
        found = self._inside(lambda: os.write(writing, self._look().encode()))
        os.close(writing)
        with os.fdopen(reading) as told:
            wrong = told.read()
        if wrong or found:
            raise Violation(wrong or f"the judge ended with {found}", self.trace)

    def _look(self) -> str:
        """What is wrong, in a sentence; nothing if all promises were kept."""
        if not (self.project / "data" / "main" / "keys.bin").exists():
            return "" if not self.ledger else "the data are gone"
        try:
            with bootstrap.opened(self.project, None) as workspace:
                return self._missing(workspace)
        except ConfigurationError as refused:
            if not self.replaced:
                return f"refused without a reason: {refused}"
        # It was found out, as it should be. What the log holds is to be there once that is accepted.
        try:
            with bootstrap.opened(self.project, None, checked=False, adopt=True) as workspace:
                bootstrap.rebuild(workspace, accept_loss=True)
            with bootstrap.opened(self.project, None) as workspace:
                return self._missing(workspace)
        except OnefoldError as error:
            return f"cannot be mended: {error}"

    def _missing(self, workspace: bootstrap.Workspace) -> str:
        if not bootstrap.catch_up(workspace):
            return "another process works, though all were stopped"
        seen: list[str] = []
        people = set()
        for n in range(actors.PEOPLE):
            who = Identifier("user_id", f"u{n}")
            profile = profiles.profile(workspace.context, who)
            if profile is None or profile["id"] in people:
                continue
            people.add(profile["id"])
            cursor = None
            while True:
                page = profiles.timeline(workspace.context, who, cursor=cursor, limit=500)
                seen += [event["message_id"] for event in page["events"] if event["kind"] == "track"]
                cursor = page["next"]
                if cursor is None:
                    break
        if lost := sorted(self.ledger - set(seen), key=int):
            return f"lost: {len(lost)} of {len(self.ledger)} acknowledged, {lost[0]} first"
        if len(seen) != len(set(seen)):
            return "an event stands twice on timelines"
        done = bootstrap.verify(workspace)
        if done.wrong:
            return f"verify: {done.wrong}"
        return ""
