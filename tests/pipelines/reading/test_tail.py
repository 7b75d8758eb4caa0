"""The tail shows each entry once, with the verdict the processor came to, and personal data only when asked."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold.adapters.memory.log import MemoryEventLog
from onefold.model import Identifier, LogEntry
from onefold.pipelines.reading import tail
from onefold.pipelines.stream import process

BODIES = [
    {"type": "identify", "userId": "ann", "anonymousId": "c1", "traits": {"email": "ann@example.org"}},
    {"type": "track", "userId": "ann", "event": "Read"},
    {"type": "track", "event": "Read"},
    {"type": "identify", "userId": "bob", "anonymousId": "c2"},
    {"type": "identify", "anonymousId": "c1", "traits": {"email": "ann@example.org"}},
]


def workspace(partitions=1, repeat=2):
    log = MemoryEventLog(partitions=partitions, partition_of=lambda entry: entry.index % partitions)
    context = workbench.context(log=log)
    entries = [
        workbench.entry(body | {"messageId": f"m{n}", "timestamp": workbench.iso(n)}, index=n)
        for n, body in enumerate(BODIES)
    ]
    entries.append(LogEntry("unreadable", "web", workbench.NOW_US, 9, b"{nothing", request_id="test"))
    log.append(entries * repeat)
    return context


def shown(context, places, limit=500, **options):
    """Everything after these places, look by look, as a reader of the tail goes on."""
    places, found = dict(places), []
    while sights := tail.after(context, places, limit, **options):
        found += sights
        for sight in sights:
            partition, offset = map(int, sight.position.split(":"))
            places[partition] = max(offset, places.get(partition, 0))
    return found


def test_each_verdict_is_the_processors():
    context = workspace()
    process.drain(context)
    verdicts = [s.verdict for s in shown(context, {})]
    first = ["stored", "stored", "rejected", "stored", "stored", "rejected"]
    assert verdicts == [*first, *(verdict.replace("stored", "duplicate") for verdict in first)]
    with context.store.snapshot() as seen:
        counted = {outcome: sum(t.count for t in seen.tallies() if t.outcome == outcome) for outcome in set(verdicts)}
    assert counted == {verdict: verdicts.count(verdict) for verdict in set(verdicts)}


def test_what_the_processor_has_not_come_to_is_pending():
    context = workspace(repeat=1)
    assert {s.verdict for s in shown(context, {})} == {"pending"}
    process.advance(context, batch=3)
    assert [s.verdict for s in shown(context, {})] == ["stored", "stored", "rejected", "pending", "pending", "pending"]


@given(limit=st.integers(1, 7), partitions=st.integers(1, 4), start=st.integers(0, 3))
def test_going_on_misses_nothing_and_repeats_nothing(limit, partitions, start):
    context = workspace(partitions)
    process.drain(context)
    every = [(s.partition, s.offset) for p in context.log.ends() for s in context.log.read(p, start, 99)]
    places = [s.position for s in shown(context, dict.fromkeys(context.log.ends(), start), limit)]
    assert sorted(places) == sorted(f"{p}:{o}" for p, o in every)


def test_a_reader_that_counts_wrong_repeats_and_the_law_sees_it():
    """The negative control: going on one before the last place shows an entry again."""
    context = workspace()
    process.drain(context)
    first = tail.after(context, {}, 3)
    again = tail.after(context, {0: int(first[-1].position.split(":")[1]) - 1}, 3)
    assert first[-1].position in {s.position for s in again}


def test_identifiers_and_payloads_are_masked_unless_asked_for():
    context = workspace(repeat=1)
    process.drain(context)
    text = msgspec.json.encode(shown(context, {})).decode()
    assert "ann@example.org" not in text
    assert '"an***@e***"' in text
    whole = shown(context, {}, whole=True)
    assert whole[0].identifiers["email"] == ["ann@example.org"]
    assert "ann@example.org" in whole[0].received["body"]
    assert len(whole[0].nodes) == 3


@pytest.mark.parametrize("value", ["a", "", "@", "a@", "@b", "ab@c", "+13125550100"])
def test_a_mask_hides_all_but_the_beginning(value):
    hidden = tail.masked(Identifier("email", value))
    assert len(hidden.replace(tail.MASK, "")) <= 4


def test_a_merge_is_shown_at_the_entry_that_caused_it():
    context = workbench.context()
    for n, body in enumerate([{"userId": "u"}, {"anonymousId": "c"}, {"userId": "u", "anonymousId": "c"}]):
        context.log.append([workbench.entry({"type": "identify", "messageId": str(n), "timestamp": workbench.iso(n)} | body,
                                          index=n)])  # fmt: skip
        process.drain(context)
    assert [s.changes for s in shown(context, {})] == [(), (), ("merged",)]


def test_filters_let_pass_what_they_say():
    context = workspace()
    process.drain(context)
    sights = shown(context, {})
    for wanted, count in [
        (tail.Wanted(), 12), (tail.Wanted(source="web"), 12), (tail.Wanted(source="crm"), 0),
        (tail.Wanted(verdict="duplicate"), 4), (tail.Wanted(name="read"), 2), (tail.Wanted(text="BO***"), 2),
    ]:  # fmt: skip
        assert sum(map(wanted.passes, sights)) == count, wanted
