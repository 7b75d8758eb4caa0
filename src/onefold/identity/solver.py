"""The solver: who is who, as a pure function of one or more connected components of the evidence graph.

    judgements → shared identifiers → joins by judgement → joins by exact evidence → joins by score → names

Every step has a total order that depends on the evidence alone, never on arrival. Joins are never taken back, and what
stands between two groups stands between all they become; so who is refused is settled by where everybody ends up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import msgspec

from onefold.identity.groups import Groups, Obstacle, Partition
from onefold.identity.linkage import join_scored
from onefold.identity.settings import IdentitySettings
from onefold.model import Edge, Judgement, Member, NodeId


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """Evidence, or a judgement of `same`, that joins nobody, and what stood in the way."""

    evidence: Edge | Judgement
    obstacle: Obstacle


class Solution(msgspec.Struct, frozen=True):
    """Who is who.

    Attributes:
        members: All nodes given, in order of id, with the person and component each belongs to.
        accepted: Evidence and judgements of `same` within one person, strongest first.
        refused: The rest, strongest first.
    """

    members: list[Member]
    accepted: list[Edge | Judgement]
    refused: list[Refusal]


class Standing(NamedTuple):
    """What holds of all that was judged, each in the order of the log."""

    same: list[tuple[NodeId, NodeId, Judgement]]
    different: list[tuple[NodeId, NodeId, Judgement]]
    shared: dict[NodeId, Judgement]
    not_shared: set[NodeId]


def solve(
    members: Sequence[Member],
    edges: Sequence[Edge],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
    *,
    shared_before: AbstractSet[NodeId] = frozenset(),
) -> Solution:
    """Work out who is who.

    Args:
        members: The nodes of one or more components, whole; only id, type and first sighting are read.
        edges: All evidence among them, in any order. What touches other nodes is left out, and scores taken back.
        judgements: All that was ever judged about them, in any order.
        settings: Types and limits.
        shared_before: Nodes known to be shared by evidence that lies outside. Unless judged otherwise they stay so, for
            those whom an identifier was seen with only grow in number.
    """
    settled = _settled(members, edges, judgements, settings, shared_before)
    evidence: list[tuple[NodeId, NodeId, Edge | Judgement]] = [*settled.said.same]
    evidence += [(e.a, e.b, e) for e in settled.inside]
    types = {m.id: m.type for m in members}
    accepted, refused = _account(evidence, settled.groups, settled.obstacles, types, settings)
    return Solution(settled.placed, accepted, refused)


def place(
    members: Sequence[Member],
    edges: Sequence[Edge],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
    *,
    shared_before: AbstractSet[NodeId] = frozenset(),
) -> list[Member]:
    """The members of the solution that `solve` finds, without the account of the evidence."""
    return _settled(members, edges, judgements, settings, shared_before).placed


class _Settled(NamedTuple):
    """Who is who, and how that came about; `inside` is the evidence among the nodes, strongest first, scores last."""

    placed: list[Member]
    inside: list[Edge]
    said: Standing
    obstacles: dict[NodeId, Obstacle]
    groups: Groups


def _settled(
    members: Sequence[Member],
    edges: Sequence[Edge],
    judgements: Sequence[Judgement],
    settings: IdentitySettings,
    shared_before: AbstractSet[NodeId],
) -> _Settled:
    types = {m.id: m.type for m in members}
    inside = sorted(
        (e for e in edges if e.a != e.b and e.a in types and e.b in types and stands(e)),
        key=lambda e: (e.kind == "scored", _order(e)),
    )
    said = standing(judgements, types)
    obstacles = _shared(inside, types, said, settings)
    for node in shared_before & types.keys() - said.not_shared:
        obstacles.setdefault(node, Obstacle("shared", types[node]))

    free = [m for m in members if m.id not in obstacles]
    links = [e for e in inside if e.a not in obstacles and e.b not in obstacles] if obstacles else inside
    groups = Groups(free, settings)
    for a, b, judgement in said.different:
        if a not in obstacles and b not in obstacles:
            groups.part(judgement, a, b)
    for edge in links:
        if edge.kind == "scored" and settings.contradicts(edge.score):
            groups.contradict(edge)
    same = [(a, b) for a, b, _ in said.same if a not in obstacles and b not in obstacles]
    for a, b in same:
        _join(groups, a, b, judged=True)
    for edge in links:
        if edge.kind != "scored":
            judged, shareable = lifts_limits(edge, types, settings), may_be_shared(edge, types, settings)
            _join(groups, edge.a, edge.b, judged=judged, shareable=shareable)
    join_scored(groups, links, above=settings.joins_above)

    components = _connected(free, [*((e.a, e.b) for e in links), *same])
    return _Settled(_named(members, groups, components, obstacles.keys(), settings), inside, said, obstacles, groups)


def lifts_limits(one: Edge | Judgement, types: Mapping[NodeId, str], settings: IdentitySettings) -> bool:
    """Whether this says on purpose that two are one person, and so may break a limit: a judgement, or an alias call.

    An alias names two identifiers of one type, an old and a new user id. Across types it says no more than any event.
    """
    if isinstance(one, Judgement):
        return True
    return settings.alias_beyond_limits and one.kind == "alias" and types[one.a] == types[one.b]


def may_be_shared(one: Edge | Judgement, types: Mapping[NodeId, str], settings: IdentitySettings) -> bool:
    """Whether this is exact evidence of an identifier that may be several people's: an address, a phone, a device."""
    if isinstance(one, Judgement) or one.kind == "scored" or lifts_limits(one, types, settings):
        return False
    return any(settings.type(types[end]).shared_after is not None for end in (one.a, one.b))


