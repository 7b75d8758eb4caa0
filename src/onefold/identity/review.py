"""Review: the pairs that a person should judge, the most telling first, and what has been judged of each so far."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from onefold.identity.settings import IdentitySettings
from onefold.identity.solver import said_order
from onefold.model import Judgement, NodeId, log_odds, probability

Pair = tuple[NodeId, NodeId]
"""Two nodes, the smaller id first."""

Cause = Literal["scored", "refused", "joined", "judged"]
"""`scored`: likely enough one person to be looked at, but two people. `refused`: exact evidence that a guard did not follow.
`joined`: one person by a score that was hardly enough. `judged`: judged by somebody without a score."""

Status = Literal["open", "unsure", "decided", "disputed"]
"""`open`: nobody has answered. `unsure`: nobody could tell. `disputed`: somebody said same, somebody else different."""

_GUARD = log_odds(IdentitySettings().contradiction_below)

ANSWERS = ("same", "different", "unsure")


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """A pair to be judged.

    Attributes:
        pair: Its two nodes.
        cause: Why somebody should look.
        score: Natural-log odds that it is one person; None where nothing was scored.
        rule: The rule or model, and its version.
        why: For `refused`, what stood in the way.
    """

    pair: Pair
    cause: Cause
    score: float | None = None
    rule: str = ""
    why: str = ""


def ordered(a: NodeId, b: NodeId) -> Pair:
    """Two nodes as a pair."""
    return (a, b) if a < b else (b, a)


def uncertainty(candidate: Candidate) -> float:
    """How much an answer teaches, in bits: 1 where either is as likely, 0 where the answer is known.

    Of exact evidence that was refused either is as likely where the guard begins, at the default of `contradiction_below`;
    the further below the score is, the surer it is that they are two.
    """
    if candidate.score is None:
        return 1.0
    p = probability(candidate.score - (_GUARD if candidate.cause == "refused" else 0.0))
    return -sum(share * math.log2(share) for share in (p, 1 - p) if share > 0)


def weight(identifiers: int, value: float) -> float:
    """How much an answer matters: by the identifiers of both people, and by what both have given or spent.

    Each tenfold counts as one step, so that a rich person goes first and does not hide all others.
    """
    return (1 + math.log10(1 + max(identifiers, 0))) * (1 + math.log10(1 + max(value, 0.0)))


class Answered(msgspec.Struct, frozen=True, gc=False):
    """What has been said of a pair.

    Attributes:
        answers: The latest answer of each reviewer, in the order in which they were given. A withdrawal takes all away.
        standing: The answer that counts, as for the solver: the latest that is not `unsure`, whatever its author says since.
    """

    answers: tuple[Judgement, ...] = ()
    standing: Judgement | None = None

    @property
    def status(self) -> Status:
        """How the pair stands."""
        verdicts = {answer.verdict for answer in self.answers}
        if not verdicts:
            return "open"
        if {"same", "different"} <= verdicts:
            return "disputed"
        return "unsure" if self.standing is None else "decided"

    def of(self, reviewer: str) -> Judgement | None:
        """What somebody said."""
        return next((answer for answer in self.answers if answer.by == reviewer), None)


def answered(judgements: Iterable[Judgement]) -> dict[Pair, Answered]:
    """What has been said of each pair of which something stands, in any order of the judgements."""
    found: dict[Pair, dict[str, Judgement]] = {}
    standing: dict[Pair, Judgement] = {}
    for judgement in sorted(judgements, key=said_order):
        if judgement.b is None:
            continue
        pair = ordered(judgement.a, judgement.b)
        if judgement.verdict == "withdrawn":
            found.pop(pair, None)
            standing.pop(pair, None)
        elif judgement.verdict in ANSWERS:
            by = found.setdefault(pair, {})
            by.pop(judgement.by, None)  # a changed answer is given when it is changed
            by[judgement.by] = judgement
            if judgement.verdict != "unsure":
                standing[pair] = judgement
    return {pair: Answered(tuple(by.values()), standing.get(pair)) for pair, by in found.items()}


def wanted(status: Status, reviewer: str, said: Answered) -> bool:
    """Whether a reviewer may be asked about a pair: `open` pairs, and others of that status that they have not answered."""
    return said.status == status and said.of(reviewer) is None


def second_wanted(reviewer: str, said: Answered) -> bool:
    """Whether a pair waits for a second opinion, and this reviewer may give it."""
    return said.status == "decided" and len(said.answers) == 1 and said.of(reviewer) is None


def in_order(candidates: Iterable[Candidate], weights: Mapping[Pair, float]) -> list[tuple[float, Candidate]]:
    """Candidates with their priority, the highest first; equal ones by the ids of their nodes."""
    ranked = [(uncertainty(one) * weights.get(one.pair, 1.0), one) for one in candidates]
    return sorted(ranked, key=lambda pair: (-pair[0], pair[1].pair))
