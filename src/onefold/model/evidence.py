"""Evidence that two identity nodes are, or are not, the same person."""

from __future__ import annotations

from typing import Literal

import msgspec

from onefold.model.identifier import NodeId

EdgeKind = Literal["event", "record", "alias", "scored"]
"""Seen together in an event; stated by a source record; stated by an alias call; scored by the matcher."""

Verdict = Literal["same", "different", "shared", "not_shared", "withdrawn"]
"""`same` and `different` judge a pair, `shared` and `not_shared` one node; `withdrawn` undoes what was said before."""


class Edge(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence between two nodes; the earliest of its kind for the pair stands for all later ones.

    Attributes:
        a: The weaker node (lower type priority; at equal priority the smaller id).
        b: The stronger node.
        kind: Where the evidence comes from.
        strength: The lower of the two types' priorities, 0 to 100; exact evidence is taken in falling strength.
        at_us: Event time of the earliest observation.
        event: Id of that event (16 bytes); ties in time are broken by it, so the order is total.
        source: Where it was seen.
        rule: The rule and version that made it, for the explanation (`seen_together/1`).
        score: Natural-log odds that the pair is one person; only for `scored`.
        offset: Log offset of that event, for the explanation; arrival detail, not part of identity.
    """

    a: NodeId
    b: NodeId
    kind: EdgeKind
    strength: int
    at_us: int
    event: bytes
    source: str
    rule: str
    score: float | None = None
    offset: int = 0


def replaces(new: Edge, known_at_us: int, known_event: bytes) -> bool:
    """Whether evidence takes the place of what is known of the same pair and kind, whatever the order of arrival.

    Of scores the newest stands, of every other kind the oldest observation. What stores do in SQL is tested against this.
    """
    if new.kind == "scored":
        return (new.at_us, new.event) > (known_at_us, known_event)
    return (new.at_us, new.event) < (known_at_us, known_event)


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """A person's word about the graph. The latest in the log about the same subject counts; none is ever deleted.

    Attributes:
        id: 16 bytes, unique.
        verdict: What was said.
        a: The node, or the smaller id of the pair.
        b: The larger id of the pair; None for verdicts on one node.
        at_us: When it was said.
        by: Who said it (a user name or key id).
        reason: Why, in their words; personal data is not expected here, but it is stored sealed all the same.
        offset: Where it stands in the log; what people say is ordered by it.
    """

    id: bytes
    verdict: Verdict
    a: NodeId
    b: NodeId | None
    at_us: int
    by: str
    reason: str = ""
    offset: int = 0
