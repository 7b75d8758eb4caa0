"""Hubs: identifiers that belong to implausibly many people, such as a placeholder that no form gives away."""

from __future__ import annotations

from onefold.model import NodeId, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import opened
from onefold.pipelines.reading.tail import masked
from onefold.ports import ProfileSnapshot

LINKED_MIN = 10
"""Strong identifiers beside one, from which it is told. A person's own address is seen with fewer."""
_STRONG_PRIORITY = 50
"""Devices and browsers are below: a person has many of those in a life."""
_LISTED_MAX, _LOOKED_AT_MAX, _EDGES_READ_MAX = 10, 100, 20_000


def suspected(context: Context) -> list[results.Hub]:
    """Identifiers linked with ten or more others that are strong, the most first; values are masked.

    `shared` ones link nobody already: limits or somebody saw to it. Costs a pass over the indexes of the evidence.
    """
    found: list[results.Hub] = []
    with context.store.snapshot() as snapshot:
        for node, edges in snapshot.hubs(edges_min=LINKED_MIN, limit=_LOOKED_AT_MAX):
            row = snapshot.nodes([node]).get(node)
            linked = edges if edges > _EDGES_READ_MAX else _strong(context, snapshot, node)
            if row is None or linked < LINKED_MIN:
                continue
            identifier, _ = opened(context, row)
            shown = f"{identifier.type}:{masked(identifier)}"
            found.append(
                results.Hub(id=format_profile_id(node), identifier=shown, linked=linked, shared=row.member.shared)
            )
    return sorted(found, key=lambda hub: (hub.shared, -hub.linked))[:_LISTED_MAX]


def _strong(context: Context, snapshot: ProfileSnapshot, node: NodeId) -> int:
    others = {end for edge in snapshot.edges([node]) for end in (edge.a, edge.b)} - {node}
    rows = snapshot.nodes(sorted(others))
    return sum(context.identity.priority(row.member.type) >= _STRONG_PRIORITY for row in rows.values())


def sentence(hubs: list[results.Hub]) -> str:
    """What `doctor` says of them, and what to do."""
    if not hubs:
        return f"no identifier is linked with {LINKED_MIN} strong ones"
    told = "; ".join(f"{h.identifier} ({h.id}) with {h.linked}{', shared already' if h.shared else ''}" for h in hubs)
    return (
        f"suspected, because linked with {LINKED_MIN} strong identifiers or more: {told}. `onefold share ID` stops one "
        "from linking, `onefold block ID` from identifying anybody."
    )
