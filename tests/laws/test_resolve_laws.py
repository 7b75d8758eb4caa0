"""Resolving batch by batch, in any order, ends where solving everything at once does, judgements included."""

from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from onefold.identity import contested, growth
from onefold.identity import resolve as resolving
from onefold.identity.hashing import Hasher
from onefold.identity.history import Sighting
from onefold.identity.known import KnownEdges
from onefold.identity.resolve import resolve
from onefold.identity.settings import IdentitySettings, IdentityType
from onefold.identity.solver import solve
from onefold.model import Identifier, Judgement, PairScore, Scoring, replaces
from onefold.ports import NodeRow

RULES = IdentitySettings().declare("email", shared_after=2)
HASHER = Hasher(b"k" * 32)


class Graph:
    """What a profile store knows of identity, as a reader."""

    def __init__(self):
        self.placed, self.stored, self.said = {}, {}, {}

    def nodes(self, ids):
        """Rows of those that exist."""
        return {i: NodeRow(self.placed[i], b"", 1, b"") for i in ids if i in self.placed}

    def members(self, components):
        """All nodes of these components."""
        return [m for m in self.placed.values() if m.component in components]

    def edges(self, nodes):
        """All evidence that touches any of the nodes."""
        return [e for e in self.stored.values() if e.a in nodes or e.b in nodes]

    def person(self, place, *, limit=None):
        """The nodes of a person."""
        return [m for m in self.members([place.component]) if m.person == place.person][:limit]

    def large(self, components, *, nodes_min):
        """Those of the components that have so many nodes besides the one that names them."""
        return [c for c in components if sum(m.component == c != m.id for m in self.placed.values()) >= nodes_min]

    def sightings(self, component, kind, within):
        """First sightings of a component's nodes of a type."""
        times = [m.first_seen_us for m in self.members([component]) if m.type == kind]
        return [at for at in times if within is None or within[0] < at < within[1]]

    def scored(self, nodes):
        """Whether scored evidence touches any of the nodes."""
        return any(e.kind == "scored" for e in self.edges(nodes))

    def evidence(self, pairs):
        """All evidence between the two nodes of any of the pairs."""
        asked = set(map(frozenset, pairs))
        return [e for e in self.stored.values() if {e.a, e.b} in asked]

    def judgements(self, nodes):
        """All judgements about any of the nodes."""
        return [j for j in self.said.values() if j.a in nodes or j.b in nodes]

    def take(self, change, judgements):
        """Store what a batch came to."""
        self.placed.update(change.members)
        for e in change.edges:
            before = self.stored.get((e.a, e.b, e.kind))
            if before is None or replaces(e, before.at_us, before.event):
                self.stored[e.a, e.b, e.kind] = e
        self.said.update({j.id: j for j in judgements})


@st.composite
def histories(draw):
    """Sightings of a few identifiers, and judgements about them, also about user ids that several people share."""
    names = [Identifier(kind, f"{kind}{n}@x.org") for kind, many in (("user_id", 3), ("email", 2)) for n in range(many)]
    names += [Identifier("anonymous_id", f"c{n}") for n in range(3)]
    names.append(Identifier("email", "info@x.org"))  # nobody's own
    seen = []
    for n in range(draw(st.integers(1, 8))):
        stated = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        named, _ = HASHER.name(stated, RULES)
        kind = draw(st.sampled_from(["event", "event", "alias"]))
        seen.append(Sighting(named, draw(st.integers(0, 9)), n.to_bytes(16, "big"), kind, "web", 0, n, 0, ""))
    nodes = sorted({i.node for s in seen for i in s.named})
    for n in range(draw(st.integers(0, 4)) if len(nodes) > 1 else 0):
        verdict = draw(st.sampled_from(["same", "different", "unsure", "withdrawn", "shared", "not_shared"]))
        a, b = sorted(draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True)))
        single = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and draw(st.booleans()))
        judged = Judgement(bytes([n]) * 16, verdict, a, None if single else b, draw(st.integers(0, 4)), "ann")
        seen.insert(draw(st.integers(0, len(seen))), judged)
    return seen, draw(st.integers(1, 4))


