"""Identifiers made comparable: what systems write differently becomes one value; what names nobody is refused."""

from __future__ import annotations

import fnmatch
import re
import unicodedata
import uuid
from functools import lru_cache
from typing import Literal

import msgspec
import phonenumbers

from onefold.identity.settings import BLOCKED_VALUES, IdentitySettings

VALUE_LENGTH_MAX = 512

_NOTHING = re.compile(r"[0\-. ]*")
_EMAIL = re.compile(r"[^@\s\"<>(),:;\\\[\]]{1,64}@[^@\s\"<>(),:;\\\[\]_]{1,253}")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


class Refused(msgspec.Struct, frozen=True, gc=False):
    """Why a value cannot name anybody."""

    reason: Literal["empty", "blocked", "invalid_email", "invalid_phone", "too_long"]


_EMPTY, _BLOCKED, _TOO_LONG = Refused("empty"), Refused("blocked"), Refused("too_long")


def normalise(kind: str, value: str, settings: IdentitySettings) -> str | Refused:
    """Make a value of one type comparable. Normalising twice changes nothing."""
    text = value.strip()
    if not text:
        return _EMPTY
    if len(text) > VALUE_LENGTH_MAX:
        return _TOO_LONG
    lowered = text.lower()
    if lowered in BLOCKED_VALUES or _NOTHING.fullmatch(text) or _blocked(lowered, settings):
        return _BLOCKED
    normaliser = settings.type(kind).normaliser
    if normaliser == "email":
        return _email(lowered, settings)
    if normaliser == "phone":
        return _phone(text, settings.default_region)
    if normaliser == "device_id":
        return _device(lowered, text)
    return unicodedata.normalize("NFC", text) if not text.isascii() else text


def _blocked(lowered: str, settings: IdentitySettings) -> bool:
    if lowered in settings.blocked_values:
        return True
    return any(fnmatch.fnmatchcase(lowered, pattern) for pattern in settings.blocked_patterns)


def _email(lowered: str, settings: IdentitySettings) -> str | Refused:
    text = lowered if lowered.isascii() else unicodedata.normalize("NFKC", lowered).lower()
    if _EMAIL.fullmatch(text) is None:
        return Refused("invalid_email")
    local, _, domain = text.rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode()
        except UnicodeError:
            return Refused("invalid_email")
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels):
        return Refused("invalid_email")
    if not settings.plus_tags:
        local = local.partition("+")[0] or local
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return Refused("invalid_email")
    whole = f"{local}@{domain}"
    return _BLOCKED if whole in BLOCKED_VALUES or _blocked(whole, settings) else whole


@lru_cache(maxsize=100_000)
def _phone(text: str, region: str | None) -> str | Refused:
    if _E164.fullmatch(text):
        return text if len(set(text[2:])) > 1 else _BLOCKED
    if text.startswith("00"):
        text = "+" + text[2:]
    text = text.removeprefix("whatsapp:").removeprefix("tel:")
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return Refused("invalid_phone")
    if not phonenumbers.is_possible_number(number):
        return Refused("invalid_phone")
    digits = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return digits if len(set(digits[2:])) > 1 else _BLOCKED


def _device(lowered: str, text: str) -> str:
    # UUIDs are written in either case by different systems; other device ids may be case-sensitive.
    if len(text) == 36:
        try:
            return str(uuid.UUID(lowered))
        except ValueError:
            return text
    return text
