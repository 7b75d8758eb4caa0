"""Judgements are said, waited for, obeyed and taken back, and nothing depends on when they arrive."""

import itertools

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench

from onefold.errors import NotFoundError, UsageError
from onefold.identity import resolve as resolving
from onefold.identity.solver import solve
from onefold.model import Identifier, LogEntry, parse_profile_id
from onefold.pipelines import judging, reading, rebuild, stream

ANN = Identifier("user_id", "ann")
BOB = Identifier("user_id", "bob")
MAIL = Identifier("email", "ann@mail.example")
COOKIE = Identifier("anonymous_id", "c1")


def person(parts, who):
    found = reading.profile(parts, who)
    return None if found is None else found["id"]


def say(parts, verdict, a, b=None):
    place = judging.say(parts, verdict, a, b, by="steward", reason="seen them")
    stream.drain(parts)
    assert judging.settle(parts, place, timeout_seconds=0.1)


def test_a_split_parts_and_its_undoing_restores(parts):
    """`different` makes two people of one, `withdrawn` leaves the state as it was."""
    before, person_before = _people(parts), person(parts, ANN)
    say(parts, "different", ANN, COOKIE)
    assert person(parts, ANN) != person(parts, COOKIE)
    assert person(parts, ANN) == person(parts, MAIL)
    say(parts, "withdrawn", COOKIE, ANN)
    assert person(parts, ANN) == person(parts, COOKIE) == person_before
    assert _people(parts) == before


def _people(parts):
    with parts.store.snapshot() as snapshot:
        return {row.member.id: (row.member.person, row.member.shared) for row in snapshot.scan()}


def test_a_link_joins_what_no_evidence_does_and_is_undone(parts):
    """Two user ids become one person by a word, and two again when it is taken back; the old id still resolves."""
    bob_before = person(parts, BOB)
    say(parts, "same", ANN, BOB)
    assert person(parts, ANN) == person(parts, BOB)
    assert person(parts, Identifier("profile", bob_before)) == person(parts, ANN)
    say(parts, "withdrawn", ANN, BOB)
    assert person(parts, BOB) == bob_before != person(parts, ANN)


def test_a_shared_identifier_links_nobody_until_it_is_taken_back(parts):
    """`shared` stands alone; `not_shared` gives it back to its people."""
    say(parts, "shared", COOKIE)
    assert person(parts, COOKIE) != person(parts, ANN)
    say(parts, "not_shared", COOKIE)
    assert person(parts, COOKIE) == person(parts, ANN)


def test_a_judgement_waits_for_those_it_is_about(parts):
    """Said of identifiers nobody has seen, it holds when they turn up."""
    new = Identifier("user_id", "cat")
    say(parts, "same", ANN, new)
    assert person(parts, new) is None
    parts.log.append([workbench.entry({"type": "track", "event": "x", "userId": "cat", "messageId": "late"})])
    stream.drain(parts)
    assert person(parts, new) == person(parts, ANN)


def test_the_history_and_the_explanation_name_who_said_it_and_why(parts):
    """Both show the author, the reason and the identifiers."""
    say(parts, "different", ANN, COOKIE)
    told = reading.history(parts, ANN)
    assert [(j["verdict"], j["by"], j["reason"]) for j in told["judgements"]] == [("different", "steward", "seen them")]
    assert "split" in {c["kind"] for c in told["changes"]}
    explained = reading.explain(parts, ANN, COOKIE)
    assert explained["verdict"] == "different"
    assert any("steward" in sentence for sentence in explained["sentences"])


def test_the_counterpart_is_the_strongest_other_identifier(parts):
    """What `split` parts an identifier from, unless told."""
    assert person(parts, judging.counterpart(parts, COOKIE)) == person(parts, ANN)
    best = judging.counterpart(parts, COOKIE)
    assert parse_profile_id(best.value) == judging.subject(ANN, parts.identity, parts.hasher)
    assert parse_profile_id(judging.counterpart(parts, ANN).value) == judging.subject(
        MAIL, parts.identity, parts.hasher
    )
    with pytest.raises(UsageError, match="nothing to part"):
        judging.counterpart(parts, Identifier("anonymous_id", "c3"))
    for nobody in (Identifier("user_id", "zoe"), Identifier("user_id", "null"), Identifier("profile", "nonsense")):
        with pytest.raises(NotFoundError):
            judging.counterpart(parts, nobody)


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
def test_what_cannot_be_judged_is_refused_before_it_is_written(parts, verdict, a, b):
    """Too few, too many, equal or impossible subjects; the refusal shows no value and the log does not grow."""
    ends = parts.log.ends()
    with pytest.raises(UsageError) as refusal:
        judging.say(parts, verdict, a, b, by="steward")
    assert "ann" not in str(refusal.value)
    assert parts.log.ends() == ends


