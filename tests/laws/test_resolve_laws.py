"""Resolving batch by batch, in any order, ends where solving everything at once does, judgements included."""

from random import Random

from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from onefold.identity import resolve as resolving
from onefold.identity.hashing import Hasher
from onefold.identity.known import KnownEdges
from onefold.identity.resolve import Sighting, resolve
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import solve
from onefold.model import Identifier, Judgement
from onefold.ports import NodeRow

RULES = IdentitySettings().declare("email", shared_after=2)
HASHER = Hasher(b"k" * 32)


class Graph:
    """What a profile store knows of identity, as a reader."""

    def __init__(self):
        self.placed, self.evidence, self.said = {}, {}, {}

    def nodes(self, ids):
        """Rows of those that exist."""
        return {i: NodeRow(self.placed[i], b"", 1, b"") for i in ids if i in self.placed}

    def members(self, components):
        """All nodes of these components."""
        return [m for m in self.placed.values() if m.component in components]

    def edges(self, nodes):
        """All evidence that touches any of the nodes."""
        return [e for e in self.evidence.values() if e.a in nodes or e.b in nodes]

    def judgements(self, nodes):
        """All judgements about any of the nodes."""
        return [j for j in self.said.values() if j.a in nodes or j.b in nodes]


@st.composite
def histories(draw):
    """Sightings of a few identifiers, and judgements about them, also about user ids that several people share."""
    names = [Identifier(kind, f"{kind}{n}@x.org") for kind, many in (("user_id", 3), ("email", 2)) for n in range(many)]
    names += [Identifier("anonymous_id", f"c{n}") for n in range(3)]
    seen = []
    for n in range(draw(st.integers(1, 8))):
        stated = draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))
        named, _ = HASHER.name(stated, RULES)
        seen.append(Sighting(named, draw(st.integers(0, 9)), n.to_bytes(16, "big"), "event", "web", 0, n, 0, ""))
    nodes = sorted({i.node for s in seen for i in s.named})
    for n in range(draw(st.integers(0, 4)) if len(nodes) > 1 else 0):
        verdict = draw(st.sampled_from(["same", "different", "withdrawn", "shared", "not_shared"]))
        a, b = sorted(draw(st.lists(st.sampled_from(nodes), min_size=2, max_size=2, unique=True)))
        single = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and draw(st.booleans()))
        judged = Judgement(bytes([n]) * 16, verdict, a, None if single else b, draw(st.integers(0, 4)), "ann")
        seen.insert(draw(st.integers(0, len(seen))), judged)
    return seen, draw(st.integers(1, 4))


def resolved(history, batch):
    """The graph after these sightings and judgements, so many at a time."""
    graph, known = Graph(), KnownEdges()
    for start in range(0, len(history), batch):
        sightings = [h for h in history[start : start + batch] if isinstance(h, Sighting)]
        judgements = [h for h in history[start : start + batch] if isinstance(h, Judgement)]
        stored = {i.node: graph.placed[i.node] for s in sightings for i in s.named if i.node in graph.placed}
        change = resolve(graph, sightings, judgements, RULES, stored, known)
        graph.placed.update(change.members)
        for e in change.edges:
            earlier = graph.evidence.get((e.a, e.b, e.kind), e)
            graph.evidence[e.a, e.b, e.kind] = min(e, earlier, key=lambda x: (x.at_us, x.event))
        graph.said.update({j.id: j for j in judgements})
        known.committed(change.edges)
    return graph


def places(members):
    return {m.id: (m.first_seen_us, m.person, m.component, m.shared) for m in members}


def strays(history, batch):
    """Whether resolving in batches ends elsewhere than solving at once."""
    graph = resolved(history, batch)
    judgements = [h for h in history if isinstance(h, Judgement)]
    # A judgement on a node that is not stored yet waits for it, as the solver's does.
    at_once = solve(list(graph.placed.values()), list(graph.evidence.values()), judgements, RULES)
    return places(graph.placed.values()) != places(at_once.members)


@settings(max_examples=200, deadline=None)
@given(histories())
def test_resolving_in_batches_equals_solving_at_once(drawn):
    """However sightings and judgements interleave, people are those the solver finds on all of it."""
    assert not strays(*drawn)


def test_a_resolver_that_trusts_every_component_is_caught(monkeypatch):
    """The negative control: never finding a limit broken leaves the solver out, and the law red."""
    monkeypatch.setattr(resolving, "violation", lambda *_: None)
    looking = settings(max_examples=2_000, database=None, deadline=None, phases=[Phase.generate])
    assert find(histories(), lambda drawn: strays(*drawn), settings=looking, random=Random(7))


def test_what_was_seen_with_a_shared_user_id_is_shared_at_the_next_one():
    """A user id that links nobody still counts among those an e-mail was seen with, however long ago that was."""
    u1, u2, email = (Identifier(*name.split(":")) for name in ("user_id:u1", "user_id:u2", "email:e@x.org"))
    named = [HASHER.name([user, email], RULES)[0] for user in (u1, u2)]
    first, second = (Sighting(n, i, bytes([i]) * 16, "event", "web", 0, i, 0, "") for i, n in enumerate(named))
    shared = Judgement(b"j" * 16, "shared", named[0][0].node, None, 0, "ann")
    assert not strays([shared, first, second], 1)
    graph = resolved([shared, first, second], 1)
    assert graph.placed[named[0][1].node].shared
