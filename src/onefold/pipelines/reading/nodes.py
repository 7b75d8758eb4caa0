"""Nodes as stored, opened: the identifier that each is, by its own type and value, and its state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from onefold.identity.hashing import opened_value
from onefold.model import Identifier, Member, NodeId
from onefold.pipelines.context import Context
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles import state as folds
from onefold.profiles.profile import Described
from onefold.profiles.state import NodeState


def opened(context: Context, row: NodeRow) -> tuple[Identifier, NodeState]:
    """The identifier and the state of a node."""
    sealed, state = folds.open_node(context.sealer.open(row))
    return Identifier(*opened_value(row.member.type, sealed)), state


def described(context: Context, row: NodeRow) -> Described:
    """A node as it is shown: under the type that was stated."""
    identifier, state = opened(context, row)
    return Described(msgspec.structs.replace(row.member, type=identifier.type), identifier.value, state)


def with_types(context: Context, snapshot: ProfileSnapshot, members: Iterable[Member]) -> list[Member]:
    """The members under the types that were stated, where the store knows these by a hash only."""
    found = list(members)
    one_of = {m.type: m.id for m in found if m.type not in context.identity.types}
    rows = snapshot.nodes(sorted(one_of.values()))
    stated = {row.member.type: opened(context, row)[0].type for row in rows.values()}
    return [msgspec.structs.replace(m, type=stated.get(m.type, m.type)) for m in found] if stated else found


class StatedTypes:
    """Evidence in the store, and the nodes under the types that were stated."""

    def __init__(self, context: Context, snapshot: ProfileSnapshot) -> None:
        self._context, self._snapshot = context, snapshot
        self.edges, self.evidence, self.leaving = snapshot.edges, snapshot.evidence, snapshot.leaving
        self.judgements = snapshot.judgements

    def nodes(self, ids: Sequence[NodeId]) -> dict[NodeId, NodeRow]:
        """The rows of those of `ids` that exist."""
        rows = self._snapshot.nodes(ids)
        named = with_types(self._context, self._snapshot, [row.member for row in rows.values()])
        return {
            m.id: msgspec.structs.replace(rows[m.id], member=m) if m is not rows[m.id].member else rows[m.id]
            for m in named
        }

    def person(self, place: Member, *, limit: int | None = None) -> list[Member]:
        """The nodes of the person that a node of this place belongs to, at most `limit`."""
        return with_types(self._context, self._snapshot, self._snapshot.person(place, limit=limit))
