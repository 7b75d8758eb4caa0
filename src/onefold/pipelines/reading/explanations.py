"""Explanations of people: why two identifiers are, or are not, one person."""

from __future__ import annotations

from onefold.errors import ExpensiveError
from onefold.identity import explain as explaining
from onefold.model import Identifier, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import StatedTypes
from onefold.pipelines.reading.people import labels, node_of


def explain(
    context: Context, a: Identifier, b: Identifier, *, nodes_max: int | None = None
) -> results.Explanation | None:
    """Why two identifiers are, or are not, one person; None when either was never seen.

    Raises:
        ExpensiveError: One of the people has more than `nodes_max` nodes.
    """
    ends = [node_of(context, a), node_of(context, b)]
    if None in ends:
        return None
    first, second = (n for n in ends if n is not None)
    with context.store.snapshot() as snapshot:
        rows = snapshot.nodes([first, second])
        if len(rows) < len({first, second}):
            return None
        for row in rows.values() if nodes_max is not None else ():
            if nodes_max is not None and len(snapshot.person(row.member, limit=nodes_max + 1)) > nodes_max:
                raise ExpensiveError("This person has many identifiers.")
        told = explaining.explain(StatedTypes(context, snapshot), first, second, context.identity)
        met = {node for step in (*told.path, *told.refused) for node in (step.start, step.end)}
        label = labels(context, rows | snapshot.nodes(sorted(met - rows.keys())))
    return told.as_result(label, [format_profile_id(rows[n].member.person) for n in (first, second)])
