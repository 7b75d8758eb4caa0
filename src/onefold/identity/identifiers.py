"""Identifiers in one form: the same name, however it was typed, becomes the same text, or is refused.

`read` takes what a field holds: as a rule one identifier, sometimes several or one that stands in something else.
"""

from __future__ import annotations

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Literal

import msgspec

from onefold.identity import emails, phones, placeholders
from onefold.identity.settings import BLOCKED_VALUES, IdentitySettings, Normaliser

Refusal = Literal[
    "email_invalid",
    "identifier_blocked",
    "identifier_damaged",
    "identifier_empty",
    "identifier_mangled",
    "identifier_placeholder",
    "identifier_too_long",
    "phone_impossible",
    "phone_invalid",
]
"""Why a text can name nobody: the code of a finding."""

Remark = Literal[
    "decimal_id",
    "identifier_suspected",
    "identifier_unwrapped",
    "identifiers_split",
    "invisible_characters",
    "phone_country_assumed",
]
"""What was done to read a text that names somebody: the code of a finding."""

CHARACTERS_MAX = 512
"""Longest identifier, in characters, after trimming. Device tokens are the longest in use, at about 300."""

# Typed blanks and what copying from web pages and spreadsheets leaves behind; `str.strip` knows only the first kind.
_JOINERS = "\u200c\u200d\ufe0e\ufe0f"
_INVISIBLE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u061c\ufeff\u00ad\u180e\ufff9-\ufffb"
    "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]"
)
_JOINING = re.compile(f"[{_JOINERS}]")
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SURROGATE = re.compile("[\ud800-\udfff\ufffd]")
_LINES = re.compile(r"\s*[\r\n]+\s*")
_UUID = re.compile(r"[0-9a-fA-F]{8}-?(?:[0-9a-fA-F]{4}-?){3}[0-9a-fA-F]{12}")
_GUID = re.compile(r"\{[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\}")
_FORMULA = re.compile(r'="[^"]*"')
_DECIMAL = re.compile(r"[1-9][0-9]{0,15}\.0")
# Most ids: letters beside digits. What is said of placeholders does not apply to them, but for a few known ones.
_ORDINARY = re.compile(r"[A-Za-z0-9_-]*?(?:[0-9][A-Za-z_-]|[A-Za-z_-][0-9])[A-Za-z0-9_-]*")
_QUOTES = (
    ('"', '"'),
    ("'", "'"),
    ("\u201c", "\u201d"),
    ("\u2018", "\u2019"),
    ("\u201e", "\u201c"),
    ("\u00ab", "\u00bb"),
    ("`", "`"),
)
_QUOTING = frozenset("\"'=`{\u201c\u2018\u201e\u00ab\u2019")


