"""A worker asks for partitions soon while it has none, and seldom once it has some."""

from tests.workbench import parts

from onefold.pipelines import processor
from onefold.pipelines.processor import Work

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
    work = Work(parts(), leases, "w", lambda: leases.now)
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
