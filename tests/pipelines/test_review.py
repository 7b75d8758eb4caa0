"""The review queue: what is asked first, what becomes of answers, and that each can be taken back."""

import itertools
import math
from dataclasses import replace

import msgspec
import pytest
from tests import workbench
from tests.plain import profiles

from onefold.errors import NotFoundError, UsageError
from onefold.model import Identifier, PairScore
from onefold.pipelines import judgements, scores
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.review.pattern import Pattern
from onefold.pipelines.review.service import Review
from onefold.pipelines.stream import process

PEOPLE = (
    ("u1", {"email": "ann.lee@mail.test", "first_name": "Ann", "last_name": "Lee"}, 900),
    ("u2", {"email": "ann.leigh@mail.test", "first_name": "Ann", "last_name": "Leigh"}, 0),
    ("u3", {"email": "bo@mail.test", "first_name": "Bo", "last_name": "Dahl"}, 0),
    ("u4", {"email": "bob@mail.test", "first_name": "Bo", "last_name": "Dahl"}, 0),
    ("u5", {"email": "cy@mail.test", "first_name": "Cy", "last_name": "Ode"}, 0),
)
SCORES = {("u1", "u2"): 1.2, ("u3", "u4"): 1.2, ("u4", "u5"): 1.6, ("u1", "u5"): -4.0}


def node(context, user):
    return judgements.subject(Identifier("contact_id", user), context.identity, context.hasher)


def person(context, user):
    return profiles.profile(context, Identifier("contact_id", user))["id"]


@pytest.fixture
def context():
    """Five people with scores between them that join nobody."""
    context = workbench.context()
    bodies = []
    for user, traits, revenue in PEOPLE:
        who = {"context": {"externalIds": [{"type": "contact_id", "id": user}]}}
        bodies.append({"type": "identify", "traits": traits, "messageId": f"i{user}"} | who)
        if revenue:
            bought = {"type": "track", "event": "Order Completed", "properties": {"revenue": revenue}}
            bodies.append(bought | {"messageId": f"o{user}"} | who)
    context.log.append([workbench.entry(body, index=n) for n, body in enumerate(bodies)])
    process.drain(context)
    score(context, SCORES)
    return context


def score(context, scored, at_us=5):
    pairs = [
        PairScore(*sorted((node(context, one), node(context, other))), value) for (one, other), value in scored.items()
    ]
    scores.append(context.log, pairs, run=f"r{at_us}", model="model/1", at_us=at_us)
    process.drain(context)


def pair_id(context, one, other):
    return "-".join(sorted((node(context, one).hex(), node(context, other).hex())))


def asked(context, reviewer="ann", view="open"):
    return [one.pair for one in Review(context).pairs(view, reviewer=reviewer).pairs]


def decide(context, one, other, verdict, by="ann"):
    review = Review(context)
    _, position = review.decide([pair_id(context, one, other)], verdict, by=by, reason="looked")
    process.drain(context)
    assert judgements.settle(context, position, timeout_seconds=0.1)


def test_what_teaches_and_matters_most_comes_first(context):
    """Of equal scores that of somebody who has spent is first; what is surer is last, what is unlikely is not asked."""
    pairs = Review(context).pairs(reviewer="ann").pairs
    wanted = [pair_id(context, *names) for names in (("u1", "u2"), ("u3", "u4"), ("u4", "u5"))]
    assert [one.pair for one in pairs] == wanted
    assert [one.priority for one in pairs] == sorted((one.priority for one in pairs), reverse=True)
    assert pairs[0].probability == pytest.approx(1 / (1 + math.exp(-1.2)))
    assert pairs[0].uncertainty == pairs[1].uncertainty > pairs[2].uncertainty
    assert pairs[0].priority > pairs[1].priority


def test_pages_go_on_where_they_ended(context):
    """Following `next` gives each pair once, also when one is decided in between; another cursor is refused."""
    review = Review(context)
    first = review.pairs(reviewer="ann", limit=1)
    decide(context, "u1", "u2", "unsure")
    second = review.pairs(reviewer="ann", limit=1, cursor=first.next)
    third = review.pairs(reviewer="ann", limit=1, cursor=second.next)
    found = [page.pairs[0].pair for page in (first, second, third)]
    assert found == [pair_id(context, *names) for names in (("u1", "u2"), ("u3", "u4"), ("u4", "u5"))]
    assert third.next is None
    with pytest.raises(UsageError, match="cursor"):
        review.pairs(reviewer="ann", cursor="strange")


def test_both_sides_are_shown_with_what_differs_marked(context):
    """Fields side by side: what differs first; what is not marked is the same text."""
    (one, *_) = Review(context).pairs(reviewer="ann").pairs
    fields = {field.field: field for field in one.fields}
    assert fields["first_name"].agreement == "equal"
    name = fields["last_name"]
    assert {name.a, name.b} == {"Lee", "Leigh"}
    marks = {name.a: name.marks_a, name.b: name.marks_b}
    assert "".join("Leigh"[slice(*mark)] for mark in marks["Leigh"]) == "igh"
    assert {one.a.revenue, one.b.revenue} == {"900", "0"}


