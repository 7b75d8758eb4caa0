"""Rows that the contract of the profile store is tried on, and the writing and reading of them."""

from __future__ import annotations

import pytest

from onefold.model import Edge, IdentityChange, Judgement, Member
from onefold.ports import Changes, DeadLetter, NodeRow, OutboxMessage, ProfileStore, Tally, TimelineRow

A, B, C, D, X = (bytes([letter]) * 16 for letter in b"abcdx")


class PlannedError(Exception):
    """What goes wrong on purpose in the middle of a batch."""


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


def by_ends(edges) -> list[Edge]:
    return sorted(edges, key=lambda e: (e.a, e.b, e.kind))
