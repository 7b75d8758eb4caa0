"""Hubs: identifiers of implausibly many people, such as a placeholder no form gives away, and people implausibly large."""

from __future__ import annotations

from onefold.model import NodeId, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import opened
from onefold.pipelines.reading.tail import masked
from onefold.ports import ProfileSnapshot

LINKED_MIN = 10
"""Strong identifiers beside one, from which it is told. A person's own address is seen with fewer."""
IDENTIFIERS_MIN, EVENTS_MIN = 200, 10_000
"""Identifiers, and events at one of them, from which a person is told as large."""
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


def largest(context: Context) -> list[results.LargePerson]:
    """People of very many identifiers, or events at one of them, the largest first.

    Costs a pass over the indexes of components and of the timeline.
    """
    with context.store.snapshot() as snapshot:
        sizes = dict(snapshot.large_people(nodes_min=IDENTIFIERS_MIN, limit=_LISTED_MAX))
        busy = dict(snapshot.busy_nodes(events_min=EVENTS_MIN, limit=_LISTED_MAX))
        rows = snapshot.nodes(sorted(busy))
        events: dict[NodeId, int] = {}
        for node, row in rows.items():
            person = row.member.person
            events[person] = max(busy[node], events.get(person, 0))
            if person not in sizes:
                sizes[person] = len(snapshot.person(row.member))
    found = [
        results.LargePerson(id=format_profile_id(person), identifiers=many, events=events.get(person, 0))
        for person, many in sizes.items()
    ]
    return sorted(found, key=lambda one: (-max(one.identifiers * 20, one.events), one.id))[:_LISTED_MAX]


def sentence_of_largest(people: list[results.LargePerson]) -> str:
    """What `doctor` says of them, and what to do."""
    if not people:
        return f"nobody has {IDENTIFIERS_MIN:,} identifiers or {EVENTS_MIN:,} events at one of them"
    told = "; ".join(
        f"{p.id} with {p.identifiers:,} identifiers" + (f" and {p.events:,} events at one of them" if p.events else "")
        for p in people
    )
    return (
        f"large, and therefore slower to read: {told}. `onefold identifiers ID` lists what they have. Is it a test, a till "
        "or a shared device, `onefold share TYPE:VALUE` stops that identifier from linking, and a `limit` for its type in "
        "identity.yaml keeps others from growing so."
    )


def sentence(hubs: list[results.Hub]) -> str:
    """What `doctor` says of them, and what to do."""
    if not hubs:
        return f"no identifier is linked with {LINKED_MIN} strong ones"
    told = "; ".join(f"{h.identifier} ({h.id}) with {h.linked}{', shared already' if h.shared else ''}" for h in hubs)
    return (
        f"suspected, because linked with {LINKED_MIN} strong identifiers or more: {told}. `onefold share ID` stops one "
        "from linking, `onefold block ID` from identifying anybody."
    )
