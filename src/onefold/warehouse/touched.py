"""Touched: whom the rows of the feed concern, so that their profiles are worked out anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

from onefold.model import NodeId
from onefold.warehouse.feed import Rows
from onefold.warehouse.relations import EVENT

_NODE_BYTES = 16
# A row's columns are those of its relation without the sequence, which comes first there.
_NODES, _CONSENTS = ([column.name for column in EVENT.columns].index(name) - 1 for name in ("nodes", "consents"))


@dataclass(slots=True)
class Touched:
    """Nodes that rows name.

    Attributes:
        nodes: Of events, and those that became another person's.
        people: Profile ids that somebody had before a change.
        linked: Nodes about which there is new evidence or a new word of consent: others near them may be concerned too.
    """

    nodes: set[NodeId] = field(default_factory=set)
    people: set[NodeId] = field(default_factory=set)
    linked: set[NodeId] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.nodes or self.people)

    def take(self, rows: Rows) -> None:
        """Take in whom the rows of a chunk concern."""
        if rows.identity:
            nodes, people, before = map(_whole, rows.identity[:3])
            for node, person, former in zip(nodes, people, before or repeat(None), strict=False):
                self.moved(node, person, former)
        if rows.evidence:
            for ends in map(_whole, rows.evidence[:2]):
                self.linked.update(ends)
        if rows.judgements:
            ones, others = map(_whole, rows.judgements[2:4])
            for one, other in zip(ones, others or repeat(None), strict=False):
                self.judged(one, other)
        if rows.events:
            named, consents = _whole(rows.events[_NODES]), _whole(rows.events[_CONSENTS])
            # Most events name what another of the chunk names.
            self.happened(b"".join(set(named)), spoke=False)
            for nodes_of, said in zip(named, consents, strict=False):
                if said is not None:
                    self.happened(nodes_of, spoke=True)

    def moved(self, node: NodeId, person: NodeId, before: NodeId | None) -> None:
        """A node was seen, or became another person's."""
        self.nodes.add(node)
        self.people.add(person)
        if before is not None:
            self.people.add(before)
            self.linked.add(node)

    def judged(self, a: NodeId, b: NodeId | None) -> None:
        """Somebody said something about these nodes, or about one."""
        some = {a} if b is None else {a, b}
        self.nodes |= some
        self.linked |= some

    def happened(self, nodes: bytes, *, spoke: bool) -> None:
        """An event named these nodes, one after the other; `spoke` is whether it states a consent."""
        named = [nodes[start : start + _NODE_BYTES] for start in range(0, len(nodes), _NODE_BYTES)]
        self.nodes.update(named)
        if spoke:
            self.linked.update(named)


def _whole(column: Sequence[Any] | None) -> Sequence[Any]:
    return () if column is None else column
