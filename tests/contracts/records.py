"""Promises about what is kept beside the graph: offsets, timeline, history, dead letters, tallies, outbox, people."""

from __future__ import annotations

import msgspec
from tests.contracts.promise import promise
from tests.contracts.rows import (
    A,
    B,
    C,
    D,
    X,
    edge,
    node,
    write,
)

from onefold.model import IdentityChange, Member
from onefold.ports import DeadLetter, NodeRow, OutboxMessage, Tally, TimelineRow


@promise
def the_timeline_is_newest_first_and_pages_without_gap_or_repeat(store):
    rows = [TimelineRow(name, at, part, at * 10 + part) for name in (A, B) for at in (3, 1, 2) for part in (0, 1)]
    rows = [msgspec.structs.replace(row, offset=row.offset + 1000 * (row.node == B)) for row in rows]
    write(store, 1, timeline=rows)
    write(store, 2, timeline=[*rows[:3], TimelineRow(C, 9, 0, 1)])
    newest_first = sorted(rows, key=lambda row: (row.at_us, row.partition, row.offset), reverse=True)
    with store.snapshot() as seen:
        assert seen.timeline([B, A, A], before=None, limit=99) == newest_first
        paged, before = [], None
        while page := seen.timeline([A, B], before=before, limit=5):
            paged += page
            before = (page[-1].at_us, page[-1].partition, page[-1].offset)
        assert paged == newest_first
        assert seen.timeline([X], before=None, limit=9) == []


@promise
def a_timeline_takes_late_and_repeated_rows(store):
    for offset, at in enumerate((50, 10, 40, 20, 60, 10), start=1):
        write(store, offset, timeline=[TimelineRow(A, at, 0, at), TimelineRow(A, at, 0, at)])
    with store.snapshot() as seen:
        assert [row.at_us for row in seen.timeline([A], before=None, limit=3)] == [60, 50, 40]
        assert [row.at_us for row in seen.timeline([A], before=(50, 0, 50), limit=9)] == [40, 20, 10]


@promise
def changes_are_found_by_whoever_they_are_about_oldest_first(store):
    merged = IdentityChange("merged", A, B, (B, C), 5, 0, 1, "req")
    split = IdentityChange("split", C, A, (C,), 4, 0, 2)
    write(store, 1, changes=[merged])
    write(store, 2, changes=[split])
    merged, split = msgspec.structs.replace(merged, seq=1), msgspec.structs.replace(split, seq=2)
    with store.snapshot() as seen:
        assert seen.changes([A]) == seen.changes([C]) == seen.changes([A, B, C]) == [merged, split]
        assert seen.changes([B]) == [merged]
        assert seen.changes([D]) == []


@promise
def dead_letters_are_filtered_paged_and_closed(store):
    letters = [
        DeadLetter(part, offset, source, "too_deep", "at /a", 5)
        for part, offset, source in ((0, 1, "web"), (0, 4, "crm"), (1, 2, "web"), (1, 3, "web"))
    ]
    write(store, dead_letters=letters)
    write(store, 2, replayed=[(0, 4), (1, 2), (7, 7), (0, 4)])
    closed = [msgspec.structs.replace(x, status="replayed") if x.offset in {4, 2} else x for x in letters]

    with store.snapshot() as seen:

        def find(status=None, source=None, after=(-1, 0), limit=9):
            return seen.dead_letters(status=status, source=source, after=after, limit=limit)

        assert find() == closed
        assert find(status="open") == [closed[0], closed[3]]
        assert find(status="replayed", source="crm") == [closed[1]]
        assert find(source="web", after=(0, 1)) == closed[2:]
        assert find(after=(0, 4), limit=1) == [closed[2]]
        assert seen.counts()["dead_letters"] == 2


