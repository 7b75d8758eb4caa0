"""The contract of `ProfileStore`: every promise of the port, over every adapter, and over adapters broken on purpose."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from tests import database

from onefold.adapters.memory.store import MemoryProfileStore, MemorySnapshot
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.errors import ConflictError, IntegrityError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import Edge, IdentityChange, Judgement, Member
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, ProfileStore, Tally, TimelineRow

Promise = Callable[[ProfileStore], None]

PROMISES: list[Promise] = []
A, B, C, D, X = (bytes([letter]) * 16 for letter in b"abcdx")


class PlannedError(Exception):
    """What goes wrong on purpose in the middle of a batch."""


def promise(check: Promise) -> Promise:
    PROMISES.append(check)
    return check


def sqlite_store(directory: Path, **more: int) -> SqliteProfileStore:
    keys = WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32)))
    return SqliteProfileStore(directory / "profiles.db", EntrySealer(keys, lambda count: b"n" * count), **more)


def node(name, *, person=None, component=None, version=1, state=b"state", **place) -> NodeRow:
    kind, first_seen_us = place.pop("type", "email"), place.pop("first_seen_us", 7)
    return NodeRow(
        Member(name, kind, first_seen_us, person or name, component or person or name, **place),
        b"key of " + name,
        version,
        state,
    )


def edge(a, b, *, at_us=5, event=b"e" * 16, kind="event", **rest) -> Edge:
    return Edge(a, b, kind, 10, at_us, event, "web", "seen_together/1", **rest)


def write(store: ProfileStore, offset: int = 1, **changes) -> None:
    with store.transaction() as transaction:
        transaction.write(Changes(offsets={0: offset}, **changes))


def fail_after(store: ProfileStore, work) -> None:
    def fail() -> None:
        with store.transaction() as transaction:
            work(transaction)
            raise PlannedError

    with pytest.raises(PlannedError):
        fail()


# ── reading back ──


@promise
def an_empty_store_answers_with_nothing(store):
    with store.snapshot() as seen:
        assert seen.offsets() == {}
        assert seen.nodes([A]) == {}
        assert seen.members([A]) == seen.edges([A]) == seen.judgements([A]) == seen.changes([A]) == []
        assert seen.timeline([A], before=None, limit=9) == seen.outbox(after=0, limit=9) == seen.tallies() == []
        assert seen.dead_letters(status=None, source=None, after=(-1, 0), limit=9) == []
        assert seen.people(after=b"", limit=9) == list(seen.scan()) == list(seen.scan_edges()) == []
        assert seen.counts() == dict.fromkeys(("nodes", "people", "edges", "judgements", "dead_letters", "events"), 0)


@promise
def nodes_come_back_as_they_were_saved(store):
    rows = [
        node(A),
        node(B, person=A, component=A, type="phone", first_seen_us=-5, version=2**40),
        node(C, person=C, component=A, contested=True, state=b""),
        node(D, shared=True, contested=True),
    ]
    write(store, nodes=rows)
    with store.snapshot() as seen:
        assert seen.nodes([D, A, X, B, C, A]) == {row.member.id: row for row in rows}
        assert sorted(seen.scan(), key=lambda row: row.member.id) == rows


@promise
def a_saved_node_replaces_the_one_before(store):
    write(store, nodes=[node(A), node(B)])
    write(store, nodes=[node(A, person=B, version=2, state=b"other", first_seen_us=3)])
    with store.snapshot() as seen:
        assert seen.nodes([A])[A] == node(A, person=B, version=2, state=b"other", first_seen_us=3)
        assert seen.counts()["nodes"] == 2


@promise
def a_moved_node_keeps_its_state(store):
    write(store, nodes=[node(A), node(B, state=b"kept", version=4)])
    moved = Member(B, "email", 2, A, A, contested=True, shared=True)
    write(store, members=[moved])
    with store.snapshot() as seen:
        assert seen.nodes([B])[B] == NodeRow(moved, b"key of " + B, 4, b"kept")


@promise
def moving_a_node_that_was_never_saved_is_refused_whole(store):
    with pytest.raises(IntegrityError):
        write(store, nodes=[node(A)], members=[node(B).member], edges=[edge(A, B)])
    with store.snapshot() as seen:
        assert seen.nodes([A]) == seen.offsets() == {}


@promise
def members_are_all_nodes_of_the_components_asked_for(store):
    rows = [node(A), node(B, person=A), node(C, component=A, contested=True), node(D)]
    write(store, nodes=rows)
    with store.snapshot() as seen:
        assert {m.id for m in seen.members([A])} == {A, B, C}
        assert sorted(m.id for m in seen.members([D, A, A, X])) == [A, B, C, D]
    write(store, members=[Member(A, "email", 7, D, D), Member(C, "email", 7, C, C)])
    with store.snapshot() as seen:
        assert [m.id for m in seen.members([A])] == [B]
        assert {m.id for m in seen.members([D])} == {A, D}
        assert [m.id for m in seen.members([C])] == [C]


@promise
def bulk_look_ups_have_no_limit(store):
    names = [index.to_bytes(16, "big") for index in range(1, 2001)]
    write(store, nodes=[node(n, person=names[0]) for n in names], edges=[edge(names[0], n) for n in names[1:]])
    with store.snapshot() as seen:
        assert len(seen.nodes([*names, X])) == 2000
        assert len(seen.members(names)) == 2000
        assert len(seen.edges(names)) == 1999


# ── evidence ──


@promise
def edges_touch_at_either_end_and_come_once(store):
    evidence = [edge(A, B), edge(B, C, kind="record"), edge(C, A, kind="scored", score=1.5, offset=9)]
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.edges([A])) == by_ends([evidence[0], evidence[2]])
        assert by_ends(seen.edges([A, B, C, A])) == by_ends(seen.scan_edges()) == by_ends(evidence)
        assert seen.edges([D]) == []
        assert seen.nodes([A, B, C]) == {}
        assert list(seen.scan()) == []
        assert seen.counts()["edges"] == 3


@promise
def of_one_pair_and_kind_the_earliest_evidence_is_kept(store):
    later, earlier = edge(A, B, at_us=9, event=A, offset=3), edge(A, B, at_us=4, event=C, offset=8)
    earliest = edge(A, B, at_us=4, event=B, offset=9)
    for evidence in ([later], [earlier, later], [earliest], [earlier, later]):
        write(store, edges=evidence)
    with store.snapshot() as seen:
        assert seen.edges([A]) == [earliest]
        assert seen.counts()["edges"] == 1


@promise
def of_scored_evidence_the_latest_is_kept(store):
    old, new = (edge(A, B, kind="scored", at_us=at, score=float(at), event=C) for at in (4, 9))
    newest = msgspec.structs.replace(new, event=D, score=-0.5)
    for evidence in ([new], [old], [newest, new], [old]):
        write(store, edges=evidence)
    with store.snapshot() as seen:
        assert seen.edges([B]) == [newest]


@promise
def kinds_and_directions_are_separate_evidence(store):
    evidence = [
        edge(A, B, kind=kind, score=0.25 if kind == "scored" else None)
        for kind in ("event", "record", "alias", "scored")
    ]
    evidence.append(edge(B, A))
    write(store, edges=evidence)
    with store.snapshot() as seen:
        assert by_ends(seen.edges([A])) == by_ends(evidence)


@promise
def judgements_are_kept_once_each_and_found_by_either_node(store):
    first = Judgement(b"1" * 16, "different", A, B, 5, "ann", "two sisters", 4)
    second = Judgement(b"2" * 16, "shared", B, None, 6, "ann")
    write(store, judgements=[first, second])
    write(store, judgements=[msgspec.structs.replace(first, verdict="same")])
    with store.snapshot() as seen:
        assert seen.judgements([A]) == [first]
        assert sorted(seen.judgements([A, B, B]), key=lambda j: j.id) == [first, second]
        assert seen.judgements([C]) == []
        assert seen.counts()["judgements"] == 2


# ── claims ──


@promise
def a_key_is_claimed_once_for_ever(store):
    with store.transaction() as transaction:
        assert transaction.claim([A, B, A]) == [True, True, False]
        assert transaction.claim([B, C]) == [False, True]
        assert transaction.claim([]) == []
    with store.transaction() as transaction:
        assert transaction.claim([D, C, D, A]) == [True, False, False, False]


@promise
def keys_that_differ_in_one_bit_are_different(store):
    keys = [(1 << bit).to_bytes(16, "big") for bit in range(128)] + [bytes(16)]
    with store.transaction() as transaction:
        assert transaction.claim(keys) == [True] * 129
    with store.transaction() as transaction:
        assert transaction.claim(keys) == [False] * 129


# ── atomicity and isolation ──


def everything(offset: int) -> Changes:
    return Changes(
        offsets={0: offset},
        nodes=[node(A)],
        edges=[edge(A, B)],
        judgements=[Judgement(b"1" * 16, "shared", A, None, 5, "ann")],
        changes=[IdentityChange("merged", A, B, (B,), 5, 0, 1)],
        timeline=[TimelineRow(A, 5, 0, 1)],
        dead_letters=[DeadLetter(0, 1, "web", "too_deep", "at /a", 5)],
        tallies=[Tally("web", "stored", 3, emq=(1,) * 10)],
        outbox=[OutboxMessage("profile.created", A, b"{}")],
    )


def contents(store: ProfileStore) -> object:
    with store.snapshot() as seen:
        return (
            seen.offsets(),
            seen.nodes([A, B]),
            seen.edges([A, B]),
            seen.judgements([A]),
            seen.changes([A, B]),
            seen.timeline([A], before=None, limit=9),
            seen.dead_letters(status=None, source=None, after=(-1, 0), limit=9),
            seen.tallies(),
            seen.outbox(after=0, limit=9),
            seen.counts(),
        )


@promise
def an_exception_leaves_nothing_behind(store):
    before = contents(store)
    fail_after(store, lambda transaction: (transaction.claim([A]), transaction.write(everything(5))))
    assert contents(store) == before
    with store.transaction() as transaction:
        assert transaction.claim([A]) == [True]


@promise
def a_transaction_after_a_failed_one_works(store):
    fail_after(store, lambda transaction: transaction.nodes([A]))
    write(store, 3, nodes=[node(A)])
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 3}


@promise
def nothing_is_visible_before_the_block_ends(store):
    before = contents(store)
    with store.transaction() as transaction:
        transaction.write(everything(5))
        assert contents(store) == before
    assert contents(store) != before


@promise
def a_snapshot_sees_one_state_throughout(store):
    write(store, 1, nodes=[node(A)])
    with store.snapshot() as seen:
        write(store, 2, nodes=[node(A, version=2), node(B)], edges=[edge(A, B)], outbox=[OutboxMessage("t", A, b"")])
        assert seen.offsets() == {0: 1}
        assert seen.nodes([A, B]) == {A: node(A)}
        assert seen.edges([A]) == seen.outbox(after=0, limit=9) == []
        assert seen.counts()["nodes"] == 1
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 2}
        assert seen.counts()["nodes"] == 2


@promise
def a_snapshot_does_not_wait_for_the_writer(store):
    write(store, 1, nodes=[node(A)])
    found = []
    with store.transaction() as transaction:
        transaction.claim([A])
        transaction.write(Changes(offsets={0: 2}))
        reader = threading.Thread(target=lambda: found.append(contents(store)))
        reader.start()
        reader.join(timeout=5)
        assert found
        assert found[0][0] == {0: 1}


@promise
def writers_take_turns(store):
    def add() -> None:
        done = 0
        while done < 10:
            try:
                with store.transaction() as transaction:
                    offset = transaction.offsets().get(0, 0) + 1
                    transaction.write(Changes(offsets={0: offset}, tallies=[Tally("web", "stored", 1)]))
            except ConflictError:
                continue
            done += 1

    writers = [threading.Thread(target=add) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 40}
        assert seen.tallies() == [Tally("web", "stored", 40)]


@promise
def a_transaction_reads_what_was_committed_before_it(store):
    write(store, 4, nodes=[node(A), node(B, person=A)], edges=[edge(A, B)])
    with store.transaction() as transaction:
        assert transaction.offsets() == {0: 4}
        assert transaction.nodes([A, B, C]) == {A: node(A), B: node(B, person=A)}
        assert {m.id for m in transaction.members([A])} == {A, B}
        assert transaction.edges([B]) == [edge(A, B)]
        assert transaction.judgements([A]) == []


@promise
def offsets_are_kept_per_partition(store):
    with store.transaction() as transaction:
        transaction.write(Changes(offsets={0: 3, 2: 9}))
    with store.transaction() as transaction:
        transaction.write(Changes(offsets={2: 10}))
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 3, 2: 10}


# ── history and accounts ──


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
    with store.snapshot() as seen:
        assert seen.tallies() == [
            Tally("crm", "duplicate", 1),
            Tally("web", "rejected", 1, "no_identifier"),
            Tally("web", "rejected", 5, "too_deep"),
            Tally("web", "stored", 3, emq=(1, *(0,) * 8, 2)),
        ]
        assert seen.counts()["events"] == 3


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


def by_ends(edges) -> list[Edge]:
    return sorted(edges, key=lambda e: (e.a, e.b, e.kind))


# ── the adapters ──

ADAPTERS: dict[str, Callable[[Path], ProfileStore]] = {
    "memory": lambda _: MemoryProfileStore(),
    "sqlite": sqlite_store,
    "sqlite, rows moving on at once": lambda directory: sqlite_store(directory, tier_rows=1),
    "postgres": lambda _: database.store(),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_adapter_keeps_the_promise(adapter, check, tmp_path):
    """What the port promises, the adapter does."""
    store = ADAPTERS[adapter](tmp_path)
    try:
        check(store)
    finally:
        store.close()


# ── negative controls: adapters that break one promise each ──


class OffsetFirst(MemoryProfileStore):
    """Stores the offset before the batch: after a crash the batch is skipped."""

    @contextmanager
    def transaction(self):
        """Begin; the offset takes effect with `write`."""
        with super().transaction() as transaction:
            write = transaction.write

            def write_offset_first(batch):
                self._state.offsets.update(batch.offsets)
                write(batch)

            transaction.write = write_offset_first
            yield transaction


class LiveSnapshot(MemoryProfileStore):
    """Shows look-ups whatever is newest, answer by answer."""

    @contextmanager
    def snapshot(self):
        """Read whatever is newest."""

        class Live(MemorySnapshot):
            _state = property(lambda _: self._state)

            def __init__(self) -> None:
                """Hold no state."""

        yield Live()


class ForgetfulClaims(MemoryProfileStore):
    """Knows the keys of a batch, but not those of the batch before: a window."""

    @contextmanager
    def transaction(self):
        """Begin without the claims of before."""
        self._state.claimed.clear()
        with super().transaction() as transaction:
            yield transaction


class LastEdgeWins(MemoryProfileStore):
    """Keeps the edge that arrived last: the people depend on the order of arrival."""

    @contextmanager
    def transaction(self):
        """Begin; edges replace each other at the end."""
        with super().transaction() as transaction:
            write = transaction.write

            def overwrite(batch):
                write(batch)
                transaction._state.edges.update({(e.a, e.b, e.kind): e for e in batch.edges})

            transaction.write = overwrite
            yield transaction


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (OffsetFirst, an_exception_leaves_nothing_behind),
        (LiveSnapshot, a_snapshot_sees_one_state_throughout),
        (ForgetfulClaims, a_key_is_claimed_once_for_ever),
        (LastEdgeWins, of_one_pair_and_kind_the_earliest_evidence_is_kept),
    ],
)
def test_a_broken_adapter_is_caught(broken, caught_by):
    """The suite is red for a store that breaks a promise, so green means something."""
    with pytest.raises(AssertionError):
        caught_by(broken())


def test_what_was_committed_is_there_after_reopening(tmp_path):
    """A new process finds what the old one wrote, and its claims."""
    store = sqlite_store(tmp_path)
    with store.transaction() as transaction:
        transaction.claim([A])
        transaction.write(everything(5))
    before = contents(store)
    store.close()
    again = sqlite_store(tmp_path)
    assert contents(again) == before
    with again.transaction() as transaction:
        assert transaction.claim([A, B]) == [False, True]
    again.close()
