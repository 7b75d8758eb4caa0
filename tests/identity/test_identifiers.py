"""The same name, however typed, becomes the same text; what names nobody is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cost import units

from onefold.identity.identifiers import CHARACTERS_MAX, Refused, normalise
from onefold.identity.settings import BLOCKED_VALUES, IdentitySettings

SETTINGS = IdentitySettings()
TYPES = ["user_id", "email", "phone", "device_id", "anonymous_id", "crm_id"]


@pytest.mark.parametrize(
    ("kind", "stated", "normalised"),
    [
        ("user_id", "  U-1 ", "U-1"),
        ("user_id", "\ufeffU-1\u200b \u200b", "U-1"),
        ("user_id", "Zoe\u0308", "Zo\u00eb"),
        ("email", " Ann@Example.ORG ", "ann@example.org"),
        ("email", "ann@example.org.", "ann@example.org"),
        ("email", "\uff41\uff4e\uff4e\uff20example\uff0eorg", "ann@example.org"),
        ("email", "ann@stra\u00dfe.de", "ann@xn--strae-oqa.de"),
        ("email", "ann@M\u00dcNCHEN.de", "ann@xn--mnchen-3ya.de"),
        ("email", "ann@\u4f8b\u3002jp", "ann@xn--fsq.jp"),
        ("email", "ann+news@example.org", "ann+news@example.org"),
        ("phone", "+12025550143", "+12025550143"),
        ("phone", "(202) 555-0143", "+12025550143"),
        ("phone", "1.202.555.0143", "+12025550143"),
        ("phone", "0044 20 7946 0958", "+442079460958"),
        ("phone", "+44 (0)20 7946 0958", "+442079460958"),
        ("phone", "tel:+44-20-7946-0958", "+442079460958"),
        ("phone", "whatsapp:+442079460958", "+442079460958"),
        ("phone", "\uff0b12025550143", "+12025550143"),
        ("phone", "202-555-0143 ext. 12", "+12025550143;ext=12"),
        ("device_id", "6D1C9B1E-1111-2222-3333-444455556666", "6d1c9b1e-1111-2222-3333-444455556666"),
        ("device_id", "iPhone-A", "iPhone-A"),
        ("crm_id", "003xA", "003xA"),
    ],
)
def test_one_form(kind, stated, normalised):
    """Trimmed, in one Unicode form; e-mail in lower case, phones as E.164, UUIDs of devices in lower case."""
    assert normalise(kind, stated, SETTINGS) == normalised


@pytest.mark.parametrize(
    ("kind", "stated", "reason"),
    [
        ("user_id", "", "identifier_empty"),
        ("user_id", " \u200b\t", "identifier_empty"),
        ("user_id", "x" * (CHARACTERS_MAX + 1), "identifier_too_long"),
        ("user_id", "\ud800", "identifier_damaged"),
        ("email", "ann", "email_invalid"),
        ("email", "@example.org", "email_invalid"),
        ("email", "ann@", "email_invalid"),
        ("email", "ann@localhost", "email_invalid"),
        ("email", "ann@127.0.0.1", "email_invalid"),
        ("email", "ann@-example.org", "email_invalid"),
        ("email", "ann@example..org", "email_invalid"),
        ("email", "ann@bob@example.org", "email_invalid"),
        ("email", "ann smith@example.org", "email_invalid"),
        ("email", "a" * 65 + "@example.org", "email_invalid"),
        ("email", "ann@" + "a" * 64 + ".org", "email_invalid"),
        ("email", "a" * 60 + "@" + "a.example." * 25 + "org", "email_invalid"),
        ("phone", "12345", "phone_impossible"),
        ("phone", "ask Ann", "phone_invalid"),
        ("phone", "tel:", "phone_invalid"),
        ("phone", "+999 12345678", "phone_invalid"),
        ("phone", "23" * 33, "phone_invalid"),
        ("phone", "+44 (00)2 7946 0958", "phone_impossible"),
        ("phone", "9999999999", "identifier_placeholder"),
        ("phone", "+12222222222", "identifier_placeholder"),
        ("phone", "123-456-7890", "identifier_placeholder"),
    ],
)
def test_what_names_nobody_is_refused_with_its_reason(kind, stated, reason):
    """Each refusal has a reason from the closed list."""
    assert normalise(kind, stated, SETTINGS) == Refused(reason)


PLACEHOLDERS = [
    "null", " null ", "-1", "0", "000-000-0000", "0.0 0", "00000000-0000-0000-0000-000000000000", "----", "Undefined",
    "NONE", "nan", "n/a", "anonymous", "void", "abc123", "guest", "test@test.com", "unknown", "[object Object]",
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("value", PLACEHOLDERS)
def test_blocked_values_name_nobody_whatever_their_type(kind, value):
    """Placeholders and values of zeros and dashes never become a node, in any case and with blanks around."""
    assert normalise(kind, value, SETTINGS) == Refused("identifier_blocked")


def test_every_listed_value_is_blocked():
    """No entry of the list is out of reach, for example by its capitals."""
    assert [
        v for v in BLOCKED_VALUES if normalise("user_id", v.upper(), SETTINGS) != Refused("identifier_blocked")
    ] == []


def test_blocked_values_are_found_as_normalised_too():
    """A blocked phone number is blocked in every way of writing it."""
    settings = IdentitySettings(blocked_values=frozenset({"+12025550143", " Nobody@Example.ORG"}))
    assert normalise("phone", "(202) 555-0143", settings) == Refused("identifier_blocked")
    assert normalise("email", "\uff4eobody@example.org", settings) == Refused("identifier_blocked")
    assert normalise("phone", "(202) 555-0144", settings) == "+12025550144"


def test_blocked_patterns_know_stars_and_question_marks_only():
    """`*` is any text, `?` one character, and brackets stand for themselves."""
    settings = IdentitySettings(blocked_patterns=("*@Example.com", "qa-?", "[ab]*"))
    blocked = ["ann@example.com", "QA-7", "[AB]c"]
    allowed = ["ann@example.org", "qa-77", "abc", "a"]
    assert all(normalise("user_id", v, settings) == Refused("identifier_blocked") for v in blocked)
    assert all(normalise("user_id", v, settings) == v for v in allowed)


def test_no_pattern_takes_long():
    """Many stars against a long near-miss end at once: no pattern of a project can stall the pipeline."""
    settings = IdentitySettings(blocked_patterns=("*a" * 60 + "b",))
    near = "a" * (CHARACTERS_MAX - 1) + "c"
    assert normalise("user_id", near, settings) == near
    assert units(lambda: normalise("user_id", near, settings)) < 1


def test_phone_without_country_needs_a_region():
    """Without a default region only numbers with a country code are understood; another region reads them its way."""
    nowhere, germany = IdentitySettings(default_region=None), IdentitySettings(default_region="DE")
    assert normalise("phone", "(202) 555-0143", nowhere) == Refused("phone_invalid")
    assert normalise("phone", "+44 20 7946 0958", nowhere) == "+442079460958"
    assert normalise("phone", "030 901820", germany) == "+4930901820"


def test_mailbox_variants_are_told_apart_unless_asked():
    """Plus tags and Gmail's dots are dropped only where the project says so, dots only at Gmail."""
    loose = IdentitySettings(drop_plus_tags=True, drop_gmail_dots=True)
    assert normalise("email", "a.nn+x@gmail.com", SETTINGS) == "a.nn+x@gmail.com"
    assert normalise("email", "a.nn+x@gmail.com", loose) == "ann@gmail.com"
    assert normalise("email", "a.nn+x@example.org", loose) == "a.nn@example.org"


_texts = st.one_of(
    st.text(max_size=40),
    st.from_regex(r"[\w.+-]{1,8}@[\w-]{1,8}(\.[\w-]{1,6}){1,2}", fullmatch=True),
    st.from_regex(r"(tel:|\+|00)?[0-9 ()./-]{5,18}( ?x[0-9]{1,4})?", fullmatch=True),
)


@given(st.sampled_from(TYPES), _texts)
def test_normalising_twice_changes_nothing(kind, text):
    """What is normalised is stable, so a stored value means its own node for ever; and nothing makes it raise."""
    once = normalise(kind, text, SETTINGS)
    if isinstance(once, str):
        assert normalise(kind, once, SETTINGS) == once


@given(st.sampled_from(TYPES), _texts, st.sampled_from(["", " ", "\t", "\u00a0", "\u200b"]))
def test_blanks_around_a_value_change_nothing(kind, text, blank):
    """Typed blanks and invisible characters at the ends never make another identifier."""
    assert normalise(kind, blank + text + blank, SETTINGS) == normalise(kind, text, SETTINGS)
