"""The stream goes on although our own code breaks on an entry: that entry is set aside, said so, and can be sent again."""

from __future__ import annotations

import os
import threading

import pytest
from tests import workbench
from tests.pipelines.breaking import (
    breaking_fold,
    breaking_hasher,
    breaking_judge,
    breaking_resolve,
    breaking_sighting,
    breaking_state,
)
from tests.plain import balances, dead_letters, profiles

from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.errors import IntegrityError, UnavailableError
from onefold.governance.encryption import EntrySealer
from onefold.model import Identifier, Rejected
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.maintenance.rebuild import state_hash
from onefold.pipelines.stream import process, quarantine
from onefold.pipelines.stream.processor import Processor
from onefold.profiles import state as folds

ONE_BY_ONE = [breaking_judge, breaking_hasher, breaking_sighting, breaking_fold, breaking_state]
"""Where the bug sits, and the event at fault is known: while it is judged, named, told of, folded, or written."""
PLANTS = [*ONE_BY_ONE, breaking_resolve]
"""The last breaks for the batch as a whole."""


def filled(*, events=200, every=40, log=None):
    """A workspace whose log holds events, each `every`th of which a planted bug breaks on."""
    context = workbench.context(log=log)
    context.log.append(
        [
            workbench.entry(
                {"type": "track", "event": "Break" if n % every == 0 else "Read", "userId": f"u{n % 7}",
                 "messageId": f"m{n}", "timestamp": workbench.iso(n)},
                index=n,
            )
            for n in range(events)
        ]
    )  # fmt: skip
    return context


@pytest.mark.parametrize("plant", PLANTS)
def test_what_breaks_our_code_is_set_aside_and_the_rest_is_processed(plant, monkeypatch):
    """Each offending event is one dead letter `internal_error`; all others are stored; the account is balanced."""
    context = filled()
    plant(monkeypatch)
    quarantine.drain(context, batch=64)
    letters = dead_letters.listed(context, limit=100)
    assert [d["offset"] for d in letters] == [1, 41, 81, 121, 161]
    assert {d["reason"] for d in letters} == {"internal_error"}
    (account,) = balances.sources(context)
    assert (account["stored"], account["rejected"], account["pending"]) == (195, 5, 0)
    assert account["balanced"]


@pytest.mark.parametrize("plant", PLANTS)
def test_once_the_bug_is_mended_all_are_replayed_and_counted_once(plant, monkeypatch):
    """After a replay the state is the one that a product without the bug would have had."""
    context = filled()
    with monkeypatch.context() as while_broken:
        plant(while_broken)
        quarantine.drain(context)
    assert dead_letters.replay_all(context, reason="internal_error") == 5
    quarantine.drain(context)
    assert dead_letters.listed(context) == []
    sound = filled()
    process.drain(sound)
    assert state_hash(context) == state_hash(sound)
    assert profiles.profile(context, Identifier("user_id", "u0"))["counters"]["events"] == 29


@pytest.mark.parametrize("plant", PLANTS)
def test_without_isolation_the_batch_would_fail_for_ever(plant, monkeypatch):
    """Negative control: but for the judge, whose entry is known, the bare stream passes nothing of the batch."""
    context = filled()
    plant(monkeypatch)
    monkeypatch.setattr("onefold.pipelines.stream.internal_errors.is_ours", lambda _: False)
    for _ in range(3):
        with pytest.raises(TypeError if plant is breaking_state else ZeroDivisionError):
            process.advance(context)
    with context.store.snapshot() as snapshot:
        assert snapshot.offsets() == {}


def test_a_dead_letter_names_the_bug_and_not_the_payload(monkeypatch):
    """Type and place are there; the words of the exception, which quote a value, are not."""
    context = filled(events=1)
    breaking_judge(monkeypatch)
    quarantine.drain(context)
    (letter,) = dead_letters.listed(context)
    assert letter["detail"].startswith("ZeroDivisionError in pipelines/stream/batches.py:")
    assert "u0" not in letter["detail"]


@pytest.mark.parametrize("error", [UnavailableError("down"), IntegrityError("torn")])
def test_what_is_no_entrys_fault_blames_none(error, monkeypatch):
    """A store that does not answer and damaged files: nothing is passed, nothing set aside."""
    context = filled(events=10)

    def refuse(*_):
        raise error

    monkeypatch.setattr(folds, "fold", refuse)
    with pytest.raises(type(error)):
        quarantine.advance(context)
    with context.store.snapshot() as snapshot:
        assert snapshot.offsets() == {}
        assert snapshot.counts()["dead_letters"] == 0


