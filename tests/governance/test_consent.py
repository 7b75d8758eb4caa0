"""Consent: last word per node, a denial across nodes, silence is a no."""

from __future__ import annotations

from onefold.governance import consent
from onefold.governance.consent import Register, Spoken, Statement, later, may_send, merged


def said(granted: bool, at_us: int, event: bytes = b"e") -> Statement:
    return Statement(granted, at_us, event, "web")


def own(granted: bool, at_us: int) -> Register:
    return Register(own=said(granted, at_us))


def whole(granted: bool, at_us: int) -> Register:
    return Register(whole=said(granted, at_us))


def spoken(nodes):
    return [Spoken(b"%d" % number, registers) for number, registers in enumerate(nodes)]


def decide(nodes, purpose, beside=()):
    return consent.decide(spoken(nodes), purpose, spoken(beside))


def allowed(nodes, purpose, beside=()):
    return consent.allowed(spoken(nodes), purpose, spoken(beside))


def test_silence_is_a_no():
    """What nobody spoke of is denied, and it can be told from a denial."""
    assert decide([], "email") is None
    assert decide([{"sms": own(True, 1)}], "email") is None
    assert not allowed([{"sms": own(True, 1)}], "email")


def test_the_last_word_counts_on_one_node():
    """People change their minds both ways."""
    assert later(said(True, 1), said(False, 2)) == said(False, 2)
    assert later(said(True, 3), said(False, 2)) == said(True, 3)


def test_of_two_words_at_one_time_the_denial_counts():
    """Whichever event id is greater."""
    assert later(said(True, 1, b"z"), said(False, 1, b"a")) == said(False, 1, b"a")


def test_a_denial_on_any_node_denies_the_person():
    """However much later another node allowed it."""
    assert not allowed([{"email": own(False, 1)}, {"email": own(True, 9)}], "email")
    assert allowed([{"email": own(True, 1)}, {"email": own(True, 9)}], "email")


def test_a_statement_about_all_is_about_every_purpose():
    """Later it silences what was said of one purpose; earlier it is silenced by it."""
    assert not allowed([{"email": own(True, 1), "all": own(False, 2)}], "email")
    assert allowed([{"email": own(True, 3), "all": own(False, 2)}], "email")
    assert not allowed([{"email": own(True, 3), "all": own(False, 2)}], "sms")
    assert allowed([{"all": own(True, 2)}], "sms")


def test_denying_all_on_one_node_denies_what_another_allowed():
    """The toggle reaches across nodes, as every denial does."""
    assert not allowed([{"all": own(False, 1)}, {"email": own(True, 2)}], "email")


def test_a_later_word_for_the_whole_person_outranks_older_denials():
    """It does not outrank what is said after it."""
    old, new = {"email": own(False, 1)}, {"email": own(False, 9)}
    assert allowed([old, {"email": whole(True, 5)}], "email")
    assert not allowed([new, {"email": whole(True, 5)}], "email")
    assert not allowed([{"email": own(True, 1)}, {"email": whole(False, 5)}], "email")


def test_a_later_word_on_the_node_does_not_hide_one_for_the_whole_person():
    """The node's own yes afterwards must not bring another node's older no back."""
    register = merged(whole(True, 5), own(True, 7))
    assert allowed([{"email": own(False, 1)}, {"email": register}], "email")


def test_a_denial_beside_stays_and_a_grant_beside_counts_for_nothing():
    """What once applied to a person keeps applying; what others allowed never did."""
    assert not allowed([{"email": own(True, 1)}], "email", [{"email": own(False, 2)}])
    assert not allowed([{"email": own(True, 9)}], "email", [{"all": own(False, 2)}])
    assert not allowed([{}], "email", [{"email": own(True, 2)}])
    assert allowed([{"email": whole(True, 5)}], "email", [{"email": own(False, 2)}])


def test_a_later_yes_that_names_the_address_lifts_its_no():
    """Who subscribes again with the address that was unsubscribed has said yes; an earlier yes has not, nor a stranger's."""
    address = Spoken(b"a", {"email": own(False, 2)})
    for at_us, lifted in ((1, False), (3, True)):
        person = Spoken(b"u", {"email": own(True, at_us)}, {"email": {b"a".hex(): said(True, at_us)}})
        assert consent.allowed([person, address], "email") is lifted
        assert consent.allowed([person], "email", [address]) is lifted
    stranger = Spoken(b"u", {"email": own(True, 3)}, {"email": {b"b".hex(): said(True, 3)}})
    assert not consent.allowed([stranger, address], "email")


def test_before_sending_the_address_is_asked_as_well():
    """The person may say yes while the address says no, by its own word or by another's that named it."""
    person = Spoken(b"u", {"email": own(True, 5)})
    assert may_send([person], [], Spoken(b"a"), "email")
    assert not may_send([person], [], Spoken(b"a", named={"email": said(False, 1)}), "email")
    assert not may_send([person], [], Spoken(b"a", {"all": own(False, 1)}), "email")
    assert not may_send([Spoken(b"u")], [], Spoken(b"a", named={"email": said(True, 1)}), "email")
