"""Strangers: two people, and everything that was stated directly between them and refused."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.identity.groups import Groups, Obstacle
from onefold.identity.paths import Step
from onefold.identity.search import REFUSED, EvidenceReader
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import evidence_order, lifts_limits, may_be_shared, standing, stands
from onefold.model import Edge, Judgement, Member, NodeId

_PAIRS_MAX = 2_500


class Strangers:
    """Two people of whom nodes at these places are, and what stands between them and others met on the way."""

    def __init__(self, reader: EvidenceReader, settings: IdentitySettings, one: Member, other: Member) -> None:
        self._reader, self._settings = reader, settings
        self._people: dict[NodeId, dict[NodeId, Member]] = {}
        self._said: dict[NodeId, list[Judgement]] = {}
        self._small, self._large = sorted((self._person(one), self._person(other)), key=len)
        self._places = {**self._small, **self._large}

    def between(self) -> list[Step]:
        """Evidence, and judgements of `same`, directly between the two; the strongest first."""
        small, large = self._small, self._large
        edges = self._edges(small, large)
        same = [j for a, b, j in standing(self._judgements(small), self._places).same if (a in small) != (b in small)]
        found: list[Edge | Judgement] = [*edges]
        return [self._step(one) for one in sorted([*same, *found], key=evidence_order)]

    def _edges(self, one: dict[NodeId, Member], other: dict[NodeId, Member]) -> list[Edge]:
        """The evidence directly between two people."""
        small, large = sorted((one, other), key=len)
        if len(small) * len(large) <= _PAIRS_MAX:
            edges = self._reader.evidence([(a, b) for a in sorted(small) for b in sorted(large)])
        else:
            edges = self._reader.leaving(sorted(small))
        return [e for e in edges if stands(e) and (e.a in large or e.b in large)]

    def apart(self) -> list[Judgement]:
        """What people said that parts the two."""
        small = self._small
        said = standing(self._judgements(small), self._places).different
        return [judgement for a, b, judgement in said if (a in small) != (b in small)]

    def reasoned(self, step: Step) -> Step:
        """A step with the reason why it was refused, where it was."""
        if step.obstacle is None:
            return step
        return msgspec.structs.replace(step, obstacle=self._obstacle(step.evidence))

    def _step(self, one: Edge | Judgement) -> Step:
        start, end = one.a, one.b or one.a
        return Step(start, end, self._places[start].type, self._places[end].type, one, REFUSED)

    def _obstacle(self, one: Edge | Judgement) -> Obstacle:
        ends = [one.a, one.b or one.a]
        rows = self._reader.nodes(ends)
        places = [rows[node].member for node in ends]
        for place in places:
            if place.shared:
                judgement = standing(self._judgements([place.id]), {place.id}).shared.get(place.id)
                return Obstacle("judgement", place.type, judgement) if judgement else Obstacle("shared", place.type)
        mine, theirs = (self._person(place) for place in places)
        nodes = {**mine, **theirs}
        groups = Groups(list(nodes.values()), self._settings)
        said = standing(self._judgements(mine if len(mine) < len(theirs) else theirs), nodes).different
        for a, b, judgement in said:
            groups.part(judgement, a, b)
        types = {place.id: place.type for place in places}
        shareable = may_be_shared(one, types, self._settings)
        for edge in self._edges(mine, theirs) if shareable else ():
            if edge.kind == "scored" and self._settings.contradicts(edge.score):
                groups.contradict(edge)
        for person in (mine, theirs):
            first, *others = person
            for node in others:
                groups.join(groups.root(first), groups.root(node))
        judged = lifts_limits(one, types, self._settings)
        a, b = (groups.root(node) for node in ends)
        return groups.obstacle(a, b, judged=judged, shareable=shareable) or Obstacle("score")

    def _person(self, place: Member) -> dict[NodeId, Member]:
        if place.person not in self._people:
            self._people[place.person] = {m.id: m for m in self._reader.person(place)}
        return self._people[place.person]

    def _judgements(self, nodes: Iterable[NodeId]) -> list[Judgement]:
        missing = sorted(set(nodes) - self._said.keys())
        if missing:
            self._said.update((node, []) for node in missing)
            for judgement in self._reader.judgements(missing):
                for end in (judgement.a, judgement.b):
                    if end in self._said:
                        self._said[end].append(judgement)
        return list({j.id: j for node in nodes for j in self._said[node]}.values())
