"""Evidence that two identity nodes are, or are not, the same person."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import msgspec

from onefold.model.identifier import NodeId

EdgeKind = Literal["event", "record", "alias", "scored"]
"""Seen together in an event; stated by a source record; stated by an alias call; scored by the matcher."""

Verdict = Literal["same", "different", "unsure", "shared", "not_shared", "withdrawn"]
"""`same` and `different` judge a pair, `shared` and `not_shared` one node; `withdrawn` undoes what was said before.

`unsure` says that somebody looked at a pair and could not tell: it is kept, and leaves all else as it stands."""


class Edge(msgspec.Struct, frozen=True, gc=False):
    """One piece of evidence between two nodes; the earliest of its kind for the pair stands for all later ones.

    Attributes:
        a: The weaker node (lower type priority; at equal priority the smaller id). Of a scored pair, the smaller id.
        b: The stronger node.
        kind: Where the evidence comes from.
        strength: The lower of the two types' priorities, 0 to 100; exact evidence is taken in falling strength. Of a scored
            pair, its probability in hundredths.
        at_us: Event time of the earliest observation.
        event: Id of that event (16 bytes); ties in time are broken by it, so the order is total.
        source: Where it was seen.
        rule: The rule and version that made it, for the explanation (`seen_together/1`).
        score: Natural-log odds that the pair is one person; only for `scored`, where None takes back what was scored before.
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


class PairScore(NamedTuple):
    """What the matcher says of two nodes, the smaller id first: natural-log odds that they are one person; None: nothing."""

    a: NodeId
    b: NodeId
    score: float | None


class Scoring(msgspec.Struct, frozen=True, gc=False):
    """Pairs that a run of the matcher scored, as one entry of the log holds them. Of each pair the newest score stands.

    Attributes:
        id: 16 bytes, unique.
        run: The run it belongs to.
        model: Name and version of the model.
        at_us: When the run began; the same for all its entries.
        pairs: The pairs.
        partition: Log partition of the entry.
        offset: Log offset of the entry.
    """

    id: bytes
    run: str
    model: str
    at_us: int
    pairs: tuple[PairScore, ...]
    partition: int = 0
    offset: int = 0

    def edges(self) -> list[Edge]:
        """The evidence it gives."""
        return [
            Edge(
                a, b, "scored", 0 if score is None else round(100 * probability(score)), self.at_us, self.id, SCORED_BY,
                self.model, score, self.offset,
            )
            for a, b, score in self.pairs
        ]  # fmt: skip


SCORED_BY = "onefold"
"""The source of scored evidence."""


def probability(score: float) -> float:
    """Natural-log odds as a probability."""
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, score))))


def log_odds(chance: float) -> float:
    """A probability strictly between 0 and 1 as natural-log odds."""
    return math.log(chance / (1 - chance))


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """A person's word about the graph. The latest in the log about the same subject counts, unless it is `unsure`.

    None is ever deleted.

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
