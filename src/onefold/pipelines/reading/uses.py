"""Uses: who somebody is where more or less care is due than for most, by a threshold of that use's own."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

from onefold.errors import ExpensiveError, NotFoundError, UsageError, nearest
from onefold.identity.deciding import Graph, joined_from
from onefold.identity.settings import GENERIC
from onefold.model import Identifier, Member, NodeId, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading import cursors
from onefold.pipelines.reading.nodes import StatedTypes
from onefold.pipelines.reading.people import labels, node_of
from onefold.ports import ProfileSnapshot
from onefold.profiles.profile import strongest_first

NODES_MAX = 5_000
"""Identifiers of a component up to which it is solved again."""


class Uses:
    """The uses of a workspace. Safe for threads."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def named(self) -> results.Uses:
        """The uses that identity.yaml names, with their thresholds."""
        settings = self._context.identity
        return results.Uses(
            join_from=settings.join_from,
            uses=tuple(results.Use(name=name, join_from=threshold) for name, threshold in settings.uses.items()),
        )

    def links(
        self, identifier: Identifier, use: str | None, *, cursor: str | None = None, limit: int = NODES_MAX
    ) -> results.PersonLinks:
        """The identifiers of a person, as they are or by the threshold of a use: the component is solved again by it.

        Raises:
            ExpensiveError: The component is too large for that.
            NotFoundError: There is no such person.
            UsageError: There is no such use, or the cursor is invalid.
        """
        join_from = self._context.identity.join_from if use is None else _threshold(self._context, use)
        after = None if cursor is None else cursors.read(cursors.IDENTIFIERS, cursor)
        node = node_of(self._context, identifier)
        with self._context.store.snapshot() as snapshot:
            row = None if node is None else snapshot.nodes([node]).get(node)
            if node is None or row is None:
                raise NotFoundError("No profile found for that identifier.")
            members, graph = _component(self._context, snapshot, row.member.component)
            people = _solved(graph, join_from)
            as_they_are = {member.id for member in members if member.person == row.member.person}
            by_use = {one for one, person in people.items() if person == people[node]}
            order = strongest_first(self._context.identity.priorities())
            rest = [member for member in members if member.id in as_they_are | by_use]
            rest = rest if after is None else [member for member in rest if order(member) > after]
            page = heapq.nsmallest(limit, rest, key=order)
            shown = [member.id for member in page]
            label = labels(self._context, snapshot.nodes(shown))
            return results.PersonLinks(
                use=use,
                join_from=join_from,
                profile_id=format_profile_id(row.member.person),
                identifiers=tuple(label(one) for one in shown if one in by_use),
                without=tuple(label(one) for one in shown if one not in by_use),
                besides=tuple(label(one) for one in shown if one not in as_they_are),
                identifiers_total=len(by_use),
                next=cursors.written(cursors.IDENTIFIERS, order(page[-1])) if len(rest) > limit else None,
            )

    def pair(self, a: Identifier, b: Identifier) -> results.PairUses:
        """Whether two identifiers are one person, as people are and by the threshold of each use.

        Raises:
            ExpensiveError: The component of both is too large to be solved again.
            NotFoundError: One of the identifiers was never seen.
        """
        settings = self._context.identity
        ends = [node_of(self._context, one) for one in (a, b)]
        with self._context.store.snapshot() as snapshot:
            rows = snapshot.nodes([node for node in ends if node is not None])
            if not all(node in rows for node in ends):
                raise NotFoundError("One of these identifiers was never seen.")
            first, second = (rows[node].member for node in ends if node is not None)
            connected = first.component == second.component
            graph = _component(self._context, snapshot, first.component)[1] if connected and settings.uses else None
        # Uses may have one threshold. Without any evidence between two identifiers no threshold joins them.
        one_person = {
            threshold: graph is not None and (people := _solved(graph, threshold))[first.id] == people[second.id]
            for threshold in set(settings.uses.values())
        }
        return results.PairUses(
            profile_ids=(format_profile_id(first.person), format_profile_id(second.person)),
            one_person=first.person == second.person,
            join_from=settings.join_from,
            uses=tuple(
                results.UseVerdict(use=name, join_from=threshold, one_person=one_person[threshold])
                for name, threshold in settings.uses.items()
            ),
        )


def _threshold(context: Context, use: str) -> float:
    known = context.identity.uses
    if use not in known:
        there = ", ".join(sorted(known)) or "none"
        raise UsageError(
            f"There is no use of that name under `match` of identity.yaml{nearest(use, known) or '.'} There are: {there}."
        )
    return known[use]


def _component(context: Context, snapshot: ProfileSnapshot, component: NodeId) -> tuple[Sequence[Member], Graph]:
    """The nodes of a component, and what it is solved by."""
    members = snapshot.members([component])
    if len(members) > NODES_MAX:
        raise ExpensiveError(f"More than {NODES_MAX:,} identifiers are connected with this one.")
    nodes = sorted(member.id for member in members)
    stated = {row.member.id: row.member for row in StatedTypes(context, snapshot).nodes(nodes).values()}
    # What is nobody's own links nobody, whatever it is shown as.
    solved = [member if member.type == GENERIC.name else stated[member.id] for member in members]
    return members, Graph(solved, snapshot.edges(nodes), snapshot.judgements(nodes), context.identity)


def _solved(graph: Graph, join_from: float) -> dict[NodeId, NodeId]:
    """The person of each node by a threshold."""
    return graph._replace(settings=joined_from(graph.settings, join_from)).people()
