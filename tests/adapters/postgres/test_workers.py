"""Several workers on one PostgreSQL store: the same people as one worker makes, whoever dies and whoever waits."""

from __future__ import annotations

import threading
import time

import pytest
from tests import database, workbench

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.postgres.transaction import PostgresTransaction
from onefold.errors import ConflictError, LeaseLostError
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process
from onefold.pipelines.stream.processor import Processor
from onefold.ports import Changes

PEOPLE = 12
EVENTS = 600
PARTITIONS = 4


def events() -> list:
    """Few people who meet often, in every partition at once: identities, purchases, consents, and repeats."""
    found = []
    for index in range(EVENTS):
        n = index - index % 5 // 4  # every fifth repeats the one before it
        who = n * 7 % PEOPLE
        body = {"messageId": f"m{n}", "timestamp": workbench.iso(n % 97), "anonymousId": f"cookie{n % 31}"}
        if n % 3 == 0:
            body |= {
                "type": "identify",
                "userId": f"u{who}",
                "traits": {"email": f"e{n % 9}@x.org", "plan": f"p{n % 4}"},
            }
        elif n % 7 == 0:
            body |= {"type": "track", "event": "Order Completed", "userId": f"u{who}", "properties": {"total": n}}
        else:
            body |= {"type": "track", "event": "Read", "properties": {"n": n}}
        found.append(workbench.entry(body, index=index))
    return found


def filled_log() -> MemoryEventLog:
    log = MemoryEventLog(partitions=PARTITIONS, partition_of=lambda entry: entry.index % PARTITIONS)
    log.append(events())
    return log


def by_one_worker() -> str:
    context = workbench.context(log=filled_log())
    process.drain(context)
    return rebuild.state_hash(context)


class Shift:
    """Workers on threads, each with connections and memory of its own."""

    def __init__(self, count: int, *, seconds: float = 100.0) -> None:
        self.until = time.monotonic() + seconds
        self.log = filled_log()
        self.workspace = database.workspace()
        self.failures: list[Exception] = []
        self.conflicts = 0
        self.threads = [threading.Thread(target=self._work, args=(f"w{n}",)) for n in range(count)]

    def run(self):
        for thread in self.threads:
            thread.start()
        for thread in self.threads:
            thread.join(120)
        assert not any(thread.is_alive() for thread in self.threads)
        context = workbench.context(log=self.log, store=database.store(self.workspace))
        process.drain(context)  # what they had no time for
        try:
            with context.store.snapshot() as seen:
                return rebuild.state_hash(context), seen.offsets(), {t.outcome: t.count for t in seen.tallies()}
        finally:
            context.store.close()

    def _work(self, name: str) -> None:
        store = database.store(self.workspace)
        context = workbench.context(log=self.log, store=store)
        idle = 0
        try:
            while idle < 3 and time.monotonic() < self.until:
                held = store.leases.renew(name, self.log.ends(), seconds=5)
                try:
                    idle = 0 if process.advance(context, batch=40, leased=held).read else idle + 1
                except (ConflictError, LeaseLostError):
                    self.conflicts += 1
                if idle:
                    time.sleep(0.05)
        except Exception as error:  # noqa: BLE001  the test reports what ended the thread
            self.failures.append(error)
        finally:
            store.leases.release(name)
            store.close()


def test_workers_side_by_side_make_the_people_that_one_makes():
    expected = by_one_worker()
    for count in (2, 3):
        shift = Shift(count)
        state, offsets, tallies = shift.run()
        assert not shift.failures
        assert offsets == shift.log.ends()
        assert tallies["stored"] + tallies["duplicate"] == EVENTS
        assert state == expected


def test_workers_that_do_not_lock_are_caught(monkeypatch):
    """The negative control: without the locks, updates are lost, or people are put together wrong."""

    def look_only(transaction, ids):
        components = b"SELECT component FROM node WHERE id = ANY(%b)"
        transaction._locked.update(row[0] for row in transaction._rows(components, ids))

    monkeypatch.setattr(PostgresTransaction, "_lock", look_only)
    expected = by_one_worker()
    for _ in range(5):
        shift = Shift(3, seconds=8)
        state, _, _ = shift.run()
        if shift.failures or state != expected:
            return
    pytest.fail("five runs without locks came out right")


