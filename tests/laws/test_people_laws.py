"""The same events, in any order, any batching and any duplication, give the same people and the same state hash."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import workbench

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.identity import contested
from onefold.identity.solver import place, solve
from onefold.model import Identifier, Member
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process

# Few values and many types, so that limits, windows and shared identifiers are hit all the time.
_WHO = st.fixed_dictionaries(
    {},
    optional={
        "userId": st.sampled_from(["u1", "u2", "u3", "u4"]),
        "anonymousId": st.sampled_from([f"cookie-{n}" for n in range(8)]),
        "email": st.sampled_from([f"p{n}@mail.example" for n in range(4)]),
        "phone": st.sampled_from([f"+1312555010{n}" for n in range(3)]),
    },
).filter(bool)


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Up to a dozen events about a handful of people, some with equal times."""
    events = []
    for n in range(draw(st.integers(1, 12))):
        who = draw(_WHO)
        traits = {key: who[key] for key in ("email", "phone") if key in who}
        if draw(st.booleans()):
            traits["city"] = draw(st.sampled_from(["Chicago", "Berlin", "Oslo"]))
        body: dict[str, Any] = {
            "type": draw(st.sampled_from(["identify", "track"])),
            "event": draw(st.sampled_from(["Order Completed", "Story Read", "Unsubscribed"])),
            "messageId": f"m{n}",
            "timestamp": workbench.iso(draw(st.integers(0, 40)) * 36_000),
            "traits": traits,
            "properties": {"revenue": draw(st.sampled_from([1.1, 2.2, 0.3]))},
        }
        events.append(body | {key: who[key] for key in ("userId", "anonymousId") if key in who})
    return events


def processed(
    events: list[dict[str, Any]],
    *,
    batch: int = 1_000,
    piece: int | None = None,
    said: list[tuple[str, str, str]] = [],  # noqa: B006  never changed
) -> Context:
    """A workspace that received these events, and judgements after them, and processed all in such batches and pieces."""
    context = workbench.context(store=MemoryProfileStore(preferred_entries_per_write=piece))
    context.log.append([workbench.entry(body, index=n) for n, body in enumerate(events)])
    for verdict, a, b in said:
        judgements.say(context, verdict, _identifier(a), _identifier(b), by="test")  # type: ignore[arg-type]  # a verdict
    process.drain(context, batch=batch)
    return context


def _identifier(text: str) -> Identifier:
    kind, _, value = text.partition(":")
    return Identifier(kind, value)


@settings(max_examples=150, deadline=None)
@given(histories(), st.randoms(use_true_random=False), st.integers(1, 20), st.none() | st.integers(1, 5))
def test_order_batching_and_duplicates_change_nothing(
    events: list[dict[str, Any]], chance: random.Random, batch: int, piece: int | None
) -> None:
    """Shuffled, sent up to three times and processed in other batches and pieces, events leave the same state hash."""
    once = rebuild.state_hash(processed(events))
    again = [body for body in events for _ in range(chance.randint(1, 3))]
    chance.shuffle(again)
    assert rebuild.state_hash(processed(again, batch=batch, piece=piece)) == once


@settings(max_examples=150, deadline=None)
@given(histories(), st.sampled_from([(1, None), (3, None), (3, 1), (12, 2)]))
def test_incremental_resolution_equals_solving_everything_at_once(
    events: list[dict[str, Any]], sizes: tuple[int, int | None]
) -> None:
    """People resolved batch by batch and piece by piece are the people the solver finds on all evidence at once."""
    context = processed(events, batch=sizes[0], piece=sizes[1])
    with context.store.snapshot() as snapshot:
        members = [row.member for row in snapshot.scan()]
        edges = list(snapshot.scan_edges())
    solution = solve(members, edges, [], context.identity)
    assert _places(members) == _places(solution.members)


def _places(members: list[Member]) -> dict[bytes, tuple[Any, ...]]:
    return {m.id: (m.type, m.first_seen_us, m.person, m.component, m.contested, m.shared) for m in members}


@settings(max_examples=100, deadline=None)
@given(histories(), st.data())
def test_split_then_undo_restores_everything(events: list[dict[str, Any]], data: st.DataObject) -> None:
    """A split withdrawn leaves the same people, states and evidence as if it had never been said."""
    plain = processed(events)
    names = sorted({f"{i.type}:{i.value}" for body in events for i in _stated(body)})
    if len(names) < 2:
        return
    a, b = data.draw(st.lists(st.sampled_from(names), min_size=2, max_size=2, unique=True))
    undone = processed(events, said=[("different", a, b), ("withdrawn", a, b)], batch=4, piece=2)
    assert _people(undone) == _people(plain)


def _stated(body: dict[str, Any]) -> list[Identifier]:
    return [
        Identifier(kind, value)
        for kind, value in (
            ("user_id", body.get("userId")),
            ("anonymous_id", body.get("anonymousId")),
            ("email", body["traits"].get("email")),
            ("phone", body["traits"].get("phone")),
        )
        if value
    ]


def _people(context: Context) -> dict[bytes, frozenset[bytes]]:
    people: dict[bytes, set[bytes]] = defaultdict(set)
    with context.store.snapshot() as snapshot:
        for row in snapshot.scan():
            people[row.member.person].add(row.member.id)
    return {person: frozenset(nodes) for person, nodes in people.items()}


def test_a_naive_resolver_breaks_the_law(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: joining in order of arrival, as most products do, gives other people for another order."""

    def arrival_order(members, edges, judgements, identity, **more):
        by_arrival = [e.__class__(*(*_fields(e)[:4], e.offset, e.event, *_fields(e)[6:])) for e in edges]
        return place(members, by_arrival, judgements, identity, **more)

    monkeypatch.setattr(contested, "place", arrival_order)
    law = settings(max_examples=300, deadline=None, database=None, phases=[Phase.generate])(
        given(histories(), st.randoms(use_true_random=False), st.integers(1, 20), st.none() | st.integers(1, 5))(
            test_order_batching_and_duplicates_change_nothing.hypothesis.inner_test
        )
    )
    with pytest.raises(AssertionError):
        law()


def _fields(edge: Any) -> list[Any]:
    return [getattr(edge, name) for name in edge.__struct_fields__]
