"""Audiences of the profile store in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from itertools import islice

from onefold.adapters.memory.state import State
from onefold.model import NodeId
from onefold.ports.audiences import AudienceReader, Definition, Evaluation, Listed, Mark, Membership, Standing


class MemoryAudienceReader(AudienceReader):
    """Reads one state."""

    _state: State

    def definitions(self) -> list[Definition]:
        """All versions of all segments, by slug and version."""
        return [definition for _, definition in sorted(self._state.definitions.items())]

    def evaluation(self) -> Evaluation:
        """How far the evaluation is."""
        return self._state.evaluation[None]

    def marks(self, *, limit: int) -> list[Mark]:
        """The oldest marks, in their order."""
        return [Mark(seq, body) for seq, body in islice(sorted(self._state.marks.items()), limit)]

    def due(self, *, until_us: int, limit: int) -> list[tuple[NodeId, int]]:
        """People to look at again by then, the earliest first."""
        found = [(s.due_us, s.person) for s in self._state.standings.values() if s.due_us is not None]
        return [(person, at_us) for at_us, person in sorted(found) if at_us <= until_us][:limit]

    def standings(self, people: Collection[NodeId]) -> dict[NodeId, Standing]:
        """What was found of these people."""
        return {person: self._state.standings[person] for person in people if person in self._state.standings}

    def memberships(self, people: Collection[NodeId]) -> list[Membership]:
        """All memberships of these people."""
        found = self._state.memberships
        return [membership for person in people for membership in found.get(person, {}).values()]

    def audience(self, name: str, *, after: NodeId, limit: int) -> list[Membership]:
        """Members with greater ids than `after`, in byte order."""
        found = self._state.memberships
        people = sorted(person for person, held in found.items() if name in held and person > after)
        return [found[person][name] for person in people[:limit]]

    def audience_sizes(self) -> dict[str, int]:
        """How many members each audience has that has any."""
        return dict(Counter(name for held in self._state.memberships.values() for name in held))

    def listed(self, nodes: Collection[NodeId]) -> list[Listed]:
        """On which lists these nodes are."""
        asked = set(nodes)
        return [one for one in self._state.listed.values() if one.node in asked]

    def entries(self, name: str, *, after: NodeId, limit: int) -> list[Listed]:
        """The identifiers on a list with greater ids than `after`, in byte order."""
        found = [one for one in self._state.listed.values() if one.audience == name and one.node > after]
        return sorted(found, key=lambda one: one.node)[:limit]
