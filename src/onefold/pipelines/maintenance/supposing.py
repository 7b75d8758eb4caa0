"""Supposing: who would be who by other identity settings, worked out on a copy in memory of the evidence that is stored.

It is what a rebuild would give, for the solver's answer depends on the evidence alone; only values that the settings
would read otherwise (another region of phone numbers, a value that is blocked no longer) take a rebuild: they are not stored.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.ruleset import SegmentError
from onefold.errors import ConflictError
from onefold.identity.groups import Partition
from onefold.identity.identifiers import Refused, normalise
from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import place, said_order, stands
from onefold.model import Edge, Identifier, Judgement, Member, NodeId, PairScore, format_profile_id, results
from onefold.pipelines import judgements as judging
from onefold.pipelines.audiences.rules import held
from onefold.pipelines.audiences.survey import SAMPLES, assessed, sample
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import opened
from onefold.ports import NodeRow, ProfileSnapshot

CHANGES_TOLD = 200
PEOPLE_TOLD = 20
ASSESSED_MAX = 20_000
"""People who would change, up to whom segments are worked out."""
BY, REASON = "onefold", "identity settings applied"


class Supposed(msgspec.Struct, frozen=True):
    """Who would be who.

    Attributes:
        before: The places of all nodes.
        after: The places by the other settings.
        groups: Nodes of people who would be others, together with all whom they are one with before or after.
        edges: The evidence that was solved.
        judgements: What was judged.
        blocked: Nodes whose value the settings block and that link somebody today.
    """

    before: dict[NodeId, Member]
    after: dict[NodeId, Member]
    groups: list[list[NodeId]]
    edges: list[Edge]
    judgements: list[Judgement]
    blocked: frozenset[NodeId]


def suppose(
    context: Context, snapshot: ProfileSnapshot, settings: IdentitySettings, scored: Sequence[PairScore] | None = None
) -> Supposed:
    """Solve everybody by these settings, and by these scores in the place of those that are stored, where given."""
    reread = bool(settings.blocked_values or settings.blocked_patterns)
    before: dict[NodeId, Member] = {}
    blocked = set[NodeId]()
    for row in snapshot.scan():
        before[row.member.id] = row.member
        if reread and _is_blocked(context, row, settings):
            blocked.add(row.member.id)
    edges = [e for e in snapshot.scan_edges() if stands(e) and (scored is None or e.kind != "scored")]
    edges += [_edge(pair) for pair in scored or ()]
    said = list(snapshot.scan_judgements())
    after = _solved(before, edges, [*said, *map(_blocking, sorted(blocked))], settings)
    linking = frozenset(node for node in blocked if not before[node].shared)
    return Supposed(before, after, list(_changed(before, after)), edges, said, linking)


def told(
    context: Context, snapshot: ProfileSnapshot, found: Supposed, *, scored: int | None = None
) -> results.IdentityPlan:
    """What would change, person by person, and segment by segment."""
    changes = sorted(found.groups, key=lambda group: (-len(group), group[0]))
    notes: list[str] = []
    segments: tuple[results.SegmentChange, ...] = ()
    try:
        segments = _segments(context, snapshot, found)
    except SegmentError as error:
        notes.append(f"Segments were not worked out: {error}")
    except OverflowError:
        notes.append(f"Segments were not worked out: more than {ASSESSED_MAX:,} people would change.")
    kinds = [_kind(found, group) for group in changes]
    return results.IdentityPlan(
        people=len({m.person for m in found.before.values()}),
        people_after=len({m.person for m in found.after.values()}),
        merged=sum(_people(found.before, g) for g, kind in zip(changes, kinds, strict=True) if kind != "split"),
        split=sum(_people(found.before, g) for g, kind in zip(changes, kinds, strict=True) if kind == "split"),
        changes=tuple(
            results.PersonChange(
                kind=kind,
                before=_persons(context, snapshot, found.before, group),
                after=_persons(context, snapshot, found.after, group),
            )
            for group, kind in zip(changes[:CHANGES_TOLD], kinds[:CHANGES_TOLD], strict=True)
        ),
        changes_total=len(changes),
        segments=segments,
        scored=scored,
        notes=tuple(notes),
    )


def apply(context: Context, found: Supposed) -> tuple[int, tuple[int, int] | None]:
    """Have the components that would change solved again, through the log; how many, and the last entry's position.

    What is said is a withdrawal of what nobody said, which changes nothing by itself; of a value that is blocked, that it is
    shared. Whoever processes it has to work by the settings.

    Raises:
        ConflictError: Everything in a component that changes was judged, so that nothing can be said of it without loss.
    """
    latest = {(j.a, j.b): j.verdict for j in sorted(found.judgements, key=said_order)}
    spoken = {subject for subject, verdict in latest.items() if verdict != "withdrawn"}
    position = None
    for node in sorted(found.blocked):
        position = judging.say(context, "shared", _named(node), None, by=BY, reason=REASON)
    for group in found.groups:
        within = set(group)
        pair = min(
            (
                tuple(sorted((e.a, e.b)))
                for e in found.edges
                if e.a in within and e.b in within and tuple(sorted((e.a, e.b))) not in spoken
            ),
            default=None,
        )
        turned = [n for n in group if found.before[n].shared != found.after[n].shared and (n, None) not in spoken]
        for node in turned:
            if node not in found.blocked:
                position = judging.say(context, "withdrawn", _named(node), None, by=BY, reason=REASON)
        if pair is not None:
            position = judging.say(context, "withdrawn", _named(pair[0]), _named(pair[1]), by=BY, reason=REASON)
        elif not turned and not found.blocked & within:
            raise ConflictError(
                "All evidence of somebody who changes was judged; `onefold rebuild` applies the settings."
            )
    return len(found.groups), position


def _named(node: NodeId) -> Identifier:
    return Identifier("profile", format_profile_id(node))


def _is_blocked(context: Context, row: NodeRow, settings: IdentitySettings) -> bool:
    identifier, _ = opened(context, row)
    read = normalise(identifier.type, identifier.value, settings)
    return isinstance(read, Refused) and read.code == "identifier_blocked"


def _edge(pair: PairScore) -> Edge:
    return Edge(pair.a, pair.b, "scored", 0, 0, bytes(16), BY, "supposed", pair.score)


def _blocking(node: NodeId) -> Judgement:
    # Past all that anybody said: whatever was judged of a value that identifies nobody, it links nobody.
    return Judgement(node, "shared", node, None, 0, BY, offset=2**62)


def _solved(
    members: Mapping[NodeId, Member],
    edges: Sequence[Edge],
    said: Sequence[Judgement],
    settings: IdentitySettings,
) -> dict[NodeId, Member]:
    """Everybody, solved component by component: all that evidence connects, through what is shared, too."""
    whole = Partition(members)
    links = [(e.a, e.b) for e in edges if e.a in members and e.b in members]
    links += [(j.a, j.b) for j in said if j.b is not None and j.a in members and j.b in members]
    for a, b in links:
        one, other = whole.root(a), whole.root(b)
        if one != other:
            whole.join(one, other)
    nodes: dict[NodeId, list[Member]] = defaultdict(list)
    for member in members.values():
        nodes[whole.root(member.id)].append(member)
    evidence: dict[NodeId, list[Edge]] = defaultdict(list)
    for edge in edges:
        if edge.a in members and edge.b in members:
            evidence[whole.root(edge.a)].append(edge)
    judged: dict[NodeId, list[Judgement]] = defaultdict(list)
    for judgement in said:
        if judgement.a in members:
            judged[whole.root(judgement.a)].append(judgement)
    found: dict[NodeId, Member] = {}
    for root, group in nodes.items():
        if len(group) == 1 and root not in judged:
            found[root] = msgspec.structs.replace(group[0], person=root, component=root, contested=False, shared=False)
            continue
        found.update((m.id, m) for m in place(group, evidence[root], judged[root], settings))
    return found


def _changed(before: Mapping[NodeId, Member], after: Mapping[NodeId, Member]) -> Iterator[list[NodeId]]:
    """Nodes of people who are others, with all of theirs before and after."""
    together = Partition(before)
    for places in (before, after):
        for node, member in places.items():
            one, other = together.root(node), together.root(member.person)
            if one != other:
                together.join(one, other)
    groups: dict[NodeId, list[NodeId]] = defaultdict(list)
    for node in sorted(before):
        groups[together.root(node)].append(node)
    for group in groups.values():
        if {before[n].person for n in group} != {after[n].person for n in group} or any(
            before[n].person != after[n].person for n in group
        ):
            yield group


def _people(places: Mapping[NodeId, Member], group: Iterable[NodeId]) -> int:
    return len({places[node].person for node in group})


def _kind(found: Supposed, group: Sequence[NodeId]) -> Literal["merged", "split", "regrouped"]:
    before, after = _people(found.before, group), _people(found.after, group)
    return "merged" if after == 1 else "split" if before == 1 else "regrouped"


def _persons(
    context: Context, snapshot: ProfileSnapshot, places: Mapping[NodeId, Member], group: Sequence[NodeId]
) -> tuple[results.PlannedPerson, ...]:
    nodes: dict[NodeId, list[NodeId]] = defaultdict(list)
    for node in group:
        nodes[places[node].person].append(node)
    order = sorted(nodes.items(), key=lambda item: (-len(item[1]), item[0]))[:PEOPLE_TOLD]
    strongest = {
        person: min(some, key=lambda n: (-context.identity.priority(places[n].type), n)) for person, some in order
    }
    rows = snapshot.nodes(sorted(strongest.values()))
    return tuple(
        results.PlannedPerson(
            profile_id=format_profile_id(person),
            identifier=opened(context, rows[strongest[person]])[0] if strongest[person] in rows else None,
            identifiers=len(some),
        )
        for person, some in order
    )


class _Overlay:
    """A snapshot in which some nodes are other people's. All else is as it is."""

    def __init__(self, snapshot: ProfileSnapshot, places: Mapping[NodeId, Member]) -> None:
        self._snapshot = snapshot
        self._places = places
        self._by_component: dict[NodeId, list[Member]] = defaultdict(list)
        for member in places.values():
            self._by_component[member.component].append(member)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._snapshot, name)

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """As the snapshot's, in their other places."""
        rows = self._snapshot.nodes(ids)
        return {
            node: msgspec.structs.replace(row, member=self._places.get(node, row.member)) for node, row in rows.items()
        }

    def members(self, components: Sequence[NodeId]) -> list[Member]:
        """The nodes of components as they would be."""
        return [member for component in components for member in self._by_component.get(component, ())]


