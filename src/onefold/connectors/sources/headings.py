"""Headings: what the name of a column says it holds, whose it is, and which of several it is."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import msgspec

from onefold.connectors.sources.vocabulary import (
    AGGREGATE,
    AMOUNTS,
    CONCEPTS,
    DATES,
    FACTS,
    ID_WORDS,
    NOISE,
    NOT_PAID,
    PERSON_NOUNS,
    ROLES,
    SELF,
)

_LETTERS = str.maketrans({"ß": "ss", "ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe"})
_CONCEPT = {word: concept for concept, words in CONCEPTS.items() for word in words.split()}
_NUMBERED_PERSON = re.compile(
    r"(contact|person|adult|member|donor|customer|constituent|attendee|client|individual|spouse|parent|guardian|name)0*([1-9])(?=[a-z])"
)


class Heading(msgspec.Struct, frozen=True):
    """What a column's name says.

    Attributes:
        concept: What it holds: a word of `CONCEPTS`, or `amount`, `date`, `person_id`, `fact_id`, `aggregate`; empty when
            the name says nothing to us.
        role: Whose: empty for the row's own person, else a word of `ROLES`, or `person2` for the second of several.
        slot: Which of several (`E-mail 2`); 1 when the name has no number.
        rank: Among columns of one concept: the lower, the likelier.
        kind: Of a person's id: `contact_id`.
    """

    concept: str = ""
    role: str = ""
    slot: int = 1
    rank: int = 0
    kind: str = ""


def folded(name: str) -> str:
    """A name as the vocabulary has its words: small letters and digits, without accents, blanks or signs."""
    text = name.casefold().translate(_LETTERS)
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text)
        text = unicodedata.normalize("NFC", "".join(c for c in plain if not "\u0300" <= c <= "\u036f"))
    return "".join(c for c in text if c.isalnum())


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(sorted({re.escape(word) for word in words}, key=len, reverse=True))


_AROUND = _alternatives([*SELF, *ROLES, *NOISE])
_FACT_AROUND = _alternatives([*SELF, *FACTS, *NOISE, "total", "utc", "local", "the"])
# Short words mean too many things to be looked for inside longer ones.
_INSIDE = {
    word for word in _CONCEPT if len(word) > 3 or not word.isascii() or word in ("zip", "tel", "plz", "nom", "mail")
}
_INSIDE -= {"first", "last", "middle", "title", "prefix", "suffix", "role", "time", "hour", "born", "business"}
_NAMED = re.compile(rf"((?:{_AROUND})*)({_alternatives(_INSIDE)})((?:{_AROUND})*)")
_PERSON_ID = re.compile(rf"(?:{_alternatives([*SELF, *NOISE, 'system', 'unique', 'internal', 'sis', 'import'])})*?"
                        rf"({_alternatives(PERSON_NOUNS)})(?:{_alternatives(ID_WORDS)})+")  # fmt: skip
_ID_OF = re.compile(
    rf"(?:{_alternatives(ID_WORDS)})(?:{_alternatives(NOISE)})*({_alternatives(set(PERSON_NOUNS) - set(ID_WORDS))})"
)
_FACT_ID = re.compile(
    rf"(?:{_alternatives([*SELF, *NOISE])})*(?:{_alternatives(FACTS)})+(?:{_alternatives(ID_WORDS)})+"
)
_AMOUNT = re.compile(
    rf"(?:{_FACT_AROUND})*?({_alternatives(AMOUNTS)})(?:usd|cad|eur|gbp|aud|chf|{_alternatives(NOISE)}|{_alternatives(FACTS)})*"
)
_DATE = re.compile(rf"((?:{_FACT_AROUND})*?)({_alternatives(DATES)})((?:{_FACT_AROUND}|time)*)")
_AGGREGATE = re.compile(AGGREGATE)
_NOT_PAID = re.compile(NOT_PAID)


@lru_cache(maxsize=4096)
def read(name: str) -> Heading:
    """Read a column's name."""
    word = folded(name.replace("#", " number "))
    numbered = _NUMBERED_PERSON.search(word)
    role, slot = "", 1
    if numbered and int(numbered[2]) > 1:
        role = "person2"
    if numbered:
        word = word[: numbered.start(2)] + word[numbered.end(2) :]
    if word in ("address1", "address2", "street2", "addressline1", "addressline2", "addrline1", "addrline2"):
        return Heading(_CONCEPT[word], role)
    digits = re.findall(r"\d+", word)
    if digits:
        slot = max(int(digits[0][:3]), 1)
    letters = re.sub(r"\d+", "", word)
    if letters not in _CONCEPT and _AGGREGATE.search(letters):
        return Heading("aggregate", role, slot)
    return _money_or_id(letters, slot) or _person(letters, role, slot) or Heading(slot=slot)


def _money_or_id(letters: str, slot: int) -> Heading | None:
    if letters in PERSON_NOUNS and letters in ("id", "idnumber"):
        return Heading("id", slot=slot, kind="record_id")
    if letters in _CONCEPT:
        return None
    found = _PERSON_ID.fullmatch(letters) or _ID_OF.fullmatch(letters)
    if found and not letters.startswith("attendee"):
        return Heading("person_id", slot=slot, kind=PERSON_NOUNS[found[1]])
    if _FACT_ID.fullmatch(letters):
        return Heading("fact_id", slot=slot)
    if (found := _AMOUNT.fullmatch(letters)) and not _NOT_PAID.search(letters):
        return Heading("amount", slot=slot, rank=AMOUNTS[found[1]])
    if found := _DATE.fullmatch(letters):
        of_fact = any(fact in found[1] + found[3] for fact in FACTS)
        return Heading("date", slot=slot, rank=0 if of_fact else DATES[found[2]])
    return None


def _person(letters: str, role: str, slot: int) -> Heading | None:
    if letters in _CONCEPT:
        return Heading(_CONCEPT[letters], role, slot)
    found = _NAMED.fullmatch(letters)
    if found is None:
        return None
    roles = [ROLES[word] for word in _words(found[1] + " " + found[3]) if word in ROLES]
    if "stranger" in roles:
        role = "stranger"
    elif roles and not role:
        role = roles[0]
    concept = _CONCEPT[found[2]]
    if concept == "street" and slot == 2:
        concept, slot = "street2", 1
    return Heading(concept, role, slot)


_WORD = re.compile(_AROUND)


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
