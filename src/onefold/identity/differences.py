"""Differences: where two values that are shown side by side differ, character by character."""

from __future__ import annotations

import unicodedata
from difflib import SequenceMatcher
from typing import Literal

import msgspec

Agreement = Literal["equal", "close", "different", "missing"]
"""`equal` but for case, accents and spaces; `close` if most characters agree; `missing` if a side has no value."""

Marks = tuple[tuple[int, int], ...]
"""Ranges of characters, each from the first to before the last, in rising order."""

COMPARED_MAX = 400
"""Characters of a value that are compared one by one; what comes after them is marked as a whole where it differs."""
_CLOSE = 0.75


class Difference(msgspec.Struct, frozen=True, gc=False):
    """How two values differ. What is not marked is the same text on both sides.

    Attributes:
        agreement: In one word.
        a: What differs of the one.
        b: What differs of the other.
    """

    agreement: Agreement
    a: Marks = ()
    b: Marks = ()


def difference(a: str | None, b: str | None) -> Difference:
    """How two values differ; None and the empty text are missing."""
    if not a or not b:
        return Difference("missing")
    if a == b:
        return Difference("equal")
    head_a, head_b = a[:COMPARED_MAX], b[:COMPARED_MAX]
    matcher = SequenceMatcher(None, head_a, head_b, autojunk=False)
    codes = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    marks_a = [(start, end) for _, start, end, _, _ in codes if end > start]
    marks_b = [(start, end) for _, _, _, start, end in codes if end > start]
    if a[COMPARED_MAX:] != b[COMPARED_MAX:]:
        marks_a += [(COMPARED_MAX, len(a))] if len(a) > COMPARED_MAX else []
        marks_b += [(COMPARED_MAX, len(b))] if len(b) > COMPARED_MAX else []
    return Difference(_agreement(a, b, matcher.ratio()), tuple(marks_a), tuple(marks_b))


def _agreement(a: str, b: str, ratio: float) -> Agreement:
    if folded(a) == folded(b):
        return "equal"
    return "close" if ratio >= _CLOSE else "different"


def folded(value: str) -> str:
    """A value without case, accents and surplus spaces: two of which this is equal say the same."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())