@promise
def tallies_add_up(store):
    low, high = (1, *(0,) * 9), (*(0,) * 9, 2)
    write(store, 1, tallies=[Tally("web", "stored", 1, emq=low), Tally("web", "rejected", 2, "too_deep")])
    write(store, 2, tallies=[Tally("web", "stored", 2, emq=high), Tally("web", "rejected", 1, "no_identifier")])
    write(store, 3, tallies=[Tally("web", "rejected", 3, "too_deep"), Tally("crm", "duplicate", 1)])
    write(store, 4, tallies=[Tally("web", "finding", 1, "large"), Tally("web", "finding", 2, "email_invalid")])
    write(store, 5, tallies=[Tally("web", "finding", 1, "large")])
    with store.snapshot() as seen:
        assert seen.tallies() == [
            Tally("crm", "duplicate", 1),
            Tally("web", "finding", 2, "email_invalid"),
            Tally("web", "finding", 2, "large"),
            Tally("web", "rejected", 1, "no_identifier"),
            Tally("web", "rejected", 5, "too_deep"),
            Tally("web", "stored", 3, emq=(1, *(0,) * 8, 2)),
        ]
        assert seen.counts()["events"] == 3


@promise
def hubs_are_the_nodes_with_most_edges(store):
    write(store, 1, edges=[edge(A, B), edge(B, C), edge(B, D, kind="record"), edge(A, D), edge(B, D)])
    with store.snapshot() as seen:
        assert seen.hubs(edges_min=2, limit=9) == [(B, 4), (D, 3), (A, 2)]
        assert seen.hubs(edges_min=2, limit=1) == [(B, 4)]
        assert seen.hubs(edges_min=5, limit=9) == []


@promise
def large_people_are_counted_by_their_nodes(store):
    rows = [
        node(A),
        node(B, person=A),
        node(C, person=A),
        node(D),
        NodeRow(Member(X, "email", 7, D, A, True), b"k", 1, b"s"),
    ]
    write(store, nodes=[*rows[:3], NodeRow(Member(D, "email", 7, D, A, True), b"k", 1, b"s"), rows[4]])
    with store.snapshot() as seen:
        assert seen.large_people(nodes_min=2, limit=9) == [(A, 3), (D, 2)]
        assert seen.large_people(nodes_min=3, limit=9) == seen.large_people(nodes_min=2, limit=1) == [(A, 3)]
        assert seen.large_people(nodes_min=4, limit=9) == []


@promise
def busy_nodes_are_counted_by_their_events(store):
    rows = [TimelineRow(A, at, 0, at) for at in range(5)] + [TimelineRow(B, 1, 0, 9), TimelineRow(C, 1, 0, 10)]
    write(store, 1, nodes=[node(A), node(B), node(C)], timeline=[*rows, TimelineRow(B, 2, 0, 11)])
    with store.snapshot() as seen:
        assert seen.busy_nodes(events_min=2, limit=9) == [(A, 5), (B, 2)]
        assert seen.busy_nodes(events_min=2, limit=1) == [(A, 5)]
        assert seen.busy_nodes(events_min=6, limit=9) == []


@promise
def outbox_messages_are_numbered_in_order(store):
    write(store, 1, outbox=[OutboxMessage("profile.created", A, b"1"), OutboxMessage("profile.created", B, b"2")])
    write(store, 2, outbox=[OutboxMessage("profile.merged", A, b"3")])
    with store.snapshot() as seen:
        messages = seen.outbox(after=0, limit=9)
        assert [m.body for m in messages] == [b"1", b"2", b"3"]
        assert 0 < messages[0].seq < messages[1].seq < messages[2].seq
        assert seen.outbox(after=messages[0].seq, limit=1) == [messages[1]]


@promise
def people_are_listed_once_in_byte_order(store):
    write(store, nodes=[node(C), node(A), node(B, person=A), node(D, component=C, contested=True)])
    with store.snapshot() as seen:
        assert seen.people(after=b"", limit=9) == [A, C, D]
        assert seen.people(after=A, limit=1) == [C]
        assert seen.counts()["people"] == 3
    write(store, members=[Member(C, "email", 7, A, A), Member(B, "email", 7, B, B)])
    with store.snapshot() as seen:
        assert seen.people(after=b"", limit=9) == [A, B, D]
        assert seen.counts()["people"] == 3


@promise
def a_node_first_referred_to_and_saved_later_is_counted_once(store):
    write(store, 1, edges=[edge(A, B)], timeline=[TimelineRow(A, 1, 0, 1)])
    write(store, 2, nodes=[node(A)])
    with store.snapshot() as seen:
        assert seen.nodes([A, B]) == {A: node(A)}
        assert seen.edges([B]) == [edge(A, B)]
        assert (seen.counts()["nodes"], seen.counts()["people"]) == (1, 1)
        assert [m.id for m in seen.members([A, B])] == [A]
