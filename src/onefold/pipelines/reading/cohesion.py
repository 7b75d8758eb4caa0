"""Cohesion: what holds a person together, what speaks against it, and what would change whether two are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onefold.errors import NotFoundError
from onefold.identity import deciding
from onefold.identity.deciding import Change, Graph
from onefold.identity.explain import Label, told_step
from onefold.identity.groups import Partition
from onefold.identity.paths import Step, weakness
from onefold.identity.settings import GENERIC
from onefold.identity.solver import standing, stands
from onefold.model import Edge, Identifier, Judgement, NodeId, format_profile_id, probability, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import StatedTypes
from onefold.pipelines.reading.people import find, labels, node_of
from onefold.ports import ProfileSnapshot

NODES_MAX = 300
"""Identifiers of both components up to which what would change is looked for: each try solves them again."""
CONTRADICTIONS_TOLD = 20
PART_TOLD = 50


def person(context: Context, identifier: Identifier) -> results.PersonEvidence:
    """What holds a person together, and what speaks against it.

    Raises:
        NotFoundError: There is no such person.
    """
    node = node_of(context, identifier)
    with context.store.snapshot() as snapshot:
        found = None if node is None else find(snapshot, node)
        if found is None:
            raise NotFoundError("No profile found for that identifier.")
        nodes = sorted(found.nodes)
        types = {member.id: member.type for member in found.members}
        within = [edge for edge in snapshot.edges(nodes) if edge.a in types and edge.b in types and stands(edge)]
        said = [judged for _, _, judged in standing(snapshot.judgements(nodes), types).same]
        steps = [*(_step(one, types) for one in within), *(_step(one, types) for one in said)]
        weakest, parts = _weakest(nodes, steps)
        against = sorted(
            (step for step in steps if isinstance(step.evidence, Edge) and (step.evidence.score or 0.0) < 0),
            key=lambda step: (_score(step), step.start, step.end),
        )[:CONTRADICTIONS_TOLD]
        shown = {node for part in parts for node in part[:PART_TOLD]}
        shown |= {node for step in (*against, *((weakest,) if weakest else ())) for node in (step.start, step.end)}
        label = labels(context, snapshot.nodes(sorted(shown)))
        return results.PersonEvidence(
            profile_id=format_profile_id(found.id),
            identifiers=len(nodes),
            weakest=None if weakest is None else told_step(weakest, label),
            parts=tuple(tuple(sorted(map(label, part[:PART_TOLD]))) for part in parts),
            contradictions=tuple(told_step(step, label) for step in against),
            sentences=tuple(_told(len(nodes), weakest, parts, against)),
        )


def changes(
    context: Context, snapshot: ProfileSnapshot, a: NodeId, b: NodeId
) -> tuple[tuple[results.DecisionChange, ...], bool]:
    """What would change whether two nodes are one person; and whether it was looked for, as in large components it is not."""
    reader = StatedTypes(context, snapshot)
    rows = reader.nodes([a, b])
    components = sorted({row.member.component for row in rows.values()})
    members = snapshot.members(components)
    if len(members) > NODES_MAX or a == b:
        return (), len(members) <= NODES_MAX
    nodes = sorted(member.id for member in members)
    stated = {row.member.id: row.member for row in reader.nodes(nodes).values()}
    # What is nobody's own links nobody, whatever it is shown as.
    solved = [member if member.type == GENERIC.name else stated[member.id] for member in members]
    graph = Graph(solved, snapshot.edges(nodes), snapshot.judgements(nodes), context.identity)
    joined = graph.one_person(a, b)
    found = deciding.changes(graph, a, b)
    label = labels(context, snapshot.nodes(sorted({n for c in found for s in c.evidence for n in (s.start, s.end)})))
    return tuple(_change(change, label, joined=joined) for change in found), True


def _change(change: Change, label: Label, *, joined: bool) -> results.DecisionChange:
    then = "they would be two people" if joined else "they would be one person"
    many = len(change.evidence)
    if change.kind == "threshold":
        sentence = f"With {change.setting} at {change.value:g} {then}."
    elif change.kind == "judgement":
        sentence = f"Without {'this judgement' if many == 1 else f'these {many} judgements'} {then}."
    else:
        sentence = f"Without {'this piece' if many == 1 else f'these {many} pieces'} of evidence {then}."
    return results.DecisionChange(
        kind=change.kind,
        setting=change.setting or None,
        value=change.value if change.kind == "threshold" else None,
        evidence=tuple(told_step(step, label) for step in change.evidence),
        one_person=not joined,
        sentence=sentence,
    )


def _step(one: Edge | Judgement, types: dict[NodeId, str]) -> Step:
    other = one.a if one.b is None else one.b
    return Step(one.a, other, types[one.a], types[other], one)


def _score(step: Step) -> float:
    return step.evidence.score or 0.0 if isinstance(step.evidence, Edge) else 0.0


def _weakest(nodes: Sequence[NodeId], steps: Sequence[Step]) -> tuple[Step | None, list[list[NodeId]]]:
    """The last evidence that it takes to hold all together, the strongest first, and what it holds together."""
    tree: list[Step] = []
    whole = Partition(nodes)
    for step in sorted(steps, key=weakness):
        one, other = whole.root(step.start), whole.root(step.end)
        if one != other:
            whole.join(one, other)
            tree.append(step)
    if not tree:
        return None, []
    without = Partition(nodes)
    for step in tree[:-1]:
        without.join(without.root(step.start), without.root(step.end))
    parts: dict[NodeId, list[NodeId]] = {}
    for node in nodes:
        parts.setdefault(without.root(node), []).append(node)
    return tree[-1], sorted(parts.values(), key=lambda part: (len(part), part))


def _told(many: int, weakest: Step | None, parts: Sequence[Sequence[NodeId]], against: Sequence[Step]) -> Iterator[str]:
    if weakest is None:
        yield "One identifier; nothing had to be joined." if many == 1 else f"{many:,} identifiers."
        return
    what = weakest.evidence
    if isinstance(what, Judgement):
        kind = "a judgement"
    elif what.kind == "scored":
        kind = f"a score of probability {probability(what.score or 0.0):.0%}"
    else:
        kind = {"event": "an event", "record": "a record", "alias": "an alias call"}[what.kind]
    sizes = " and ".join(f"{len(part):,}" for part in parts)
    yield f"{many:,} identifiers; the weakest link is {kind}, which holds {sizes} of them together."
    if against:
        yield f"{len(against):,} pairs of them contradict each other, the clearest at {probability(_score(against[0])):.1%}."