@pytest.mark.parametrize(("verdict", "b"), [("shared", BOB), ("same", ANN), ("same", None), ("different", None)])
def test_a_judgement_of_the_wrong_number_in_the_log_is_a_dead_letter(parts, verdict, b):
    """Whoever wrote it, it does not become a judgement that means nothing."""
    said = judging.Statement("id", verdict, ANN, b)
    parts.log.append([LogEntry("judgement", "onefold", workbench.NOW_US, 0, msgspec.json.encode(said))])
    assert stream.drain(parts).rejected == 1


def test_the_same_word_sent_twice_is_one(parts):
    """A repeated entry is a duplicate, and is counted as such."""
    place = judging.say(parts, "same", ANN, BOB, by="steward")
    parts.log.append([s.entry for s in parts.log.get([place])])
    worked = stream.drain(parts)
    assert (worked.stored, worked.duplicate) == (1, 1)


def test_settling_gives_up_in_time(parts):
    """Without a processor the answer is no."""
    place = judging.say(parts, "same", ANN, BOB, by="steward")
    assert not judging.settle(parts, place, timeout_seconds=0.05)


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
    """Entries of events and judgements about nine identifiers, in any order; the judgements' times are their own."""
    entries = []
    for n in range(draw(st.integers(2, 9))):
        who = {key: draw(st.sampled_from(some)) for key, some in _NAMES.items() if draw(st.booleans())}
        body = {"type": "identify", "messageId": f"m{n}", "timestamp": workbench.iso(draw(st.integers(0, 9)) * 40_000)}
        mail = {"traits": {"email": who.pop("email")}} if "email" in who else {}
        entries.append(workbench.entry(body | who | mail, index=n))
    for n in range(draw(st.integers(0, 5))):
        verdict = draw(st.sampled_from(["same", "same", "different", "withdrawn", "shared", "not_shared"]))
        a, b = draw(st.lists(st.sampled_from(_IDENTIFIERS), min_size=2, max_size=2, unique=True))
        single = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and draw(st.booleans()))
        said = judging.Statement(f"j{n}", verdict, a, None if single else b)
        at_us = workbench.NOW_US + draw(st.integers(0, 3))
        entries.append(LogEntry("judgement", "onefold", at_us, n, msgspec.json.encode(said)))
    return draw(st.permutations(entries))


def _resolved_as_solved(entries, batch):
    parts = workbench.parts()
    parts.log.append(entries)
    stream.drain(parts, batch=batch)
    with parts.store.snapshot() as snapshot:
        members = [row.member for row in snapshot.scan()]
        edges = list(snapshot.scan_edges())
        judgements = snapshot.judgements([m.id for m in members])
    at_once = solve(members, edges, judgements, parts.identity)
    assert {m.id: (m.person, m.component, m.shared) for m in members} == {
        m.id: (m.person, m.component, m.shared) for m in at_once.members
    }
    return parts


@settings(max_examples=200, deadline=None)
@given(logs(), st.integers(1, 4))
def test_judgements_hold_whenever_they_arrive(entries, batch):
    """Batch by batch, in any order, the people are those the solver finds on all evidence and judgements at once."""
    _resolved_as_solved(entries, batch)


@settings(max_examples=100, deadline=None)
@given(logs(), st.integers(1, 4), st.randoms(use_true_random=False))
def test_the_state_hash_does_not_depend_on_when_judgements_arrive(entries, batch, chance):
    """The same entries in another order and other batches leave the same hash."""
    shuffled = chance.sample(entries, len(entries))
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

    law = settings(max_examples=500, deadline=None, database=None)(given(logs())(obeyed))
    with pytest.raises(AssertionError):
        law()
