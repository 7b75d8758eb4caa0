"""Phone numbers as E.164, and the numbers that a field holds.

A number without its country is read in the project's region, and has to be one there: digits that are none in that region
are never taken for another number. Only digits that are too many for the region, and make a number that exists once a
plus stands before them, are read with it, as messengers and exports leave it out; a finding says so.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from functools import lru_cache
from typing import Literal

import phonenumbers

from onefold.identity import placeholders

Fault = Literal["phone_invalid", "phone_impossible", "identifier_placeholder"]
Remark = Literal["phone_country_assumed", "identifier_unwrapped"]
Reading = tuple[str, Remark | None] | Fault

_CHARACTERS_MAX = 64
_READINGS_MAX = 5
_INTERNATIONAL_MIN = 11
_LENGTHS_APART_MAX = 1
_NORTH_AMERICAN = re.compile(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}")
_NORTH_AMERICAN_CODE = 1
_SCHEME = re.compile(
    r"(?:tel|sms|callto|whatsapp|viber|signal)\s*:\s*(?://)?|https?://(?:wa\.me|api\.whatsapp\.com/send\?phone=)/?"
)
_MESSENGER = re.compile(r"\+?(\d{7,15})(?::\d{1,4})?@(?:c\.us|s\.whatsapp\.net)")
# Set aside by regulators for stories and examples, and in no table of numbers that exist.
_FOR_EXAMPLES = re.compile(r"\+44(?:7700900|1632960)\d{3}|\+3363998\d{4}|\+353209\d{6}")
_DECIMAL = re.compile(r"\+?\d{7,15}\.0")
_LABELS = (
    "(?:home|mobile|mob|cell|cellular|work|office|business|main|direct|private|privat|handy|mobil"
    "|tel|telephone|phone|ph|m|h|w|t|p|d|c|o)"
)
_LABELLED = re.compile(rf"^{_LABELS}[.:]*[\s:]+(?=[+(\d])")
_LABEL_AFTER = re.compile(rf"\s*[(\[]?\s*\b{_LABELS}\b\.?\s*[)\]]?$")
_EXTENSION = re.compile(r"\s*(?:;\s*ext=|,?\s*(?:x|ext|extn|extension|#|durchwahl|доб)[.:]?)\s*\d{1,9}$")
_LETTERS = re.compile(r"[^\W\d_]")
_VANITY = re.compile(r"(?:\+?1[-. ]?)?\(?8\d\d\)?[-. ]?(?=[\d-]*[a-z])[a-z\d]{3}-?[a-z\d]{4,7}")
_SEPARATORS = re.compile(
    r"\s*(?:;(?!\s*ext=)|,(?!\s*(?:x|ext))|\||[\r\n\t]+|:::|\s(?:or|and|oder|und|ou|et|o|y|e)\s)\s*", re.IGNORECASE
)
_SLASH = re.compile(r"\s*/\s*")

_REGIONS_MEANT = {
    "UK": "GB", "EN": "GB", "SX": "SX", "EL": "GR", "JA": "JP", "SP": "ES", "SU": "RU", "KO": "KR", "DA": "DK", "CS": "CZ",
    "SW": "SE", "PO": "PT", "YU": "RS", "UM": "US",
}  # fmt: skip
"""Codes that people write for a country whose code is another."""


def region_fault(region: str) -> str | None:
    """What is wrong with a region, naming the nearest that exists; None when there are phone numbers in it."""
    regions = phonenumbers.SUPPORTED_REGIONS
    if region in regions:
        return None
    meant = _REGIONS_MEANT.get(region.upper()) or (region.upper() if region.upper() in regions else None)
    near = meant or next(iter(difflib.get_close_matches(region.upper(), sorted(regions), n=1, cutoff=0.5)), None)
    told = f"; did you mean {near}?" if near else ""
    return f"there is no region `{region}` (ISO 3166, two letters){told}"


def parts(text: str, region: str | None) -> tuple[str, ...]:
    """The texts of a field that should each be a number.

    A slash also stands within numbers (`030/901820`), so it parts only what is none as a whole, into texts that are as
    long as each other: what is shorter is the end of a number, and a number of somebody else by itself.
    """
    found: list[str] = []
    for whole in _SEPARATORS.split(text):
        part = whole.strip(" '\"\u201c\u201d\u2018\u2019")
        pieces = _SLASH.split(part)
        digits = {sum(map(str.isdigit, piece)) for piece in pieces}
        several = (
            len(pieces) > 1 and max(digits) - min(digits) <= _LENGTHS_APART_MAX and isinstance(read(part, region), str)
        )
        found += pieces if several else [part]
    return tuple(part for part in found if part)


def is_plain(text: str) -> bool:
    """Whether it is a North American number in its one form, and no placeholder."""
    return _NORTH_AMERICAN.fullmatch(text) is not None and placeholders.of_digits(text[2:]) is None


def read(text: str, region: str | None) -> Reading:
    """One number as E.164 with what there is to remark; or what is wrong with it.

    An extension stays (`+12025550143;ext=12`), for behind one number of an office sit many people.
    """
    if is_plain(text):
        return text, None
    if len(text) > _CHARACTERS_MAX:
        return "phone_invalid"
    return _read(text, region)


@lru_cache(maxsize=16_384)
def _read(text: str, region: str | None) -> Reading:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    text = text.lower().strip()
    scheme = _SCHEME.match(text)
    if scheme is not None:
        text = text[scheme.end() :]
        if "wa.me" in scheme.group() or "send?phone" in scheme.group():
            text = "+" + re.split(r"[?&/]", text.lstrip("+"))[0]
    messenger = _MESSENGER.fullmatch(text)
    if messenger is not None:
        text = "+" + messenger.group(1)
    elif _DECIMAL.fullmatch(text):
        text = text[:-2]
    bare = _LABEL_AFTER.sub("", _LABELLED.sub("", text, count=1)) if _LETTERS.search(text) else text
    remark: Remark | None = None if bare == text else "identifier_unwrapped"
    if not bare or bare[0] not in "+(0123456789":
        # The parser would search on in the text for something like a number.
        return "phone_invalid"
    if _LETTERS.search(_EXTENSION.sub("", bare)) and not _VANITY.fullmatch(bare):
        # The parser would take other letters for the digits on their keys.
        return "phone_invalid"
    found = _settled(bare, region)
    if isinstance(found, str):
        assumed = _international(bare, region)
        return (assumed, "phone_country_assumed") if assumed is not None else found
    return found[0], remark


def _international(text: str, region: str | None) -> str | None:
    """The number that the digits make with a plus before them; None where no such number exists."""
    digits = re.sub(r"[\s.-]", "", text)
    if not digits.isdigit() or digits[0] == "0" or len(digits) < _INTERNATIONAL_MIN:
        return None
    found = _settled("+" + digits, region)
    if isinstance(found, str):
        return None
    if len(digits) > _INTERNATIONAL_MIN:
        return found[0]
    # Eleven digits may also be a national number with one too many, or one of a third country.
    typed = not isinstance(_settled(digits[:-1], region), str)
    return found[0] if not typed and _exists(phonenumbers.parse(found[0]), found[0]) else None


def _exists(number: phonenumbers.PhoneNumber, e164: str) -> bool:
    return phonenumbers.is_valid_number(number) or _FOR_EXAMPLES.fullmatch(e164) is not None


def _settled(text: str, region: str | None) -> Reading:
    """What the parser makes of a text in the end.

    It leaves out one national prefix at a time (`+44 (00)20 …`), so it reads its own words until they stand.
    """
    if text.startswith("00"):
        text = "+" + text[2:]
    for _ in range(_READINGS_MAX):
        found = _parsed(text, region)
        if isinstance(found, str) or found[0] == text:
            return found
        text = found[0]
    return "phone_invalid"


def _parsed(text: str, region: str | None) -> Reading:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException as error:
        short = error.error_type in (error.TOO_SHORT_NSN, error.TOO_LONG, error.TOO_SHORT_AFTER_IDD)
        return "phone_impossible" if short else "phone_invalid"
    national = phonenumbers.national_significant_number(number)
    if len(set(national)) == 1 or placeholders.of_digits(national) == "identifier_placeholder":
        return "identifier_placeholder"
    # Without the area code it would be a number somewhere else.
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return "phone_impossible"
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    # With its country, possible is enough: numbering plans change faster than tables of them, and a number nobody has
    # harms nobody. Where we supply the country, the number has to exist, or it is one of another country.
    if number.country_code == _NORTH_AMERICAN_CODE:
        exists = _NORTH_AMERICAN.fullmatch(e164) is not None
    else:
        stated = text.startswith("+") and not number.italian_leading_zero
        exists = stated or _exists(number, e164)
    if not exists:
        return "phone_impossible"
    return (f"{e164};ext={number.extension}" if number.extension else e164), None