class Refused(msgspec.Struct, frozen=True, gc=False):
    """The value can name nobody."""

    code: Refusal


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What a field holds.

    Attributes:
        values: Identifiers in the one form of their type, each once, in order of statement.
        codes: Findings: why a part was refused, or what was done to read it.
    """

    values: tuple[str, ...]
    codes: tuple[Refusal | Remark, ...] = ()


def read(kind: str, value: str, settings: IdentitySettings) -> Reading:
    """The identifiers that a field holds: nearly always one.

    What is read is stable: reading one of the values again gives that value. Blocked values are refused as typed and
    as normalised.

    Args:
        kind: The type's canonical name.
        value: The text as stated.
        settings: Types and blocked values.
    """
    text = value.strip()
    if len(text) > CHARACTERS_MAX:
        return Reading((), ("identifier_too_long",))
    normaliser = settings.type(kind).normaliser
    usual = _usual(text, normaliser, settings)
    if usual is not None:
        return Reading((usual,))
    remarks: list[Refusal | Remark] = []
    if not (text.isascii() and text.isprintable()):
        if _SURROGATE.search(text):
            # Half a character: the name was lost on its way, and no store could keep what is left.
            return Reading((), ("identifier_damaged",))
        text, changed = _visible(text, anywhere=normaliser in ("email", "phone"))
        if changed:
            remarks.append("invisible_characters")
    if not text:
        return Reading((), ("identifier_empty",))
    bare = _unwrapped(text)
    if bare != text:
        remarks.append("identifier_unwrapped")
    verdict = _verdict(bare, kind, settings)
    if verdict is not None and verdict != "identifier_suspected":
        return Reading((), (verdict,))
    if normaliser == "email":
        return _emails(bare, settings, remarks)
    if normaliser == "phone":
        return _phones(bare, settings, remarks)
    if "\n" in bare or "\r" in bare:
        return _lines(bare, kind, settings, remarks)
    if verdict is not None:
        remarks.append(verdict)
    found = _id(bare, kind, settings, remarks)
    return Reading((), _refusals(remarks)) if found is None else Reading((found,), tuple(remarks))


def _usual(text: str, normaliser: Normaliser, settings: IdentitySettings) -> str | None:
    """The one form of a text that is as most are; None where it has to be looked at closely."""
    if normaliser == "email":
        address = text.lower()
        fits = len(address) <= emails.USUAL_MAX and emails.USUAL.fullmatch(address)
        if not fits or settings.drop_plus_tags or settings.drop_gmail_dots or _is_blocked(address, settings):
            return None
        local, _, domain = address.partition("@")
        return address if placeholders.judge_email(local, domain) is None else None
    if normaliser == "phone":
        return text if phones.is_plain(text) and not _is_blocked(text, settings) else None
    if not _ORDINARY.fullmatch(text) or text[0] == text[-1] or not text.strip("0-."):
        return None
    lowered = text.lower()
    if lowered in placeholders.SENTINELS or _is_blocked(lowered, settings):
        return None
    return lowered if normaliser == "device_id" and _UUID.fullmatch(text) else text


def normalise(kind: str, value: str, settings: IdentitySettings) -> str | Refused:
    """Bring one identifier into the one form of its type; several in one text are refused as none."""
    reading = read(kind, value, settings)
    if len(reading.values) == 1:
        return reading.values[0]
    refusals = [code for code in reading.codes if code in _REFUSALS]
    return Refused(refusals[0] if refusals else "identifier_too_long")  # type: ignore[arg-type]  # filtered above


_REFUSALS = frozenset(Refusal.__args__)  # type: ignore[attr-defined]  # what a Literal is made of


def _visible(text: str, *, anywhere: bool) -> tuple[str, bool]:
    """The text without invisible characters, and whether there were any.

    Joiners mean something within words of some languages, so they go everywhere only where there are no words.
    """
    shown = _INVISIBLE.sub("", text)
    if anywhere:
        shown = _JOINING.sub("", shown)
    shown = _trimmed(shown)
    changed = shown != text
    return unicodedata.normalize("NFC", _BLANKS.sub(" ", shown)), changed


def _trimmed(text: str) -> str:
    """The text without blanks and joiners at its ends."""
    text = text.strip()
    while (shorter := text.strip(_JOINERS).strip()) != text:
        text = shorter
    return text


def _unwrapped(text: str) -> str:
    """The text without what spreadsheets and databases put around it: quotation marks, `="…"`, `'` before, `{GUID}`."""
    while text[0] in _QUOTING:
        if _FORMULA.fullmatch(text):
            inner = text[2:-1]
        elif _GUID.fullmatch(text):
            inner = text[1:-1]
        else:
            inner = next((text[1:-1] for a, b in _QUOTES if text[0] == a and text[-1] == b and len(text) > 2), text)
            if inner == text and text[0] in "'\u2019" and len(text) > 1:
                inner = text[1:]
        inner = _trimmed(inner)
        if inner == text or not inner:
            return text
        text = inner
    return text


def _verdict(text: str, kind: str, settings: IdentitySettings) -> Refusal | Literal["identifier_suspected"] | None:
    """Why a text names nobody, whatever its type, or may name nobody; None for nearly every text."""
    if settings.allowed_values and text.lower() in settings.allowed_values:
        return None
    # Nothing but zeros and signs: `0`, `-`, `0000000000`, the advertising id of those who allow none.
    if not text.strip("0-. :"):
        return "identifier_blocked"
    return "identifier_blocked" if _is_blocked(text.lower(), settings) else placeholders.judge(text, kind)


def _is_blocked(lowered: str, settings: IdentitySettings) -> bool:
    if lowered in BLOCKED_VALUES or lowered in settings.blocked_values:
        return True
    return bool(settings.blocked_patterns) and _matcher(settings.blocked_patterns)(lowered)


def _refusal(text: str, kind: str, settings: IdentitySettings) -> Refusal | None:
    verdict = _verdict(text, kind, settings)
    return None if verdict == "identifier_suspected" else verdict


@lru_cache(maxsize=64)
def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Whether a text matches any of the patterns.

    `fnmatch` writes each `*` as an atomic group that never gives back what it took, so no pattern can make it backtrack
    for long. A `[` stands for itself.
    """
    matches = [re.compile(fnmatch.translate(p.replace("[", "[[]"))).match for p in patterns]
    return lambda text: any(match(text) for match in matches)


