"""Merge history: whoever moved, an entry of that batch was the cause, also where it names somebody else."""

from random import Random

import msgspec
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from tests.laws import test_resolve_laws as laws

from onefold.identity import history
from onefold.identity.known import KnownEdges
from onefold.identity.resolve import resolve
from onefold.model import Judgement, Scoring

BEFORE_US = 100


def dated(said):
    """The same piece of evidence, received late enough to be told from no entry at all."""
    if isinstance(said, history.Sighting):
        return msgspec.structs.replace(said, received_at_us=BEFORE_US + said.offset)
    return msgspec.structs.replace(said, at_us=BEFORE_US + said.at_us)


def without_cause(drawn):
    """Whether anything that happened to people is told without the entry that caused it."""
    said, batch = drawn
    graph, known, found = laws.Graph(), KnownEdges(), False
    for start in range(0, len(said), batch):
        entries = [dated(one) for one in said[start : start + batch]]
        sightings = [one for one in entries if isinstance(one, history.Sighting)]
        judgements = [one for one in entries if isinstance(one, Judgement)]
        scorings = [one for one in entries if isinstance(one, Scoring)]
        stored = {i.node: graph.placed[i.node] for s in sightings for i in s.named if i.node in graph.placed}
        change = resolve(graph, sightings, judgements, laws.RULES, stored, known, scorings)
        found = found or any(told.at_us < BEFORE_US for told in change.changes)
        graph.take(change, judgements)
        known.committed(change.edges)
    return found


@settings(max_examples=400, deadline=None)
@given(st.one_of(laws.scored(), laws.histories()))
def test_every_move_has_its_entry(drawn):
    """A ruling about two people can move a third, who then has the ruling as the cause."""
    assert not without_cause(drawn)


def test_a_history_of_who_is_named_alone_is_caught(monkeypatch):
    """Negative control: without the causes of the whole component, somebody moves for no reason."""
    monkeypatch.setattr(history, "_of_components", lambda *_: {})
    looking = settings(max_examples=3_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(laws.scored(), without_cause, settings=looking, random=Random(7))
