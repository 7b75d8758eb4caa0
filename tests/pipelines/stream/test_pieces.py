"""A batch told to the store in pieces is the batch: whole or not at all, and everything in it as if told at once."""

from __future__ import annotations

import random

import pytest
from tests import workbench
from tests.pipelines.breaking import breaking_fold, breaking_sighting, breaking_state
from tests.pipelines.torn import advance_torn
from tests.plain import balances

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.identity.known import KnownEdges
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import batches, process, quarantine


def workspace(*, piece, events=()):
    """A workspace whose store likes pieces of this size, with these events in its log."""
    context = workbench.context(store=MemoryProfileStore(preferred_entries_per_write=piece))
    context.log.append([workbench.entry(body, index=n) for n, body in enumerate(events)])
    return context


def read_story(n, *, user, message=None, event="Read"):
    return {
        "type": "track",
        "event": event,
        "userId": user,
        "messageId": message or f"m{n}",
        "timestamp": workbench.iso(n),
    }


def judged(context):
    return batches.prepare(context, batches.BatchBounds({}, 1_000, None, None))


@pytest.mark.parametrize("size", [None, 1, 7, 100, 1_000])
def test_each_event_is_in_one_piece_together_with_all_of_its_anchor(size):
    context = workspace(piece=None, events=[read_story(n, user=f"u{n % 40}") for n in range(300)])
    candidates = judged(context).candidates
    pieces = process._cut(candidates, size)
    assert sorted(c.stored.offset for piece in pieces for c in piece) == [c.stored.offset for c in candidates]
    assert all([c.stored.offset for c in piece] == sorted(c.stored.offset for c in piece) for piece in pieces)
    anchors = [{c.named[0].node for c in piece} for piece in pieces]
    assert sum(map(len, anchors)) == len(set().union(*anchors)) == 40
    assert len(pieces) == 1 if size in (None, 1_000) else len(pieces) > 1


def test_no_events_are_one_piece():
    """The accounts of a batch of nothing but bad input are told with it."""
    assert process._cut([], 5) == [[]]


def test_of_one_message_told_twice_differently_the_first_counts_whatever_piece_it_is_in():
    """Ten messages, each of another person the second time: nobody of the second time exists."""
    events = [
        read_story(n, user=f"{time}-{n % 10}", message=f"m{n % 10}") for n, time in enumerate("a" * 10 + "b" * 10)
    ]
    context = workspace(piece=1, events=events)
    assert process.drain(context).duplicate == 10
    with context.store.snapshot() as snapshot:
        nodes = [context.hasher.name((Identifier("user_id", f"{time}-{n}"),), IdentitySettings())[0][0].node
                 for time in "ab" for n in range(10)]  # fmt: skip
        assert list(snapshot.nodes(nodes)) == nodes[:10]


def test_a_batch_whose_last_piece_fails_is_not_stored_at_all(monkeypatch):
    context = workspace(piece=2, events=[read_story(n, user=f"u{n}") for n in range(12)])
    advance_torn(monkeypatch, context, 12)
    with context.store.snapshot() as snapshot:
        assert snapshot.offsets() == {}
        assert snapshot.counts()["nodes"] == 0
    assert process.drain(context).stored == 12


def torn_and_whole(monkeypatch, seed):
    """State hashes of one history, with a batch torn once and not at all.

    Each event names two of a few user ids, now this one first, now that one: so a pair is told of in several pieces,
    and the pieces meet it, for people with two user ids are contested.
    """
    chance = random.Random(seed)
    events = []
    for n in range(chance.randint(5, 40)):
        ids = [
            {"id": f"u{i}", "type": "user_id", "collection": "users", "encoding": "none"}
            for i in chance.sample(range(4), 2)
        ]
        at = workbench.iso(chance.randrange(9))
        told = {"type": "track", "event": "Read", "messageId": f"m{n}", "timestamp": at}
        events.append(told | {"context": {"externalIds": ids}})
    hashes = []
    for torn in (True, False):
        context = workspace(piece=2, events=events)
        if torn:
            process.advance(context, batch=len(events) // 2)
            advance_torn(monkeypatch, context, len(events))
        process.drain(context)
        hashes.append(rebuild.state_hash(context))
    return hashes


def test_what_a_torn_batch_has_met_is_forgotten(monkeypatch):
    """A piece may read evidence that one before it has written, and that is not stored in the end."""
    for seed in range(40):
        torn, whole = torn_and_whole(monkeypatch, seed)
        assert torn == whole


def test_a_stream_that_remembers_what_a_torn_batch_has_met_loses_evidence(monkeypatch):
    """Control."""
    monkeypatch.setattr(KnownEdges, "forget", lambda self: None)
    hashes = [torn_and_whole(monkeypatch, seed) for seed in range(40)]
    assert any(torn != whole for torn, whole in hashes)


@pytest.mark.parametrize("plant", [breaking_sighting, breaking_fold, breaking_state])
def test_events_that_break_in_every_piece_are_set_aside_together(plant, monkeypatch):
    """Twenty pieces cost as many tries as one."""
    context = workspace(
        piece=50,
        events=[read_story(n, user=f"u{n % 200}", event="Break" if n % 5 == 0 else "Read") for n in range(1_000)],
    )
    plant(monkeypatch)
    tries, advance = [], process.advance
    monkeypatch.setattr(process, "advance", lambda *a, **k: tries.append(1) or advance(*a, **k))
    quarantine.drain(context)
    (account,) = balances.sources(context)
    assert (account["stored"], account["rejected"], account["pending"]) == (800, 200, 0)
    assert len(tries) <= 4
