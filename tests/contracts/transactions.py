"""Promises about transactions: keys claimed once, all or nothing, one writer, snapshots."""

from __future__ import annotations

import threading

from tests.contracts.promise import promise
from tests.contracts.rows import (
    A,
    B,
    C,
    D,
    X,
    contents,
    edge,
    everything,
    fail_after,
    node,
    write,
)

from onefold.errors import ConflictError
from onefold.ports import Changes, OutboxMessage, Tally


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


@promise
def a_large_component_is_asked_about_without_reading_it(store):
    rows = [
        node(A, first_seen_us=1),
        node(B, person=A, first_seen_us=5),
        node(C, person=A, type="phone", first_seen_us=6),
    ]
    write(store, nodes=[*rows, node(D)], edges=[edge(A, B), edge(C, D, kind="scored", score=0.5)])
    with store.transaction() as transaction:
        assert transaction.large([A, D, X], nodes_min=2) == [A]
        assert transaction.large([A, D], nodes_min=3) == transaction.large([], nodes_min=0) == []
        assert sorted(transaction.sightings(A, "email", None)) == [1, 5]
        assert transaction.sightings(A, "email", (1, 6)) == transaction.sightings(A, "email", (4, 6)) == [5]
        assert transaction.sightings(A, "phone", None) == [6]
        assert transaction.sightings(D, "phone", None) == transaction.sightings(A, "email", (1, 5)) == []
        assert [transaction.scored(some) for some in ([A, B], [C], [A, D], [])] == [False, True, True, False]
        assert {m.id for m in transaction.person(rows[1].member)} == {A, B, C}
