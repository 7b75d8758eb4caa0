"""What the store holds is what the log implies, and `verify` says when it is not; timelines page without gaps."""

import base64
import logging
import threading

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.errors import UnavailableError
from onefold.model import Identifier
from onefold.pipelines import isolation, judging, processor, reading, rebuild, stream, whatif
from onefold.pipelines.processor import Processor
from onefold.profiles import state as folds

ANN = Identifier("user_id", "ann")
COOKIE = Identifier("anonymous_id", "c1")


def verified(parts):
    return rebuild.verify(parts, MemoryProfileStore())


def test_a_store_equals_its_rebuild(parts):
    """After events, refusals, duplicates and judgements."""
    parts.log.append([s.entry for s in parts.log.read(0, 0, 3)])
    judging.say(parts, "different", ANN, COOKIE, by="steward")
    stream.drain(parts, batch=2)
    found = verified(parts)
    assert (found.equal, found.entries) == (True, 11)


def test_only_what_was_processed_is_compared(parts):
    """Entries on their way, all of them or some, are no difference."""
    parts.log.append([workbench.entry({"type": "track", "userId": "new", "event": "x"})])
    assert verified(parts).equal
    fresh = workbench.parts(log=parts.log)
    assert verified(fresh) == rebuild.Verified(f"{0:064x}", f"{0:064x}", 0)


def _tampered_place(parts, row):
    other = msgspec.structs.replace(row.member, first_seen_us=row.member.first_seen_us - 1)
    return msgspec.structs.replace(row, member=other)


def _tampered_state(parts, row):
    value, state = folds.open_node(parts.sealer.open(row))
    state.events += 1
    sealed = parts.sealer.seal(row.member.id, row.version, row.key, folds.close_node(value, state))
    return msgspec.structs.replace(row, sealed=sealed)


@pytest.mark.parametrize("tamper", [_tampered_place, _tampered_state, None], ids=["place", "state", "edge lost"])
def test_a_tampered_store_is_reported(parts, tamper):
    """A node moved, a count changed, a piece of evidence gone: the hashes differ."""
    stored = parts.store._state
    if tamper is None:
        stored.edges.popitem()
    else:
        node = judging.subject(ANN, parts.identity, parts.hasher)
        stored.nodes[node] = tamper(parts, stored.nodes[node])
    assert not verified(parts).equal


def test_what_if_tells_who_would_be_joined_and_parted(parts):
    """Under a blocked e-mail and cookie, other people come out; under the same rules the same."""
    same = rebuild.onto(parts, MemoryProfileStore())
    stream.drain(same)
    unchanged = whatif.compare(parts.store, same.store)
    assert (unchanged.joined, unchanged.parted, unchanged.appeared, unchanged.vanished) == (0, 0, 0, 0)
    strict = workbench.parts(log=parts.log, identity=parts.identity.__class__(blocked_values=frozenset({"c2"})))
    stream.drain(strict)
    found = whatif.compare(parts.store, strict.store)
    assert (found.people_before, found.people_after, found.vanished) == (3, 3, 1)


# ── timelines ──


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c3"]), st.integers(0, 3)), max_size=12), st.integers(1, 5))
def test_pages_of_a_timeline_are_the_timeline(visits, limit):
    """However small the pages and however many events share a moment: every event once, newest first."""
    parts = workbench.parts()
    known = [{"type": "identify", "userId": "ann", "anonymousId": c} for c in ("c1", "c2", "c3")]
    seen = [{"type": "track", "event": "x", "anonymousId": c, "timestamp": workbench.iso(at)} for c, at in visits]
    parts.log.append([workbench.entry(body | {"messageId": f"m{n}"}, index=n) for n, body in enumerate(known + seen)])
    stream.drain(parts)
    pages, cursor = [], None
    while True:
        page = reading.timeline(parts, ANN, cursor=cursor, limit=limit)
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
def test_a_strange_cursor_is_a_value_error(parts, cursor):
    """Whatever stands in it; the API turns that into an answer."""
    with pytest.raises(ValueError):  # noqa: PT011  each layer words it its own way
        reading.timeline(parts, ANN, cursor=cursor)


def test_strangers_have_no_timeline_profile_history_or_explanation(parts):
    """None, not an error: nobody answers to that name."""
    for who in (Identifier("user_id", "zoe"), Identifier("email", "nonsense"), Identifier("profile", "x")):
        asked = (reading.profile, reading.timeline, reading.history)
        assert [ask(parts, who) for ask in asked] == [None] * 3
        assert reading.explain(parts, ANN, who) is None


def test_an_entry_no_longer_accepted_is_told_as_judged(parts):
    """A plan tightened later does not hide that the event is there."""
    found = reading.event(parts, parts.log.get([(0, 5)])[0])
    assert found == {"offset": 5, "source": "web", "judged": "rejected"}


# ── the processor ──


@pytest.mark.parametrize("fault", [UnavailableError("disk full"), ZeroDivisionError("ann.secret")])
def test_the_processor_outlives_a_fault_and_shows_it(monkeypatch, fault, caplog):
    """A failing batch is tried again; meanwhile the failure shows, and afterwards nothing is missing."""
    parts = workbench.parts()
    parts.log.append([workbench.entry({"type": "track", "userId": "ann", "event": "x"})])
    failed, mended, real = threading.Event(), threading.Event(), stream.advance
    running = Processor(parts)
    seen = []

    def advance(parts, **more):
        if not mended.is_set():
            if failed.is_set():
                seen.append(running.failure)
                mended.set()
            failed.set()
            raise fault
        return real(parts, **more)

    monkeypatch.setattr(processor, "BACKOFF_SECONDS", (0.01,))
    monkeypatch.setattr(isolation, "advance", advance)
    with caplog.at_level(logging.CRITICAL):
        running.start()
        assert mended.wait(5)
        assert judging.settle(parts, (0, 1), timeout_seconds=5)
        running.stop()
    assert seen[0]
    assert "secret" not in seen[0]
    assert running.failure is None
