"""What contested groups cost: what is asked of the store about them, and when they go to the solver."""

import pytest
from tests.laws.test_resolve_laws import HASHER, RULES, Graph

from onefold.identity import contested
from onefold.identity.history import Sighting
from onefold.identity.known import KnownEdges
from onefold.identity.resolve import resolve
from onefold.model import Identifier


class Counting(Graph):
    """A store that keeps note of what it is asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def nodes(self, ids):
        """Rows of those that exist."""
        self.asked.append(("nodes", len(ids)))
        return super().nodes(ids)

    def edges(self, nodes):
        """All evidence that touches any of the nodes."""
        self.asked.append(("edges", len(nodes)))
        return super().edges(nodes)

    def scored(self, nodes):
        """Whether any scored evidence touches one of these."""
        return any(e.kind == "scored" for e in super().edges(nodes))

    def evidence(self, pairs):
        """All evidence between the two nodes of any of the pairs."""
        self.asked.append(("evidence", len(pairs)))
        return super().evidence(pairs)

    def members(self, components):
        """All nodes of the components."""
        found = super().members(components)
        self.asked.append(("members", len(found)))
        return found


def sighting(n, *names, at=None):
    named, _ = HASHER.name([Identifier(*name.split(":")) for name in names], RULES)
    return Sighting(named, n if at is None else at, n.to_bytes(16, "big"), "event", "web", 0, n, 0, "")


def sharers(browser):
    """Two people with one browser: what the later one was seen with is refused."""
    return [(f"user_id:u{browser}-{n}", f"anonymous_id:c{browser}") for n in range(2)]


def browsers(many):
    """A store of so many contested components of three nodes."""
    graph = Counting()
    step(graph, [sighting(100 + n, *names) for n, names in enumerate(n for b in range(many) for n in sharers(b))])
    graph.asked.clear()
    return graph


def step(graph, sightings, known=None):
    """Resolve a batch and store what it says."""
    stored = {i.node: graph.placed[i.node] for s in sightings for i in s.named if i.node in graph.placed}
    change = resolve(graph, sightings, [], RULES, stored, known or KnownEdges())
    graph.placed.update(change.members)
    for e in change.edges:
        graph.stored[e.a, e.b, e.kind] = min(e, graph.stored.get((e.a, e.b, e.kind), e), key=lambda x: x.at_us)
    return change


def test_a_batch_asks_for_the_evidence_of_all_its_groups_at_once():
    """Ten groups of three nodes: one question, and none about nodes beside, for none is seen with them."""
    graph = browsers(10)
    earlier = [sighting(200 + b, *sharers(b)[0], at=1) for b in range(10)]
    assert step(graph, earlier).solved == 10
    assert graph.asked == [("evidence", 10), ("members", 30), ("edges", 30)]


def test_what_a_group_asks_does_not_grow_with_the_batch():
    """Evidence about other people in the batch is none of the group's business."""
    graph = browsers(1)
    others = [sighting(300 + n, f"user_id:v{n}", f"anonymous_id:d{n}") for n in range(50)]
    step(graph, [sighting(200, *sharers(0)[0], at=1), *others])
    assert graph.asked == [("evidence", 1), ("members", 3), ("edges", 3)]


def test_portions_change_nothing(monkeypatch):
    """Groups solved one at a time have the places that they have together."""
    graphs = []
    for size in (1, 5_000):
        monkeypatch.setattr(contested, "NODES_AT_ONCE", size)
        graphs.append(browsers(3))
        step(graphs[-1], [sighting(200 + b, *sharers(b)[1], at=b) for b in range(3)])
    one_by_one, together = graphs
    assert one_by_one.placed == together.placed
    assert [n for what, n in one_by_one.asked if what == "edges"] == [3, 3, 3]


def test_evidence_no_earlier_than_what_is_stored_is_not_solved():
    """Whoever forgot what is stored reads it, and sees that nothing is new."""
    graph = browsers(1)
    change = step(graph, [sighting(200, *sharers(0)[0])])
    assert (change.solved, change.members) == (0, {})


def test_what_was_read_is_known_from_then_on():
    """The same evidence does not open the group again: it asks nothing at all."""
    graph, known = browsers(1), KnownEdges()
    step(graph, [sighting(200, *sharers(0)[0])], known)
    graph.asked.clear()
    step(graph, [sighting(201, *sharers(0)[0])], known)
    assert graph.asked == []


@pytest.mark.parametrize("people", [10, 1_000])
def test_what_says_nothing_new_opens_no_chain(people):
    """However long a chain of people is who share browsers: a piece of evidence that was forgotten is asked for, alone."""
    graph = Counting()
    chain = [(f"user_id:u{n}", f"anonymous_id:c{n + more}") for n in range(people) for more in (0, 1)]
    step(graph, [sighting(100 + n, *names) for n, names in enumerate(chain)])
    assert len({m.component for m in graph.placed.values()}) == 1
    assert all(m.contested for m in graph.placed.values())
    graph.asked.clear()
    change = step(graph, [sighting(9_000, *chain[people])])
    assert graph.asked == [("evidence", 1)]
    assert (change.solved, change.members, change.edges) == (0, {}, [])


@pytest.mark.parametrize("which", [0, 1])
def test_earlier_evidence_is_solved(which):
    """Who was seen with the browser first, has it: earlier evidence may change that, and goes to the solver."""
    graph = browsers(1)
    change = step(graph, [sighting(200, *sharers(0)[which], at=1)])
    assert change.solved == 1
    browser = sighting(0, "anonymous_id:c0").named[0].node
    owner = sighting(0, f"user_id:u0-{which}").named[0].node
    assert graph.placed[browser].person == graph.placed[owner].person