def _segments(context: Context, snapshot: ProfileSnapshot, found: Supposed) -> tuple[results.SegmentChange, ...]:
    state = snapshot.evaluation()
    if not state.active:
        return ()
    rules = held(context, snapshot, states.decode(state.body))
    old = sorted({found.before[node].person for group in found.groups for node in group})
    new = sorted({found.after[node].person for group in found.groups for node in group})
    if len(old) + len(new) > ASSESSED_MAX:
        raise OverflowError
    overlay = cast("ProfileSnapshot", _Overlay(snapshot, found.after))
    now_us = context.clock_us()
    inside: list[dict[str, dict[NodeId, Any]]] = []
    for view, people in ((snapshot, old), (overlay, new)):
        members: dict[str, dict[NodeId, Any]] = defaultdict(dict)
        for one in assessed(context, view, rules, people, now_us):
            for audience in one.found.members:
                members[audience][one.profile.id] = one.profile
        inside.append(members)
    sizes = snapshot.audience_sizes()
    return tuple(
        change
        for audience in sorted({*inside[0], *inside[1]})
        if (change := _moved(audience, sizes.get(audience, 0), inside[0][audience], inside[1][audience])) is not None
    )


def _moved(
    audience: str, size: int, before: Mapping[NodeId, Any], after: Mapping[NodeId, Any]
) -> results.SegmentChange | None:
    entering, leaving = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    if not entering and not leaving:
        return None
    return results.SegmentChange(
        audience=audience,
        what="follows",
        members_before=size,
        members_after=size + len(entering) - len(leaving),
        entering=len(entering),
        leaving=len(leaving),
        entering_samples=_samples(after, entering),
        leaving_samples=_samples(before, leaving),
    )


def _samples(profiles: Mapping[NodeId, Any], ids: Collection[NodeId]) -> tuple[results.Sample, ...]:
    return tuple(sample(profiles[one]) for one in list(ids)[:SAMPLES])