def test_an_answer_holds_and_is_taken_back(context):
    """Same joins, different parts, unsure changes nothing; undone, people are as they were and the pair is open again."""
    before = rebuild.state_hash(context)
    for verdict in ("same", "different", "unsure"):
        decide(context, "u1", "u2", verdict)
        assert (person(context, "u1") == person(context, "u2")) == (verdict == "same")
        assert pair_id(context, "u1", "u2") not in asked(context)
        done, _ = Review(context).undo(by="ann")
        assert done.pairs == (pair_id(context, "u1", "u2"),)
        process.drain(context)
        assert rebuild.state_hash(context) == before
        assert pair_id(context, "u1", "u2") in asked(context)
    with pytest.raises(NotFoundError):
        Review(context).undo(by="ann")


def test_a_doubt_does_not_take_an_answer_back(context):
    """Who says unsure of what they decided leaves the decision as it stands, in the graph, the queue and the labels."""
    decide(context, "u1", "u2", "same")
    decide(context, "u1", "u2", "unsure")
    assert person(context, "u1") == person(context, "u2")
    assert asked(context, view="decided") == [pair_id(context, "u1", "u2")]
    assert [one.verdict for one in Review(context).labels().labels] == ["same"]


def test_a_judgement_is_never_overridden_by_a_score(context):
    """Whatever the matcher scores after somebody said different, they stay two; without that word they join."""
    decide(context, "u1", "u2", "different")
    score(context, {("u1", "u2"): 50.0}, at_us=9)
    assert person(context, "u1") != person(context, "u2")
    assert pair_id(context, "u1", "u2") not in asked(context)
    # Control: taken back, the score joins them.
    Review(context).undo(by="ann")
    process.drain(context)
    assert person(context, "u1") == person(context, "u2")


def test_answers_survive_a_rebuild(context):
    """All answers stand in the log: processed anew, the same pairs are decided, unsure and disputed by the same people."""
    decide(context, "u1", "u2", "different")
    decide(context, "u1", "u2", "same", by="bob")
    decide(context, "u3", "u4", "unsure")
    anew = replace(workbench.context(), log=context.log)
    process.drain(anew)
    assert rebuild.state_hash(anew) == rebuild.state_hash(context)
    for view in ("unsure", "disputed", "decided"):
        assert asked(anew, "cy", view) == asked(context, "cy", view)
    assert Review(anew).decisions() == Review(context).decisions()
    assert Review(anew).statistics().reviewers == Review(context).statistics().reviewers


def test_a_second_reviewer_does_not_see_the_first_answer(context):
    """Decided pairs are offered to others, without the answer, and not to who decided them."""
    decide(context, "u3", "u4", "different")
    assert asked(context, "ann", "second") == []
    (blind,) = Review(context).pairs("second", reviewer="bob").pairs
    assert (blind.pair, blind.answers) == (pair_id(context, "u3", "u4"), ())
    (seen,) = Review(context).pairs("decided", reviewer="bob").pairs
    assert [(one.by, one.verdict, one.reason) for one in seen.answers] == [("ann", "different", "looked")]
    decide(context, "u3", "u4", "same", by="bob")
    assert asked(context, "cy", "second") == []
    assert asked(context, "cy", "disputed") == [pair_id(context, "u3", "u4")]
    stats = Review(context).statistics()
    assert (stats.answered_twice, stats.agreeing, stats.counts.disputed) == (1, 0, 1)
    assert [(one.reviewers, one.pairs, one.agreeing) for one in stats.agreement] == [(("ann", "bob"), 1, 0)]


def test_a_claim_keeps_a_pair_from_others_until_it_ends(context):
    """Two reviewers get different pairs; a claim that was released, answered or has run out binds nobody."""
    now = itertools.count(workbench.NOW_US)
    jump = [0]
    review = Review(replace(context, clock_us=lambda: next(now) + jump[0]))
    (mine,) = review.claim(reviewer="ann").pairs
    (theirs,) = review.claim(reviewer="bob").pairs
    assert mine.pair != theirs.pair
    assert mine.claimed_by == "ann"
    assert review.claim(reviewer="ann").pairs[0].pair == mine.pair
    assert review.release([mine.pair, theirs.pair], reviewer="ann") == 1
    assert review.claim(reviewer="cy").pairs[0].pair == mine.pair
    jump[0] = 301_000_000
    assert [one.pair for one in review.claim(reviewer="dee", count=9).pairs][:2] == [mine.pair, theirs.pair]


