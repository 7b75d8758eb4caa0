"""The graph of a person: its identifiers, those beside them, and the evidence between them."""

from __future__ import annotations

from heapq import nsmallest

from onefold.identity.solver import evidence_order, standing, stands
from onefold.model import Edge, Identifier, Judgement, NodeId, format_profile_id, probability, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import opened
from onefold.pipelines.reading.people import find, node_of
from onefold.profiles.profile import iso, strongest_first

NODES_SHOWN = 60
NEIGHBOURS_SHOWN = 40
EDGES_SHOWN = 400


def graph(context: Context, identifier: Identifier, *, nodes_max: int | None = None) -> results.Graph | None:
    """What connects the identifiers of a person, and what leads from them to others; None when there is no person.

    Raises:
        ExpensiveError: The person has more than `nodes_max` nodes.
    """
    node = node_of(context, identifier)
    if node is None:
        return None
    with context.store.snapshot() as snapshot:
        person = find(snapshot, node, nodes_max)
        if person is None:
            return None
        strongest = strongest_first(context.identity.priorities())
        mine = [m.id for m in nsmallest(NODES_SHOWN, person.members, key=strongest)]
        said = snapshot.judgements(mine)
        # Of all that was said about a pair the latest counts, whoever the other one belongs to.
        ruled = standing(said, {n for j in said for n in (j.a, j.b) if n is not None})
        told: list[Edge | Judgement] = [ruling for _, _, ruling in (*ruled.same, *ruled.different)]
        told += [edge for edge in snapshot.edges(mine) if stands(edge)]
        told.sort(key=evidence_order)
        own = set(person.nodes)
        beside = dict.fromkeys(n for one in told for n in _ends(one) if n not in own)
        shown = [*mine, *list(beside)[:NEIGHBOURS_SHOWN]]
        rows = snapshot.nodes(shown)
    kept = [one for one in told if all(end in rows for end in _ends(one))]
    return results.Graph(
        profile_id=format_profile_id(person.id),
        nodes=tuple(
            results.GraphNode(
                node=format_profile_id(n), type=one.type, label=f"{one.type}:{one.value}",
                profile_id=format_profile_id(rows[n].member.person), primary=n == mine[0],
                shared=rows[n].member.shared, first_seen=iso(rows[n].member.first_seen_us),
            )
            for n in shown if n in rows
            for one, _ in (opened(context, rows[n]),)
        ),
        edges=tuple(_edge(one, within=own.issuperset(_ends(one))) for one in kept[:EDGES_SHOWN]),
        nodes_total=len(own),
        edges_total=len(kept),
    )  # fmt: skip


def _ends(one: Edge | Judgement) -> tuple[NodeId, NodeId]:
    # Rulings on one identifier are not among these.
    return one.a, one.b or one.a


def _edge(one: Edge | Judgement, *, within: bool) -> results.GraphEdge:
    a, b = map(format_profile_id, _ends(one))
    if isinstance(one, Judgement):
        return results.GraphEdge(
            a=a, b=b, kind="judgement", source=one.by, rule=one.verdict, strength=None, probability=None,
            at=iso(one.at_us), within=within,
        )  # fmt: skip
    return results.GraphEdge(
        a=a, b=b, kind=one.kind, source=one.source, rule=one.rule, strength=one.strength,
        probability=None if one.score is None else round(probability(one.score), 4), at=iso(one.at_us), within=within,
    )  # fmt: skip
