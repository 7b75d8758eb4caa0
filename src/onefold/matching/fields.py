"""Fields: what each column of a table holds, as far as people can be told apart by it; stated, or guessed and shown."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import msgspec

from onefold.errors import UsageError

Kind = Literal[
    "given_name", "family_name", "full_name", "middle_name", "name_suffix", "birth_date", "email", "phone", "street",
    "house_number", "address_line", "city", "postcode", "region", "id", "category", "text",
    "source", "record_id", "ignored",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)

_CONCEPTS: dict[str, Kind] = {
    "first_name": "given_name", "last_name": "family_name", "middle_name": "middle_name", "name": "full_name",
    "name_suffix": "name_suffix", "birthday": "birth_date", "email": "email", "phone": "phone", "mobile": "phone",
    "street": "street", "street2": "address_line", "city": "city", "postal_code": "postcode", "state": "region",
    "country": "category", "gender": "category", "person_id": "id", "job_title": "text", "company": "text",
    "salutation": "ignored", "amount": "ignored", "aggregate": "ignored", "date": "ignored", "time": "ignored",
    "status": "ignored", "created": "ignored", "language": "ignored", "timezone": "ignored", "currency": "ignored",
    "fact_id": "ignored", "note": "ignored", "tags": "ignored",
}  # fmt: skip

# What headings of tables of people hold beside the words of exports; the first that is found.
_NAMED: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"cluster|entity_?id|ground_?truth|household|family_?id|(is_)?match|label|duplicate"), "ignored"),
    (re.compile(r"^(source|source_?(system|dataset|name|table)|dataset|system|origin|file)$"), "source"),
    (re.compile(r"^(unique|rec|record|row)_?(id|no|number|num)$|^(id|index|uuid|guid)$"), "record_id"),
    (re.compile(r"^(ts|time|timestamp|updated|modified|last_seen|.*_at|.*_ts)$"), "ignored"),
    (re.compile(r"(street|house)_?(no|num|number|nr)$|^hausnummer$"), "house_number"),
    (re.compile(r"e_?mail"), "email"),
    (re.compile(r"phone|mobile|telef|^tel$|^fax"), "phone"),
    (re.compile(r"post_?code|postal|^zip|plz"), "postcode"),
    (re.compile(r"birth_?(date|day)|date_?of_?birth|^dob|birth_?year|year_?of_?birth"), "birth_date"),
    (
        re.compile(r"ssn|soc_?sec|social_?sec|passport|national_?(id|insurance)|nhs|tax_?id|licen[cs]e|(_|^)ni(no)?$"),
        "id",
    ),
    (
        re.compile(
            r"(loyalty|member|customer|card|account|student|patient|voter|user|donor|person)_?(id|no|num|number)"
        ),
        "id",
    ),
    (re.compile(r"full_?name|first_?and_?sur|name_?full"), "full_name"),
    (re.compile(r"(given|first|fore)_?name|^fname"), "given_name"),
    (re.compile(r"(family|last|sur)_?name|^lname"), "family_name"),
    (re.compile(r"middle"), "middle_name"),
    (re.compile(r"addr|street"), "street"),
    (re.compile(r"suburb|^city|town|place|locality|county"), "city"),
    (re.compile(r"state|province|region"), "region"),
    (re.compile(r"amount|price|total|balance|income|score|count|revenue|_usd"), "ignored"),
)
_EMAILS, _DATES = 0.6, 0.8
_CATEGORY_MAX = 200
_TEXT_MAX = 60
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{8}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}.*")
_CODE = re.compile(r"[A-Za-z]{0,4}[-_ ]?\d[\d-]{4,}")


class Field(msgspec.Struct, frozen=True):
    """A column and what it holds.

    Attributes:
        column: Its name in the table.
        kind: What it holds.
        why: What the guess rests on, in words for a person; empty when it was stated.
    """

    column: str
    kind: Kind
    why: str = ""


class Sample(msgspec.Struct, frozen=True):
    """What a column looks like: some of its values, how many rows have one, and how many differ."""

    values: Sequence[str]
    filled: int
    distinct: int


def guess(samples: Mapping[str, Sample], concepts: Mapping[str, str], stated: Mapping[str, str]) -> tuple[Field, ...]:
    """What each column holds.

    Args:
        samples: By column, in the order of the table.
        concepts: What the reader of headings makes of each name; empty where it knows nothing.
        stated: Kinds by column, which nobody guesses at.

    Raises:
        UsageError: A stated column or kind does not exist.
    """
    for column, kind in stated.items():
        if column not in samples:
            raise UsageError(f"There is no column `{column}`; the table has {', '.join(samples)}.")
        if kind not in KINDS:
            raise UsageError(f"`{kind}` of column `{column}` is not a kind of field; there are {', '.join(KINDS)}.")
    fields = [
        Field(name, stated[name]) if name in stated else _guess(name, sample, concepts.get(name, ""))  # type: ignore[arg-type]  # a word of KINDS, as checked above
        for name, sample in samples.items()
    ]
    return tuple(_without_repeats(fields, stated))


def _guess(name: str, sample: Sample, concept: str) -> Field:
    if not sample.filled:
        return Field(name, "ignored", "empty")
    if sample.distinct == 1:
        return Field(name, "ignored", "one value in all rows")
    word = re.sub(r"[^a-z0-9]+", "_", name.casefold()).strip("_")
    emails = _part(sample, _EMAIL)
    for pattern, kind in _NAMED[:4]:
        if pattern.search(word):
            return Field(name, kind, "by its name")
    if emails >= _EMAILS:
        return Field(name, "email", "its values are e-mail addresses")
    if concept in _CONCEPTS:
        return Field(name, _CONCEPTS[concept], "by its name")
    for pattern, kind in _NAMED[4:]:
        if pattern.search(word):
            return Field(name, kind, "by its name")
    return _by_values(name, sample)


def _by_values(name: str, sample: Sample) -> Field:
    if _part(sample, _TIME) >= _DATES:
        return Field(name, "ignored", "its values are times")
    if _part(sample, _DATE) >= _DATES:
        return Field(name, "birth_date", "its values are dates")
    if sample.distinct == sample.filled:
        return Field(name, "record_id", "no two values are equal")
    if sample.distinct <= _CATEGORY_MAX and sample.distinct < sample.filled / 3:
        return Field(name, "category", f"{sample.distinct} different values")
    if _part(sample, _CODE) >= _DATES:
        return Field(name, "id", "its values are numbers that repeat")
    if sum(map(len, sample.values)) / len(sample.values) <= _TEXT_MAX:
        return Field(name, "text", "short texts")
    return Field(name, "ignored", "long texts")


def _part(sample: Sample, form: re.Pattern[str]) -> float:
    return sum(form.fullmatch(value.strip()) is not None for value in sample.values) / len(sample.values)


def _without_repeats(fields: Sequence[Field], stated: Mapping[str, str]) -> Sequence[Field]:
    """A name that stands in parts and whole counts once; so do the record's id and its source."""
    kinds = {field.kind for field in fields}
    seen: set[Kind] = set()
    kept = []
    for field in fields:
        double = (field.kind == "full_name" and {"given_name", "family_name"} <= kinds) or (
            field.kind in seen and field.kind in ("full_name", "given_name", "family_name", "source", "record_id")
        )
        if double and field.column not in stated:
            field = Field(field.column, "ignored", f"another column holds the {field.kind.replace('_', ' ')}")  # noqa: PLW2901  it replaces the guess
        seen.add(field.kind)
        kept.append(field)
    return kept
