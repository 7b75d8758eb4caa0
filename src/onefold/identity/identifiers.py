"""Identifiers in one form: the same name, however it was typed, becomes the same text, or is refused."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import msgspec
import phonenumbers

from onefold.identity.settings import BLOCKED_VALUES, IdentitySettings, Normaliser

Refusal = Literal[
    "identifier_blocked",
    "identifier_damaged",
    "identifier_empty",
    "identifier_too_long",
    "email_invalid",
    "phone_invalid",
]
"""Why a value can name nobody: the code of a finding."""

CHARACTERS_MAX = 512
"""Longest identifier, in characters, after trimming. Device tokens are the longest in use, at about 300."""

_EMAIL_CHARACTERS_MAX = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_EMAIL_LOCAL_MAX = 64  # RFC 5321, 4.5.3.1.1
_LABEL_MAX = 63  # RFC 1035, 2.3.4
_PHONE_CHARACTERS_MAX = 64
_PHONE_READINGS_MAX = 5

# Typed blanks and what copying from web pages and spreadsheets leaves behind; `str.strip` knows only the first kind.
_INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"
_SURROGATE = re.compile("[\ud800-\udfff]")
_LOCAL_REFUSED = re.compile(r'[\s\x00-\x1f\x7f"(),:;<>@\[\\\]]')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{9}")
_COUNTED_UP = frozenset({"123456789", "1234567890", "0123456789"})


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The value can name nobody."""

    code: Refusal


_BLOCKED = Refused("identifier_blocked")
_DAMAGED = Refused("identifier_damaged")
_EMPTY = Refused("identifier_empty")
_TOO_LONG = Refused("identifier_too_long")
_INVALID_EMAIL = Refused("email_invalid")
_INVALID_PHONE = Refused("phone_invalid")


def normalise(kind: str, value: str, settings: IdentitySettings) -> str | Refused:
    """Bring a value into the one form of its type.

    The result is stable: normalising it again changes nothing. Blocked values are refused as typed and as normalised.

    Args:
        kind: The type's canonical name.
        value: The text as stated.
        settings: Types and blocked values.
    """
    text = value.strip()
    if len(text) > CHARACTERS_MAX:
        return _TOO_LONG
    if not text.isascii():
        text = _visible(unicodedata.normalize("NFC", text))
        if _SURROGATE.search(text):
            # Half a character: the name was lost on its way, and no store could keep what is left.
            return _DAMAGED
    if not text:
        return _EMPTY
    if _is_blocked(text, settings):
        return _BLOCKED
    normaliser = settings.type(kind).normaliser
    if normaliser == "id":
        return text
    normalised = _NORMALISERS[normaliser](text, settings)
    if isinstance(normalised, str) and normalised != text and _is_blocked(normalised, settings):
        return _BLOCKED
    return normalised


def _visible(text: str) -> str:
    """The text without white space and invisible characters at its ends, in whatever mixture."""
    while (shorter := text.strip(_INVISIBLE).strip()) != text:
        text = shorter
    return text


def _is_blocked(text: str, settings: IdentitySettings) -> bool:
    # Nothing but zeros and signs: `0`, `-`, `0000000000`, the advertising id of those who allow none.
    if not text.strip("0-. "):
        return True
    lowered = text.lower()
    if lowered in BLOCKED_VALUES or lowered in settings.blocked_values:
        return True
    return bool(settings.blocked_patterns) and _matcher(settings.blocked_patterns)(lowered)


@lru_cache(maxsize=64)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text matches any of the patterns.

    `fnmatch` writes each `*` as an atomic group that never gives back what it took, so no pattern can make it backtrack
    for long. A `[` stands for itself.
    """
    matches = [re.compile(fnmatch.translate(p.replace("[", "[[]"))).match for p in patterns]
    return lambda text: any(match(text) for match in matches)


def _email(text: str, settings: IdentitySettings) -> str | Refused:
    if not text.isascii():
        # Full-width letters and signs are the same address, typed with another keyboard.
        # Twice, for small letters of combined signs may combine differently.
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower()).replace("\u3002", ".")
    local, at, domain = text.lower().rpartition("@")
    domain = domain.removesuffix(".")
    if not at or not local or len(local) > _EMAIL_LOCAL_MAX or _LOCAL_REFUSED.search(local):
        return _INVALID_EMAIL
    labels = [_ascii_label(label) for label in domain.split(".")]
    # A name without a dot is a machine of somebody's own network; one ending in digits is a number, not a name.
    if len(labels) < 2 or labels[-1].isdigit():
        return _INVALID_EMAIL
    for label in labels:
        if len(label) > _LABEL_MAX or not _LABEL.fullmatch(label):
            return _INVALID_EMAIL
    domain = ".".join(labels)
    if settings.drop_plus_tags:
        local = local.partition("+")[0] or local
    # Gmail gives out names of ASCII only. In others a dot may part signs that would combine, or hide an invisible one.
    if settings.drop_gmail_dots and domain in {"gmail.com", "googlemail.com"} and local.isascii():
        local = local.replace(".", "") or local
    normalised = f"{local}@{domain}"
    return normalised if len(normalised) <= _EMAIL_CHARACTERS_MAX else _INVALID_EMAIL


def _ascii_label(label: str) -> str:
    """A domain label as DNS carries it.

    Plain punycode, not Python's `idna` codec: that one follows the standard of 2003, in which `straße` and `strasse`,
    two domains of two owners, are one.
    """
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode", "replace").decode("ascii")


def _phone(text: str, settings: IdentitySettings) -> str | Refused:
    if _NORTH_AMERICAN.fullmatch(text):
        # Already in its one form, as most are: the parser would take ten times as long to say so.
        return text if len(set(text[2:])) > 1 else _BLOCKED
    if len(text) > _PHONE_CHARACTERS_MAX:
        return _INVALID_PHONE
    return _parsed_phone(text, settings.default_region)


@lru_cache(maxsize=16_384)
def _parsed_phone(text: str, region: str | None) -> str | Refused:
    """E.164; an extension stays (`+12025550143;ext=12`), for behind one number of an office sit many people."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.lower().removeprefix("tel:").removeprefix("whatsapp:").strip()
    if not text or text[0] not in "+(0123456789":
        # The parser would search on in the text for something like a number.
        return _INVALID_PHONE
    if text.startswith("00"):
        text = "+" + text[2:]
    # The parser leaves out one national prefix at a time (`+44 (00)20 …`), so it reads its own words until they stand.
    for _ in range(_PHONE_READINGS_MAX):
        found = _read_phone(text, region)
        if isinstance(found, Refused) or found == text:
            return found
        text = found
    return _INVALID_PHONE


def _read_phone(text: str, region: str | None) -> str | Refused:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return _INVALID_PHONE
    national = phonenumbers.national_significant_number(number)
    if len(set(national)) == 1 or national in _COUNTED_UP:
        return _BLOCKED
    # Possible, not valid: numbering plans change faster than tables of them, and a number nobody has harms nobody.
    if not phonenumbers.is_possible_number(number):
        return _INVALID_PHONE
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return f"{e164};ext={number.extension}" if number.extension else e164


def _device_id(text: str, _settings: IdentitySettings) -> str | Refused:
    # The same UUID comes in capitals from one system and in small letters from the other; other ids keep their case.
    return text.lower() if _UUID.fullmatch(text) else text


_NORMALISERS: dict[Normaliser, Callable[[str, IdentitySettings], str | Refused]] = {
    "email": _email,
    "phone": _phone,
    "device_id": _device_id,
}
