"""The review queue as results: pairs to judge side by side, decisions, agreement, labels."""

from __future__ import annotations

from typing import Literal

from onefold.model.results.result import Result

ReviewVerdict = Literal["same", "different", "unsure"]
ReviewStatus = Literal["open", "unsure", "decided", "disputed"]


class ReviewSide(Result, frozen=True, kw_only=True):
    """One of the two: a person, or where both are one person already, an identifier of theirs.

    Attributes:
        node: The identifier that the evidence is about, as an id that `profile:` understands.
        label: The same as `type:value`.
        profile_id: The profile it belongs to.
        identifiers: How many the person has.
        events: How many of them are the person's.
        revenue: What the person has spent or given, in the default currency.
    """

    node: str
    label: str
    profile_id: str
    identifiers: int
    events: int
    revenue: str
    first_seen: str | None
    last_seen: str | None


class ReviewField(Result, frozen=True, kw_only=True):
    """One field of both, side by side.

    Attributes:
        field: An attribute, or a type of identifier.
        a: Its value on the one side; several identifiers of a type are joined by `; `. Null where there is none.
        b: The same on the other.
        agreement: `equal` but for case and accents, `close`, `different`, or `missing` where a side has no value.
        marks_a: Ranges of characters of `a` that are not in `b`, each from the first to before the last.
        marks_b: The same of `b`.
    """

    field: str
    a: str | None
    b: str | None
    agreement: Literal["equal", "close", "different", "missing"]
    marks_a: tuple[tuple[int, int], ...]
    marks_b: tuple[tuple[int, int], ...]


class ReviewAnswer(Result, frozen=True, kw_only=True):
    """What a reviewer said of a pair."""

    verdict: ReviewVerdict
    by: str
    reason: str
    at: str | None


class ReviewPair(Result, frozen=True, kw_only=True):
    """A pair to judge.

    Attributes:
        pair: Its id.
        cause: `scored`: likely enough one person to be looked at. `refused`: exact evidence that was not followed.
            `joined`: one person by a score that was hardly enough. `judged`: judged without a score.
        because: The same in a sentence.
        status: How it stands.
        score: Natural-log odds that it is one person; null where nothing was scored.
        probability: The same as a probability.
        uncertainty: How much an answer teaches, in bits, 0 to 1.
        priority: Uncertainty times how much the answer matters; pairs come in falling order of it.
        fields: Side by side, what differs most first.
        answers: Those of other reviewers; empty while a second opinion is asked for.
        claimed_by: Who has it on the desk just now, if somebody has.
        claimed_until: Until when, unless it is answered before.
    """

    pair: str
    cause: Literal["scored", "refused", "joined", "judged"]
    because: str
    status: ReviewStatus
    score: float | None
    probability: float | None
    rule: str
    uncertainty: float
    priority: float
    a: ReviewSide
    b: ReviewSide
    fields: tuple[ReviewField, ...]
    answers: tuple[ReviewAnswer, ...]
    claimed_by: str | None
    claimed_until: str | None


class ReviewCounts(Result, frozen=True, kw_only=True):
    """How many pairs there are.

    Attributes:
        open: That nobody has answered.
        unsure: On which nobody could tell.
        decided: With an answer that counts.
        disputed: On which reviewers disagree.
        second: Decided ones that nobody but the first reviewer has answered.
    """

    open: int
    unsure: int
    decided: int
    disputed: int
    second: int


class ReviewPairs(Result, frozen=True, kw_only=True):
    """A page of pairs, the most telling first; `next` is the cursor of the page after it, null on the last."""

    pairs: tuple[ReviewPair, ...]
    counts: ReviewCounts
    next: str | None


class ReviewDecision(Result, frozen=True, kw_only=True):
    """A decision in the log.

    Attributes:
        decision: Its id.
        pair: The pair it is about.
        a: The identifier on the one side, as an id.
        b: The other.
        stands: Whether it is what counts for the pair now.
        bulk: How many pairs were decided with it at once; 1 for a decision on its own.
        offset: Where it stands in the log.
    """

    decision: str
    pair: str
    a: str
    b: str
    verdict: str
    by: str
    reason: str
    at: str | None
    stands: bool
    bulk: int
    offset: int


class ReviewDecisions(Result, frozen=True, kw_only=True):
    """Who decided what and why, the latest first, withdrawals too; `next` is the cursor of the page after it."""

    decisions: tuple[ReviewDecision, ...]
    next: str | None


class ReviewDecided(Result, frozen=True, kw_only=True):
    """Decisions that were recorded.

    Attributes:
        pairs: The pairs.
        offset: Where the last of them stands in the log.
        settled: Whether it has been processed, so that people show its effect.
        decided: How many pairs were decided, or taken back.
    """

    verdict: str
    pairs: tuple[str, ...]
    decided: int
    offset: int | None
    settled: bool


class ReviewBulk(Result, frozen=True, kw_only=True):
    """What a decision by pattern would decide.

    Attributes:
        matching: How many open pairs the pattern fits; say it as `expected` to decide them.
        looked_at: How many open pairs were looked at.
        samples: Some of them.
    """

    pattern: str
    matching: int
    looked_at: int
    samples: tuple[ReviewPair, ...]


class ReviewAgreement(Result, frozen=True, kw_only=True):
    """How far two reviewers agree on the pairs that both answered; `kappa` is Cohen's, null where it says nothing."""

    reviewers: tuple[str, str]
    pairs: int
    agreeing: int
    kappa: float | None


class ReviewerCount(Result, frozen=True, kw_only=True):
    """How many pairs a reviewer answered how."""

    reviewer: str
    same: int
    different: int
    unsure: int


class ReviewStatistics(Result, frozen=True, kw_only=True):
    """The state of the review, who answered how much, and how far reviewers agree.

    Attributes:
        answered_twice: Pairs with two answers or more.
        agreeing: Those of which the first two are the same.
        kappa: Cohen's kappa of the first two answers; null where it says nothing.
    """

    counts: ReviewCounts
    reviewers: tuple[ReviewerCount, ...]
    answered_twice: int
    agreeing: int
    kappa: float | None
    agreement: tuple[ReviewAgreement, ...]


class ReviewLabel(Result, frozen=True, kw_only=True):
    """A pair with a known answer.

    Attributes:
        a: One identifier, as an id.
        b: The other.
        reviewers: How many answered it.
        disputed: Whether they disagree; then the latest counts.
        fields: What was compared; only for who may see personal data.
    """

    a: str
    b: str
    verdict: Literal["same", "different"]
    by: str
    at: str | None
    reviewers: int
    disputed: bool
    fields: tuple[ReviewField, ...] | None


class ReviewLabels(Result, frozen=True, kw_only=True):
    """All pairs with a known answer, in order of their ids."""

    labels: tuple[ReviewLabel, ...]
