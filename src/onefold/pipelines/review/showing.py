"""Showing: pairs, decisions and labels as the service answers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from onefold.identity import agreement, review
from onefold.identity.review import Answered, Candidate, Pair
from onefold.model import Judgement, NodeId, format_profile_id, probability, results
from onefold.pipelines.review.claims import Claim
from onefold.pipelines.review.comparing import Side, fields
from onefold.pipelines.review.queue import Said, View, id_of
from onefold.profiles.profile import iso


def pair(
    one: Candidate, priority: float, both: tuple[Side, Side], answered: Answered, claim: Claim | None, *, blind: bool
) -> results.ReviewPair:
    """A pair, side by side; `blind` withholds what others said of it."""
    p = None if one.score is None else probability(one.score)
    return results.ReviewPair(
        pair=id_of(one.pair),
        cause=one.cause,
        because=_because(one, p),
        status=answered.status,
        score=one.score,
        probability=p,
        rule=one.rule,
        uncertainty=review.uncertainty(one),
        priority=priority,
        a=both[0].as_result(),
        b=both[1].as_result(),
        fields=fields(*both),
        answers=() if blind else tuple(_answer(each) for each in answered.answers),
        claimed_by=None if claim is None else claim.by,
        claimed_until=None if claim is None else iso(claim.until_us),
    )


def _because(one: Candidate, p: float | None) -> str:
    match one.cause:
        case "refused":
            return f"Exact evidence would make one person of them; it was not followed: {one.why}."
        case "judged":
            return "Somebody judged them; no model has scored them."
        case "joined":
            return f"They are one person by a score that was hardly enough: {p:.1%} by {one.rule}."
        case _:
            return f"The model {one.rule} holds it {p:.1%} likely that they are one person."


def _answer(judgement: Judgement) -> results.ReviewAnswer:
    assert judgement.verdict in {"same", "different", "unsure"}  # noqa: S101  no other is an answer
    return results.ReviewAnswer(
        verdict=judgement.verdict,
        by=judgement.by, reason=judgement.reason, at=iso(judgement.at_us),
    )  # fmt: skip


def counts(many: Mapping[View, int]) -> results.ReviewCounts:
    """How many pairs there are."""
    return results.ReviewCounts(
        open=many["open"],
        unsure=many["unsure"],
        decided=many["decided"],
        disputed=many["disputed"],
        second=many["second"],
    )


def decisions(told: Said) -> list[results.ReviewDecision]:
    """All decisions and withdrawals, the latest first."""
    together = Counter(map(bulk_of, told.judgements))
    standing = {one.id for answered in told.answers.values() if (one := answered.standing) is not None}
    return [
        results.ReviewDecision(
            decision=judgement.id.hex(),
            pair=id_of(_pair(judgement)),
            a=format_profile_id(_pair(judgement)[0]),
            b=format_profile_id(_pair(judgement)[1]),
            verdict=judgement.verdict,
            by=judgement.by,
            reason=judgement.reason,
            at=iso(judgement.at_us),
            stands=judgement.id in standing,
            bulk=together[bulk_of(judgement)],
            offset=judgement.offset,
        )
        for judgement in sorted(told.judgements, key=lambda one: (one.offset, one.id), reverse=True)
    ]


def bulk_of(judgement: Judgement) -> tuple[int, str, str]:
    """What decisions that were made at once have in common."""
    return judgement.at_us, judgement.by, judgement.verdict


def _pair(judgement: Judgement) -> tuple[NodeId, NodeId]:
    assert judgement.b is not None  # noqa: S101  only pairs are read
    return review.ordered(judgement.a, judgement.b)


def statistics(many: Mapping[View, int], told: Said) -> results.ReviewStatistics:
    """How far the review is, and how far reviewers agree."""
    by: dict[str, Counter[str]] = {}
    for answered in told.answers.values():
        for one in answered.answers:
            by.setdefault(one.by, Counter())[one.verdict] += 1
    several = [answered.answers for answered in told.answers.values() if len(answered.answers) > 1]
    first = agreement.first_two([one.verdict for one in answers] for answers in several)
    each = agreement.by_reviewers({one.by: one.verdict for one in answers} for answers in several)
    return results.ReviewStatistics(
        counts=counts(many),
        reviewers=tuple(
            results.ReviewerCount(reviewer=name, same=said["same"], different=said["different"], unsure=said["unsure"])
            for name, said in sorted(by.items())
        ),
        answered_twice=first.pairs,
        agreeing=first.agreeing,
        kappa=first.kappa,
        agreement=tuple(
            results.ReviewAgreement(reviewers=names, pairs=one.pairs, agreeing=one.agreeing, kappa=one.kappa)
            for names, one in each.items()
        ),
    )


def labels(
    told: Said, compared: Mapping[Pair, Sequence[results.ReviewField]] | None
) -> tuple[results.ReviewLabel, ...]:
    """The pairs with a known answer, with what was compared where it is given."""
    found = []
    for both, answered in sorted(told.answers.items()):
        one = answered.standing
        if one is None:
            continue
        found.append(
            results.ReviewLabel(
                a=format_profile_id(both[0]),
                b=format_profile_id(both[1]),
                verdict="same" if one.verdict == "same" else "different",
                by=one.by,
                at=iso(one.at_us),
                reviewers=len(answered.answers),
                disputed=answered.status == "disputed",
                fields=None if compared is None else tuple(compared.get(both, ())),
            )
        )
    return tuple(found)
