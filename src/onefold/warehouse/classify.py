"""Classify: a guess at the class of personal data of each attribute and property, from its name and its values."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from onefold.model import PersonalClass

SHARE_MIN = 0.6
"""Share of values that must look alike for the guess to be made from them."""

_WORDS: Mapping[PersonalClass, frozenset[str]] = {
    "sensitive": frozenset({
        "religion", "faith", "church", "ethnicity", "race", "health", "diagnosis", "disability", "medical", "medication",
        "gender", "sex", "sexual", "orientation", "pronouns", "political", "politics", "party", "union",
        "genetic", "biometric", "income", "salary", "wealth", "networth", "capacity", "ssn", "passport", "tax", "iban",
        "card", "criminal",
    }),
    "identifier": frozenset({
        "email", "mail", "phone", "mobile", "cell", "fax", "whatsapp", "handle", "username", "login", "device", "cookie",
        "idfa", "gaid", "advertising", "anonymous", "external", "account", "constituent", "contact", "customer", "donor",
        "member", "subscriber", "student", "twitter", "linkedin", "facebook", "instagram", "ip",
    }),
    "personal": frozenset({
        "name", "first", "last", "middle", "salutation", "title", "birth", "birthday", "birthdate", "dob", "age",
        "address", "street", "city", "town", "zip", "postcode", "postal", "county", "state", "latitude", "longitude",
        "location", "employer", "company", "occupation", "job", "spouse", "household", "family", "children", "language",
        "school", "photo", "avatar", "signature", "note", "notes", "comment", "message", "referrer", "url", "search",
    }),
    "none": frozenset({
        "amount", "total", "revenue", "price", "cost", "tax_amount", "currency", "quantity", "count", "sku", "product",
        "category", "plan", "status", "type", "kind", "channel", "campaign", "fund", "appeal", "source", "medium",
        "frequency", "score", "rating", "version", "country", "page", "section", "program", "course", "lesson", "event",
        "tier", "level", "date", "created", "updated", "started", "ended", "start", "end", "order", "gift", "donation",
        "subscription",
        "item",
    }),
}  # fmt: skip
_ID_SUFFIX = re.compile(r"(^|_)(id|uuid|guid|key|number|no|code)$")
_VALUES: tuple[tuple[PersonalClass, str, re.Pattern[str]], ...] = (
    ("identifier", "addresses", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")),
    ("sensitive", "card numbers", re.compile(r"(?:[0-9][ -]?){15,16}")),
    ("identifier", "phone numbers", re.compile(r"(?!\d{4}-\d\d-\d\d)\+?[0-9(][0-9 ().-]{7,16}[0-9]")),
    ("identifier", "network addresses", re.compile(r"(?:\d{1,3}\.){3}\d{1,3}|[\da-fA-F]{0,4}(?::[\da-fA-F]{0,4}){3,7}")),
    ("identifier", "random ids", re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")),
)  # fmt: skip


class Guess(msgspec.Struct, frozen=True):
    """What a field seems to hold of people.

    Attributes:
        personal: The class guessed.
        because: Why, without values.
        sure: Whether the name and the values agree, or the one that speaks is plain.
    """

    personal: PersonalClass
    because: str
    sure: bool


def guess(name: str, values: Iterable[Any]) -> Guess:
    """The class that a field seems to have. Where nothing speaks, it is taken for personal: the careful way to err."""
    named, seen = _by_name(name), _by_values(list(values))
    if seen is not None and (named is None or seen[0] != "none"):
        shown = f"its values look like {seen[1]}"
        agree = named is not None and named[0] == seen[0]
        return Guess(seen[0], f"{named[1]}, and {shown}" if agree and named else shown, sure=True)
    if named is not None:
        return Guess(named[0], named[1], sure=True)
    return Guess("personal", "nothing tells; personal until somebody says otherwise", sure=False)


def _by_name(name: str) -> tuple[PersonalClass, str] | None:
    words = re.findall(r"[a-z]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    for personal in ("sensitive", "identifier", "personal", "none"):
        for word in words:
            if word in _WORDS[personal]:
                return personal, f"`{word}` is in its name"
    if _ID_SUFFIX.search("_".join(words)):
        return "identifier", "its name ends as an id's does"
    return None


def _by_values(values: list[Any]) -> tuple[PersonalClass, str] | None:
    texts = [value for value in values if isinstance(value, str) and value]
    if not values:
        return None
    if all(isinstance(value, bool) for value in values):
        return "none", "yes and no"
    if not texts:
        return None
    for personal, what, pattern in _VALUES:
        if sum(pattern.fullmatch(text.strip()) is not None for text in texts) >= SHARE_MIN * len(values):
            return personal, what
    few = Counter(texts)
    if len(texts) >= 50 and len(few) <= 12 and min(few.values()) >= 2:
        return "none", "a short list of words"
    return None


def members(documents: Iterable[Mapping[str, Any]], *, values_max: int = 500) -> Iterator[tuple[str, list[Any]]]:
    """The fields of JSON objects, by name, each with some of its values."""
    found: dict[str, list[Any]] = {}
    for document in documents:
        for name, value in document.items():
            held = found.setdefault(name, [])
            if len(held) < values_max:
                held.append(value)
    yield from sorted(found.items())
