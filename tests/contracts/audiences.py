"""Promises about audiences: settled all at once, by one at a time, and marks only where an audience is kept."""

from __future__ import annotations

import pytest
from tests.contracts.promise import promise
from tests.contracts.rows import A, B, C, fail_after, node, write

from onefold.errors import ConflictError
from onefold.ports.audiences import Definition, Evaluation, Listed, Mark, Membership, Settlement, Standing

IN_X = Membership("x", A, 5, b"{}")


def settle(store, before: int, **change) -> None:
    with store.transaction() as transaction:
        transaction.settle(Settlement(before=before, **change))


def told(store) -> object:
    with store.snapshot() as seen:
        return (
            seen.evaluation(), seen.definitions(), seen.marks(limit=9), seen.standings([A, B, C]),
            sorted(seen.memberships([A, B, C]), key=lambda m: (m.audience, m.person)), seen.audience_sizes(),
            seen.due(until_us=2**62, limit=9), seen.entries("x", after=b"", limit=9),
        )  # fmt: skip


@promise
def a_commit_marks_only_while_an_audience_is_kept(store):
    write(store, 1, nodes=[node(A)], marks=[b"early"])
    settle(store, 0, active=True)
    write(store, 2, marks=[b"one", b"two"])
    with store.snapshot() as seen:
        marks = seen.marks(limit=9)
        assert [mark.body for mark in marks] == [b"one", b"two"]
        assert seen.marks(limit=1) == marks[:1]
        assert seen.evaluation() == Evaluation(1, active=True, body=b"")
    settle(store, 1, active=False)
    write(store, 3, marks=[b"late"])
    with store.snapshot() as seen:
        assert seen.marks(limit=9) == marks


@promise
def a_commit_that_does_not_say_whom_it_touches_is_refused_once_an_audience_is_kept(store):
    write(store, 1, nodes=[node(A)], marks=None)
    with store.transaction() as transaction:
        assert not transaction.marking()
    settle(store, 0, active=True)
    with store.transaction() as transaction:
        assert transaction.marking()
    with pytest.raises(ConflictError):
        write(store, 2, marks=None)
    with store.snapshot() as seen:
        assert seen.offsets() == {0: 1}


@promise
def marks_that_are_dealt_with_never_come_again(store):
    settle(store, 0, active=True)
    write(store, 1, marks=[b"one", b"two"])
    with store.snapshot() as seen:
        first, second = seen.marks(limit=9)
    settle(store, 1, marks=[first.seq, second.seq])
    write(store, 2, marks=[b"three"])
    with store.snapshot() as seen:
        (third,) = seen.marks(limit=9)
    assert third == Mark(third.seq, b"three")
    assert third.seq not in {first.seq, second.seq}


@promise
def of_two_settlements_that_began_alike_one_is_refused(store):
    settle(store, 0, body=b"first", entered=[IN_X])
    before = told(store)
    with pytest.raises(ConflictError):
        settle(store, 0, body=b"second", left=[("x", A)], standings=[Standing(A, 1, 1, "t")])
    assert told(store) == before


@promise
def a_settlement_that_fails_changes_nothing(store):
    settle(store, 0, active=True, define=[Definition("x", 1, b"a")], entered=[IN_X], listed=[Listed("x", A)])
    write(store, 1, nodes=[node(A)], marks=[b"one"])
    before = told(store)
    with store.snapshot() as seen:
        seqs = [mark.seq for mark in seen.marks(limit=9)]
    change = Settlement(
        before=1, body=b"b", marks=seqs, define=[Definition("x", 2, b"b")], left=[("x", A)],
        entered=[Membership("x", B, 6, b"{}")], unlisted=[Listed("x", A)], standings=[Standing(B, 4, 1, "f")],
    )  # fmt: skip
    fail_after(store, lambda transaction: transaction.settle(change))
    assert told(store) == before


@promise
def members_are_told_by_audience_and_by_person(store):
    settle(store, 0, entered=[IN_X, Membership("x", C, 6, b"{}"), Membership("x", B, 7, b"{}"),
                              Membership("y", A, 8, b"{}")])  # fmt: skip
    with store.snapshot() as seen:
        assert [m.person for m in seen.audience("x", after=b"", limit=9)] == sorted([A, B, C])
        assert [m.person for m in seen.audience("x", after=A, limit=1)] == sorted([A, B, C])[1:2]
        assert {(m.audience, m.since_us) for m in seen.memberships([A])} == {("x", 5), ("y", 8)}
        assert seen.audience_sizes() == {"x": 3, "y": 1}
    settle(store, 1, left=[("x", C), ("y", A)], entered=[Membership("x", A, 9, b'{"a":1}')])
    with store.snapshot() as seen:
        assert seen.audience_sizes() == {"x": 2}
        assert seen.memberships([A, C]) == [Membership("x", A, 9, b'{"a":1}')]


@promise
def people_are_due_in_order_of_time(store):
    settle(store, 0, standings=[Standing(A, 30, 1, "tu"), Standing(B, 10, 1, ""), Standing(C, None, 1, "f")])
    with store.snapshot() as seen:
        assert seen.due(until_us=30, limit=9) == [(B, 10), (A, 30)]
        assert seen.due(until_us=29, limit=9) == [(B, 10)]
        assert seen.due(until_us=30, limit=1) == [(B, 10)]
        assert seen.standings([A, C]) == {A: Standing(A, 30, 1, "tu"), C: Standing(C, None, 1, "f")}
    settle(store, 1, gone=[B], standings=[Standing(A, None, 2, "t")])
    with store.snapshot() as seen:
        assert seen.due(until_us=99, limit=9) == []
        assert seen.standings([A, B]) == {A: Standing(A, None, 2, "t")}


@promise
def lists_hold_identifiers_each_once(store):
    settle(store, 0, listed=[Listed("x", A), Listed("x", B), Listed("y", A)])
    settle(store, 1, listed=[Listed("x", A)], unlisted=[Listed("y", A), Listed("y", C)])
    with store.snapshot() as seen:
        assert sorted((one.audience, one.node) for one in seen.listed([A, B, C])) == sorted([("x", A), ("x", B)])
        assert [one.node for one in seen.entries("x", after=b"", limit=9)] == sorted([A, B])
        assert seen.entries("x", after=max(A, B), limit=9) == []


@promise
def versions_of_a_definition_are_kept(store):
    settle(store, 0, define=[Definition("b", 1, b"one"), Definition("a", 1, b"other")])
    settle(store, 1, define=[Definition("b", 2, b"two")])
    with store.snapshot() as seen:
        assert seen.definitions() == [
            Definition("a", 1, b"other"),
            Definition("b", 1, b"one"),
            Definition("b", 2, b"two"),
        ]
