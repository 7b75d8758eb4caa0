"""Keys: the values, and beginnings of values, by which records are brought together, and how many records have each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from onefold.matching.fields import Kind
from onefold.matching.records import RARE_MAX, Records

Blocks = np.ndarray[Any, np.dtype[np.int64]]
Numbers = np.ndarray[Any, np.dtype[np.float64]]

_PREFIXES: dict[Kind, tuple[tuple[str, int], ...]] = {
    "given_name": (("root", 3),), "family_name": (("name", 4),), "email": (("local", 99),), "phone": (("end", 7),),
    "birth_date": (("year", 4), ("day", 4)), "street": (("name", 8), ("number", 6)), "postcode": (("start", 3),),
    "address_line": (("value", 8),), "city": (("value", 5),), "text": (("value", 5),), "id": (("value", 4),),
}  # fmt: skip
"""Parts by whose beginnings records are brought together beside whole values: part and number of characters."""
_WHOLE = 10_000
_PLACES = frozenset(("city", "region", "postcode"))
_PLACE = "a place"
_SELDOM = 1e-5
"""Values that a smaller share of the records has are all as rare: nobody has to remember how often each occurs."""


class KeyName(msgspec.Struct, frozen=True):
    """Which key it is.

    Attributes:
        column: The field it is taken from; a field is never combined with itself.
        part: Of the field.
        length: Characters of its beginning.
        group: What counts once where several keys of it agree: the field, or the place for all that says where it is.
    """

    column: str
    part: str
    length: int
    group: str

    def __str__(self) -> str:
        return f"{self.column}.{self.part}[{self.length}]"


class Key(msgspec.Struct, frozen=True):
    """A key over all records.

    Attributes:
        name: Which.
        texts: The value of each code.
        codes: Of each record; -1 for none.
        counts: How many records have each value, rare ones as if they had `rare` records.
    """

    name: KeyName
    texts: list[str]
    codes: Blocks
    counts: Numbers

    def of_records(self) -> Numbers:
        """How many records have the value of each; 0 for none."""
        return np.append(self.counts, 0.0)[self.codes]


def names(records: Records) -> tuple[KeyName, ...]:
    """All keys that records of these fields may have."""
    found = []
    for field in records.fields:
        whole = next(part for column, part in records.columns if column == field.column)
        group = _PLACE if field.kind in _PLACES else field.column
        parts = ((whole, _WHOLE), *_PREFIXES.get(field.kind, ()))
        found += [KeyName(field.column, part, length, group) for part, length in parts]
    return tuple(found)


def rare(total: int) -> float:
    """The number of records up to which a value is as rare as any, among `total` records."""
    return max(float(RARE_MAX), _SELDOM * total)


def key(records: Records, name: KeyName) -> Key:
    """One key over all records, with counts of these records."""
    column = records.columns[name.column, name.part]
    texts, of_code = starts(column.texts, name.length)
    codes = np.append(of_code, -1)[column.codes]
    counts = np.bincount(codes[codes >= 0], minlength=len(texts)).astype(np.float64)
    return Key(name, texts, codes, np.maximum(counts, rare(records.count)))


def starts(texts: Sequence[str], length: int) -> tuple[list[str], Blocks]:
    """The different beginnings of texts, and the number of each text's."""
    if length == _WHOLE:
        return list(texts), np.arange(len(texts), dtype=np.int64)
    number: dict[str, int] = {}
    of_code = np.array([number.setdefault(text[:length], len(number)) for text in texts], np.int64)
    return list(number), of_code


def of_records(records: Records) -> tuple[Key, ...]:
    """All keys that tell these records apart."""
    found = (key(records, name) for name in names(records))
    return tuple(each for each in found if len(each.texts) > 1)
