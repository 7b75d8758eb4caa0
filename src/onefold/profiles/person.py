"""A person's state: the states of all their nodes, combined."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.governance.consent import Register, Statement, decide
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.state import NodeState, added


class PersonState(msgspec.Struct, frozen=True, gc=False):
    """What all nodes of a person add up to.

    Attributes:
        total: Everything but consent, added up.
        consents: The consents of each node, apart: deny-wins needs to know which word is whose.
    """

    total: NodeState
    consents: tuple[dict[str, Register], ...]

    def consent(self, purpose: str) -> Statement | None:
        """The statement that settles a purpose; None when nobody spoke of it."""
        return decide(self.consents, purpose)

    def purposes(self) -> list[str]:
        """Every purpose spoken of at any node, `all` among them: it settles those that nobody named."""
        return sorted({p for consents in self.consents for p in consents})


def combine_nodes(states: Iterable[NodeState], settings: ProfileSettings) -> PersonState:
    """The states of a person's nodes as one; the order of the nodes changes nothing that can be seen."""
    consents = []
    total: NodeState | None = None
    for state in states:
        if state.consents:
            consents.append(state.consents)
        if state.events:
            total = state if total is None else added(total, state, settings)
    return PersonState(total or NodeState(), tuple(consents))
