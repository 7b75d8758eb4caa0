"""A program that is killed: it appends, processes, loads and reads for ever, each round in a process forked from this one.

`python -m tests.warehouse.crashing PROJECT ROUNDS SEED [torn]` prints a line a round: what is wrong after it, or nothing.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from functools import partial, partialmethod
from pathlib import Path

import msgspec

from onefold import bootstrap
from onefold.adapters.duckdb import compaction, loader
from onefold.adapters.duckdb.columns import fed_tables
from onefold.adapters.duckdb.loader import Loader
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.model import LogEntry
from onefold.ports.warehouse import ManifestChange
from onefold.warehouse import relations

ROWS = 120
NOW_US = 1_790_000_000_000_000


def entry(number: int) -> LogEntry:
    body = {"type": "track", "event": "X", "anonymousId": f"a{number % 50}", "userId": f"u{number % 20}",
            "messageId": f"m{number}", "properties": {"n": number}}  # fmt: skip
    return LogEntry("segment", "web", NOW_US + number, 0, msgspec.json.encode(body))


def loader_for(workspace: bootstrap.Workspace) -> Loader:
    context = workspace.context
    files = SegmentFiles(workspace.directory / "warehouse", workspace.entries)
    return Loader(context.store, context.feed, files, lambda *_: (), rows=ROWS)


def work(directory: Path, chance: random.Random) -> None:
    """Until it is killed."""
    with bootstrap.opened(directory, None) as workspace:
        own = loader_for(workspace)
        compactor = compaction.Compactor(workspace.context.store, own.files, rows=5 * ROWS)
        number = max(workspace.context.log.ends().values())
        while True:
            many = chance.randrange(1, 2 * ROWS)
            workspace.context.log.append([entry(number + n) for n in range(many)])
            number += many
            bootstrap.catch_up(workspace)
            own.load()
            compactor.compact()
            own.sweep()


def check(directory: Path) -> list[str]:
    """What is wrong with a workspace once it goes on."""
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.catch_up(workspace)
        own = loader_for(workspace)
        with workspace.context.store.snapshot() as snapshot:
            segments, fed, events = snapshot.segments(), snapshot.fed(), snapshot.counts()["events"]
            tables = [own.files.read(s, ["sequence"]) for s in segments]
            chunks = loader.opened(workspace.context.feed, snapshot.feed(after=snapshot.loaded()))
        tables += fed_tables(chunks).values()
        numbers = sorted(n for table in tables for n in table["sequence"].to_pylist())
        wrong = []
        if numbers != list(range(1, fed + 1)):
            wrong.append(f"{fed} rows were fed, {len(numbers)} are there, {len(set(numbers))} of them different")
        ids = [i for s in segments if s.relation == relations.EVENT.full_name
               for i in own.files.read(s, ["event_id"])["event_id"].to_pylist()]  # fmt: skip
        ids += [event_id.hex() for _, rows in chunks if rows.events for event_id in rows.events[0]]
        if len({str(getattr(i, "hex", i)) for i in ids}) != events or len(ids) != events:
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
        finally:
            os._exit(code)
    return pid


def main(directory: Path, rounds: int, seed: int, *, broken: bool) -> None:
    chance = random.Random(seed)
    if broken:
        SqliteTransaction.revise = partialmethod(torn, revise=SqliteTransaction.revise)
    for number in range(rounds):
        pid = forked(partial(work, directory, random.Random(number)))
        time.sleep(chance.uniform(0.05, 0.9))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        ended = os.waitstatus_to_exitcode(status)
        reading, writing = os.pipe()

        def tell(writing=writing) -> int:
            os.write(writing, "; ".join(check(directory)).encode() or b"ok")
            return 0

        checker = forked(tell)
        os.close(writing)
        told = os.read(reading, 65536).decode() or "the check failed"
        os.close(reading)
        os.waitpid(checker, 0)
        sys.stdout.write(f"{ended} {told}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), broken=sys.argv[4:] == ["torn"])
