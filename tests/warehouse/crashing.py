"""A program that is killed: it appends, processes, loads, compacts and erases for ever, each round in a forked process.

`python -m tests.warehouse.crashing PROJECT ROUNDS SEED [torn|harsh]` prints a line a round: how it ended, and what is wrong
after it, or `ok`. With `harsh` a reader asks meanwhile, and is killed too; in some rounds the disk is full, or the folder of
segment files is gone for a while.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import sys
import time
import traceback
from functools import partial, partialmethod
from pathlib import Path

import msgspec

from onefold import bootstrap
from onefold.adapters.duckdb import compaction, loader
from onefold.adapters.duckdb.columns import fed_tables
from onefold.adapters.duckdb.erasure import Eraser
from onefold.adapters.duckdb.loader import Loader
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.errors import IntegrityError, NotFoundError, OnefoldError, UnavailableError
from onefold.model import Identifier, LogEntry
from onefold.pipelines import judgements
from onefold.ports.warehouse import ManifestChange
from onefold.warehouse import relations

EVENT = relations.EVENT.full_name
FED = {relation.full_name for relation in relations.FED}
ROWS = 120
FILE_BYTES = 8_192
"""How much the largest file may grow in a round whose disk is full."""
NOW_US = 1_790_000_000_000_000


def entry(number: int) -> LogEntry:
    body = {"type": "track", "event": "X", "anonymousId": f"a{number % 50}", "userId": f"u{number % 20}",
            "messageId": f"m{number}", "properties": {"n": number}}  # fmt: skip
    return LogEntry("segment", "web", NOW_US + number, 0, msgspec.json.encode(body))


def loader_for(workspace: bootstrap.Workspace) -> Loader:
    context = workspace.context
    files = SegmentFiles(workspace.directory / "warehouse", workspace.entries)
    return Loader(context.store, context.feed, files, lambda *_: (), rows=ROWS)


def victim(number: int) -> LogEntry:
    """Of somebody who is about to be erased."""
    body = {"type": "track", "event": "X", "userId": f"victim-{number}", "messageId": f"v{number}",
            "properties": {"victim": f"-{number}-"}}  # fmt: skip
    return LogEntry("segment", "web", NOW_US + number, 0, msgspec.json.encode(body))


def erase(directory: Path, workspace: bootstrap.Workspace, own: Loader, number: int) -> None:
    """Erase the victim of a number, and note it once that is done."""
    context = workspace.context
    eraser = Eraser(context.store, context.feed, own.files, own, context.clock_us)
    eraser.erase([judgements.subject(Identifier("user_id", f"victim-{number}"), context.identity, context.hasher)])
    note(directory / "erased.txt", number)


def work(directory: Path, chance: random.Random, *, fault: str) -> None:
    """Until it is killed. With `full` its files cannot grow; with `gone` the segment files are moved away for a moment."""
    if fault == "full":
        largest = max(path.stat().st_size for path in directory.rglob("*") if path.is_file())
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest + FILE_BYTES, largest + FILE_BYTES))
    with contextlib.suppress(OnefoldError, OSError) if fault else contextlib.nullcontext():
        loop(directory, chance)
    while True:  # it ended with an error, as it may
        time.sleep(1)


def loop(directory: Path, chance: random.Random) -> None:
    with bootstrap.opened(directory, None) as workspace:
        own = loader_for(workspace)
        compactor = compaction.Compactor(workspace.context.store, own.files, rows=5 * ROWS)
        number = max(workspace.context.log.ends().values())
        while True:
            many = chance.randrange(1, 2 * ROWS)
            doomed = number + many if chance.random() < 0.5 else None
            more = [] if doomed is None else [victim(doomed)]
            if doomed is not None:
                note(directory / "victims.txt", doomed)
            workspace.context.log.append([entry(number + n) for n in range(many)] + more)
            number += many + len(more)
            bootstrap.catch_up(workspace)
            own.load()
            compactor.compact()
            own.sweep()
            if doomed is not None:
                erase(directory, workspace, own, doomed)


def read(directory: Path) -> None:
    """Ask for ever; what is wrong with an answer goes into a file."""
    with contextlib.suppress(NotFoundError), bootstrap.asking(directory) as asker:
        while True:
            # A victim's rows go, the others stay; each row is there once.
            text = (
                "SELECT count(*) AS rows, count(DISTINCT event_id) AS ids, count(DISTINCT sequence) AS places, "
                "count(properties ->> 'n') AS others, max(CAST(properties ->> 'n' AS BIGINT)) AS last FROM staging.event"
            )
            try:
                (row,) = asker.ask(text).to_pylist()
            except (IntegrityError, UnavailableError):  # the files are away, or the disk is
                continue
            with (directory / "readings.txt").open("a") as file:
                right = row["rows"] == row["ids"] == row["places"]
                file.write(f"{'ok' if right else 'wrong'} {row}\n")


def victims(directory: Path, workspace: bootstrap.Workspace) -> set[int]:
    """Those whose event the store has."""
    context = workspace.context
    noted = {
        judgements.subject(Identifier("user_id", f"victim-{n}"), context.identity, context.hasher): n
        for n in numbers_in(directory / "victims.txt")
    }
    with context.store.snapshot() as snapshot:
        return {noted[node] for node in snapshot.nodes(sorted(noted))}


def numbers_in(path: Path) -> set[int]:
    """Those that a file has, a line each."""
    return {int(line) for line in path.read_text().splitlines()} if path.exists() else set()


def note(path: Path, number: int) -> None:
    """Add one, at once."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, b"%d\n" % number)
    os.close(descriptor)


