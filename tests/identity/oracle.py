"""The oracle of explanations: everything is read and solved anew, however large the components are."""

from onefold.identity.explain import Explanation
from onefold.identity.paths import Step, least_refused, strongest
from onefold.identity.solver import solve, standing
from onefold.ports import NodeRow


class Stored:
    """A solved graph as a store holds it."""

    def __init__(self, members, edges, judgements):
        self.placed, self.all_edges, self.said = {m.id: m for m in members}, list(edges), list(judgements)
        self.edges_read = 0

    def nodes(self, ids):
        """Rows of those that exist."""
        return {i: NodeRow(self.placed[i], b"", 1, b"") for i in ids if i in self.placed}

    def person(self, place, *, limit=None):
        """The nodes of a person."""
        return [m for m in self.placed.values() if (m.component, m.person) == (place.component, place.person)][:limit]

    def edges(self, nodes):
        """All evidence that touches any of the nodes."""
        found = [e for e in self.all_edges if e.a in nodes or e.b in nodes]
        self.edges_read += len(found)
        return found

    def evidence(self, pairs):
        """All evidence between the nodes of the pairs."""
        asked = set(map(frozenset, pairs))
        return [e for e in self.all_edges if {e.a, e.b} in asked]

    def leaving(self, nodes):
        """All evidence with one end among the nodes."""
        return [e for e in self.all_edges if (e.a in nodes) != (e.b in nodes)]

    def judgements(self, nodes):
        """All judgements about any of the nodes."""
        return [j for j in self.said if j.a in nodes or j.b in nodes]


def explain_all_read(stored, a, b, settings):
    """What is to be told of two nodes: of their components, and of what those were seen with, everything is solved anew."""
    inside = {
        m.id for m in stored.placed.values() if m.component in {stored.placed[a].component, stored.placed[b].component}
    }
    touching = [e for e in stored.all_edges if e.a in inside or e.b in inside]
    told = stored.judgements(inside)
    nodes = inside | {n for e in touching for n in (e.a, e.b)} | {n for j in told for n in (j.a, j.b) if n is not None}
    # Beyond an identifier that links nobody nothing is looked at; what was judged of it alone says why it links nobody.
    told += [j for j in stored.judgements(nodes - inside) if j.b is None]
    return _explain(a, b, [stored.placed[n] for n in sorted(nodes) if n in stored.placed], touching, told, settings)


def _explain(a, b, members, edges, judgements, settings):
    solution = solve(members, edges, judgements, settings, shared_before={m.id for m in members if m.shared})
    placed = {m.id: m for m in solution.members}
    one, other = placed[a], placed[b]

    def step(evidence, obstacle=None):
        # Only pairs come out of the solver, so a judgement's second node is there.
        start, end = evidence.a, evidence.b or evidence.a
        return Step(start, end, placed[start].type, placed[end].type, evidence, obstacle)

    held = [step(evidence) for evidence in solution.accepted]
    if one.person == other.person:
        path = strongest(a, b, held)
        return Explanation(verdict="same", a=a, b=b, person_a=one.person, person_b=other.person, path=path)
    refused = [step(r.evidence, r.obstacle) for r in solution.refused]
    path = least_refused(a, b, [*held, *refused])
    on_path = {s.evidence for s in path}
    people = {one.person, other.person}
    besides = [
        s for s in refused if s.evidence not in on_path and {placed[s.start].person, placed[s.end].person} == people
    ]
    said = [
        judgement for x, y, judgement in standing(judgements, placed).different
        if {placed[x].person, placed[y].person} == people
    ]  # fmt: skip
    return Explanation(
        verdict="different" if one.component == other.component else "not_connected",
        a=a,
        b=b,
        person_a=one.person,
        person_b=other.person,
        path=path,
        refused=tuple(besides),
        refused_total=len(besides),
        # What was said of the very two identifiers asked about tells the most.
        apart=min(said, key=lambda j: ({j.a, j.b} != {a, b}, j.offset, j.id), default=None),
        types={s.obstacle.type: settings.type(s.obstacle.type) for s in (*path, *besides) if s.obstacle},
    )