def test_a_decision_by_pattern_is_one_decision(context):
    """A preview with the count, then all at once; the count must still be right; one undo takes all back."""
    review = Review(context)
    before = rebuild.state_hash(context)
    pattern = Pattern(equal=("first_name",))
    found = review.bulk(pattern)
    assert (found.matching, found.looked_at, found.pattern) == (2, 3, "first_name equal")
    with pytest.raises(UsageError, match="2 pairs now, not 3"):
        review.decide_bulk(pattern, "same", expected=3, by="ann")
    review.decide_bulk(pattern, "same", expected=2, by="ann", reason="agreed with Bo")
    process.drain(context)
    assert person(context, "u1") == person(context, "u2")
    assert person(context, "u3") == person(context, "u4")
    audit = review.decisions().decisions
    assert [(one.bulk, one.stands, one.by) for one in audit] == [(2, True, "ann")] * 2
    assert {one.reason for one in audit} == {"agreed with Bo (all pairs with first_name equal)"}
    undone, _ = review.undo(by="bob", decision=audit[0].decision)
    assert undone.decided == 2
    process.drain(context)
    assert rebuild.state_hash(context) == before
    with pytest.raises(UsageError, match="says nothing"):
        review.bulk(Pattern())


@pytest.mark.parametrize(
    ("pattern", "fitting"),
    [
        (Pattern(equal=("last_name",)), 1),
        (Pattern(close=("email",)), 3),
        (Pattern(different=("last_name",)), 2),
        (Pattern(missing=("shoe_size",)), 3),
        (Pattern(probability_min=0.8), 1),
        (Pattern(probability_max=0.8, equal=("first_name",)), 2),
    ],
    ids=str,
)
def test_a_pattern_means_what_it_says(context, pattern, fitting):
    """Each of its conditions counts."""
    assert Review(context).bulk(pattern).matching == fitting


def test_labels_are_the_answers_that_count(context):
    """The latest word on each pair, with ids; values only when asked for."""
    decide(context, "u1", "u2", "same")
    decide(context, "u1", "u2", "different", by="bob")
    decide(context, "u3", "u4", "unsure")
    (label,) = Review(context).labels().labels
    assert (label.verdict, label.by, label.reviewers, label.disputed, label.fields) == (
        "different",
        "bob",
        2,
        True,
        None,
    )
    (whole,) = Review(context).labels(values=True).labels
    assert {"Lee", "Leigh"} <= {text for field in whole.fields for text in (field.a, field.b)}
    assert msgspec.structs.replace(whole, fields=None) == label


@pytest.mark.parametrize("pair", ["x", "00-11", "0" * 32 + "-" + "0" * 32, "1" * 32 + "-" + "0" * 32])
def test_what_is_no_pair_is_refused(context, pair):
    """Nothing is put into the log."""
    ends = context.log.ends()
    with pytest.raises(UsageError):
        Review(context).decide([pair], "same", by="ann")
    with pytest.raises(NotFoundError):
        Review(context).decide(["0" * 32 + "-" + "1" * 32], "same", by="ann")
    assert context.log.ends() == ends


def test_contradicted_evidence_and_hardly_enough_scores_are_asked(context):
    """One address of two whom the matcher holds for strangers, and a join just above the threshold; no sure ones."""
    bodies = [
        {"type": "identify", "traits": {"email": "home@mail.test", "first_name": name}, "messageId": user}
        | {"context": {"externalIds": [{"type": "contact_id", "id": user}]}}
        for user, name in (("h1", "Gus"), ("h2", "Ida"), ("h3", "Jo"), ("h4", "Jo"), ("h5", "Kim"), ("h6", "Kim"))
    ]
    for body in bodies[2:]:
        del body["traits"]["email"]
    far = [("h7", "Lou"), ("h8", "Mel")]
    bodies += [
        {"type": "identify", "traits": {"email": "far@mail.test", "first_name": name}, "messageId": user}
        | {"context": {"externalIds": [{"type": "contact_id", "id": user}]}}
        for user, name in far
    ]
    score(context, {("h1", "h2"): -5.0, ("h3", "h4"): 2.0, ("h5", "h6"): 5.0, ("h7", "h8"): -9.0})
    context.log.append([workbench.entry(body, index=n) for n, body in enumerate(bodies)])
    process.drain(context)
    assert person(context, "h1") != person(context, "h2")
    assert person(context, "h3") == person(context, "h4")
    found = {one.pair: one for one in Review(context).pairs(reviewer="ann").pairs}
    refused, joined = found[pair_id(context, "h1", "h2")], found[pair_id(context, "h3", "h4")]
    assert refused.cause == "refused"
    # The address speaks for one person, the score against: the less it leaves open, the later it is asked.
    assert 0.1 < refused.uncertainty < joined.uncertainty
    assert "one email" in refused.because
    assert joined.cause == "joined"
    assert pair_id(context, "h5", "h6") not in found
    assert person(context, "h7") != person(context, "h8")
    assert pair_id(context, "h7", "h8") not in found, "all but the address says that they are two"
    # What each of the two identifiers states is compared, not one person with themselves.
    assert joined.a.label != joined.b.label