def _emails(text: str, settings: IdentitySettings, remarks: list[Refusal | Remark]) -> Reading:
    whole = _email(text, settings, remarks)
    if whole is not None:
        return _collected([whole], remarks)
    found = emails.parts(text)
    if found == (text,) or not found:
        return Reading((), _refusals(remarks) or ("email_invalid",))
    del remarks[:]
    values = []
    for part in found:
        refusal = _refusal(part, "email", settings)
        known = len(remarks)
        value = None if refusal is not None else _email(part, settings, remarks)
        if value is not None:
            values.append(value)
        elif len(remarks) == known:
            remarks.append(refusal or "email_invalid")
    remarks.append("identifiers_split" if len(set(values)) > 1 else "identifier_unwrapped")
    return _collected(values, remarks)


def _email(text: str, settings: IdentitySettings, remarks: list[Refusal | Remark]) -> str | None:
    """One address; None, with the refusal among the remarks where it is well formed and names nobody."""
    address, verdict = emails.read(
        text, drop_plus_tags=settings.drop_plus_tags, drop_gmail_dots=settings.drop_gmail_dots
    )
    if address is None or address in settings.allowed_values:
        return address
    if verdict is not None:
        remarks.append(verdict)
    if verdict in _REFUSALS:
        return None
    if address != text and (refusal := _refusal(address, "email", settings)) is not None:
        remarks.append(refusal)
        return None
    return address


def _phones(text: str, settings: IdentitySettings, remarks: list[Refusal | Remark]) -> Reading:
    region = settings.default_region
    parts = phones.parts(text, region)
    values = []
    for part in parts:
        found = phones.read(part, region)
        if isinstance(found, str):
            remarks.append(found)
            continue
        number, remark = found
        if number != text and (refusal := _refusal(number, "phone", settings)) is not None:
            remarks.append(refusal)
            continue
        values.append(number)
        if remark is not None:
            remarks.append(remark)
    if len(set(values)) > 1:
        remarks.append("identifiers_split")
    return _collected(values, remarks)


def _lines(text: str, kind: str, settings: IdentitySettings, remarks: list[Refusal | Remark]) -> Reading:
    """Identifiers that stand on lines of their own within one field."""
    values = []
    for stated in _LINES.split(text):
        line, _ = _visible(stated, anywhere=False)
        line = _unwrapped(line) if line else line
        verdict = _verdict(line, kind, settings)
        if verdict is not None:
            remarks.append(verdict)
        if verdict not in _REFUSALS and (value := _id(line, kind, settings, remarks)) is not None:
            values.append(value)
    remarks.append("identifiers_split")
    return _collected(values, remarks)


def _id(text: str, kind: str, settings: IdentitySettings, remarks: list[Refusal | Remark]) -> str | None:
    """One id; None, with the refusal among the remarks, where it names nobody after all."""
    if text[-2:] == ".0" and _DECIMAL.fullmatch(text):
        text = text[:-2]
        remarks.append("decimal_id")
        verdict = _verdict(text, kind, settings)
        if verdict is not None:
            remarks.append(verdict)
        if verdict in _REFUSALS:
            return None
    # The same UUID comes in capitals from one system and in small letters from the other; other ids keep their case.
    return text.lower() if settings.type(kind).normaliser == "device_id" and _UUID.fullmatch(text) else text


def _collected(values: Iterable[str], remarks: Iterable[Refusal | Remark]) -> Reading:
    """A reading whose values have findings; of one without values only the refusals count."""
    found, codes = tuple(dict.fromkeys(values)), tuple(dict.fromkeys(remarks))
    return Reading(found, codes if found else _refusals(codes) or ("identifier_empty",))


def _refusals(codes: Iterable[Refusal | Remark]) -> tuple[Refusal | Remark, ...]:
    return tuple(code for code in codes if code in _REFUSALS)
