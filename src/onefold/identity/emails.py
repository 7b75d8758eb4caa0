"""E-mail addresses in one form, and the addresses that a field holds."""

from __future__ import annotations

import re
import unicodedata

from onefold.identity import placeholders
from onefold.identity.placeholders import Verdict

_CHARACTERS_MAX = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_LOCAL_MAX = 64  # RFC 5321, 4.5.3.1.1
_LABEL_MAX = 63  # RFC 1035, 2.3.4
_LOCAL_REFUSED = re.compile(r'[\s\x00-\x1f\x7f"(),:;<>@\[\\\]]')
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?")

USUAL = re.compile(r"[a-z0-9][a-z0-9._+-]*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}")
USUAL_MAX = 64
"""Addresses in lower case that are in their one form already, as most are, up to so many characters."""

_BRACKETED = re.compile(r"<\s*(?:mailto:)?([^<>\s]*@[^<>\s]*)\s*>", re.IGNORECASE)
_QUOTED_NAME = re.compile(r'"[^"<>]*"\s*(?=<)')
_AROUND = " '\"<>\u2018\u2019\u201c\u201d"
_SCHEME = re.compile(r"(?:mailto|e-?mail|smtp)\s*:\s*", re.IGNORECASE)
_COMMENT = re.compile(r"\s*\([^()@]*\)\s*$")
_SEPARATORS = re.compile(
    r"\s*(?:[;,|\r\n\t]|:::|\s/\s|(?<=\w)/(?=\w[^/\s]*@)|\s(?:or|and|oder|und|ou|et|o|y|e)\s)\s*", re.IGNORECASE
)


def parts(text: str) -> tuple[str, ...]:
    """The texts of a field that should each be an address: `Ann <ann@one.example>; mailto:bob@one.example`.

    White space alone parts addresses only where each part has an @.
    """
    text = unicodedata.normalize("NFKC", text) if not text.isascii() else text
    named = _QUOTED_NAME.sub("", text)
    found = [part for piece in _SEPARATORS.split(named) for part in _addresses(piece)]
    if "<" in text:
        # `Roe, Ann <ann@one.example>`: what has no @ is a part of a name.
        found = [part for part in found if "@" in part]
    return tuple(found)


def _addresses(piece: str) -> list[str]:
    # What stands before the brackets is a name, whatever it looks like.
    return [found.strip(_AROUND) for found in _BRACKETED.findall(piece)] or _split(piece)


def _split(piece: str) -> list[str]:
    bare = _COMMENT.sub("", _unschemed(piece)).strip(_AROUND)
    words = [word.strip(_AROUND) for word in bare.split()]
    return words if len(words) > 1 and all(word.count("@") == 1 for word in words) else [bare] if bare else []


def _unschemed(text: str) -> str:
    scheme = _SCHEME.match(text)
    return text[scheme.end() :].partition("?")[0] if scheme else text


def read(text: str, *, drop_plus_tags: bool, drop_gmail_dots: bool) -> tuple[str | None, Verdict | None]:
    """One address in its one form, None when it is none; and what is to be thought of it."""
    if not text.isascii():
        # Full-width letters and signs are the same address, typed with another keyboard.
        # Twice, for small letters of combined signs may combine differently.
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower()).replace("\u3002", ".")
    local, at, domain = text.lower().rpartition("@")
    domain = domain.removesuffix(".")
    if not at or not local or len(local) > _LOCAL_MAX or _LOCAL_REFUSED.search(local):
        return None, None
    labels = [_ascii_label(label) for label in domain.split(".")]
    # A name without a dot is a machine of somebody's own network; one ending in digits is a number, not a name.
    if len(labels) < 2 or labels[-1].isdigit():
        return None, None
    for label in labels:
        if len(label) > _LABEL_MAX or not _LABEL.fullmatch(label):
            return None, None
    domain = ".".join(labels)
    if drop_plus_tags:
        local = local.partition("+")[0] or local
    # Gmail gives out names of ASCII only. In others a dot may part signs that would combine, or hide an invisible one.
    if drop_gmail_dots and domain in {"gmail.com", "googlemail.com"} and local.isascii():
        local = local.replace(".", "") or local
    # A quotation mark that a dot or a tag had hidden goes as it would at the beginning of the field.
    local = local.lstrip("'")
    if not local:
        return None, None
    address = f"{local}@{domain}"
    if len(address) > _CHARACTERS_MAX:
        return None, None
    return address, placeholders.judge_email(local, domain)


def _ascii_label(label: str) -> str:
    """A domain label as DNS carries it.

    Plain punycode, not Python's `idna` codec: that one follows the standard of 2003, in which `straße` and `strasse`,
    two domains of two owners, are one.
    """
    if label.isascii():
        return label
    return "xn--" + label.encode("punycode", "replace").decode("ascii")
