"""Group commit: acknowledged means appended, neighbours do not pay for each other, and what waits is bounded."""

import asyncio
import threading
import time

import pytest

from onefold.adapters.memory.log import MemoryEventLog
from onefold.errors import OverloadedError, UnavailableError
from onefold.model import LogEntry
from onefold.serving.appender import Appender, AppenderLimits


class SlowLog(MemoryEventLog):
    """A log whose disk answers when it is let, and that keeps the sizes of its transactions."""

    def __init__(self):
        super().__init__()
        self.gate = threading.Event()
        self.groups = []
        self.begun = threading.Event()

    def append(self, entries):
        self.begun.set()
        assert self.gate.wait(10)
        self.groups.append(len(entries))
        return super().append(entries)


class PickyLog(MemoryEventLog):
    """A log that cannot take one particular entry."""

    def append(self, entries):
        if any(entry.body == b"poison" for entry in entries):
            raise ValueError("personal@data.test")
        return super().append(entries)


class EarlyAppender(Appender):
    """The planted bug: it answers when it has queued."""

    def append(self, entries, size):
        super().append(entries, size)
        done = self._loop.create_future()
        done.set_result(None)
        return done


def entry(body=b"{}"):
    return LogEntry("segment", "web", 1, 0, body)


async def acknowledged_too_soon(kind):
    """Whether a request counts as done while the disk still works on it."""
    log = SlowLog()
    appender = kind(log, limits=AppenderLimits())
    done = appender.append([entry()], 2)
    await asyncio.to_thread(log.begun.wait, 10)
    await asyncio.sleep(0)
    early = done.done()
    log.gate.set()
    await asyncio.wait_for(done, 10)
    await appender.close()
    assert log.ends() == {0: 1}
    return early


def test_nothing_is_acknowledged_before_the_append_returned():
    """The future is pending for as long as the log works."""
    assert not asyncio.run(acknowledged_too_soon(Appender))


def test_answering_on_queueing_is_found_out():
    """Control: an appender that answers when it has queued fails the same check."""
    assert asyncio.run(acknowledged_too_soon(EarlyAppender))


def test_what_arrives_during_an_append_goes_together():
    """However many requests come while the disk works, one transaction takes them all."""

    async def scenario():
        log = SlowLog()
        appender = Appender(log, limits=AppenderLimits())
        first = appender.append([entry()], 2)
        await asyncio.to_thread(log.begun.wait, 10)
        rest = [appender.append([entry(), entry()], 4) for _ in range(50)]
        log.gate.set()
        await asyncio.gather(first, *rest)
        await appender.close()
        return log.groups

    assert asyncio.run(scenario()) == [1, 100]


def test_a_group_is_bounded():
    """No transaction takes another request once it has its entries."""

    async def scenario():
        log = SlowLog()
        log.gate.set()
        appender = Appender(log, limits=AppenderLimits(group_entries=10))
        await asyncio.gather(*[appender.append([entry()] * 4, 8) for _ in range(10)])
        await appender.close()
        return log.groups

    assert max(asyncio.run(scenario())) <= 12


@pytest.mark.parametrize("limits", [AppenderLimits(waiting_entries=5), AppenderLimits(waiting_bytes=10)])
def test_what_waits_is_bounded(limits):
    """When too much waits, more is refused with the time to come again; when it has gone, there is room again."""

    async def scenario():
        log = SlowLog()
        appender = Appender(log, limits=limits)
        taken = [appender.append([entry()], 2) for _ in range(5)]
        with pytest.raises(OverloadedError) as refused:
            appender.append([entry()], 2)
        log.gate.set()
        await asyncio.gather(*taken)
        await appender.append([entry()], 2)
        await appender.close()
        assert appender.waiting_entries == appender.waiting_bytes == 0
        return refused.value.retry_after_seconds, log.ends()[0]

    assert asyncio.run(scenario()) == (1, 6)


def test_one_bad_request_does_not_cost_its_neighbours_theirs():
    """An entry the log cannot take fails its own request; the others of its group are appended, once."""

    async def scenario():
        log = PickyLog()
        appender = Appender(log, limits=AppenderLimits())
        futures = [appender.append([entry(body)], 6) for body in (b"a", b"poison", b"b")]
        results = await asyncio.gather(*futures, return_exceptions=True)
        await appender.close()
        return results, [stored.entry.body for stored in log.read(0, 0, 10)]

    results, bodies = asyncio.run(scenario())
    assert [type(r) for r in results] == [type(None), UnavailableError, type(None)]
    assert "personal" not in str(results[1])
    assert bodies == [b"a", b"b"]


def test_closing_waits_for_what_was_taken():
    """What was taken, several groups of it, is on the disk when `close` returns; afterwards nothing is taken."""

    async def scenario():
        log = SlowLog()
        appender = Appender(log, limits=AppenderLimits(group_entries=5))
        taken = [appender.append([entry()], 2) for _ in range(20)]
        closing = asyncio.create_task(appender.close())
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            appender.append([entry()], 2)
        log.gate.set()
        await asyncio.wait_for(closing, 10)
        assert all(future.done() for future in taken)
        return log.ends()[0]

    assert asyncio.run(scenario()) == 20


class PatientAppender(Appender):
    """The planted bug: a request waits for whatever was there before it, and then for the log."""

    def _expire(self):
        self._expiry = None


async def slowest_answer(kind):
    """How long the slowest of many requests waits for an answer, in seconds, while every append takes one and fails."""

    class StoppedLog(MemoryEventLog):
        def append(self, entries):
            time.sleep(0.4)
            raise UnavailableError("The broker does not answer.")

    loop = asyncio.get_running_loop()
    appender = kind(StoppedLog(), limits=AppenderLimits(group_entries=1, answer_seconds=0.5))
    slowest = 0.0

    async def ask(after):
        nonlocal slowest
        await asyncio.sleep(after)
        began = loop.time()
        with pytest.raises(UnavailableError):
            await appender.append([entry()], 2)
        slowest = max(slowest, loop.time() - began)

    await asyncio.gather(*(ask(n / 40) for n in range(6)))
    await appender.close()
    assert appender.waiting_entries == appender.waiting_bytes == 0
    return slowest


def test_a_request_that_queues_is_answered_as_soon_as_one_that_does_not():
    """The time runs from the request: what waits behind an append that hangs is answered in time, too."""
    assert asyncio.run(slowest_answer(Appender)) < 1.2


def test_waiting_for_ones_turn_is_found_out():
    """Control: where each request waits for its turn, the last waits for all before it."""
    assert asyncio.run(slowest_answer(PatientAppender)) > 2.0


def test_what_comes_in_time_is_not_refused():
    """Many requests one after the other, each in time, all longer than any one may take: all are appended, once."""

    async def scenario():
        log = MemoryEventLog()
        appender = Appender(log, limits=AppenderLimits(answer_seconds=0.2))
        for _ in range(30):
            await appender.append([entry()], 2)
            await asyncio.sleep(0.01)
        await appender.close()
        return log.ends()[0]

    assert asyncio.run(scenario()) == 30
