"""Kept people: what people of many nodes add up to, kept from one reading to the next and brought up to date.

Only the nodes that changed are read and opened again, and only the sums that they are in are added up again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onefold.governance.consent import Spoken
from onefold.model import Identifier, Member, NodeId, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.basis import based
from onefold.pipelines.reading.memberships import memberships_of
from onefold.pipelines.reading.neighbours import spoken_beside
from onefold.pipelines.reading.nodes import described
from onefold.pipelines.reading.people import node_of, only_in_aliases
from onefold.pipelines.reading.profiles import named_otherwise, unfilled
from onefold.ports import ProfileSnapshot, Stamp
from onefold.profiles import answer
from onefold.profiles import profile as profiles
from onefold.profiles import state as folds
from onefold.profiles.person import PersonState, spoken
from onefold.profiles.profile import Described, Identifiers
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState

_FAN = 16
NODES_KEPT = 50_000
"""Nodes of all people that are kept: by estimate a hundred megabytes."""


class Sum:
    """States added up in a tree, so that one that changes costs a few additions, not one for each of the others."""

    def __init__(self, settings: ProfileSettings) -> None:
        self._settings = settings
        self._levels: list[list[NodeState]] = [[]]

    def put(self, states: Mapping[int, NodeState]) -> None:
        """Let these states stand at these numbers, which begin at 0 and leave no gap."""
        leaves = self._levels[0]
        leaves.extend([NodeState()] * (max(states, default=-1) + 1 - len(leaves)))
        for number, state in states.items():
            leaves[number] = state
        changed, level = set(states), 0
        while len(self._levels[level]) > 1:
            below = self._levels[level]
            level += 1
            if level == len(self._levels):
                self._levels.append([])
                changed = set(range(len(below)))
            sums = self._levels[level]
            sums.extend([NodeState()] * (-(-len(below) // _FAN) - len(sums)))
            changed = {number // _FAN for number in changed}
            for number in changed:
                stated = [s for s in below[number * _FAN : (number + 1) * _FAN] if s.events]
                sums[number] = folds.added(stated, self._settings) if stated else NodeState()

    def total(self) -> NodeState:
        """All of them added up."""
        return self._levels[-1][0] if self._levels[0] else NodeState()


class KeptPerson:
    """One person as of the reading before."""

    def __init__(self, settings: ProfileSettings) -> None:
        self._offsets: dict[int, int] | None = None
        self._evidence: tuple[int, int] | None = None
        self._alone = False
        self._shown: tuple[PersonState, Identifiers] | None = None
        self._begin(settings)

    def _begin(self, settings: ProfileSettings) -> None:
        self._sum = Sum(settings)
        self._stamps: list[Stamp] = []
        self._numbers: dict[NodeId, int] = {}
        self._described: dict[NodeId, Described] = {}
        self._spoken: dict[NodeId, Spoken] = {}

    @property
    def nodes(self) -> int:
        """How many nodes are kept."""
        return len(self._described)

    def read(self, context: Context, snapshot: ProfileSnapshot, place: Member) -> tuple[PersonState, Identifiers]:
        """What the person at this place adds up to, and the identifiers to show."""
        offsets = snapshot.offsets()
        if self._shown is not None and offsets == self._offsets:
            return self._shown  # nothing at all was processed
        stamps = snapshot.stamps(place)
        moved = stamps != self._stamps
        if moved:
            self._update(context, snapshot, stamps)
        counts = snapshot.counts()
        evidence = counts["edges"], counts["judgements"]
        # Where no evidence was added anywhere, who had no neighbours has none.
        beside: Sequence[Spoken] = ()
        if moved or evidence != self._evidence or not self._alone or self._shown is None:
            members = [node.member for node in self._described.values()]
            beside = spoken_beside(context, snapshot, members)
            nodes: Sequence[Described] = list(self._described.values())
            aliases = only_in_aliases(snapshot, members)
            shown = named_otherwise(nodes, aliases)
            identifiers = profiles.identified(shown, context.identity.priorities(), profiles.IDENTIFIERS_SHOWN)
            named = {node.member.id for node in shown} if aliases else self._spoken.keys()
            said = [one for node, one in self._spoken.items() if node in named]
            self._alone = not beside
            self._shown = PersonState(self._sum.total(), tuple(said), tuple(beside)), identifiers
        self._offsets, self._stamps, self._evidence = offsets, stamps, evidence
        return self._shown

    def _update(self, context: Context, snapshot: ProfileSnapshot, stamps: Sequence[Stamp]) -> None:
        before, now = set(self._stamps), {stamp.node for stamp in stamps}
        if not self._numbers.keys() <= now:
            self._begin(context.profiles)  # somebody was parted from this person
            before = set()
        changed = sorted(stamp.node for stamp in stamps if stamp not in before)
        states: dict[int, NodeState] = {}
        for node, row in snapshot.nodes(changed).items():
            self._described[node] = shown = described(context, row)
            states[self._numbers.setdefault(node, len(self._numbers))] = shown.state
            self._spoken.pop(node, None)
            if (one := spoken(node, shown.state)) is not None:
                self._spoken[node] = one
        self._sum.put(states)


class KeptPeople:
    """People with many nodes, those read latest, as many as `nodes_max` nodes are."""

    def __init__(self, nodes_max: int = NODES_KEPT) -> None:
        self._nodes_max = nodes_max
        self._people: dict[NodeId, KeptPerson] = {}

    def profile(self, context: Context, identifier: Identifier) -> results.Profile | None:
        """The profile behind an identifier; None when there is none."""
        node = node_of(context, identifier)
        if node is None:
            return None
        with context.store.snapshot() as snapshot:
            row = snapshot.nodes([node]).get(node)
            if row is None:
                return None
            person = row.member.person
            kept = self._people.pop(person, None) or KeptPerson(context.profiles)
            state, identifiers = kept.read(context, snapshot, row.member)
            lacking = unfilled(context, snapshot)
            segments = memberships_of(snapshot, person)
            settings = based(context, snapshot).profiles
        self._keep(person, kept)
        found = profiles.summed_up(person, state, identifiers, settings, context.clock_us())
        return answer.as_result(found, segments, lacking)

    def _keep(self, person: NodeId, kept: KeptPerson) -> None:
        self._people[person] = kept
        while len(self._people) > 1 and sum(one.nodes for one in self._people.values()) > self._nodes_max:
            self._people.pop(next(iter(self._people)))
