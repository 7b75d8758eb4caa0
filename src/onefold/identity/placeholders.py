"""Placeholders: values that identify nobody, known by their form.

Templates that nobody filled in, errors and roundings of spreadsheets, the name of a field in place of its value, words for
"nothing" however joined, constants of vendors, numbers nobody hands out. Where a real identifier may look the same, the
value is only *suspected*: it counts, and a finding tells it.
"""

from __future__ import annotations

import re
from typing import Literal

Verdict = Literal["identifier_placeholder", "identifier_mangled", "identifier_suspected"]

# Anywhere in the text: no system writes these pairs into an identifier.
_TEMPLATE_INSIDE = re.compile(
    r"\{\{.*?\}\}|\$\{.*?\}|#\{.*?\}|\{%.*?%\}|<%.*?%>|\*\|.*?\|\*|\[\[.*?\]\]|%%[^%]+%%|<\?.*?\?>|\$\$[A-Za-z_.]+\$\$",
    re.DOTALL,
)
# As the whole text only: `a%b` and `[7]` are somebody's.
_TEMPLATE_WHOLE = re.compile(
    r"%[A-Za-z][\w.\- ]*%"  # %EMAIL%
    r"|%(?:\d\$)?[sdi@]|%\(\w+\)[sd]"  # printf
    r"|[\[{<(][A-Za-z_][A-Za-z_.|\- ]*[\]}>)]"  # [FNAME], {user_id}, <email>
    r"|\{\d{1,2}\}"  # {0}
    r"|\$\([\w.]+\)|\$[a-z]+(?:\.[a-z_]+)+"  # $(id), $user.id
    r"|\|[A-Za-z_.]+\|"
)
# Every spreadsheet in every language: `#REF!`, `#¿NOMBRE?`, `#DIV/0!`, `#ЗНАЧ!`; and those without a mark at the end.
_SPREADSHEET_ERROR = re.compile(r"#[¡¿]?[^\W\d_][^\W_ /.]*(?:[ /.][^\W_]+)?[!?]|#+|Err:\d{3}", re.IGNORECASE)
_SPREADSHEET_WORDS = frozenset(
    (
        "#n/a",
        "#n/d",
        "#n/v",
        "#nv",
        "#nb",
        "#nd",
        "#н/д",
        "#getting_data",
        "#error",
        "#err",
        "#saknas",
        "#puuttuu",
        "#i/t",
    )
)
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{1,3}|[+-]?\d[.,]\d+E-?\d{1,3}", re.IGNORECASE)
_WORDS = re.compile(r"[^\W\d_]+")
_PARTS = re.compile(r"[\s_\-:/|.,;@#]+")

_NOTHING = frozenset(
    (
        "null",
        "undefined",
        "none",
        "nan",
        "nil",
        "void",
        "na",
        "unknown",
        "unset",
        "missing",
        "empty",
        "anonymous",
        "anon",
    )
)
_NOBODY = _NOTHING | frozenset(
    (
        "user",
        "userid",
        "customer",
        "visitor",
        "guest",
        "id",
        "uid",
        "test",
        "object",
        "string",
        "email",
        "name",
        "not",
        "set",
    )
)
"""Words that name nobody beside one for "nothing": `user_undefined`, `null-null`."""

_FIELDS = frozenset(
    (
        "accountid", "alias", "anonid", "anonymousid", "clientid", "contactid", "contactkey", "crmid", "customerid",
        "deviceid", "distinctid", "donorid", "email", "emailaddress", "emailaddr", "externalid", "firstname", "fname",
        "guid", "identifier", "lastname", "leadid", "lname", "memberid", "mobile", "mobilenumber", "mobilephone", "msisdn",
        "personid", "phone", "phonenumber", "profileid", "recipientemail", "sessionid", "studentid", "subscriberemail",
        "subscriberid", "telephone", "uniqid", "uniqueid", "userid", "useremail", "username", "uuid", "visitorid",
    )
)  # fmt: skip
"""What the field of an identifier is called, letters only."""

_REQUESTS = re.compile(
    r"(?:please)?(?:your|enter|insert|replace|fillin|addyour|putyour|the|my|some|sample|example|dummy)+"
)
_REQUEST_ENDS = ("here", "goeshere", "value", "placeholder")

SENTINELS = frozenset(
    (
        "not_authenticated", "not authenticated", "not-authenticated", "unauthenticated", "logged_out", "loggedout",
        "not_logged_in", "not logged in", "no_user", "nouser", "no_id", "no-id", "no id", "noid",  # made by hand
        "lmy47d",  # Android's name of a build, sent for the device by early Amplitude and Mixpanel SDKs
        "02:00:00:00:00:00",  # what Android answers for the network address since version 6
        "amp-opt-out", "optout", "opt-out", "opted_out", "cookieless", "no-cookie", "nocookie",
        "qwerty", "qwertyuiop", "asdf", "asdfgh", "asdfghjkl", "foobar", "foo", "bar", "lorem", "lorem ipsum",
        "abcdefg", "abcdefgh", "todo", "lorem-ipsum",
    )
)  # fmt: skip
_SENTINEL_FORM = re.compile(
    r"\$?[a-z]*_?(?:cookieless|cookie_sentinel)[a-z_]*|\$(?:anon|anonymous|guest|unknown|none)[a-z_]*"
)

