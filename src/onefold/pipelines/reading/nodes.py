"""Nodes as stored, opened: the identifier that each is, by its own type and value, and its state."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.identity.hashing import opened_value
from onefold.model import Identifier, Member
from onefold.pipelines.context import Context
from onefold.ports import NodeRow, ProfileSnapshot
from onefold.profiles import state as folds
from onefold.profiles.state import NodeState


def opened(context: Context, row: NodeRow) -> tuple[Identifier, NodeState]:
    """The identifier and the state of a node."""
    sealed, state = folds.open_node(context.sealer.open(row))
    return Identifier(*opened_value(row.member.type, sealed)), state


def with_types(context: Context, snapshot: ProfileSnapshot, members: Iterable[Member]) -> list[Member]:
    """The members under the types that were stated, where the store knows these by a hash only."""
    found = list(members)
    one_of = {m.type: m.id for m in found if m.type not in context.identity.types}
    rows = snapshot.nodes(sorted(one_of.values()))
    stated = {row.member.type: opened(context, row)[0].type for row in rows.values()}
    return [msgspec.structs.replace(m, type=stated.get(m.type, m.type)) for m in found] if stated else found