@st.composite
def scored(draw):
    """Sightings and judgements with what a matcher scored, before its nodes were seen, again, and taken back."""
    history, batch = draw(histories())
    nodes = sorted({i.node for s in history if isinstance(s, Sighting) for i in s.named})
    for n in range(draw(st.integers(1, 4)) if len(nodes) > 1 else 0):
        pairs = draw(st.lists(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True), max_size=3))
        scores = st.sampled_from([None, -9.0, -1.0, 1.0, 3.0, 8.0])
        said = tuple(PairScore(*sorted(pair), draw(scores)) for pair in pairs)
        scoring = Scoring(bytes([100 + n]) * 16, "run", "learned/1", draw(st.integers(0, 3)), said)
        history.insert(draw(st.integers(0, len(history))), scoring)
    return history, batch


@st.composite
def late(draw):
    """Two people's identifiers, met in each other's company again and again, ever earlier: a contested component."""
    users = [Identifier("user_id", f"u{n}") for n in range(2)]
    others = [Identifier("email", "e@x.org"), *(Identifier("anonymous_id", f"c{n}") for n in range(2))]
    seen = []
    for n in range(draw(st.integers(3, 14))):
        stated = [draw(st.sampled_from(users)), *draw(st.lists(st.sampled_from(others), max_size=2, unique=True))]
        named, _ = HASHER.name(stated, RULES)
        seen.append(Sighting(named, draw(st.integers(0, 20)), n.to_bytes(16, "big"), "event", "web", 0, n, 0, ""))
    nodes = sorted({i.node for s in seen for i in s.named})
    if len(nodes) > 1 and draw(st.integers(0, 3)) == 0:
        a, b = sorted(draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True)))
        verdict = draw(st.sampled_from(["same", "different"]))
        seen.insert(draw(st.integers(0, len(seen))), Judgement(b"j" * 16, verdict, a, b, 3, "ann"))
    return seen, draw(st.integers(1, 3))


def resolved(history, batch, *, forgetful=False):
    """The graph after these sightings and judgements, so many at a time; forgetful: no edge is known to be stored."""
    graph, known = Graph(), KnownEdges()
    for start in range(0, len(history), batch):
        sightings = [h for h in history[start : start + batch] if isinstance(h, Sighting)]
        judgements = [h for h in history[start : start + batch] if isinstance(h, Judgement)]
        scorings = [h for h in history[start : start + batch] if isinstance(h, Scoring)]
        stored = {i.node: graph.placed[i.node] for s in sightings for i in s.named if i.node in graph.placed}
        change = resolve(graph, sightings, judgements, RULES, stored, known, scorings)
        graph.take(change, judgements)
        known = KnownEdges() if forgetful else known
        known.committed([] if forgetful else change.edges)
    return graph


def places(members):
    return {m.id: (m.first_seen_us, m.person, m.component, m.shared) for m in members}


def strays(history, batch, *, forgetful=False, large=(0, growth.LARGE)):
    """Whether resolving in batches ends elsewhere than solving at once: components taken for large, and for small."""
    judgements = [h for h in history if isinstance(h, Judgement)]
    graphs = []
    for nodes in large:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(growth, "LARGE", nodes)
            graph = resolved(history, batch, forgetful=forgetful)
        # A judgement on a node that is not stored yet waits for it, as the solver's does.
        at_once = solve(list(graph.placed.values()), list(graph.stored.values()), judgements, RULES)
        if places(graph.placed.values()) != places(at_once.members):
            return True
        graphs.append(graph.placed)
    return any(graph != graphs[0] for graph in graphs)


@settings(max_examples=200, deadline=None)
@given(histories())
def test_resolving_in_batches_equals_solving_at_once(drawn):
    """However sightings and judgements interleave, people are those the solver finds on all of it."""
    assert not strays(*drawn)


@settings(max_examples=200, deadline=None)
@given(scored())
def test_scores_end_the_same_in_any_batches_and_in_any_order(drawn):
    """Whenever scores come, newer or older, before their nodes or after, people are those of solving at once."""
    assert not strays(*drawn)


