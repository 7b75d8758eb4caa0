"""A variant: the same name, phone or address as different hands and systems write it."""

from __future__ import annotations

import random
import unicodedata

from onefold.synthetic.names import NICKNAMES

PLACEHOLDER_EMAILS = ("test@test.com", "null", "none@none.com", "n/a", "noemail@noemail.com")
PLACEHOLDER_PHONES = ("0000000000", "9999999999", "000-000-0000", "n/a")


def given_name(draw: random.Random, name: str) -> str:
    """Often as it is; else a nickname, an initial, a typo or another case."""
    chance = draw.random()
    if chance < 0.12:
        return NICKNAMES.get(name, name)
    if chance < 0.15:
        return name[0] + "."
    if chance < 0.19:
        return typo(draw, name)
    return cased(draw, name)


def cased(draw: random.Random, text: str) -> str:
    """Mostly as it is; now and then shouted, whispered, or with a stray blank."""
    chance = draw.random()
    if chance < 0.05:
        return text.upper()
    if chance < 0.09:
        return text.lower()
    if chance < 0.11:
        return f" {text} "
    return text


def typo(draw: random.Random, text: str) -> str:
    """One slip of the finger: a letter swapped, dropped or doubled."""
    if len(text) < 4:
        return text
    at = draw.randrange(1, len(text) - 1)
    slip = draw.randrange(3)
    if slip == 0:
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if slip == 1:
        return text[:at] + text[at + 1 :]
    return text[:at] + text[at] + text[at:]


def phone(draw: random.Random, digits: str) -> str:
    """Ten digits of a North American number in one of the ways people write them."""
    area, exchange, line = digits[:3], digits[3:6], digits[6:]
    return draw.choice(
        (
            digits,
            f"({area}) {exchange}-{line}",
            f"{area}-{exchange}-{line}",
            f"{area}.{exchange}.{line}",
            f"+1{digits}",
            f"1-{area}-{exchange}-{line}",
            f"+1 {area} {exchange} {line}",
        )
    )


def email(draw: random.Random, address: str, *, tag: str = "") -> str:
    """An address in another case, with a stray blank or, where `tag` is given, with a plus tag now and then."""
    chance = draw.random()
    if chance < 0.10:
        return address.upper()
    if chance < 0.18:
        return address.capitalize()
    if chance < 0.21:
        return f"{address} "
    if tag and chance < 0.26:
        local, domain = address.split("@")
        return f"{local}+{tag}@{domain}"
    return address


def street(draw: random.Random, text: str) -> str:
    """A street with its parts spelled out, or as it is."""
    if draw.random() < 0.25:
        for short, long in ((" St", " Street"), (" Ave", " Avenue"), (" Rd", " Road"), (" Dr", " Drive")):
            if short in text:
                return text.replace(short, long, 1)
    return cased(draw, text)


def western(text: str) -> str:
    """Write with the letters of code page 1252 only: what it lacks loses its accent, or becomes a question mark."""
    if not text.isascii():
        text = "".join(letter if _in_cp1252(letter) else _bare(letter) for letter in text)
    return text


def _in_cp1252(letter: str) -> bool:
    return letter.encode("cp1252", "ignore") != b""


def _bare(letter: str) -> str:
    return {"ł": "l", "Ł": "L"}.get(letter) or unicodedata.normalize("NFKD", letter)[0]
