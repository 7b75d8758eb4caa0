"""Worlds of the simulator on the real PostgreSQL, by workers on threads: what is a model there is checked here."""

from __future__ import annotations

import random
import threading
from dataclasses import replace

from tests import database, workbench
from tests.simulation.simulator import expected, people_in
from tests.simulation.world import HASHER, PROFILES, world

from onefold.adapters.memory.log import MemoryEventLog
from onefold.errors import UnavailableError
from onefold.identity.known import KnownEdges
from onefold.pipelines.context import Context
from onefold.pipelines.stream import process

WORLDS = range(40, 60)
WORKERS = 3
TRIES_MAX = 2_000


def sent(number: int) -> MemoryEventLog:
    """A world, every item of it once or twice, spread at random."""
    chance, here = random.Random(number), world(number)
    entries = [one.entry for one in (*here.facts, *here.said) for _ in range(chance.randint(1, 2))]
    chance.shuffle(entries)
    log = MemoryEventLog(partitions=WORKERS, partition_of=lambda _: chance.randrange(WORKERS))
    log.append(entries)
    return log


class Shift:
    """Workers of one world, which begin at once."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.log = sent(number)
        self.workspace = database.workspace()
        self.begin = threading.Barrier(WORKERS)
        self.failures: list[Exception] = []

    def context(self) -> Context:
        """What a worker works with."""
        settings = world(self.number).settings
        store = database.store(self.workspace)
        context = workbench.context(log=self.log, store=store, identity=settings, profiles=PROFILES)
        return replace(context, hasher=HASHER[id(settings)], known=KnownEdges())

    def work(self, epochs: dict[int, int], batch: int) -> None:
        """One worker's share, in small batches."""
        context = self.context()
        try:
            self.begin.wait(60)
            for _ in range(TRIES_MAX):
                try:
                    if not process.advance(context, batch=batch, leased=epochs).read:
                        return
                except UnavailableError:
                    continue
        except Exception as error:  # noqa: BLE001  the test reports what ended the thread
            self.failures.append(error)
        finally:
            context.store.close()

    def run(self) -> dict:
        """The people they make."""
        context = self.context()
        held = context.store.leases.renew("all of them", range(WORKERS), seconds=600)
        threads = [
            threading.Thread(target=self.work, args=({partition: epoch}, 1 + (self.number + partition) % 3))
            for partition, epoch in held.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        try:
            assert not self.failures
            with context.store.snapshot() as seen:
                assert seen.offsets() == {p: end for p, end in self.log.ends().items() if end}
                return people_in(seen.scan(), context.sealer)
        finally:
            context.store.close()


def test_workers_on_postgres_end_where_brute_force_does():
    """Who is who, what survives, what adds up and what is allowed, from transactions that really overlap."""
    for number in WORLDS:
        assert Shift(number).run() == expected(number), f"world {number}"
