"""A person's state: the states of all their nodes, combined."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.governance.consent import TOO_MANY, Spoken, Statement, decide
from onefold.model import NodeId
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState, added


class PersonState(msgspec.Struct, frozen=True, gc=False):
    """What all nodes of a person add up to.

    Attributes:
        total: Everything but consent, added up.
        spoken: What each node says of consent, apart: deny-wins needs to know which word is whose.
        beside: What nodes say that evidence connects with this person's; see `governance.consent.decide`.
    """

    total: NodeState
    spoken: tuple[Spoken, ...]
    beside: tuple[Spoken, ...] = ()

    def consent(self, purpose: str) -> Statement | None:
        """The statement that settles a purpose; None when nobody spoke of it."""
        return decide(self.spoken, purpose, self.beside)

    def purposes(self) -> list[str]:
        """Every purpose spoken of at any node, `all` among them: it settles those that nobody named."""
        return sorted({p for node in (*self.spoken, *self.beside) for p in node.registers if p != TOO_MANY})


def spoken(node: NodeId, state: NodeState) -> Spoken | None:
    """What a node says of consent; None where it says nothing."""
    if state.consents or state.about or state.named:
        return Spoken(node, state.consents, state.about, state.named)
    return None


def combine_nodes(
    states: Iterable[tuple[NodeId, NodeState]], settings: ProfileSettings, beside: Iterable[Spoken] = ()
) -> PersonState:
    """The states of a person's nodes as one; the order of the nodes changes nothing that can be seen."""
    said, stated = [], []
    for node, state in states:
        if (one := spoken(node, state)) is not None:
            said.append(one)
        if state.events:
            stated.append(state)
    return PersonState(added(stated, settings) if stated else NodeState(), tuple(said), tuple(beside))
