"""Events that break our code, on PostgreSQL under leases: two workers set aside what one worker would, once each."""

from __future__ import annotations

import time

import pytest
from tests import database, workbench
from tests.pipelines.breaking import breaking_fold, breaking_resolve
from tests.plain import balances, dead_letters

from onefold.adapters.memory.log import MemoryEventLog
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process, quarantine
from onefold.pipelines.stream.processor import Processor

PARTITIONS = 4


def filled_log(events: int, every: int) -> MemoryEventLog:
    """Few people who meet in every partition; some events break."""
    log = MemoryEventLog(partitions=PARTITIONS, partition_of=lambda entry: entry.index % PARTITIONS)
    log.append(
        [
            workbench.entry(
                {"type": "track", "event": "Break" if n % every else "Read", "userId": f"u{n % 12}",
                 "anonymousId": f"c{n % 12}-{n % 5}", "messageId": f"m{n}", "timestamp": workbench.iso(n)},
                index=n,
            )
            for n in range(events)
        ]
    )  # fmt: skip
    return log


@pytest.mark.parametrize(("plant", "events"), [(breaking_fold, 1_200), (breaking_resolve, 60)])
def test_two_workers_set_aside_what_one_would(plant, events, monkeypatch):
    """Two thirds of the events break; the rest is stored, and all is stored once the bug is mended."""
    log, workspace = filled_log(events, 3), database.workspace()
    with monkeypatch.context() as while_broken:
        plant(while_broken)
        alone = workbench.context(log=log)
        quarantine.drain(alone)
        stores = [database.store(workspace) for _ in range(2)]
        processors = [
            Processor(
                workbench.context(log=log, store=store), leases=store.leases, worker=f"w{n}", monotonic=time.monotonic
            )
            for n, store in enumerate(stores)
        ]
        for processor in processors:
            processor.start()
        until = time.monotonic() + 100
        while time.monotonic() < until:
            with stores[0].snapshot() as seen:
                if seen.offsets() == log.ends():
                    break
            time.sleep(0.05)
        for processor in processors:
            processor.stop()
    context = workbench.context(log=log, store=stores[0])
    with stores[0].snapshot() as seen, alone.store.snapshot() as expected:
        everything = {"status": "open", "source": None, "after": (0, 0), "limit": 2_000}
        places = {(d.partition, d.offset) for d in seen.dead_letters(**everything)}
        assert places == {(d.partition, d.offset) for d in expected.dead_letters(**everything)}
        assert len(places) == events * 2 // 3
        assert seen.counts()["events"] == events // 3
    assert rebuild.state_hash(context) == rebuild.state_hash(alone)
    assert dead_letters.replay_all(context, reason="internal_error") == events * 2 // 3
    process.drain(context)
    whole = workbench.context(log=filled_log(events, 3))
    process.drain(whole)
    assert rebuild.state_hash(context) == rebuild.state_hash(whole)
    (account,) = balances.sources(context)
    assert (account["stored"], account["balanced"]) == (events, True)
    for store in stores:
        store.close()
