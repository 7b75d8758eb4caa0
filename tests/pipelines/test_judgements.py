"""Judgements are said, waited for, obeyed and taken back, and nothing depends on when they arrive."""

import itertools
from dataclasses import replace

import msgspec
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.plain import explanations, profiles

from onefold.errors import NotFoundError, UsageError
from onefold.identity import contested, solver
from onefold.identity import resolve as resolving
from onefold.identity.solver import solve
from onefold.model import Identifier, LogEntry, parse_profile_id
from onefold.pipelines import judgements
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process

ANN = Identifier("user_id", "ann")
BOB = Identifier("user_id", "bob")
MAIL = Identifier("email", "ann@mail.example")
COOKIE = Identifier("anonymous_id", "c1")


def person(context, who):
    found = profiles.profile(context, who)
    return None if found is None else found["id"]


def say(context, verdict, a, b=None):
    place = judgements.say(context, verdict, a, b, by="steward", reason="seen them")
    process.drain(context)
    assert judgements.settle(context, place, timeout_seconds=0.1)


def test_a_split_parts_and_its_undoing_restores(context):
    """`different` makes two people of one, `withdrawn` leaves the state as it was."""
    before, person_before = _people(context), person(context, ANN)
    say(context, "different", ANN, COOKIE)
    assert person(context, ANN) != person(context, COOKIE)
    assert person(context, ANN) == person(context, MAIL)
    say(context, "withdrawn", COOKIE, ANN)
    assert person(context, ANN) == person(context, COOKIE) == person_before
    assert _people(context) == before


def test_an_undo_holds_although_the_clock_stepped_back(context, monkeypatch):
    """What people say is ordered by the log. By the clock, as a control, the earlier time would count for nothing."""
    before, hashed = _people(context), rebuild.state_hash(context)
    say(context, "different", ANN, COOKIE)
    earlier = replace(context, clock_us=lambda: context.clock_us() - 3_600_000_000)
    say(earlier, "withdrawn", ANN, COOKIE)
    assert _people(context) == before
    assert rebuild.state_hash(context) == hashed
    for module in (solver, contested):
        monkeypatch.setattr(module, "said_order", lambda judgement: (judgement.at_us, judgement.id))
    say(context, "different", ANN, COOKIE)
    say(earlier, "withdrawn", ANN, COOKIE)
    assert _people(context) != before


def _people(context):
    with context.store.snapshot() as snapshot:
        return {row.member.id: (row.member.person, row.member.shared) for row in snapshot.scan()}


def test_a_link_joins_what_no_evidence_does_and_is_undone(context):
    """Two user ids become one person by a word, and two again when it is taken back; the old id still resolves."""
    bob_before = person(context, BOB)
    say(context, "same", ANN, BOB)
    assert person(context, ANN) == person(context, BOB)
    assert person(context, Identifier("profile", bob_before)) == person(context, ANN)
    say(context, "withdrawn", ANN, BOB)
    assert person(context, BOB) == bob_before != person(context, ANN)


def test_a_shared_identifier_links_nobody_until_it_is_taken_back(context):
    """`shared` stands alone; `not_shared` gives it back to its people."""
    say(context, "shared", COOKIE)
    assert person(context, COOKIE) != person(context, ANN)
    say(context, "not_shared", COOKIE)
    assert person(context, COOKIE) == person(context, ANN)


def test_a_judgement_waits_for_those_it_is_about(context):
    """Said of identifiers nobody has seen, it holds when they turn up."""
    new = Identifier("user_id", "cat")
    say(context, "same", ANN, new)
    assert person(context, new) is None
    context.log.append([workbench.entry({"type": "track", "event": "x", "userId": "cat", "messageId": "late"})])
    process.drain(context)
    assert person(context, new) == person(context, ANN)


def test_the_history_and_the_explanation_name_who_said_it_and_why(context):
    """Both show the author, the reason and the identifiers."""
    say(context, "different", ANN, COOKIE)
    told = profiles.history(context, ANN)
    assert [(j["verdict"], j["by"], j["reason"]) for j in told["judgements"]] == [("different", "steward", "seen them")]
    assert "split" in {c["kind"] for c in told["changes"]}
    explained = explanations.explain(context, ANN, COOKIE)
    assert explained["verdict"] == "different"
    assert any("steward" in sentence for sentence in explained["sentences"])


def test_the_counterpart_is_the_strongest_other_identifier(context):
    """What `split` parts an identifier from, unless told."""
    assert person(context, judgements.counterpart(context, COOKIE)) == person(context, ANN)
    best = judgements.counterpart(context, COOKIE)
    assert parse_profile_id(best.value) == judgements.subject(ANN, context.identity, context.hasher)
    assert parse_profile_id(judgements.counterpart(context, ANN).value) == judgements.subject(
        MAIL, context.identity, context.hasher
    )
    with pytest.raises(UsageError, match="no other identifier"):
        judgements.counterpart(context, Identifier("anonymous_id", "c3"))
    for nobody in (Identifier("user_id", "zoe"), Identifier("user_id", "null"), Identifier("profile", "nonsense")):
        with pytest.raises(NotFoundError):
            judgements.counterpart(context, nobody)


