"""Consent: last word per node, a denial across nodes, silence is a no."""

from __future__ import annotations

from onefold.governance.consent import Register, Statement, allowed, decide, later, merged


def said(granted: bool, at_us: int, event: bytes = b"e") -> Statement:
    return Statement(granted, at_us, event, "web")


def own(granted: bool, at_us: int) -> Register:
    return Register(own=said(granted, at_us))


def whole(granted: bool, at_us: int) -> Register:
    return Register(whole=said(granted, at_us))


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
