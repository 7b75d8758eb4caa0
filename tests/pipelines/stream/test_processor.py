"""A worker asks for partitions soon while it has none, and seldom once it has some."""

import threading
import time
from itertools import pairwise

import pytest
from tests.workbench import context as make_context

from onefold.errors import LeaseLostError
from onefold.pipelines.stream import processor, quarantine
from onefold.pipelines.stream.process import BatchResult
from onefold.pipelines.stream.processor import Processor, Work

RENEWAL = processor.LEASE_SECONDS / 3


class Leases:
    """Gives partition 0 from a certain time on, and remembers when it was asked."""

    def __init__(self, free_at):
        self.now = 0.0
        self.free_at = free_at
        self.asked = []

    def renew(self, worker, partitions, *, seconds):
        self.asked.append(self.now)
        return {0: 1} if self.now >= self.free_at else {}

    def release(self, worker):
        pass


def asked(free_at, until):
    """When a worker asked that looks for work every hundredth of a second."""
    leases = Leases(free_at)
    work = Work(make_context(), leases, "w", lambda: leases.now)
    while leases.now < until:
        work.advance()
        leases.now += 0.01
    return leases.asked


def test_a_newcomer_has_its_share_soon_after_it_is_free():
    for free_at in (0.1, 0.5, 1.0, 2.0):
        got = next(at for at in asked(free_at, 10) if at >= free_at)
        assert got - free_at <= max(0.2, free_at) + 0.02


def test_a_worker_that_has_work_or_waited_long_asks_seldom():
    assert len(asked(0.0, 60)) <= 60 / RENEWAL + 1
    assert len(asked(999.0, 60)) <= 60 / RENEWAL + 6


def test_a_newcomer_that_asks_only_when_it_would_renew_waits_long(monkeypatch):
    """Control: what the first test is about."""
    monkeypatch.setattr(processor, "ASK_SECONDS", RENEWAL)
    got = next(at for at in asked(0.5, 10) if at >= 0.5)
    assert got - 0.5 > 2


def tries(monkeypatch, entries_a_lease):
    """The sizes tried until a batch ends before its lease, of which so many entries can be worked meanwhile."""
    tried = []

    def advance(_, *, batch, leased):
        tried.append(batch)
        if batch > entries_a_lease:
            raise LeaseLostError("another worker has taken a partition of this batch over")
        return BatchResult(read=batch)

    monkeypatch.setattr(quarantine, "advance", advance)
    work = Work(make_context(), Leases(0.0), "w", lambda: 0.0)
    for _ in range(20):
        try:
            work.advance()
        except LeaseLostError:
            continue
        return tried
    return tried


def test_a_batch_that_outlasts_its_lease_is_tried_smaller(monkeypatch):
    """Two slow workers would else take each other's partitions for ever, and neither come to an end."""
    assert tries(monkeypatch, 1_000) == [15_000, 3_750, 937]


def test_at_the_same_size_it_never_ends(monkeypatch):
    """Control: what the test above is about."""
    monkeypatch.setattr(Work, "_shrink", lambda _: None)
    with pytest.raises(AssertionError):
        test_a_batch_that_outlasts_its_lease_is_tried_smaller(monkeypatch)


def batches(monkeypatch, read, seconds):
    """How many batches of so many entries a processor makes in that time, there being always more."""
    made, enough = [], threading.Event()

    def advance(_, **_bounds):
        made.append(time.monotonic())
        time.sleep(0.001)
        if len(made) == 100:
            enough.set()
        return BatchResult(read=read)

    monkeypatch.setattr(quarantine, "advance", advance)
    running = Processor(make_context())
    running.start()
    enough.wait(seconds)
    running.stop()
    return [later - earlier for earlier, later in pairwise(made)]


def test_after_a_small_batch_entries_gather(monkeypatch):
    assert min(batches(monkeypatch, 20, 0.5)) >= 0.9 * processor.GATHER_SECONDS


def test_in_a_backlog_nothing_waits(monkeypatch):
    """And the control of the test above: it is the size that makes the difference."""
    assert min(batches(monkeypatch, processor.GATHERED_ENTRIES, 20)) < processor.GATHER_SECONDS
