"""People: whom an identifier means, and which nodes are theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from onefold.errors import ExpensiveError, NotFoundError, UsageError
from onefold.model import Identifier, Member, NodeId, format_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.context import Context
from onefold.pipelines.reading.nodes import opened
from onefold.ports import NodeRow, ProfileSnapshot


class Person(msgspec.Struct, frozen=True, gc=False):
    """A person found: the row of the node that was asked for, and the places of all their nodes, in no particular order."""

    asked: NodeRow
    members: Sequence[Member]

    @property
    def id(self) -> NodeId:
        """The node that names the person."""
        return self.asked.member.person

    @property
    def nodes(self) -> list[NodeId]:
        """The person's nodes."""
        return [member.id for member in self.members]


def node_of(context: Context, identifier: Identifier) -> NodeId | None:
    """The node an identifier means, whether or not it was ever seen; None when it cannot name anybody.

    An id that nobody has as it stands is looked for among those of the sources: `contact_id:204` means
    `crm.contact_id:204` where only the source `crm` has a contact 204.

    Raises:
        UsageError: Several sources have it.
    """
    node = judgements.subject(identifier, context.identity, context.hasher)
    if node is None or "." in identifier.type or not identifier.type.endswith("_id"):
        return node
    with context.store.snapshot() as snapshot:
        if snapshot.nodes([node]):
            return node
        # The store knows every source whose ids it holds; the log may be out of reach, and look-ups go on.
        named = {f"{tally.source}.{identifier.type}" for tally in snapshot.tallies()}
        named |= {name for name in context.identity.types if name.endswith(f".{identifier.type}")}
        meant = {
            name: judgements.subject(Identifier(name, identifier.value), context.identity, context.hasher)
            for name in named
        }
        seen = snapshot.nodes([other for other in meant.values() if other is not None])
    found = {name: other for name, other in meant.items() if other in seen}
    if not found:
        return node
    if len(found) > 1:
        raise UsageError(f"Several sources have an id of that value; name one: {', '.join(sorted(found))}.")
    return next(iter(found.values()))


def value_of(context: Context, identifier: Identifier) -> str:
    """The normalised value of an identifier, or of the node that a profile id names.

    Raises:
        NotFoundError: It was never seen.
    """
    node = node_of(context, identifier)
    with context.store.snapshot() as snapshot:
        row = None if node is None else snapshot.nodes([node]).get(node)
    if row is None:
        raise NotFoundError("That identifier was never seen.")
    return opened(context, row)[0].value


def find(snapshot: ProfileSnapshot, node: NodeId, nodes_max: int | None = None) -> Person | None:
    """The person `node` belongs to now; a profile id that was retired by a merge still finds them.

    Raises:
        ExpensiveError: The person has more than `nodes_max` nodes.
    """
    row = snapshot.nodes([node]).get(node)
    if row is None:
        return None
    members = snapshot.person(row.member, limit=None if nodes_max is None else nodes_max + 1)
    if nodes_max is not None and len(members) > nodes_max:
        raise ExpensiveError("This person has many identifiers.")
    return Person(row, members)


def only_in_aliases(snapshot: ProfileSnapshot, members: Sequence[Member]) -> frozenset[NodeId]:
    """The nodes of a person that only aliases speak of.

    An alias names an id without its type, so it leaves a node of each type that the id may be of. They are looked for where
    there can be any.
    """
    types = [member.type for member in members]
    if types.count("user_id") < 2 or len(set(types)) < 2:
        return frozenset()
    nodes = {member.id for member in members}
    edges = snapshot.edges(sorted(nodes))
    seen = {end for edge in edges if edge.kind != "alias" for end in (edge.a, edge.b)}
    return frozenset(nodes & {end for edge in edges for end in (edge.a, edge.b)} - seen)


def labels(context: Context, rows: dict[NodeId, NodeRow]) -> Callable[[NodeId], str]:
    """How to show nodes to somebody who may see values: `email:ann@example.org`."""

    def label(node: NodeId) -> str:
        row = rows.get(node)
        if row is None:
            return format_profile_id(node)
        identifier, _ = opened(context, row)
        return f"{identifier.type}:{identifier.value}"

    return label