def test_a_store_that_breaks_on_everything_loses_nothing(monkeypatch):
    """If dead letters cannot be recorded either, the fault is not an entry's: the batch waits and is done later."""
    context = filled(events=10)
    with monkeypatch.context() as while_broken:
        kind = type(_transaction(context))

        def refuse(*_):
            raise ZeroDivisionError

        while_broken.setattr(kind, "write", refuse)
        with pytest.raises(ZeroDivisionError):
            quarantine.advance(context)
    quarantine.drain(context)
    with context.store.snapshot() as snapshot:
        assert snapshot.counts()["events"] == 10
        assert snapshot.counts()["dead_letters"] == 0


def _transaction(context):
    with context.store.transaction() as transaction:
        return transaction


def test_what_fails_once_is_tried_again(monkeypatch):
    """An exception that does not come back sets nothing aside."""
    context = filled(events=50)
    fold, calls = folds.fold, []

    def unlucky(*arguments):
        calls.append(1)
        if len(calls) == 20:
            raise ZeroDivisionError
        return fold(*arguments)

    monkeypatch.setattr(folds, "fold", unlucky)
    quarantine.drain(context)
    with context.store.snapshot() as snapshot:
        assert snapshot.counts()["events"] == 50
        assert snapshot.counts()["dead_letters"] == 0


def test_the_processor_lives_on_and_is_well(monkeypatch):
    """The thread passes a poisoned event, processes what comes after it, and reports no failure."""
    context = filled(events=3)
    breaking_fold(monkeypatch)
    processor = Processor(context)
    processor.start()
    passed = threading.Event()
    for _ in range(500):
        with context.store.snapshot() as snapshot:
            if snapshot.counts()["events"] == 2 and snapshot.counts()["dead_letters"] == 1:
                passed.set()
                break
        passed.wait(0.02)
    processor.stop()
    assert passed.is_set()
    assert processor.failure is None


def test_a_rebuild_passes_the_same_entries(monkeypatch):
    """While the bug is there, the store is still what the log implies."""
    context = filled()
    breaking_fold(monkeypatch)
    quarantine.drain(context)
    done = rebuild.verify(context, workbench.context().store)
    assert done.equal
    assert done.entries == 200


@pytest.mark.parametrize("plant", PLANTS)
def test_each_partition_passes_its_own_poison(plant, monkeypatch, tmp_path):
    """Several partitions in a batch: the entry at fault is found in its own; leases not held are left alone."""
    sealer = EntrySealer(workbench.KEYS, os.urandom)
    log = SqliteEventLog(tmp_path / "log.db", sealer, partition_of=lambda entry: entry.index % 3)
    context = filled(log=log)
    plant(monkeypatch)
    while quarantine.advance(context, batch=16, leased={1: 1, 2: 1}).read:
        pass
    with context.store.snapshot() as snapshot:
        ends = context.log.ends()
        assert snapshot.offsets() == {1: ends[1], 2: ends[2]}
        letters = snapshot.dead_letters(status="open", source=None, after=(0, 0), limit=100)
    poisoned = context.log.get([(d.partition, d.offset) for d in letters])
    assert {s.entry.index for s in poisoned} == {n for n in range(0, 200, 40) if n % 3 != 2}
    quarantine.drain(context, batch=16)
    with context.store.snapshot() as snapshot:
        assert snapshot.counts()["dead_letters"] == 5
        assert snapshot.counts()["events"] == 195
    log.close()


def test_an_entry_that_another_worker_has_passed_is_not_set_aside():
    """A batch broke, the lease was lost, the new holder got through: nothing is left here to blame, and nothing breaks."""
    context = filled(events=1, every=2)
    process.drain(context)
    assert quarantine.set_aside(context, 0, Rejected("internal_error", ""), {}) == process.BatchResult()
    assert dead_letters.listed(context) == []


def starving(monkeypatch, hungry):
    """Folding runs out of memory on events for which `hungry` says so."""
    real = folds.fold

    def fold(into, event, *more):
        if hungry(event):
            raise MemoryError
        real(into, event, *more)

    monkeypatch.setattr(folds, "fold", fold)


def test_an_event_that_takes_all_memory_is_set_aside_and_the_rest_is_processed(monkeypatch):
    """It is found in parts, like what breaks a batch as a whole."""
    context = filled(events=10, every=100)
    (fourth,) = (s for s in context.log.read(0, 0, 100) if s.offset == 4)
    hungry = context.gate.check(fourth.entry).event.id
    starving(monkeypatch, lambda event: event.id == hungry)
    done = quarantine.drain(context)
    assert done.rejected == 1
    (letter,) = dead_letters.listed(context)
    assert (letter["offset"], letter["reason"]) == (4, "out_of_memory")


def test_a_want_of_memory_that_befalls_all_blames_one_at_a_time(monkeypatch):
    """Then the batch waits: it may be nobody's fault."""
    context = filled(events=10)
    starving(monkeypatch, lambda _: True)
    with pytest.raises(MemoryError):
        quarantine.advance(context)
    assert len(dead_letters.listed(context)) == 1