def check(directory: Path) -> list[str]:
    """What is wrong with a workspace once it goes on."""
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.catch_up(workspace)
        own = loader_for(workspace)
        with workspace.context.store.snapshot() as snapshot:
            segments, fed, events = snapshot.segments(), snapshot.fed(), snapshot.counts()["events"]
            tables = [own.files.read(s, ["sequence"]) for s in segments if s.relation in FED]
            chunks = loader.opened(workspace.context.feed, snapshot.feed(after=snapshot.loaded()))
        tables += fed_tables(chunks).values()
        numbers = sorted(n for table in tables for n in table["sequence"].to_pylist())
        wrong = []
        texts = [
            str(own.files.read(s, ["properties"])["properties"].to_pylist()) for s in segments if s.relation == EVENT
        ]
        texts += [repr(rows.events) for _, rows in chunks]
        there = {int(number) for text in texts for number in re.findall(r"victim[^0-9]{1,9}-([0-9]+)-", text)}
        gone = victims(directory, workspace) - there
        # With each of them their event goes, and the row of their node.
        if len(set(numbers)) != len(numbers) or len(numbers) != fed - 2 * len(gone):
            wrong.append(f"{fed} rows were fed, {len(numbers)} are there, {len(set(numbers))} of them different")
        if back := numbers_in(directory / "erased.txt") & there:
            wrong.append(f"{len(back)} people are there who were erased")
        ids = [
            i for s in segments if s.relation == EVENT for i in own.files.read(s, ["event_id"])["event_id"].to_pylist()
        ]
        ids += [event_id.hex() for _, rows in chunks if rows.events for event_id in rows.events[0]]
        if len({str(getattr(i, "hex", i)) for i in ids}) != len(ids) or len(ids) != events - len(gone):
            wrong.append(f"{events} events are stored, {len(ids)} are in the warehouse")
        own.files.sweep({segment.name for segment in segments}, spared_seconds=0.0)
        if {path.name for path in own.files.directory.glob("*")} != {segment.name for segment in segments}:
            wrong.append("files that nobody names are left")
        return wrong


def torn(self: object, change: ManifestChange, *, revise) -> None:
    """A load in two halves, with time to die between them."""
    if change.loaded is None:
        revise(self, change)
        return
    revise(self, msgspec.structs.replace(change, add=()))
    self._connection.execute("COMMIT")
    time.sleep(0.05)
    self._connection.execute("BEGIN IMMEDIATE")
    revise(self, ManifestChange(loaded_before=change.loaded, add=change.add))


def forked(work) -> int:
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = work() or 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(code)
    return pid


def main(directory: Path, rounds: int, seed: int, how: str) -> None:
    chance = random.Random(seed)
    if how == "torn":
        SqliteTransaction.revise = partialmethod(torn, revise=SqliteTransaction.revise)
    reader = None
    for number in range(rounds):
        fault = chance.choice(["", "", "full", "gone"]) if how == "harsh" and number else ""
        pid = forked(partial(work, directory, random.Random(number), fault=fault))
        if how == "harsh" and number and reader is None:
            reader = forked(partial(read, directory))
        time.sleep(chance.uniform(0.1, 3.0) if how == "harsh" else chance.uniform(0.05, 0.9))
        if fault == "gone":
            away(directory)
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        ended = os.waitstatus_to_exitcode(status)
        if reader is not None and chance.random() < 0.2:
            os.kill(reader, signal.SIGKILL)
            os.waitpid(reader, 0)
            reader = None
        sys.stdout.write(f"{ended} {checked(directory)}\n")
        sys.stdout.flush()
    if reader is not None:
        os.kill(reader, signal.SIGKILL)
        os.waitpid(reader, 0)


def away(directory: Path) -> None:
    """Move the segment files away for a moment, as when a disk is not mounted, while the others go on."""
    (folder,) = directory.glob("data/*/warehouse") or (None,)
    if folder is None:
        return
    folder.rename(folder.with_suffix(".away"))
    time.sleep(0.3)
    if folder.exists():  # somebody who does not know that it is only away
        shutil.rmtree(folder)
    folder.with_suffix(".away").rename(folder)


def checked(directory: Path) -> str:
    """What is wrong, by a process of its own, since this one is to be forked."""
    reading, writing = os.pipe()

    def tell() -> int:
        os.write(writing, "; ".join(check(directory)).encode() or b"ok")
        return 0

    checker = forked(tell)
    os.close(writing)
    told = os.read(reading, 65536).decode() or "the check failed"
    os.close(reading)
    os.waitpid(checker, 0)
    return told


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), (sys.argv[4:] or [""])[0])