SCORED_WRONG = {
    "scores wait for nobody": (resolving, "_join_scored", lambda scores, evidence, now, parent: waits_not(scores, now)),
    "the first score stands": (
        contested,
        "replaces",
        lambda new, at_us, event: (new.at_us, new.event) < (at_us, event),
    ),
}


def waits_not(scores, now):
    """Components that the batch's scores concern, and nothing joined."""
    return {now[end].component for e in scores.fresh for end in (e.a, e.b) if end in now}


def test_a_person_with_scores_is_solved_afresh_with_each_new_piece_of_evidence():
    """Averages are over whole groups: joined in another order, they may be two people. Once taken back, that ends."""
    a, b = (HASHER.name([Identifier("card_id", value)], RULES)[0] for value in "ab")
    first, second = (Sighting(n, i, bytes([i]) * 16, "record", "crm", 0, i, 0, "") for i, n in enumerate((a, b)))
    ends = sorted((a[0].node, b[0].node))
    scored, none = (Scoring(bytes([n]) * 16, "r", "m", n, (PairScore(*ends, s),)) for n, s in ((1, 5.0), (2, None)))
    joined = resolved([first, second, scored], 1).placed.values()
    assert len({m.person for m in joined}) == 1
    assert all(m.contested for m in joined)
    assert resolved([first, second, scored, none], 1).placed == resolved([first, second], 1).placed


