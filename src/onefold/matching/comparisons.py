"""Comparisons: the levels in which two values of a field agree or differ, strongest first, each as SQL of DuckDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from onefold.matching.fields import Field

Closeness = Literal["equal", "close", "weak", "different"]
BANDS = ("rare", "very uncommon", "uncommon", "fairly common", "common", "very common")
SHARED = ("of one name", "of two names", "of many names")


Context = tuple[str, str]
"""What holds, in words, and as SQL."""


class Level(msgspec.Struct, frozen=True):
    """One way in which two values agree or differ.

    Attributes:
        name: For people.
        sql: When it holds, given that none above does; with `{x}` for the field's prefix and `{y}` for its partner's.
        closeness: Where learning starts from.
        band: Of how frequent a value it is equal in, 1 to 6; 0 where that does not matter.
    """

    name: str
    sql: str
    closeness: Closeness
    band: int = 0


class Comparison(msgspec.Struct, frozen=True):
    """How one field is compared.

    Attributes:
        field: The field.
        x: Prefix of its columns in the table of records: `f3`.
        y: Prefix of the field that it may be swapped with; empty without one.
        levels: Strongest first, and all of them once more for each context after the first. Level 0 of a pair is that one
            of them has no value; level n is `levels[n - 1]`.
        personal: Whether two people of one household differ in it as strangers do.
        implied_by: Prefixes of fields that say what this one says: where one of them is equal, it counts for nothing.
        contexts: Conditions under each of which the levels have chances of their own: e-mail addresses are alike where
            names are, for they are made of them; who moved has another street, postcode and city at once. The first that
            holds counts; if none does, it is the context 0.
    """

    field: Field
    x: str
    y: str
    levels: tuple[Level, ...]
    personal: bool
    implied_by: tuple[str, ...] = ()
    contexts: tuple[Context, ...] = ()

    def sql(self) -> str:
        """An expression for the number of the level, of the records `a` and `b`."""
        implied = "".join(f" WHEN a.{x}_k = b.{x}_k THEN 0" for x in self.implied_by)
        width = len(self.levels) // (len(self.contexts) + 1)
        whens = "".join(
            f" WHEN {level.sql.format(x=self.x, y=self.y)} THEN {number}"
            for number, level in enumerate(self.levels[:width], 1)
        )
        level = f"CASE{whens} END"
        if self.contexts:
            terms = "".join(f" WHEN {sql} THEN {width * number}" for number, (_, sql) in enumerate(self.contexts, 1))
            level = f"{level} + CASE{terms} ELSE 0 END"
        return f"CASE WHEN a.{self.x}_k IS NULL OR b.{self.x}_k IS NULL THEN 0{implied} ELSE {level} END"

    def blocks(self) -> list[slice]:
        """The levels of each context, by which chances add up to 1."""
        width = len(self.levels) // (len(self.contexts) + 1)
        return [slice(start, start + width) for start in range(1, len(self.levels) + 1, width)]


_JARO = "jaro_winkler_similarity(a.{x}, b.{x})"
# Counting edits is dear; a comparison of lengths and letters in common rules nearly all pairs out first.
_EDITS = (
    "abs(length(a.{x}) - length(b.{x})) <= 2 AND jaro_similarity(a.{x}, b.{x}) > 0.6"
    " AND damerau_levenshtein(a.{x}, b.{x})"
)
_EQUAL = "a.{x}_k = b.{x}_k"
_OTHERWISE = "true"
_SWAPPED = "(a.{x} = b.{y} AND a.{y} = b.{x})"
_INITIAL = "((length(a.{x}) = 1 OR length(b.{x}) = 1) AND a.{x}[1] = b.{x}[1])"
_SHORTENED = "(length(a.{x}) > 2 AND length(b.{x}) > 2 AND (starts_with(a.{x}, b.{x}) OR starts_with(b.{x}, a.{x})))"

PERSONAL = frozenset(("given_name", "middle_name", "name_suffix", "birth_date", "id"))


_NEARER = {"postcode": ("street",), "city": ("postcode", "street"), "region": ("city", "postcode", "street")}
"""What says more closely where somebody lives."""


def _equal(bands: int = len(BANDS)) -> tuple[Level, ...]:
    names = BANDS[:bands]
    return tuple(
        Level(f"equal, {name}", f"{_EQUAL} AND a.{{x}}_b {'=' if band < bands else '>='} {band}", "equal", band)
        for band, name in enumerate(names, 1)
    )


def _levels(kind: str, *, partner: bool) -> tuple[Level, ...]:
    swapped = (Level("swapped", _SWAPPED, "close"),) if partner else ()
    different = (Level("different", _OTHERWISE, "different"),)
    if kind == "given_name":
        return (
            Level("equal initials", f"{_EQUAL} AND length(a.{{x}}) = 1", "weak"),
            *_equal(), *swapped,
            Level("nickname", "a.{x}_root = b.{x}_root", "close"),
            Level("initial", _INITIAL, "weak"),
            Level("one slip apart", f"({_EDITS} <= 1) OR {_JARO} >= 0.93", "close"),
            Level("similar", f"{_JARO} >= 0.82 OR {_SHORTENED}", "weak"),
            # A slip makes a name that nobody else has: of two names that others have, neither is a slip.
            Level("different, both of others, too", "a.{x}_b > 1 AND b.{x}_b > 1", "different"),
            *different,
        )  # fmt: skip
    if kind == "family_name":
        return (
            *_equal(), *swapped,
            Level("one slip apart", f"({_EDITS} <= 1) OR {_JARO} >= 0.93", "close"),
            Level("one part equal", "a.{x}_part = b.{x}_part OR contains(a.{x}, b.{x}_part) OR contains(b.{x}, a.{x}_part)",
                  "close"),
            Level("similar", f"{_JARO} >= 0.82", "weak"),
            *different,
        )  # fmt: skip
    if kind == "birth_date":
        return (
            *_equal(),
            Level("day and month swapped", "a.{x}[1:4] = b.{x}[1:4] AND a.{x}[5:6] = b.{x}[7:8] AND a.{x}[7:8] = b.{x}[5:6]",
                  "close"),
            Level("one slip apart", f"{_EDITS} <= 1", "close"),
            Level("year and month equal", "a.{x}[1:6] = b.{x}[1:6]", "weak"),
            Level("day and month equal", "a.{x}[5:8] = b.{x}[5:8]", "weak"),
            Level("two slips apart", f"{_EDITS} <= 2", "weak"),
            Level("year equal", "a.{x}_year = b.{x}_year", "weak"),
            *different,
        )  # fmt: skip
    if kind in ("email", "phone"):
        shared = tuple(
            Level(f"equal, {name}", f"{_EQUAL} AND a.{{x}}_s = {number}", "equal", number)
            for number, name in enumerate(SHARED, 1)
        )
        if kind == "phone":
            return (
                *shared,
                Level("one slip apart", f"({_EDITS} <= 1) OR a.{{x}}_end = b.{{x}}_end", "close"),
                *different,
            )
        return (
            *shared,
            Level("one slip apart", f"{_EDITS} <= 1", "close"),
            Level("two slips apart", f"{_EDITS} <= 2", "close"),
            Level("equal before the @", "a.{x}_local = b.{x}_local", "close"),
            Level("similar", "jaro_winkler_similarity(a.{x}_local, b.{x}_local) >= 0.9", "weak"),
            *different,
        )
    if kind in ("street", "address_line"):
        near = f"({_EDITS} <= 2) OR {_JARO} >= 0.95"
        alike = f"{_JARO} >= 0.85" if kind == "address_line" else (
            f"(a.{{x}}_number = b.{{x}}_number AND {_JARO} >= 0.8) OR a.{{x}}_name = b.{{x}}_name"
        )  # fmt: skip
        return (*_equal(3), *swapped, Level("close", near, "close"), Level("similar", alike, "weak"), *different)
    if kind in ("id", "postcode", "house_number"):
        levels: tuple[Level, ...] = (
            *_equal(len(BANDS) if kind == "postcode" else 3),
            Level("one slip apart", f"{_EDITS} <= 1", "close"),
        )
        if kind == "postcode":
            levels += (Level("start equal", "a.{x}_start = b.{x}_start", "weak"),)
        if kind == "id":
            levels += (Level("two slips apart", f"{_EDITS} <= 2", "weak"),)
        return (*levels, *different)
    if kind == "middle_name":
        return (*_equal(3), Level("initial", _INITIAL, "close"), Level("close", f"{_JARO} >= 0.9", "close"), *different)
    if kind in ("category", "region", "name_suffix"):
        return (*_equal(), *different)
    return (
        *_equal(),
        Level("close", f"({_EDITS} <= 1) OR {_JARO} >= 0.92", "close"),
        Level("similar", f"{_JARO} >= 0.82", "weak"),
        *different,
    )


def _contexts(kind: str, first: Mapping[str, str]) -> tuple[Context, ...]:
    """Under which conditions of other fields the levels of this kind are looked at apart."""
    if kind == "email" and {"given_name", "family_name"} <= first.keys():
        given, family = first["given_name"], first["family_name"]
        one = f"coalesce(a.{given}_root = b.{given}_root, false)"
        other = f"coalesce(a.{family}_k = b.{family}_k, false)"
        return (("both names agreeing", f"{one} AND {other}"), ("one name agreeing", f"{one} OR {other}"))
    nearer = [first[near] for near in _NEARER.get(kind, ()) if near in first]
    if not nearer:
        return ()
    known = " OR ".join(f"(a.{x}_k IS NOT NULL AND b.{x}_k IS NOT NULL)" for x in nearer)
    if kind != "postcode":  # where what is nearer is equal, these are implied
        return (("elsewhere", known),)
    return (("in one street", f"a.{nearer[0]}_k = b.{nearer[0]}_k"), ("elsewhere", known))


def of_fields(fields: Sequence[Field]) -> tuple[Comparison, ...]:
    """How each field is compared, in their order."""
    prefixes = {field.column: f"f{number}" for number, field in enumerate(fields)}
    first: dict[str, str] = {}
    for field in fields:
        first.setdefault(field.kind, prefixes[field.column])
    found = []
    for field in fields:
        x = prefixes[field.column]
        partner = {
            "given_name": "family_name",
            "family_name": "given_name",
            "street": "address_line",
            "address_line": "street",
        }
        y = first.get(partner.get(field.kind, ""), "") if first[field.kind] == x else ""
        # Whoever lives in one postcode lives in one city, and in one state: that is one piece of evidence.
        wider = {"city": ("postcode",), "region": ("postcode", "city")}.get(field.kind, ())
        plain, contexts = _levels(field.kind, partner=bool(y)), _contexts(field.kind, first)
        levels = plain
        for told, _ in contexts:
            levels += tuple(msgspec.structs.replace(level, name=f"{level.name}, {told}") for level in plain)
        found.append(
            Comparison(
                field,
                x,
                y,
                levels,
                personal=field.kind in PERSONAL,
                implied_by=tuple(first[kind] for kind in wider if kind in first),
                contexts=contexts,
            )
        )
    return tuple(found)
