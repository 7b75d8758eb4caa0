"""Deciding: the smallest changes that would make two people of one person, or one of two.

Each is tried: the solver solves again without a piece of evidence, or by another setting, and what it says then is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from onefold.identity.paths import Step, strongest, weakness
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import place, solve
from onefold.model import Edge, Judgement, Member, NodeId

CUT_MAX = 6
"""Pieces of evidence, from which "without them" says nothing to anybody."""
_HUNDREDTHS = 100


class Graph(NamedTuple):
    """Whole components of the evidence graph, and by what they are solved."""

    members: Sequence[Member]
    edges: Sequence[Edge]
    judgements: Sequence[Judgement]
    settings: IdentitySettings

    def people(self) -> dict[NodeId, NodeId]:
        """The person of each node."""
        return {m.id: m.person for m in place(self.members, self.edges, self.judgements, self.settings)}

    def one_person(self, a: NodeId, b: NodeId) -> bool:
        """Whether two nodes are one person."""
        found = self.people()
        return found[a] == found[b]

    def without(self, evidence: Sequence[Edge | Judgement]) -> Graph:
        """The same without these."""
        gone = set(map(_key, evidence))
        edges = [edge for edge in self.edges if _key(edge) not in gone]
        return self._replace(edges=edges, judgements=[one for one in self.judgements if _key(one) not in gone])


class Change(msgspec.Struct, frozen=True):
    """A change that was tried, and that decides otherwise.

    Attributes:
        kind: `evidence`: were it not there. `threshold`: were a setting another. `judgement`: were it withdrawn.
        evidence: What would not be there.
        setting: The setting.
        value: What it would have to be.
    """

    kind: Literal["evidence", "threshold", "judgement"]
    evidence: tuple[Step, ...] = ()
    setting: str = ""
    value: float = 0.0


def changes(graph: Graph, a: NodeId, b: NodeId) -> list[Change]:
    """What would change whether two nodes are one person, as few as do of each kind."""
    return list(_parting(graph, a, b) if graph.one_person(a, b) else _joining(graph, a, b))


def _parting(graph: Graph, a: NodeId, b: NodeId) -> Iterator[Change]:
    cut = _cut(graph, a, b)
    if cut:
        judged = all(isinstance(step.evidence, Judgement) for step in cut)
        yield Change("judgement" if judged else "evidence", tuple(cut))
    now = round(graph.settings.join_from * _HUNDREDTHS)
    yield from _first(
        graph,
        a,
        b,
        "match.join_from",
        [n / _HUNDREDTHS for n in range(now + 1, _HUNDREDTHS)],
        joined_from,
        joined=False,
    )


def _joining(graph: Graph, a: NodeId, b: NodeId) -> Iterator[Change]:
    now = round(graph.settings.join_from * _HUNDREDTHS)
    lower = [n / _HUNDREDTHS for n in range(now - 1, _HUNDREDTHS // 2 - 1, -1)]
    yield from _first(graph, a, b, "match.join_from", lower, joined_from, joined=True)
    if graph.settings.contradiction_below > 0:
        yield from _first(graph, a, b, "match.contradiction_below", [0.0], _contradiction_below, joined=True)
    people = graph.people()
    both = {node for node, person in people.items() if person in (people[a], people[b])}
    types = {m.id: m.type for m in graph.members}
    yield from _limits(graph, a, b, {types[node] for node in both})
    said = [j for j in graph.judgements if j.verdict == "different" and j.a in both and j.b in both]
    # All that was said of the pairs goes: what stands of a pair is the latest word about it.
    pairs = {(j.a, j.b) for j in said}
    every = [j for j in graph.judgements if (j.a, j.b) in pairs]
    if said and graph.without(every).one_person(a, b):
        yield Change("judgement", tuple(_step(j, types) for j in said[:CUT_MAX]))
    against = sorted(
        (e for e in graph.edges if e.kind == "scored" and e.score is not None and e.score < 0 and {e.a, e.b} <= both),
        key=lambda e: (e.score or 0.0, e.a, e.b),
    )
    if against and graph.without(against).one_person(a, b):
        yield Change("evidence", tuple(_step(edge, types) for edge in _fewest(graph, a, b, against)[:CUT_MAX]))


def _cut(graph: Graph, a: NodeId, b: NodeId) -> list[Step]:
    """As few pieces of evidence as the search finds, the weakest of each chain, without which the two come apart."""
    types = {m.id: m.type for m in graph.members}
    gone: list[Step] = []
    left = graph
    while left.one_person(a, b):
        accepted = solve(*left[:3], left.settings).accepted
        path = strongest(a, b, [_step(one, types) for one in accepted])
        if not path or len(gone) == CUT_MAX:
            return []
        gone.append(max(path, key=weakness))
        left = graph.without([step.evidence for step in gone])
    for step in list(gone):
        fewer = [other for other in gone if other is not step]
        if fewer and not graph.without([other.evidence for other in fewer]).one_person(a, b):
            gone = fewer
    return gone


def _fewest(graph: Graph, a: NodeId, b: NodeId, against: Sequence[Edge]) -> list[Edge]:
    """The first of these, the lowest scores, without which the two are one person."""
    return next(
        list(against[:many])
        for many in range(1, len(against) + 1)
        if many == len(against) or graph.without(against[:many]).one_person(a, b)
    )


def _limits(graph: Graph, a: NodeId, b: NodeId, types: set[str]) -> Iterator[Change]:
    for name in sorted(types):
        kind = graph.settings.type(name)
        if kind.limit is None or kind.unique:
            continue
        many = sum(m.type == name for m in graph.members)
        values = [float(n) for n in range(kind.limit + 1, min(many, kind.limit + CUT_MAX) + 1)]
        yield from _first(graph, a, b, f"types.{name}.limit", values, _limit_of(name), joined=True)


def _first(
    graph: Graph,
    a: NodeId,
    b: NodeId,
    setting: str,
    values: Sequence[float],
    changed: Callable[[IdentitySettings, float], IdentitySettings],
    *,
    joined: bool,
) -> Iterator[Change]:
    """The first of these values by which the two are one person, or two; nothing where none does."""
    for value in values:
        if graph._replace(settings=changed(graph.settings, value)).one_person(a, b) == joined:
            yield Change("threshold", setting=setting, value=value)
            return


def joined_from(settings: IdentitySettings, value: float) -> IdentitySettings:
    """These settings with another probability that groups have to exceed to be one person."""
    return msgspec.structs.replace(settings, join_from=value, review_from=min(settings.review_from, value))


def _contradiction_below(settings: IdentitySettings, value: float) -> IdentitySettings:
    return msgspec.structs.replace(settings, contradiction_below=value)


def _limit_of(name: str) -> Callable[[IdentitySettings, float], IdentitySettings]:
    return lambda settings, value: settings.declare(name, limit=int(value), window_us=settings.type(name).window_us)


def _step(one: Edge | Judgement, types: Mapping[NodeId, str]) -> Step:
    other = one.b if one.b is not None else one.a
    return Step(one.a, other, types[one.a], types[other], one)


def _key(one: Edge | Judgement) -> tuple[object, ...]:
    return (one.id,) if isinstance(one, Judgement) else (one.a, one.b, one.kind)
