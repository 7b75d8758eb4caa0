"""Uses: who somebody is where more or less care is due than for most, by a threshold of that use's own."""

from __future__ import annotations

from onefold.errors import ExpensiveError, NotFoundError, UsageError
from onefold.identity.deciding import Graph, joined_from
from onefold.identity.settings import GENERIC
from onefold.model import Identifier, format_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import StatedTypes
from onefold.pipelines.reading.people import labels, node_of

NODES_MAX = 5_000
"""Identifiers of a component up to which it is solved again."""


def links(context: Context, identifier: Identifier, use: str | None) -> results.PersonLinks:
    """The identifiers of a person, as they are or by the threshold of a use: the component is solved again by it.

    Raises:
        ExpensiveError: The component is too large for that.
        NotFoundError: There is no such person.
        UsageError: There is no such use.
    """
    settings = context.identity
    if use is not None:
        if use not in settings.uses:
            known = ", ".join(sorted(settings.uses)) or "none"
            raise UsageError(f"There is no use `{use}` under `match` of identity.yaml; there are: {known}.")
        settings = joined_from(settings, settings.uses[use])
    node = node_of(context, identifier)
    with context.store.snapshot() as snapshot:
        reader = StatedTypes(context, snapshot)
        row = None if node is None else reader.nodes([node]).get(node)
        if node is None or row is None:
            raise NotFoundError("No profile found for that identifier.")
        members = snapshot.members([row.member.component])
        if len(members) > NODES_MAX:
            raise ExpensiveError(f"More than {NODES_MAX:,} identifiers are connected with this one.")
        nodes = sorted(member.id for member in members)
        stated = {one.member.id: one.member for one in reader.nodes(nodes).values()}
        # What is nobody's own links nobody, whatever it is shown as.
        solved = [member if member.type == GENERIC.name else stated[member.id] for member in members]
        people = Graph(solved, snapshot.edges(nodes), snapshot.judgements(nodes), settings).people()
        as_they_are = {member.id for member in members if member.person == row.member.person}
        by_use = {one for one, person in people.items() if person == people[node]}
        label = labels(context, snapshot.nodes(sorted(as_they_are | by_use)))
        return results.PersonLinks(
            use=use,
            join_from=settings.join_from,
            profile_id=format_profile_id(row.member.person),
            identifiers=tuple(sorted(map(label, by_use))),
            without=tuple(sorted(map(label, as_they_are - by_use))),
            besides=tuple(sorted(map(label, by_use - as_they_are))),
        )
