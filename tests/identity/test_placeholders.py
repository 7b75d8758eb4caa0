"""Values that identify nobody are known by their form; what only looks odd is somebody's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.identity.identifiers import Reading, read
from onefold.identity.settings import IdentitySettings

SETTINGS = IdentitySettings()
words = st.from_regex(r"[A-Za-z_][A-Za-z_.]{0,12}", fullmatch=True)
TEMPLATES = (
    "{{%s}}", "{{ %s }}", "{{{%s}}}", "${%s}", "#{%s}", "<%%= %s %%>", "<%%=%s%%>", "{%% %s %%}", "*|%s|*", "[[%s]]",
    "%%%%%s%%%%",
    "%%%s%%", "[%s]", "{%s}", "<%s>", "$(%s)", "|%s|", "{{%s | default: ''}}", "<?= %s ?>", "$$%s$$",
)  # fmt: skip


@given(st.sampled_from(TEMPLATES), words, st.sampled_from(["user_id", "email", "phone", "device_id", "crm_id"]))
@settings(max_examples=150)
def test_a_template_that_nobody_filled_in_names_nobody(form, word, kind):
    """Whatever the language of the template and whatever the type."""
    assert read(kind, form % word, SETTINGS).values == ()


@given(st.sampled_from(("{{%s}}", "${%s}", "*|%s|*", "[[%s]]")), words, st.text("abz019-", max_size=5))
def test_a_template_within_a_value_spoils_it(form, word, around):
    """`user-{{id}}` is everybody whose template broke; so is an address at such a domain."""
    for text in (around + form % word, form % word + around, f"ann@{form % word}.example"):
        assert read("user_id", text, SETTINGS) == Reading((), ("identifier_placeholder",))


SPREADSHEET = [
    "#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#CALC!", "#FIELD!", "#BUSY!",
    "#GETTING_DATA",
    "#BEZUG!", "#NV", "#WERT!", "#ZAHL!", "#ÜBERLAUF!", "#VALEUR!", "#NOM?", "#NOMBRE!", "#¡REF!", "#¡VALOR!",
    "#¿NOMBRE?",
    "#¡DIV/0!", "#RIF!", "#N/D", "#VALORE!", "#NOME?", "#VERW!", "#WAARDE!", "#NB", "#GETAL!", "#NAAM?", "#DEEL/0!",
    "#ADR!",
    "#ARG!", "#LICZBA!", "#NAZWA?", "#DZIEL/0!", "#ССЫЛКА!", "#ЗНАЧ!", "#ИМЯ?", "#ДЕЛ/0!", "#\u041d/\u0414", "####",
    "Err:502",
    "1.23457E+11", "1,23457E+11", "1E+05", "4.42079E+11", "1.5e+16", "1.23457E11", "-1.2E+05", "9.99E-05",
]  # fmt: skip


@pytest.mark.parametrize("text", SPREADSHEET)
@pytest.mark.parametrize("kind", ["user_id", "phone", "crm_id", "anonymous_id"])
def test_what_a_spreadsheet_broke_names_nobody(kind, text):
    """Its errors in every language, and numbers whose digits it rounded away."""
    assert read(kind, text, SETTINGS).values == ()
    assert read("crm_id", text, SETTINGS).codes in {("identifier_mangled",), ("identifier_blocked",)}


@given(st.floats(min_value=1e10, max_value=1e300), st.sampled_from(["{:E}", "{:e}", "{:.5E}", "{:.0E}"]))
def test_a_rounded_number_names_nobody(number, form):
    """However many digits are left of it, and with the comma of other countries."""
    for text in (form.format(number), form.format(number).replace(".", ",")):
        assert read("crm_id", text, SETTINGS) == Reading((), ("identifier_mangled",))


@pytest.mark.parametrize(
    "text",
    [
        "distinct_id", "$distinct_id", "Distinct ID", "user_id", "userId", "USER-ID", "email", "E-Mail", "phoneNumber",
        "donor_id", "Donor Id", '"null"', "'null'", "“undefined”", "null-null", "undefined_undefined", "user_undefined",
        "none/none", "customer-null", "not_authenticated", "$posthog_cookieless", "$posthog_cookie_sentinel_value",
        "$anonymous", "lmy47d", "9774d56d682e549c", "02:00:00:00:00:00", "00:00:00:00:00:00",
        "00000000-0000-0000-0000-000000000000",
        "11111111-1111-1111-1111-111111111111", "ffffffff-ffff-ffff-ffff-ffffffffffff", "aaaaaaaa", "XXXXXXXX",
        "1111111111",
        "9999999", "999999", "123456789", "12345678", "0123456789", "987654321", "YOUR_USER_ID", "your-user-id-here",
        "enter your email", "INSERT_ID_HERE", "???", "***", "--", "...", "%s", "%(user)s", "{0}",
    ],
)  # fmt: skip
def test_other_placeholders_name_nobody(text):
    """Names of fields, words for nothing, constants of vendors, numbers that nobody hands out."""
    assert read("donor_id", text, SETTINGS).values == ()


@pytest.mark.parametrize(
    "text",
    [
        "test@test.com", "TEST@example.com", "none@none.com", "noemail@noemail.com", "no@email.com", "user@example.com",
        "your_email@example.com", "unknown@unknown.org", "na@na.co.uk", "{{email}}", "%EMAIL%@mail.example",
        "email@domain.com",
    ],
)  # fmt: skip
def test_addresses_that_people_make_up_name_nobody(text):
    """A placeholder at a placeholder's domain; either alone is somebody's."""
    reading = read("email", text, SETTINGS)
    assert reading.values == ()
    assert not {"email_invalid"} & set(reading.codes)


SOMEBODY = [
    "00042", "a%b", "100%", "1111", "1234", "42", "7", "5e10", "1E5", "12E4", "O'Brien", "x", "abc", "AAA", "C-0001",
    "#42", "A#1",
    "u_1", "_ann_", "ann.lee", "ann@home", "a|b", "a:b", "[7]", "{7f3a}", "(1)", "$42", "$device:6d1c9b1e", "id:7",
    "id-7", "user1",
    "null1", "nulla", "None-1", "nan0", "undefined7", "Nunez", "Nadia", "test1", "11112222", "12344321", "2026-01-01",
    "10.5", "1.2.3", "0x1F", "AB 12", "id\u00e9e", "山田", "user/7", "7e57", "E+7", "e5", "cookie", "mailbox",
    "emailer", "9e9", "6.02",
    "AN-ONYMOUS-7", "deadbeef", "facade", "12345-6789",
]  # fmt: skip


@pytest.mark.parametrize("text", SOMEBODY)
def test_odd_ids_are_somebodys(text):
    """None is refused or changed, and none of them even suspected."""
    assert read("crm_id", text, SETTINGS) == Reading((text,))


@pytest.mark.parametrize("text", ["11111", "111111", "99999", "12345", "123456", "1234567"])
def test_what_a_counter_reaches_one_day_is_only_suspected(text):
    """It counts, and a finding tells it."""
    assert read("crm_id", text, SETTINGS) == Reading((text,), ("identifier_suspected",))
    assert read("email", "noreply@shop.example", SETTINGS).codes == ("identifier_suspected",)


@pytest.mark.parametrize(
    "text", ["info@test.org", "test@shop.example", "none@maildrop.org", "ann@example.org", "nobody.x@x.org"]
)
def test_odd_addresses_are_somebodys(text):
    """A word that names nobody counts only at a domain that is nobody's."""
    assert read("email", text, SETTINGS) == Reading((text,))


def test_a_project_says_which_odd_value_is_somebodys():
    """The way out where a form is wrong about a value: it counts, in any case."""
    allowed = IdentitySettings(allowed_values=frozenset({"1111111", "Test", "test@test.com"}))
    assert read("crm_id", "1111111", allowed) == Reading(("1111111",))
    assert read("crm_id", "TEST", allowed) == Reading(("TEST",))
    assert read("email", "test@test.com", allowed) == Reading(("test@test.com",))
    assert read("crm_id", "1111112", allowed) == Reading(("1111112",))


@given(
    st.uuids(version=4).map(str)
    | st.from_regex(r"[A-Za-z]{1,4}-?[0-9]{1,4}[a-z]", fullmatch=True)
    | st.from_regex(r"[a-z]{1,8}[0-9]{2}@[a-z]{1,9}\.(org|com)", fullmatch=True)
)
@settings(max_examples=150)
def test_random_ids_are_not_refused(text):
    """Of ids as systems make them none is taken for a placeholder."""
    codes = read("email" if "@" in text else "user_id", text, SETTINGS).codes
    assert not {"identifier_placeholder", "identifier_mangled"} & set(codes)
