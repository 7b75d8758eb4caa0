"""Values in the form in which they are compared: one function a kind of field, from a cell to its parts."""

from __future__ import annotations

import re
from functools import lru_cache

from onefold.identity import emails, phones
from onefold.ingest import times
from onefold.matching.nicknames import ROOTS
from onefold.matching.text import folded, present

Parts = tuple[str | None, ...]

_NOT_DIGITS = re.compile(r"\D+")
_ISO = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:[T ].*)?")
_YEAR = re.compile(r"(?:1[6-9]|20)\d\d")
_TITLES = frozenset(
    ("mr", "mrs", "ms", "miss", "mx", "dr", "prof", "sir", "dame", "lord", "lady", "rev", "fr", "frau", "herr", "hr", "mme",
     "mlle", "sr", "sra", "srta", "don", "dona", "madame", "monsieur")
)  # fmt: skip
_SUFFIXES = frozenset(["jr", "junior", "sr", "senior", "ii", "iii", "iv", "v", "phd", "md", "esq", "obe", "mbe"])
_SUFFIX_FORMS = {"junior": "jr", "2nd": "ii", "2": "ii", "senior": "sr", "3rd": "iii", "3": "iii"}
_PARTICLES = frozenset(
    ("van", "von", "der", "den", "de", "del", "della", "di", "da", "dos", "la", "le", "du", "el", "al", "bin", "ibn", "mac",
     "mc", "o", "st", "ten", "ter")
)  # fmt: skip
_UNIT = re.compile(r"\b(?:unit|apt|apartment|suite|ste|flat|room|rm|no|nr|lot|bldg|floor|fl|po box|pmb)\s+\w+\b")
_HASH = re.compile(r"(?:,\s*)?#\s*\w+")
_STREET_WORDS = {
    "street": "st", "str": "st", "strasse": "st", "avenue": "ave", "av": "ave", "road": "rd", "drive": "dr", "lane": "ln",
    "boulevard": "blvd", "court": "ct", "crt": "ct", "circle": "cir", "place": "pl", "square": "sq", "terrace": "ter",
    "tce": "ter", "trail": "trl", "parkway": "pkwy", "highway": "hwy", "circuit": "cct", "crescent": "cres", "close": "cl",
    "north": "n", "south": "s", "east": "e", "west": "w", "mount": "mt", "saint": "st", "fort": "ft", "point": "pt",
    "junction": "jct", "mountain": "mtn", "heights": "hts", "center": "ctr", "centre": "ctr",
}  # fmt: skip
_PHONE_DIGITS_MIN = 7
_NANP = re.compile(r"1?([2-9]\d{2}[2-9]\d{6})")
_NEVER = frozenset(("00000000", "19000101", "00010101", "99991231"))


def given_name(cell: str) -> Parts:
    """The first name, and the name it is a form of."""
    words = [word for word in folded(cell).split() if word not in _TITLES] or [""]
    name = words[0]
    # `j p`: two initials are two names.
    if not present(" ".join(words)) or not present(name) or name.isdigit():
        return None, None
    return name, ROOTS.get(name, name)


def family_name(cell: str) -> Parts:
    """The family name as one word, and its longest part."""
    text = folded(cell)
    if not present(text):
        return None, None
    words = [word for word in text.split() if word not in _SUFFIXES] or text.split()
    return "".join(words), max((word for word in words if word not in _PARTICLES), key=len, default=words[-1])


def full_name(cell: str) -> Parts:
    """Given name and its root, family name and its longest part, of `Ann Roe` and of `Roe, Ann`."""
    before, comma, after = cell.partition(",")
    if comma and folded(after) and folded(after).split()[0] not in _SUFFIXES:
        return given_name(after) + family_name(before)
    words = [word for word in folded(before).split() if word not in _TITLES and word not in _SUFFIXES]
    if len(words) < 2:
        return (None, None, *family_name(before)) if words else (None,) * 4
    start = len(words) - 1
    while start > 1 and words[start - 1] in _PARTICLES:
        start -= 1
    return given_name(words[0]) + family_name(" ".join(words[start:]))


def suffix(cell: str) -> Parts:
    """`Jr.` and `Junior` as `jr`."""
    text = folded(cell)
    return (_SUFFIX_FORMS.get(text, text) if present(text) else None,)


def word(cell: str) -> Parts:
    """Any text, folded."""
    text = folded(cell)
    return (text if present(text) else None,)


def identifier(cell: str) -> Parts:
    """An id without blanks and signs; one sign repeated, or nothing but zeros, identifies nobody."""
    text = folded(cell).replace(" ", "")
    return (text if present(text) and len(set(text)) > 1 else None,)


def email(cell: str) -> Parts:
    """The address in its one form, and what stands before the @; something else with an @ as it stands."""
    text = cell.strip().lower()
    if not (len(text) <= emails.USUAL_MAX and emails.USUAL.fullmatch(text)):
        parts = emails.parts(cell)
        read = emails.read(parts[0], drop_plus_tags=True, drop_gmail_dots=False)[0] if parts else None
        text = read or text.replace(" ", "")
    local, at, domain = text.partition("@")
    if at and local:
        tag = local.partition("+")[0]
        return f"{tag or local}@{domain}", tag or local
    return None, None


def phone(cell: str, region: str | None) -> Parts:
    """The number as E.164, else its digits, and the last seven of them."""
    digits = _NOT_DIGITS.sub("", cell)
    usual = _NANP.fullmatch(digits) if region in ("US", "CA", None) else None
    if usual:
        number = "+1" + usual[1]
    else:
        read = phones.read(cell.strip(), region)
        number = digits if isinstance(read, str) else read[0].partition(";")[0]
    if len(number) < _PHONE_DIGITS_MIN or len(set(number.lstrip("+1"))) <= 1:
        return None, None
    return number, number[-7:]


def birth_date(cell: str, order: times.Order | None) -> Parts:
    """Eight digits, year first, then the year and the day within it; of a date that does not exist as it was typed."""
    text = cell.strip()
    iso = _ISO.fullmatch(text)
    if iso:
        digits = iso[1] + iso[2] + iso[3]
    elif _YEAR.fullmatch(text):
        return text + "0000", text, None
    else:
        read = times.read(text, order)
        if read == "ambiguous_timestamp":
            read = times.read(text, "dmy")
        if isinstance(read, str):
            return None, None, None
        digits = read.strftime("%Y%m%d")
    return (None, None, None) if digits in _NEVER else (digits, digits[:4], digits[4:])


@lru_cache(maxsize=65_536)
def _street_words(text: str) -> str:
    return " ".join(_STREET_WORDS.get(each, each) for each in text.split())


def street(cell: str) -> Parts:
    """The street with its usual short forms and without the unit; its number; its words without numbers."""
    text = folded(_HASH.sub("", cell))
    if not present(text):
        return None, None, None
    text = _UNIT.sub("", text).strip() or text
    text = _street_words(" ".join(text.split()))
    number = next((each for each in text.split() if each[0].isdigit()), None)
    name = " ".join(each for each in text.split() if not each[0].isdigit())
    return text, number, name or None


def postcode(cell: str) -> Parts:
    """A postcode without blanks and without the four digits after a US one; its first three signs."""
    text = folded(cell).replace(" ", "")
    if not present(text):
        return None, None
    if text.isdigit() and len(text) == 9:
        text = text[:5]
    return text, text[:3]
