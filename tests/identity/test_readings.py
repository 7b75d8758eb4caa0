"""What a field holds: one identifier as a rule, sometimes several, or one that stands in something else."""

import phonenumbers
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onefold.errors import ConfigurationError
from onefold.identity.identifiers import _REFUSALS, Reading, read
from onefold.identity.phones import region_fault
from onefold.identity.settings import IdentitySettings

US, GB, DE = (IdentitySettings(default_region=region) for region in ("US", "GB", "DE"))
NOWHERE = IdentitySettings(default_region=None)


@pytest.mark.parametrize(
    ("kind", "stated", "values", "codes"),
    [
        ("email", "ann@one.example; ann@work.example", "ann@one.example ann@work.example", "identifiers_split"),
        ("email", "ann@one.example,bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example ::: bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example / bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example/bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example or bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example\nbob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "ann@one.example bob@one.example", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "Ann Roe <ann@one.example>, Bob <bob@one.example>", "ann@one.example bob@one.example", "identifiers_split"),
        ("email", "Cy Roe <Cy@One.example>", "cy@one.example", "identifier_unwrapped"),
        ("email", '"Roe, Cy" <cy@one.example>', "cy@one.example", "identifier_unwrapped"),
        ("email", "'old@one.example' <cy@one.example>", "cy@one.example", "identifier_unwrapped"),
        ("email", "mailto:dee@one.example", "dee@one.example", "identifier_unwrapped"),
        ("email", "MAILTO:dee@one.example?subject=Hi", "dee@one.example", "identifier_unwrapped"),
        ("email", "dee@one.example (Dee)", "dee@one.example", "identifier_unwrapped"),
        ("email", "<dee@one.example>", "dee@one.example", "identifier_unwrapped"),
        ("email", "dee@one.example;", "dee@one.example", "identifier_unwrapped"),
        ("email", "'dee@one.example", "dee@one.example", "identifier_unwrapped"),
        ("email", "dee\u200e@one.example\u202c", "dee@one.example", "invisible_characters"),
        ("email", "d\u200bee@one.exam\u00adple", "dee@one.example", "invisible_characters"),
        ("email", "ann@one.example; n/a", "ann@one.example", "identifier_blocked identifier_unwrapped"),
        ("email", "ann@one.example; bob at home", "ann@one.example", "email_invalid identifier_unwrapped"),
        ("email", "ann smith@one.example", "", "email_invalid"),
        ("email", "ann@one.example@two.example", "", "email_invalid"),
        ("email", "ann\ufffd@one.example", "", "identifier_damaged"),
        ("phone", "'+442079460020", "+442079460020", "identifier_unwrapped"),
        ("phone", "\u202a+44 20 7946 0020\u202c", "+442079460020", "invisible_characters"),
        ("phone", "+44\u00a020\u20117946\u20110020", "+442079460020", ""),
        ("phone", "447700900121", "+447700900121", "phone_country_assumed"),
        ("phone", "44 7700 900121", "+447700900121", "phone_country_assumed"),
        ("phone", "447700900122@c.us", "+447700900122", ""),
        ("phone", "447700900122:17@s.whatsapp.net", "+447700900122", ""),
        ("phone", "whatsapp:+447700900122", "+447700900122", ""),
        ("phone", "https://wa.me/447700900122", "+447700900122", ""),
        ("phone", "tel:+44-20-7946-0020", "+442079460020", ""),
        ("phone", "447700900122@g.us", "", "phone_invalid"),
        ("phone", "2025550143.0", "+12025550143", ""),
        ("phone", "+44 20 7946 0020 (home)", "+442079460020", "identifier_unwrapped"),
        ("phone", "Mobile: +44 7700 900122", "+447700900122", "identifier_unwrapped"),
        ("phone", "202-555-0143; 202-555-0144", "+12025550143 +12025550144", "identifiers_split"),
        ("phone", "202-555-0143, 202-555-0144", "+12025550143 +12025550144", "identifiers_split"),
        ("phone", "202-555-0143 / 202-555-0144", "+12025550143 +12025550144", "identifiers_split"),
        ("phone", "202-555-0143 or 202-555-0144", "+12025550143 +12025550144", "identifiers_split"),
        ("phone", "202-555-0143\n202-555-0144", "+12025550143 +12025550144", "identifiers_split"),
        ("phone", "202-555-0143, ext. 12", "+12025550143;ext=12", ""),
        ("phone", "+12025550143;ext=12", "+12025550143;ext=12", ""),
        ("phone", "202-555-0143; 12", "+12025550143", "phone_impossible"),
        ("phone", "555-0143", "", "phone_impossible"),
        ("phone", "0612345678", "", "phone_impossible"),
        ("phone", "+1 023 456 7891", "", "phone_impossible"),
        ("phone", "+44 20 7946", "", "phone_impossible"),
        ("phone", "+49 30 9018 Tom", "", "phone_invalid"),
        ("phone", "1-800-FLOWERS", "+18003569377", ""),
        ("crm_id", "'00042", "00042", "identifier_unwrapped"),
        ("crm_id", '="00042"', "00042", "identifier_unwrapped"),
        ("crm_id", '"00042"', "00042", "identifier_unwrapped"),
        ("crm_id", "42.0", "42", "decimal_id"),
        ("crm_id", "C1\nC2", "C1 C2", "identifiers_split"),
        ("crm_id", "C1; C2", "C1; C2", ""),
        ("crm_id", "C\u200e1\ufeff", "C1", "invisible_characters"),
        ("crm_id", "\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e", ""),
        ("crm_id", "C\u00a01", "C 1", ""),
        ("device_id", "{6D1C9B1E-1111-2222-3333-44445555666A}", "6d1c9b1e-1111-2222-3333-44445555666a",
         "identifier_unwrapped"),
    ],
)  # fmt: skip
def test_a_field_is_understood_or_told(kind, stated, values, codes):
    """Each identifier in it is taken, never a glued one, and a finding says what was done."""
    reading = read(kind, stated, US)
    found = reading.values if reading.values == (values,) else tuple(values.split())
    assert reading == Reading(found, tuple(codes.split()))


def test_national_numbers_are_read_in_the_projects_region():
    """The same digits are a number in one region, another's nowhere, and never another number."""
    assert read("phone", "020 7946 0018", GB).values == ("+442079460018",)
    assert read("phone", "07700 900123", GB).values == ("+447700900123",)
    assert read("phone", "020 7946 0018", US) == read("phone", "020 7946 0018", NOWHERE).__class__(
        (), ("phone_impossible",)
    )
    assert read("phone", "030 901820", DE).values == ("+4930901820",)
    assert read("phone", "901820", DE) == Reading((), ("phone_impossible",))
    assert read("phone", "06 12 34 56 78", GB) == Reading((), ("phone_impossible",))
    assert read("phone", "2025550143", NOWHERE).values == ()


REGIONS = ("US", "GB", "DE", "FR", "IT", "BR", "IN", "NG", "AU", "JP", "MX", "ES")
EXAMPLES = {
    region: phonenumbers.example_number_for_type(region, kind)
    for region in REGIONS
    for kind in [phonenumbers.PhoneNumberType.MOBILE]
}
E164, NATIONAL, INTERNATIONAL, RFC3966 = (
    getattr(phonenumbers.PhoneNumberFormat, name) for name in ("E164", "NATIONAL", "INTERNATIONAL", "RFC3966")
)
punctuation = st.sampled_from([" ", "-", ".", "\u2011", "\u00a0", "", "  ", "/"])


@st.composite
def notations(draw):
    """A valid number of some region, as somebody might write it, and the region it needs."""
    region = draw(st.sampled_from(REGIONS))
    example = phonenumbers.format_number(EXAMPLES[region], E164)
    number = phonenumbers.parse(example[:-3] + draw(st.from_regex(r"[0-9]{3}", fullmatch=True)))
    assume(phonenumbers.is_valid_number(number))
    national = draw(st.booleans())
    form = draw(st.sampled_from([NATIONAL] if national else [E164, INTERNATIONAL, RFC3966]))
    written = phonenumbers.format_number(number, form)
    written = draw(punctuation).join(written.split(" "))
    around = ["%s", " %s ", "'%s", "\u202a%s\u202c", "%s\u200b", '"%s"', "Tel: %s", "%s (home)"] + (
        [] if national else ["whatsapp:%s"]
    )
    if form == RFC3966:
        around = ["%s", " %s ", "%s\u200e"]
    return (
        draw(st.sampled_from(around)) % written,
        region if national else draw(st.sampled_from((*REGIONS, None))),
        number,
    )


@given(notations())
@settings(max_examples=200, deadline=None)
def test_every_notation_of_a_number_is_that_number_or_told(notation):
    """The oracle is the library that wrote the number; what is not read is refused, never read as another."""
    written, region, number = notation
    placeholder = len(set(phonenumbers.national_significant_number(number))) == 1
    reading = read("phone", written, IdentitySettings(default_region=region))
    expected = phonenumbers.format_number(number, E164)
    assert reading.values in {(expected,), ()}
    assert reading.values or reading.codes
    if "/" not in written and not placeholder:
        assert reading.values == (expected,), reading.codes


@given(notations(), notations(), st.sampled_from(["; ", ", ", "\n", " or ", " | ", ";"]))
@settings(max_examples=60, deadline=None)
def test_two_numbers_in_a_field_are_never_one(one, other, separator):
    """Each part is the number it is alone, or told; nothing is glued."""
    region = IdentitySettings(default_region=one[1] or other[1])
    alone = {*read("phone", one[0], region).values, *read("phone", other[0], region).values}
    assert set(read("phone", one[0] + separator + other[0], region).values) <= alone


addresses = st.from_regex(r"[a-z]{2,6}[0-9][a-z]?@[a-z]{3,6}\.(org|example)", fullmatch=True)
AROUND = (
    "%s",
    " %s",
    "Ann Roe <%s>",
    "<%s>",
    "mailto:%s",
    '"Roe, A." <%s>',
    "%s (work)",
    "'%s'",
    "\u200e%s",
    "%s\u202c",
)


@given(
    st.lists(st.tuples(addresses, st.sampled_from(AROUND)), min_size=1, max_size=4),
    st.sampled_from([";", ", ", "\n", " / ", "|", " or "]),
)
@settings(max_examples=150)
def test_every_address_of_a_field_is_found_and_no_other(stated, separator):
    """In whatever it is wrapped, and whatever parts it from the next."""
    reading = read("email", separator.join(around % address for address, around in stated), US)
    assert set(reading.values) == {address for address, _ in stated}
    assert ("identifiers_split" in reading.codes) == (len(reading.values) > 1)


pieces = st.sampled_from(
    ["ann@one.example", "Ann", "<", ">", ";", ",", " ", "\n", "'", '"', "mailto:", "+44", "2025550143", "0", "(",
    ")", "/", "@", "x",
     "{{", "}}", "#REF!", "null", "\u200e", "\u200d", "\u00a0", ".0", "=", "tel:", "@c.us", "e\u0301", "\uff20",
     "or", "\ufeff"]
)  # fmt: skip


@given(
    st.sampled_from(["user_id", "email", "phone", "device_id", "crm_id"]),
    st.lists(pieces | st.text(max_size=3), max_size=8).map("".join),
)
@settings(max_examples=400)
def test_what_is_read_is_read_again_as_it_is(kind, text):
    """Values are stable and refusals have reasons, so a stored value means its own node for ever."""
    reading = read(kind, text, US)
    assert len(set(reading.values)) == len(reading.values)
    for value in reading.values:
        assert read(kind, value, US).values == (value,)
    assert reading.values or (reading.codes and _REFUSALS.issuperset(reading.codes))


def test_a_region_that_does_not_exist_is_refused_with_the_nearest():
    """Else every national number would be refused without a word."""
    assert region_fault("GB") is None
    for wrong, right in {"UK": "GB", "EL": "GR", "EN": "GB", "gb": "GB"}.items():
        assert f"did you mean {right}?" in str(region_fault(wrong))
        with pytest.raises(ConfigurationError, match=right):
            IdentitySettings(default_region=wrong)
    assert "no region `XX`" in str(region_fault("XX"))
