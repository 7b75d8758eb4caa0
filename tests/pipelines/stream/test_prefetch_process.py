"""PreparationContext by another process: the same batches, used only for what they were asked for, and never missed."""

from __future__ import annotations

import dataclasses
import io
import os
import threading
from contextlib import contextmanager, suppress

import msgspec
import pytest
from tests.pipelines.torn import advance_torn
from tests.workbench import context as make_context
from tests.workbench import entry, iso

from onefold.model import Judgement, LogEntry, Suppressed
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import batches, prefetch_process, process


def items(count):
    """Calls of all kinds, good and bad."""
    fields = [
        {"type": "identify", "userId": "ann", "traits": {"email": "ann@mail.example", "n": 2**62, "x": [1, None, 0.1]}},
        {"type": "track", "event": "Read", "anonymousId": "c1", "context": {"ip": "203.0.113.1"}},
        {"type": "track", "userId": "ann"},
        {"type": "track", "event": "Read"},
        {"type": "alias", "userId": "ann", "previousId": "c1"},
        {"type": "page", "userId": "bob", "anonymousId": "c2", "properties": {"consent": {"email": False}}},
    ]
    good = [entry({**fields[n % len(fields)], "messageId": str(n), "timestamp": iso(n)}, index=n) for n in range(count)]
    return [*good, LogEntry("segment", "web", 1, 0, b"{", request_id="r1", replay_of=7, replay_in=2)]


def bodiless(batch):
    """What a batch is without the bodies of its entries."""
    return batches.PreparedBatch(
        [
            msgspec.structs.replace(e, entry=msgspec.structs.replace(e.entry, body=b"", shared=None))
            for e in batch.entries
        ],
        [batches.Candidate(c.event, c.named, c.stored) for c in batch.candidates],
        batch.judgements,
        batch.rejected,
        batch.suppressed,
    )


def placed(pairs):
    return [(stored.offset, stored.entry.replay_of, verdict) for stored, verdict in pairs]


def test_a_batch_arrives_as_it_was_sent():
    workspace = make_context()
    workspace.log.append(items(40))
    batch = batches.prepare(workspace, batches.BatchBounds({}, 99, None, None))
    said = Judgement(b"j" * 16, "same", b"a" * 16, b"b" * 16, 5, "me", "why", 3)
    batch.judgements.append((said, batch.entries[3]))
    batch.suppressed.append((batch.entries[4], Suppressed("erased")))
    arrived = prefetch_process.received(prefetch_process.sendable(batch))
    assert len(batch.rejected) > 6
    assert arrived.entries == bodiless(batch).entries
    assert [(c.event, c.named, c.stored.offset) for c in arrived.candidates] == [
        (c.event, c.named, c.stored.offset) for c in batch.candidates
    ]
    assert placed(arrived.rejected) == placed(batch.rejected)
    assert placed(arrived.suppressed) == placed(batch.suppressed)
    assert [(j, s.offset) for j, s in arrived.judgements] == [(said, 4)]


@contextmanager
def helped(workspace, answer=prefetch_process.answer):
    """The workspace with somebody at the other end of two pipes; `answer` says how he works."""
    (asked_out, asked_in), (told_out, told_in) = os.pipe(), os.pipe()
    with (
        os.fdopen(asked_out, "rb") as asked,
        os.fdopen(told_out, "rb") as told,
        os.fdopen(told_in, "wb") as telling,
        os.fdopen(asked_in, "wb") as asking,
    ):
        helper = threading.Thread(target=answer, args=(workspace, asked, telling), daemon=True)
        helper.start()
        yield dataclasses.replace(workspace, prefetch=prefetch_process.ProcessPrefetch(asking, told))
        with suppress(OSError):
            asking.close()
        helper.join(10)
        assert not helper.is_alive()


def filled():
    workspace = make_context()
    workspace.log.append(items(60))
    return workspace


def reads_here(monkeypatch):
    """Count the batches that are read by whoever works them, rather than for him."""
    counted = []
    monkeypatch.setattr(process, "read", lambda *args: counted.append(args) or batches.read(*args))
    return counted


def test_the_state_is_the_same_and_only_the_first_batch_is_read_here(monkeypatch):
    alone, workspace = filled(), filled()
    process.drain(alone, batch=7)
    counted = reads_here(monkeypatch)
    with helped(workspace) as here:
        worked = process.drain(here, batch=7)
    assert worked.read == 61
    assert rebuild.state_hash(here) == rebuild.state_hash(alone)
    # Nine batches: the first, and the look that finds nothing after the last, which was not full.
    assert len(counted) == 2


@pytest.mark.parametrize("served", [0, 1, 3])
def test_nothing_is_missed_when_it_dies(served, monkeypatch):
    """Before the first answer, after some, in the midst of one."""

    def dying(workspace, asked, told):
        for _ in range(served):
            bounds = msgspec.msgpack.decode(prefetch_process._receive(asked), type=batches.BatchBounds)
            prefetch_process._send(told, prefetch_process.sendable(batches.prepare(workspace, bounds)))
        told.write(b"\0" * 7)
        told.close()
        asked.close()

    alone = filled()
    process.drain(alone, batch=7)
    counted = reads_here(monkeypatch)
    with helped(filled(), dying) as here:
        process.drain(here, batch=7)
    assert rebuild.state_hash(here) == rebuild.state_hash(alone)
    assert len(counted) >= 10 - served - 1


def test_what_fails_there_is_done_here(monkeypatch):
    """A log that does not answer, say."""
    alone, workspace = filled(), filled()
    process.drain(alone, batch=7)
    counted = reads_here(monkeypatch)
    monkeypatch.setattr(prefetch_process, "prepare", lambda *_: 1 / 0)
    with helped(workspace) as here:
        process.drain(here, batch=7)
    assert rebuild.state_hash(here) == rebuild.state_hash(alone)
    assert len(counted) == 10


def stored_after_a_torn_commit(monkeypatch):
    """Events stored when the first batch is torn after the next one was asked for."""
    with helped(filled()) as here:
        advance_torn(monkeypatch, here, 7)
        return process.drain(here, batch=7).read


def test_a_batch_is_dropped_when_the_store_stands_elsewhere(monkeypatch):
    assert stored_after_a_torn_commit(monkeypatch) == 61


def test_a_worker_that_takes_any_batch_loses_events(monkeypatch):
    """The negative control."""
    take = prefetch_process.ProcessPrefetch.take
    monkeypatch.setattr(
        prefetch_process.ProcessPrefetch, "take", lambda self, _: take(self, getattr(self, "_key", None))
    )
    assert stored_after_a_torn_commit(monkeypatch) == 54


def test_a_frame_cut_short_is_none():
    whole = io.BytesIO()
    prefetch_process._send(whole, b"content")
    assert prefetch_process._receive(io.BytesIO(whole.getvalue())) == b"content"
    for length in range(len(whole.getvalue())):
        assert prefetch_process._receive(io.BytesIO(whole.getvalue()[:length])) is None