def stands(edge: Edge) -> bool:
    """Whether evidence stands: of a scored pair, whether the score was not taken back."""
    return edge.kind != "scored" or edge.score is not None


def _order(edge: Edge) -> tuple[int, int, bytes, NodeId, NodeId, str]:
    return (-edge.strength, edge.at_us, edge.event, edge.a, edge.b, edge.kind)


def evidence_order(one: Edge | Judgement) -> tuple[Any, ...]:
    """The order in which evidence is told: what people said, then what is exact, then scores, each the strongest first."""
    if isinstance(one, Judgement):
        return (0, *said_order(one))
    return (1, one.kind == "scored", _order(one))


def said_order(judgement: Judgement) -> tuple[int, bytes]:
    """The order of what people say: the log's, never the clock's, which may step back."""
    return judgement.offset, judgement.id


def standing(judgements: Iterable[Judgement], nodes: Container[NodeId]) -> Standing:
    """The latest word on each subject; `withdrawn` leaves nothing said, `unsure` says nothing."""
    latest: dict[tuple[NodeId, NodeId | None], Judgement] = {}
    for judgement in sorted(judgements, key=said_order):
        if judgement.verdict == "unsure":
            continue
        a, b = judgement.a, judgement.b
        latest[(a, b) if b is None or a < b else (b, a)] = judgement
    said = Standing([], [], {}, set())
    for judgement in sorted(latest.values(), key=said_order):
        a, b, verdict = judgement.a, judgement.b, judgement.verdict
        if a not in nodes or (b is not None and b not in nodes):
            continue
        if verdict == "same" and b is not None and a != b:
            said.same.append((a, b, judgement))
        elif verdict == "different" and b is not None and a != b:
            said.different.append((a, b, judgement))
        elif verdict == "shared" and b is None:
            said.shared[a] = judgement
        elif verdict == "not_shared" and b is None:
            said.not_shared.add(a)
    return said


