"""Who is who: nodes and the person each belongs to now, and the changes that led there."""

from __future__ import annotations

from typing import Literal

import msgspec

from onefold.model.identifier import NodeId

IdentityChangeKind = Literal["merged", "split", "renamed"]


class Member(msgspec.Struct, frozen=True, gc=False):
    """A node's place in the identity graph: all that the solver needs to know of it.

    Attributes:
        id: The node.
        type: Its identifier type; a stand-in where the project does not declare it (`identity.hashing`).
        first_seen_us: Earliest event time at which it was seen; the oldest node of a person names the person.
        person: The node that names the person this one belongs to; a node alone names itself.
        component: The node that names the connected component of evidence. Equal to `person` unless contested.
        contested: Whether the component holds more than one person (some evidence was refused).
        shared: Whether this identifier is used by several people and therefore links nobody.
    """

    id: NodeId
    type: str
    first_seen_us: int
    person: NodeId
    component: NodeId
    contested: bool = False
    shared: bool = False


class IdentityChange(msgspec.Struct, frozen=True, gc=False):
    """One line of merge history. History tells how we came to know; it depends on arrival and proves nothing.

    Attributes:
        kind: `merged`: `before` became part of `person`. `split`: `person` came out of `before`.
            `renamed`: an older node turned up and now names the person.
        person: The person after the change.
        before: The person before it.
        nodes: The nodes that moved.
        at_us: Receipt time of the entry that caused it.
        partition: Log partition of that entry.
        offset: Log offset of that entry; 0 when a configuration change caused it.
        request_id: The request that brought the entry.
        seq: Order of changes in the store; 0 before it is stored.
    """

    kind: IdentityChangeKind
    person: NodeId
    before: NodeId
    nodes: tuple[NodeId, ...]
    at_us: int
    partition: int
    offset: int
    request_id: str = ""
    seq: int = 0
