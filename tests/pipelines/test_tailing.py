"""The tail shows each entry once, with the verdict the processor came to, and personal data only when asked."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold.adapters.memory.log import MemoryEventLog
from onefold.model import Identifier, LogEntry
from onefold.pipelines import stream, tailing

BODIES = [
    {"type": "identify", "userId": "ann", "anonymousId": "c1", "traits": {"email": "ann@example.org"}},
    {"type": "track", "userId": "ann", "event": "Read"},
    {"type": "track", "event": "Read"},
    {"type": "identify", "userId": "bob", "anonymousId": "c2"},
    {"type": "identify", "anonymousId": "c1", "traits": {"email": "ann@example.org"}},
]


def workspace(partitions=1, repeat=2):
    log = MemoryEventLog(partitions=partitions, place=lambda entry: entry.index % partitions)
    parts = workbench.parts(log=log)
    entries = [
        workbench.entry(body | {"messageId": f"m{n}", "timestamp": workbench.iso(n)}, index=n)
        for n, body in enumerate(BODIES)
    ]
    entries.append(LogEntry("unreadable", "web", workbench.NOW_US, 9, b"{nothing", request_id="test"))
    log.append(entries * repeat)
    return parts


def shown(parts, places, limit=500, **options):
    """Everything after these places, look by look, as a reader of the tail goes on."""
    places, found = dict(places), []
    while sights := tailing.after(parts, places, limit, **options):
        found += sights
        for sight in sights:
            partition, offset = map(int, sight.place.split(":"))
            places[partition] = max(offset, places.get(partition, 0))
    return found


def test_each_verdict_is_the_processors():
    parts = workspace()
    stream.drain(parts)
    verdicts = [s.verdict for s in shown(parts, {})]
    first = ["stored", "stored", "rejected", "stored", "stored", "rejected"]
    assert verdicts == [*first, *(verdict.replace("stored", "duplicate") for verdict in first)]
    with parts.store.snapshot() as seen:
        counted = {outcome: sum(t.count for t in seen.tallies() if t.outcome == outcome) for outcome in set(verdicts)}
    assert counted == {verdict: verdicts.count(verdict) for verdict in set(verdicts)}


def test_what_the_processor_has_not_come_to_is_pending():
    parts = workspace(repeat=1)
    assert {s.verdict for s in shown(parts, {})} == {"pending"}
    stream.advance(parts, batch=3)
    assert [s.verdict for s in shown(parts, {})] == ["stored", "stored", "rejected", "pending", "pending", "pending"]


@given(limit=st.integers(1, 7), partitions=st.integers(1, 4), start=st.integers(0, 3))
def test_going_on_misses_nothing_and_repeats_nothing(limit, partitions, start):
    parts = workspace(partitions)
    stream.drain(parts)
    every = [(s.partition, s.offset) for p in parts.log.ends() for s in parts.log.read(p, start, 99)]
    places = [s.place for s in shown(parts, dict.fromkeys(parts.log.ends(), start), limit)]
    assert sorted(places) == sorted(f"{p}:{o}" for p, o in every)


def test_a_reader_that_counts_wrong_repeats_and_the_law_sees_it():
    """The negative control: going on one before the last place shows an entry again."""
    parts = workspace()
    stream.drain(parts)
    first = tailing.after(parts, {}, 3)
    again = tailing.after(parts, {0: int(first[-1].place.split(":")[1]) - 1}, 3)
    assert first[-1].place in {s.place for s in again}


def test_identifiers_and_payloads_are_masked_unless_asked_for():
    parts = workspace(repeat=1)
    stream.drain(parts)
    text = msgspec.json.encode(shown(parts, {})).decode()
    assert "ann@example.org" not in text
    assert '"an***@e***"' in text
    whole = shown(parts, {}, whole=True)
    assert whole[0].identifiers["email"] == ["ann@example.org"]
    assert "ann@example.org" in whole[0].received["body"]
    assert len(whole[0].nodes) == 3


@pytest.mark.parametrize("value", ["a", "", "@", "a@", "@b", "ab@c", "+13125550100"])
def test_a_mask_hides_all_but_the_beginning(value):
    hidden = tailing.masked(Identifier("email", value))
    assert len(hidden.replace(tailing.MASK, "")) <= 4


def test_a_merge_is_shown_at_the_entry_that_caused_it():
    parts = workbench.parts()
    for n, body in enumerate([{"userId": "u"}, {"anonymousId": "c"}, {"userId": "u", "anonymousId": "c"}]):
        parts.log.append([workbench.entry({"type": "identify", "messageId": str(n), "timestamp": workbench.iso(n)} | body,
                                          index=n)])  # fmt: skip
        stream.drain(parts)
    assert [s.changes for s in shown(parts, {})] == [(), (), ("merged",)]


def test_filters_let_pass_what_they_say():
    parts = workspace()
    stream.drain(parts)
    sights = shown(parts, {})
    for wanted, count in [
        (tailing.Wanted(), 12), (tailing.Wanted(source="web"), 12), (tailing.Wanted(source="crm"), 0),
        (tailing.Wanted(verdict="duplicate"), 4), (tailing.Wanted(name="read"), 2), (tailing.Wanted(text="BO***"), 2),
    ]:  # fmt: skip
        assert sum(map(wanted.passes, sights)) == count, wanted