def _shared(
    edges: Iterable[Edge], types: Mapping[NodeId, str], said: Standing, settings: IdentitySettings
) -> dict[NodeId, Obstacle]:
    """Identifiers of several people, which link nobody: by judgement, else by whom they were seen with.

    Neighbours are counted per type. A donor and a subscriber number are one person's two numbers; two donor numbers are
    two people.
    """
    counted = {name for name in set(types.values()) if settings.type(name).shared_after is not None}
    single = {name for name in set(types.values()) if settings.type(name).single}
    seen_with: dict[tuple[NodeId, str], set[NodeId]] = defaultdict(set)
    for edge in edges:
        if edge.kind == "scored":
            continue
        a, b = edge.a, edge.b
        type_a, type_b = types[a], types[b]
        if type_a in counted and type_b in single:
            seen_with[a, type_b].add(b)
        if type_b in counted and type_a in single:
            seen_with[b, type_a].add(a)
    found: dict[NodeId, Obstacle] = {}
    for node, name in types.items():
        if not settings.type(name).links and node not in said.not_shared:
            found[node] = Obstacle("shared", name)
    for (node, _), others in seen_with.items():
        enough = settings.type(types[node]).shared_after
        if enough is not None and len(others) >= enough and node not in said.not_shared:
            found[node] = Obstacle("shared", types[node])
    for node, judgement in said.shared.items():
        found[node] = Obstacle("judgement", types[node], judgement)
    return found


def _join(groups: Groups, a: NodeId, b: NodeId, *, judged: bool = False, shareable: bool = False) -> None:
    root_a, root_b = groups.root(a), groups.root(b)
    if root_a != root_b and groups.obstacle(root_a, root_b, judged=judged, shareable=shareable) is None:
        groups.join(root_a, root_b)


def _connected(members: Iterable[Member], pairs: Iterable[tuple[NodeId, NodeId]]) -> Partition:
    """The components: everything that evidence or a judgement of `same` connects, joined or not."""
    components = Partition(m.id for m in members)
    for one, other in pairs:
        a, b = components.root(one), components.root(other)
        if a != b:
            components.join(a, b)
    return components


def _named(
    members: Sequence[Member],
    groups: Partition,
    components: Partition,
    shared: AbstractSet[NodeId],
    settings: IdentitySettings,
) -> list[Member]:
    """Every node with the node that names its person and the one that names its component: the oldest of each."""
    person: dict[NodeId, NodeId] = {}
    component: dict[NodeId, NodeId] = {}
    people: dict[NodeId, int] = defaultdict(int)
    for m in sorted(members, key=lambda m: (m.first_seen_us, -settings.priority(m.type), m.id)):
        if m.id in shared:
            continue
        group, whole = groups.root(m.id), components.root(m.id)
        component.setdefault(whole, m.id)
        if group not in person:
            person[group] = m.id
            people[whole] += 1
    placed = []
    for m in sorted(members, key=lambda m: m.id):
        if m.id in shared:
            placed.append(Member(m.id, m.type, m.first_seen_us, m.id, m.id, contested=False, shared=True))
        else:
            whole = components.root(m.id)
            name = person[groups.root(m.id)]
            placed.append(Member(m.id, m.type, m.first_seen_us, name, component[whole], contested=people[whole] > 1))
    return placed


def _account(
    evidence: Iterable[tuple[NodeId, NodeId, Edge | Judgement]],
    groups: Groups,
    shared: Mapping[NodeId, Obstacle],
    types: Mapping[NodeId, str],
    settings: IdentitySettings,
) -> tuple[list[Edge | Judgement], list[Refusal]]:
    """Part the evidence into what holds and what was refused, with the obstacle."""
    accepted: list[Edge | Judgement] = []
    refused: list[Refusal] = []
    for node_a, node_b, one in evidence:
        by_shared = shared.get(node_a) or shared.get(node_b)
        if by_shared is not None:
            refused.append(Refusal(one, by_shared))
            continue
        a, b = groups.root(node_a), groups.root(node_b)
        if a == b:
            accepted.append(one)
        else:
            judged, shareable = lifts_limits(one, types, settings), may_be_shared(one, types, settings)
            obstacle = groups.obstacle(a, b, judged=judged, shareable=shareable)
            refused.append(Refusal(one, obstacle or Obstacle("score")))
    return accepted, refused