_LOCAL_PARTS = _NOBODY | frozenset(
    (
        "abc", "asdf", "donotreply", "dontknow", "example", "fake", "foo", "na", "no", "nobody", "noemail", "nomail",
        "noreply", "no-reply", "noone", "notprovided", "notvalid", "refused", "someone", "tbd", "test", "testing", "x", "xx",
        "xxx", "youremail", "your.email", "your_email", "your-email", "username", "a", "aa", "aaa", "mail", "invalid",
        "placeholder", "sample", "redacted", "deleted", "nomail", "none", "no.email", "no_email", "no-email", "not.provided",
    )
)  # fmt: skip
_DOMAINS = frozenset(
    (
        "abc", "aa", "aaa", "asdf", "bar", "company", "domain", "email", "example", "fake", "foo", "invalid", "mail", "na",
        "no", "nobody", "nodomain", "noemail", "nomail", "none", "noreply", "nowhere", "null", "placeholder", "provider",
        "refused", "sample", "test", "undefined", "unknown", "x", "xx", "xxx", "yourdomain", "your-domain", "notprovided",
    )
)  # fmt: skip

_SECOND_LEVEL = frozenset(("ac", "co", "com", "edu", "gov", "net", "or", "org"))
# 9 and 0 are neighbours: `1234567890`, `9876543210`.
_UP, _DOWN = "0123456789" * 52, "9876543210" * 52
_REPEATED_MIN, _REPEATED_NINES_MIN, _RUN_MIN, _SUSPECTED_MIN = 7, 6, 8, 5


_LONGEST = 64
_DIGIT = re.compile(r"\d")
_NUMERIC = frozenset("0123456789+-")


def judge(text: str, kind: str) -> Verdict | None:
    """What is to be thought of a trimmed text as an identifier of the type `kind`; None when nothing.

    The usual answer comes first: nearly every text is letters, digits and a few signs, with a digit somewhere.
    """
    if text.isdigit():
        return of_digits(text)
    if not text.replace("-", "").replace("_", "").replace(".", "").replace("@", "").isalnum():
        verdict = _by_signs(text)
        if verdict is not None:
            return verdict
    elif text[0] == text[1:2] == text[-1] and len(text) >= _REPEATED_MIN and len(set(text.replace("-", ""))) == 1:
        return "identifier_placeholder"
    if text[0] in _NUMERIC and ("." in text or "+" in text or "," in text) and _SCIENTIFIC.fullmatch(text):
        return "identifier_mangled"
    lowered = text.lower()
    if lowered in SENTINELS or ("cookie" in lowered and _SENTINEL_FORM.fullmatch(lowered)):
        return "identifier_placeholder"
    if not _DIGIT.search(text) and len(text) <= _LONGEST and _is_word_for_nobody(lowered, kind):
        return "identifier_placeholder"
    return None


def of_digits(digits: str) -> Verdict | None:
    """The same for a text of digits: what nobody hands out, and what a counter reaches one day."""
    many = len(digits)
    if many < _SUSPECTED_MIN:
        return None
    if len(set(digits)) == 1:
        refused = many >= (_REPEATED_NINES_MIN if digits[0] == "9" else _REPEATED_MIN)
        return "identifier_placeholder" if refused else "identifier_suspected"
    if digits in _UP or digits in _DOWN:
        return "identifier_placeholder" if many >= _RUN_MIN else "identifier_suspected"
    return None


def _by_signs(text: str) -> Verdict | None:
    if text.isascii() and not any(map(str.isalnum, text)) and not text.startswith("#"):
        return "identifier_placeholder"
    if _TEMPLATE_INSIDE.search(text) or _TEMPLATE_WHOLE.fullmatch(text):
        return "identifier_placeholder"
    if (text[0] == "#" or text[0] in "Ee") and (
        _SPREADSHEET_ERROR.fullmatch(text) or text.lower() in _SPREADSHEET_WORDS
    ):
        return "identifier_mangled"
    if text[0] == "$" and _SENTINEL_FORM.fullmatch(text.lower()):
        return "identifier_placeholder"
    return None


def _is_word_for_nobody(lowered: str, kind: str) -> bool:
    letters = "".join(_WORDS.findall(lowered))
    if letters in _FIELDS or (letters and letters == "".join(_WORDS.findall(kind.lower()))):
        return True
    parts = [part for part in _PARTS.split(lowered.strip("[](){}<>\"'")) if part]
    if len(parts) > 1 and _NOBODY.issuperset(parts) and not _NOTHING.isdisjoint(parts):
        return True
    return _is_request(letters)


def _is_request(letters: str) -> bool:
    """Whether it asks for a value: `YOUR_USER_ID`, `enter your email here`."""
    asked = _REQUESTS.match(letters)
    if asked is None:
        return False
    rest = letters[asked.end() :]
    for end in _REQUEST_ENDS:
        rest = rest.removesuffix(end)
    return rest in _FIELDS or rest in ("id", "name")


def judge_email(local: str, domain: str) -> Verdict | None:
    """What is to be thought of a well-formed address, in lower case."""
    if local[0] in "%$|{" and _TEMPLATE_WHOLE.fullmatch(local):
        return "identifier_placeholder"
    if _REQUESTS.match(local) and _is_request("".join(_WORDS.findall(local))):
        return "identifier_placeholder"
    labels = domain.split(".")
    name = labels[-3] if len(labels) > 2 and labels[-2] in _SECOND_LEVEL else labels[-2]
    if local in _LOCAL_PARTS and (name in _DOMAINS or name == local):
        return "identifier_placeholder"
    return "identifier_suspected" if local in ("noreply", "no-reply", "donotreply", "do-not-reply") else None