@pytest.mark.parametrize(
    ("verdict", "a", "b"),
    [
        ("same", ANN, None),
        ("different", ANN, None),
        ("same", ANN, ANN),
        ("different", MAIL, Identifier("email", " ANN@mail.example ")),
        ("withdrawn", ANN, ANN),
        ("shared", COOKIE, ANN),
        ("not_shared", COOKIE, ANN),
        ("same", ANN, Identifier("user_id", "null")),
        ("same", Identifier("email", "ann.secret"), ANN),
        ("shared", Identifier("profile", "ann.secret"), None),
    ],
)
def test_what_cannot_be_judged_is_refused_before_it_is_written(context, verdict, a, b):
    """Too few, too many, equal or impossible subjects; the refusal shows no value and the log does not grow."""
    ends = context.log.ends()
    with pytest.raises(UsageError) as refusal:
        judgements.say(context, verdict, a, b, by="steward")
    assert "ann" not in str(refusal.value)
    assert context.log.ends() == ends


@pytest.mark.parametrize(("verdict", "b"), [("shared", BOB), ("same", ANN), ("same", None), ("different", None)])
def test_a_judgement_of_the_wrong_number_in_the_log_is_a_dead_letter(context, verdict, b):
    """Whoever wrote it, it does not become a judgement that means nothing."""
    said = judgements.Statement("id", verdict, ANN, b)
    context.log.append([LogEntry("judgement", "onefold", workbench.NOW_US, 0, msgspec.json.encode(said))])
    assert process.drain(context).rejected == 1


def test_the_same_word_sent_twice_is_one(context):
    """A repeated entry is a duplicate, and is counted as such."""
    place = judgements.say(context, "same", ANN, BOB, by="steward")
    context.log.append([s.entry for s in context.log.get([place])])
    worked = process.drain(context)
    assert (worked.stored, worked.duplicate) == (1, 1)


def test_settling_gives_up_in_time(context):
    """Without a processor the answer is no."""
    place = judgements.say(context, "same", ANN, BOB, by="steward")
    assert not judgements.settle(context, place, timeout_seconds=0.05)


# ── the law: judgements and events in any order, in any batches, give what the solver gives on everything at once ──

_NAMES = {
    "userId": ["u1", "u2", "u3"],
    "anonymousId": ["k1", "k2", "k3", "k4"],
    "email": ["p1@mail.example", "p2@mail.example"],
}
_TYPES = {"userId": "user_id", "anonymousId": "anonymous_id", "email": "email"}
_IDENTIFIERS = [Identifier(_TYPES[key], value) for key, some in _NAMES.items() for value in some]


@st.composite
def logs(draw):
    """Entries of events and judgements about nine identifiers, in any order.

    The judgements' times are their own and count for nothing: what people say is ordered by the log.
    """
    entries = []
    for n in range(draw(st.integers(2, 9))):
        who = {key: draw(st.sampled_from(some)) for key, some in _NAMES.items() if draw(st.booleans())}
        body = {"type": "identify", "messageId": f"m{n}", "timestamp": workbench.iso(draw(st.integers(0, 9)) * 40_000)}
        mail = {"traits": {"email": who.pop("email")}} if "email" in who else {}
        entries.append(workbench.entry(body | who | mail, index=n))
    for n in range(draw(st.integers(0, 5))):
        verdict = draw(st.sampled_from(["same", "same", "different", "unsure", "withdrawn", "shared", "not_shared"]))
        a, b = draw(st.lists(st.sampled_from(_IDENTIFIERS), min_size=2, max_size=2, unique=True))
        single = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and draw(st.booleans()))
        said = judgements.Statement(f"j{n}", verdict, a, None if single else b)
        at_us = workbench.NOW_US + draw(st.integers(0, 3))
        entries.append(LogEntry("judgement", "onefold", at_us, n, msgspec.json.encode(said)))
    return draw(st.permutations(entries))


def _resolved_as_solved(entries, batch):
    context = workbench.context()
    context.log.append(entries)
    process.drain(context, batch=batch)
    with context.store.snapshot() as snapshot:
        members = [row.member for row in snapshot.scan()]
        edges = list(snapshot.scan_edges())
        judgements = snapshot.judgements([m.id for m in members])
    at_once = solve(members, edges, judgements, context.identity)
    assert {m.id: (m.person, m.component, m.shared) for m in members} == {
        m.id: (m.person, m.component, m.shared) for m in at_once.members
    }
    return context


@settings(max_examples=200, deadline=None)
@given(logs(), st.integers(1, 4))
def test_judgements_hold_whenever_they_arrive(entries, batch):
    """Batch by batch, in any order, the people are those the solver finds on all evidence and judgements at once."""
    _resolved_as_solved(entries, batch)


@settings(max_examples=100, deadline=None)
@given(logs(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_state_hash_does_not_depend_on_when_judgements_arrive(entries, batch, chance):
    """The same entries in another order and other batches leave the same hash; what people say keeps its own order."""
    said = iter([e for e in entries if e.shape == "judgement"])
    shuffled = [next(said) if e.shape == "judgement" else e for e in chance.sample(entries, len(entries))]
    hashes = {rebuild.state_hash(_resolved_as_solved(some, size)) for some, size in ((entries, batch), (shuffled, 100))}
    assert len(hashes) == 1


def test_forgetting_earlier_judgements_breaks_the_law(monkeypatch):
    """Control: a resolver that obeys only the judgements of the batch at hand is found out."""

    def forgetful(reader, current, judgements):
        about = {m.id: [] for group in current.values() for m in group}
        for judgement, node in itertools.product(judgements, about):
            if node in (judgement.a, judgement.b):
                about[node].append(judgement)
        return about

    monkeypatch.setattr(resolving, "_standing", forgetful)

    def obeyed(entries):
        _resolved_as_solved(entries, 1)

    law = settings(max_examples=500, deadline=None, database=None, phases=[Phase.generate])(given(logs())(obeyed))
    with pytest.raises(AssertionError):
        law()
