"""History: what happened to people in a batch, and which entry of the log was the cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from onefold.identity.hashing import NamedIdentifier
from onefold.model import EdgeKind, IdentityChange, IdentityChangeKind, Judgement, Member, NodeId, Scoring

_Cause = tuple[int, int, int, str]
"""Receipt time, partition, offset and request of the entry that changed something."""


class Sighting(msgspec.Struct, frozen=True, gc=False):
    """One event's identifiers, seen together.

    Attributes:
        named: Accepted identifiers, strongest first; the first is the event's anchor.
        at_us: Event time.
        event: Event id.
        kind: What sort of evidence the event gives.
        source: Where it was seen.
        partition: Log partition of the entry.
        offset: Log offset of the entry.
        received_at_us: Receipt time of the entry.
        request_id: The request that brought it.
    """

    named: tuple[NamedIdentifier, ...]
    at_us: int
    event: bytes
    kind: EdgeKind
    source: str
    partition: int
    offset: int
    received_at_us: int
    request_id: str


def told(
    before: dict[NodeId, Member],
    after: dict[NodeId, Member],
    sightings: Sequence[Sighting],
    judgements: Sequence[Judgement],
    scorings: Sequence[Scoring],
) -> list[IdentityChange]:
    """Tell what happened to people that existed before the batch."""
    moves: dict[tuple[NodeId, NodeId], list[NodeId]] = defaultdict(list)
    destinations: dict[NodeId, set[NodeId]] = defaultdict(set)
    origins: dict[NodeId, set[NodeId]] = defaultdict(set)
    for node, m in before.items():
        new = after[node].person
        origins[new].add(m.person)
        destinations[m.person].add(new)
        if new != m.person:
            moves[m.person, new].append(node)
    if not moves:
        return []
    people: dict[NodeId, list[NodeId]] = defaultdict(list)
    for node, m in after.items():
        people[m.person].append(node)
    causes = _causes(sightings, judgements, scorings)
    causes_of: dict[
        NodeId, list[_Cause]
    ] = {}  # by person: the earliest, asked for once, for a hub has thousands of nodes

    def earliest(person: NodeId) -> list[_Cause]:
        if person not in causes_of:
            first = min((causes[n] for n in people.get(person, ()) if n in causes), key=_told_order, default=None)
            causes_of[person] = [] if first is None else [first]
        return causes_of[person]

    beside: dict[NodeId, _Cause] = {}
    changes = []
    for (old, new), nodes in sorted(moves.items()):
        kind: IdentityChangeKind = "merged" if len(origins[new]) > 1 else "renamed"
        if len(destinations[old]) > 1:
            kind = "split"
        cause = min([*earliest(new), *earliest(old)], key=_told_order, default=None)
        if cause is None:
            beside = beside or _of_components(causes, sightings, (before, after))
            found = [beside[c] for c in (after[nodes[0]].component, before[nodes[0]].component) if c in beside]
            cause = min(found, key=_told_order, default=(0, 0, 0, ""))
        changes.append(IdentityChange(kind, new, old, tuple(sorted(nodes)), *cause))
    return changes


def _of_components(
    causes: dict[NodeId, _Cause], sightings: Sequence[Sighting], places: Sequence[dict[NodeId, Member]]
) -> dict[NodeId, _Cause]:
    """Of each component its earliest cause: solving it anew moves people whom no entry of the batch names.

    An identifier seen alone is one, too: judgements and scores may have waited for it. `places` are those before
    and after the batch: a node that is found to be shared leaves the component whose people it moves.
    """
    alone = [(s.named[0].node, _seen(s)) for s in sightings if len(s.named) == 1]
    found: dict[NodeId, _Cause] = {}
    for node, cause in (*causes.items(), *alone):
        for component in {place[node].component for place in places if node in place}:
            found[component] = min(found.get(component, cause), cause, key=_told_order)
    return found


def _seen(sighting: Sighting) -> _Cause:
    return sighting.received_at_us, sighting.partition, sighting.offset, sighting.request_id


def _told_order(cause: _Cause) -> tuple[int, int]:
    return cause[1], cause[2]


def _causes(
    sightings: Sequence[Sighting], judgements: Sequence[Judgement], scorings: Sequence[Scoring]
) -> dict[NodeId, _Cause]:
    """For each node the entry of this batch that first spoke of it together with another one."""
    causes: dict[NodeId, _Cause] = {}
    for scoring in scorings:
        for pair in scoring.pairs:
            for scored in pair[:2]:
                causes[scored] = (scoring.at_us, scoring.partition, scoring.offset, scoring.run)
    for s in sightings:
        if len(s.named) > 1:
            for identifier in s.named:
                causes.setdefault(identifier.node, _seen(s))
    for j in judgements:
        for node in (j.a, j.b):
            if node is not None:
                causes[node] = (j.at_us, 0, j.offset, "")
    return causes
