"""Whose people a node may be a neighbour of is looked up for some nodes at a time, and the answer is that for all at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold.pipelines.reading import neighbours
from onefold.pipelines.stream import process

NAMES = st.integers(0, 11)
LINKS = st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=25)


def linked(links):
    """A workspace in which people and devices were seen together."""
    context = workbench.context()
    bodies = [
        {"type": "identify", "userId": f"u{who}", "anonymousId": f"a{on}", "messageId": str(n)}
        for n, (who, on) in enumerate(links)
    ]
    context.log.append([workbench.entry(body, index=n) for n, body in enumerate(bodies)])
    process.drain(context, batch=100)
    return context


class Watched:
    """A snapshot of which nobody asks for the evidence of more than so many nodes at a time."""

    def __init__(self, snapshot, most: int) -> None:
        self._snapshot, self._most = snapshot, most

    def __getattr__(self, name: str):
        return getattr(self._snapshot, name)

    def edges(self, nodes):
        assert len(nodes) <= self._most
        return self._snapshot.edges(nodes)


def near(context, asked: list[bytes], at_once: int, most: int) -> set[bytes]:
    """Those near some nodes, looked up so many at once where no more than `most` may be."""
    with pytest.MonkeyPatch.context() as patch, context.store.snapshot() as snapshot:
        patch.setattr(neighbours, "ASKED_AT_ONCE", at_once)
        return neighbours.near(Watched(snapshot, most), set(asked))


def everybody(context) -> list[bytes]:
    with context.store.snapshot() as snapshot:
        return sorted(row.member.id for row in snapshot.scan())


@given(LINKS, st.integers(1, 5), st.data())
def test_nodes_are_asked_for_some_at_a_time(links, at_once, data):
    """Few at a time or all at once: the same nodes are near."""
    context = linked(links)
    nodes = everybody(context)
    asked = data.draw(st.lists(st.sampled_from(nodes), max_size=8, unique=True))
    found = near(context, asked, at_once, at_once)
    assert found == near(context, asked, 1_000, 1_000)
    assert found >= set(asked)


def test_asking_for_all_at_once_is_noticed():
    """The negative control."""
    context = linked([(n % 4, n) for n in range(12)])
    with pytest.raises(AssertionError):
        near(context, everybody(context), 1_000, 5)
