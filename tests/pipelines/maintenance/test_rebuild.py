"""What the store holds is what the log implies, and `verify` says when it is not; timelines page without gaps."""

import base64
import logging
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.plain import explanations, profiles

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import UnavailableError, UsageError
from onefold.model import Identifier
from onefold.pipelines import judgements
from onefold.pipelines.maintenance import preview, rebuild
from onefold.pipelines.stream import process, processor, quarantine
from onefold.pipelines.stream.processor import Processor
from onefold.profiles import state as folds

ANN = Identifier("user_id", "ann")
COOKIE = Identifier("anonymous_id", "c1")


def verified(context):
    return rebuild.verify(context, MemoryProfileStore())


def test_a_store_equals_its_rebuild(context):
    """After events, refusals, duplicates and judgements."""
    context.log.append([s.entry for s in context.log.read(0, 0, 3)])
    judgements.say(context, "different", ANN, COOKIE, by="steward")
    process.drain(context, batch=2)
    found = verified(context)
    assert (found.equal, found.entries) == (True, 11)


def test_only_what_was_processed_is_compared(context):
    """Entries on their way, all of them or some, are no difference."""
    context.log.append([workbench.entry({"type": "track", "userId": "new", "event": "x"})])
    assert verified(context).equal
    fresh = workbench.context(log=context.log)
    assert verified(fresh) == rebuild.Verified(f"{0:064x}", f"{0:064x}", 0)


def _tampered_place(context, row):
    other = msgspec.structs.replace(row.member, first_seen_us=row.member.first_seen_us - 1)
    return msgspec.structs.replace(row, member=other)


def _tampered_state(context, row):
    value, state = folds.open_node(context.sealer.open(row))
    state.events += 1
    sealed = context.sealer.seal(row.member.id, row.version, row.key, folds.close_node(value, state))
    return msgspec.structs.replace(row, sealed=sealed)


@pytest.mark.parametrize("tamper", [_tampered_place, _tampered_state, None], ids=["place", "state", "edge lost"])
def test_a_tampered_store_is_reported(context, tamper):
    """A node moved, a count changed, a piece of evidence gone: the hashes differ."""
    stored = context.store._state
    if tamper is None:
        stored.edges.popitem()
    else:
        node = judgements.subject(ANN, context.identity, context.hasher)
        stored.nodes[node] = tamper(context, stored.nodes[node])
    assert not verified(context).equal


def test_what_if_tells_who_would_be_joined_and_parted(context):
    """Under a blocked e-mail and cookie, other people come out; under the same rules the same."""
    same = rebuild.onto(context, MemoryProfileStore())
    process.drain(same)
    unchanged = preview.compare(context.store, same.store)
    assert (unchanged.joined, unchanged.parted, unchanged.appeared, unchanged.vanished) == (0, 0, 0, 0)
    strict = workbench.context(log=context.log, identity=context.identity.__class__(blocked_values=frozenset({"c2"})))
    process.drain(strict)
    found = preview.compare(context.store, strict.store)
    assert (found.people_before, found.people_after, found.vanished) == (3, 3, 1)


# ── timelines ──


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.integers(0, 3)), max_size=12), st.integers(1, 5))
def test_pages_of_a_timeline_are_the_timeline(visits, limit):
    """However small the pages and however many events share a moment: every event once, newest first."""
    context = workbench.context()
    known = [{"type": "identify", "userId": "ann", "anonymousId": c} for c in ("c1", "c2", "c3")]
    seen = [{"type": "track", "event": "x", "anonymousId": c, "timestamp": workbench.iso(at)} for c, at in visits]
    context.log.append([workbench.entry(body | {"messageId": f"m{n}"}, index=n) for n, body in enumerate(known + seen)])
    process.drain(context)
    pages, cursor = [], None
    while True:
        page = profiles.timeline(context, ANN, cursor=cursor, limit=limit)
        pages.append(page["events"])
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["events"]) == limit
    found = [(e["timestamp"], e["offset"]) for page in pages for e in page]
    assert found == sorted(found, reverse=True)
    assert sorted(offset for _, offset in found) == list(range(1, len(known + seen) + 1))


@pytest.mark.parametrize(
    "cursor", ["", "x", "nonsense!", "\u00e9", base64.urlsafe_b64encode(b"short").decode(), "A" * 400]
)
def test_a_strange_cursor_is_wrong_use(context, cursor):
    """Whatever it holds; HTTP answers 422 and the command line exits with 2."""
    with pytest.raises(UsageError, match="Invalid cursor"):
        profiles.timeline(context, ANN, cursor=cursor)


def test_strangers_have_no_timeline_profile_history_or_explanation(context):
    """None, not an error: nobody answers to that name."""
    for who in (Identifier("user_id", "zoe"), Identifier("email", "nonsense"), Identifier("profile", "x")):
        asked = (profiles.profile, profiles.timeline, profiles.history)
        assert [ask(context, who) for ask in asked] == [None] * 3
        assert explanations.explain(context, ANN, who) is None


def test_an_entry_no_longer_accepted_shows_its_outcome(context):
    """A plan tightened later does not hide that the event is there."""
    found = profiles.event(context, context.log.get([(0, 5)])[0])
    assert found == {"offset": 5, "source": "web", "outcome": "rejected"}


# ── the processor ──


@pytest.mark.parametrize("fault", [UnavailableError("disk full"), ZeroDivisionError("ann.secret")])
def test_the_processor_outlives_a_fault_and_shows_it(monkeypatch, fault, caplog):
    """A failing batch is tried again; meanwhile the failure shows, and afterwards nothing is missing."""
    context = workbench.context()
    context.log.append([workbench.entry({"type": "track", "userId": "ann", "event": "x"})])
    failed, mended, real = threading.Event(), threading.Event(), process.advance
    running = Processor(context)
    seen = []

    def advance(context, **more):
        if not mended.is_set():
            if failed.is_set():
                seen.append(running.failure)
                mended.set()
            failed.set()
            raise fault
        return real(context, **more)

    monkeypatch.setattr(processor, "BACKOFF_SECONDS", (0.01,))
    monkeypatch.setattr(quarantine, "advance", advance)
    with caplog.at_level(logging.CRITICAL):
        running.start()
        assert mended.wait(5)
        assert judgements.settle(context, (0, 1), timeout_seconds=5)
        running.stop()
    assert seen[0]
    assert "secret" not in seen[0]
    assert running.failure is None