def test_partitions_are_shared_fairly_and_taken_over():
    store = database.store()
    leases = store.leases
    first = leases.renew("a", range(4), seconds=60)
    assert set(first) == {0, 1, 2, 3}
    assert leases.renew("b", range(4), seconds=60) == {}  # until the other gives back
    kept = leases.renew("a", range(4), seconds=60)
    taken = leases.renew("b", range(4), seconds=60)
    assert len(kept) == len(taken) == 2
    assert set(kept) | set(taken) == {0, 1, 2, 3}
    assert all(first[p] == epoch for p, epoch in kept.items())
    assert all(taken[p] > first[p] for p in taken)
    leases.release("a")
    assert set(leases.renew("b", range(4), seconds=60)) == {0, 1, 2, 3}
    store.close()


def test_a_silent_workers_partitions_expire_and_its_late_commit_is_refused():
    store = database.store()
    zombie = store.leases.renew("zombie", [0], seconds=0.2)
    time.sleep(0.4)
    heir = store.leases.renew("heir", [0], seconds=60)
    assert heir[0] > zombie[0]
    with pytest.raises(LeaseLostError), store.transaction() as transaction:
        transaction.write(Changes(offsets={0: 5}, epochs=zombie))
    with store.snapshot() as seen:
        assert seen.offsets() == {}
    with store.transaction() as transaction:
        transaction.write(Changes(offsets={0: 5}, epochs=heir))
    with store.transaction() as transaction:  # the control: a commit that names no epoch is not fenced
        transaction.write(Changes(offsets={0: 4}))
    store.close()


def test_of_two_that_process_the_same_entries_one_is_refused():
    """Even without leases: the offset must stand where the batch began."""
    store = database.store()
    with store.transaction() as slow:
        slow.offsets()
        with store.transaction() as quick:
            quick.offsets()
            quick.write(Changes(offsets={0: 3}))
        with pytest.raises(ConflictError):
            slow.write(Changes(offsets={0: 3}))
    store.close()


def test_a_processor_with_leases_works_its_partitions_and_gives_them_back():
    store = database.store()
    context = workbench.context(log=filled_log(), store=store)
    processor = Processor(context, leases=store.leases, worker="p", monotonic=time.monotonic)
    processor.start()
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with store.snapshot() as seen:
            if seen.offsets() == context.log.ends():
                break
        time.sleep(0.05)
    processor.stop()
    assert rebuild.state_hash(context) == by_one_worker()
    assert set(store.leases.renew("next", context.log.ends(), seconds=60)) == set(context.log.ends())
    store.close()


def test_who_sees_fewer_partitions_than_another_holds_down_nobody():
    """Workers that have not seen new partitions leave all to those who have; once they see them, all share again."""
    name = database.workspace()
    stores = [database.store(name) for _ in range(3)]
    a, b, c = (store.leases for store in stores)
    few, all_of_them = range(4), range(8)
    try:
        a.renew("a", few, seconds=60)
        b.renew("b", few, seconds=60)
        assert sorted([*a.renew("a", few, seconds=60), *b.renew("b", few, seconds=60)]) == [0, 1, 2, 3]
        assert set(c.renew("c", all_of_them, seconds=60)) == {4, 5, 6}  # counted with the others it may have no more
        assert a.renew("a", few, seconds=60) == b.renew("b", few, seconds=60) == {}
        assert set(c.renew("c", all_of_them, seconds=60)) == set(all_of_them)
        c.renew("c", all_of_them, seconds=60)
        a.renew("a", all_of_them, seconds=60)
        c.renew("c", all_of_them, seconds=60)
        assert len(a.renew("a", all_of_them, seconds=60)) == len(c.renew("c", all_of_them, seconds=60)) == 4
        # Where the only others are gone, who sees fewer works on: a log with fewer partitions stops nobody.
        a.release("a")
        c.release("c")
        assert set(b.renew("b", few, seconds=60)) == set(few)
    finally:
        for store in stores:
            store.close()