@pytest.mark.parametrize("bug", SCORED_WRONG)
def test_a_resolver_that_misreads_scores_is_caught(bug, monkeypatch):
    """The negative control: each rule about scores, taken out, makes the law red."""
    monkeypatch.setattr(*SCORED_WRONG[bug])
    looking = settings(max_examples=3_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(scored(), lambda drawn: strays(*drawn), settings=looking, random=Random(7))


def test_a_resolver_that_trusts_every_component_is_caught(monkeypatch):
    """The negative control: never finding a limit broken leaves the solver out, and the law red."""
    monkeypatch.setattr(resolving, "violation", lambda *_: None)
    looking = settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(histories(), lambda drawn: strays(*drawn), settings=looking, random=Random(7))


def solves_always(members, judgements, _stands):
    return contested.Contested(members, judgements)


def differs_from_solving_always(history, batch):
    """Whether letting stored places stand ends elsewhere, in any respect, than solving what evidence touches again."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(resolving, "Contested", solves_always)
        expected = resolved(history, batch, forgetful=True)
    found = resolved(history, batch, forgetful=True)
    return (found.placed, found.stored) != (expected.placed, expected.stored)


@settings(max_examples=300, deadline=None)
@given(st.one_of(late(), histories()))
def test_places_stand_only_where_the_solver_would_find_them_again(drawn):
    """Where the evidence that comes is no earlier than what is stored, not solving is the same as solving."""
    assert not differs_from_solving_always(*drawn)


@settings(max_examples=200, deadline=None)
@given(late())
def test_late_evidence_that_was_forgotten_ends_where_solving_at_once_does(drawn):
    """However little is remembered of what is stored, people are those the solver finds on all of it."""
    assert not strays(*drawn, forgetful=True)


@st.composite
def chains(draw):
    """Several people in a row, each with a browser of the one before: new ones come, and new evidence between them."""
    names = [Identifier("user_id", f"u{n}") for n in range(4)] + [Identifier("email", f"e{n}@x.org") for n in range(3)]
    names += [Identifier("anonymous_id", f"c{n}") for n in range(4)]
    names += [Identifier("card_id", f"k{n}") for n in range(6)]
    seen = []
    for n in range(draw(st.integers(4, 16))):
        stated = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        named, _ = HASHER.name(stated, RULES)
        kind = "alias" if draw(st.integers(0, 9)) == 0 else "event"
        at = draw(st.integers(0, 30)) if draw(st.booleans()) else n
        seen.append(Sighting(named, at, n.to_bytes(16, "big"), kind, "web", 0, n, 0, ""))
    nodes = sorted({i.node for s in seen for i in s.named})
    for n in range(draw(st.integers(0, 2)) if len(nodes) > 1 else 0):
        a, b = sorted(draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True)))
        verdict = draw(st.sampled_from(["same", "different", "withdrawn"]))
        said = Judgement(bytes([n]) * 16, verdict, a, b, draw(st.integers(0, 4)), "ann")
        seen.insert(draw(st.integers(0, len(seen))), said)
    return seen, draw(st.integers(1, 4))


@settings(max_examples=200, deadline=None)
@given(chains())
def test_large_components_grow_as_if_they_were_read_whole(drawn):
    """New people and evidence in components that are not read whole, contested ones among them."""
    assert not strays(*drawn)


GROWING_WRONG = {
    "what comes always fits": ("_fits", lambda *_: True),
    "nobody becomes shared": ("_may_be_shared", lambda *_: False),
    "evidence between people is not read": ("replaces", lambda *_: False),
    "everybody keeps their person": ("place", lambda solved, *_: list(solved)),
}


@pytest.mark.parametrize("bug", GROWING_WRONG)
def test_a_component_that_grows_wrong_is_caught(bug, monkeypatch):
    """The negative control: each condition for not reading a component whole, taken out, makes the law red."""
    name, wrong = GROWING_WRONG[bug]
    monkeypatch.setattr(growth, name, wrong)
    looking = settings(max_examples=4_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(chains(), lambda drawn: strays(*drawn, large=(0,)), settings=looking, random=Random(7))


def always_stands(members, judgements, _stands):
    return contested.Contested(members, judgements, stands=True)


PLANTED = {
    "earlier evidence says nothing": (contested, "says_more", lambda _, stored: stored is None),
    "new evidence says nothing": (contested, "says_more", lambda edge, stored: stored and edge.at_us < stored.at_us),
    "places stand whatever else has changed": (resolving, "Contested", always_stands),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_resolver_that_wrongly_lets_places_stand_is_caught(bug, monkeypatch):
    """The negative control: each condition for not solving, taken out, makes the law red."""
    monkeypatch.setattr(*PLANTED[bug])
    looking = settings(max_examples=3_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(late(), lambda drawn: strays(*drawn, forgetful=True), settings=looking, random=Random(7))


def test_what_was_seen_with_a_shared_user_id_is_shared_at_the_next_one():
    """A user id that links nobody still counts among those an e-mail was seen with, however long ago that was."""
    u1, u2, email = (Identifier(*name.split(":")) for name in ("user_id:u1", "user_id:u2", "email:e@x.org"))
    named = [HASHER.name([user, email], RULES)[0] for user in (u1, u2)]
    first, second = (Sighting(n, i, bytes([i]) * 16, "event", "web", 0, i, 0, "") for i, n in enumerate(named))
    shared = Judgement(b"j" * 16, "shared", named[0][0].node, None, 0, "ann")
    assert not strays([shared, first, second], 1)
    graph = resolved([shared, first, second], 1)
    assert graph.placed[named[0][1].node].shared


def beyond_a_limit():
    """Three addresses where two are allowed, joined by an alias; then evidence that, taken first, leaves one outside."""
    one, two, three = (Identifier("email", f"e{n}@x.org") for n in range(3))
    stated = [([one], 0, "event"), ([two], 0, "event"), ([three], 0, "event"), ([one, three], 5, "event")]
    stated += [([one, two], 6, "alias"), ([one, two], 1, "event")]
    return [
        Sighting(HASHER.name(names, RULES)[0], at, n.to_bytes(16, "big"), kind, "web", 0, n, 0, "")
        for n, (names, at, kind) in enumerate(stated)
    ]


def test_a_person_beyond_a_limit_is_solved_again_with_new_evidence(monkeypatch):
    """An alias may join beyond a limit, so more evidence inside may part them, as when it had come first."""
    few = IdentitySettings(types={"email": IdentityType("email", 80, limit=2)})
    monkeypatch.setitem(globals(), "RULES", few)
    assert len({m.person for m in resolved(beyond_a_limit()[:5], 5).placed.values()}) == 1
    assert len({m.person for m in resolved(beyond_a_limit(), 5).placed.values()}) == 2
    assert not strays(beyond_a_limit(), 5)
    # The negative control: taken for a component like any other, it stays as it is.
    monkeypatch.setattr(contested, "_beyond_limits", lambda *_: set())
    assert strays(beyond_a_limit(), 5)
