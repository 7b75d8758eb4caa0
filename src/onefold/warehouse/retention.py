"""Retention: how long the warehouse keeps rows of a relation, and values of a class of personal data. Pure.

What the present is made of stays, however old: the latest row of each person in `golden.profile_change`, records of other
systems, and what was said of consent. Who is who is never forgotten. Profiles themselves are in the profile store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from onefold.model import PersonalClass, Relation
from onefold.warehouse.personal import Source, class_of
from onefold.warehouse.relations import EVENT, PROFILE_CHANGE

RAW = "raw"
"""All relations of that schema: rows of older entries are not shown. The event log itself keeps them."""
TIMES: Mapping[str, str] = {EVENT.full_name: "event_at", PROFILE_CHANGE.full_name: "known_at"}
"""By relation that can be retained for a time: the column that tells how old a row is."""
RELATIONS = (RAW, *TIMES)

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class Retention(msgspec.Struct, frozen=True):
    """How long is kept what; what is not named is kept for ever.

    Attributes:
        relations_us: Rows, by relation; microseconds.
        classes_us: Values, by class of personal data.
        classes: What the project says of columns and members of JSON.
    """

    relations_us: Mapping[str, int] = {}
    classes_us: Mapping[PersonalClass, int] = {}
    classes: Mapping[Source, PersonalClass] = {}

    def __bool__(self) -> bool:
        return bool(self.relations_us or self.classes_us)


class Clearing(msgspec.Struct, frozen=True):
    """What values of one class are, in the rows of a relation.

    Attributes:
        columns: Whole columns.
        members: By JSON column the members.
        others: JSON columns whose other members are of the class, too; their members that are of another stay.
    """

    columns: tuple[str, ...]
    members: Mapping[str, frozenset[str]]
    others: Mapping[str, frozenset[str]]


def clearing(relation: Relation, of: PersonalClass, classes: Mapping[Source, PersonalClass]) -> Clearing:
    """Where a relation has values of a class. Columns that must hold a value keep it."""
    columns, members, others = list[str](), dict[str, frozenset[str]](), dict[str, frozenset[str]]()
    for column in relation.columns:
        if column.required:
            continue
        own = class_of(relation, column.name, classes)
        if column.type != "json":
            columns += [column.name] if own == of else []
            continue
        stated = {
            name.partition(".")[2]: said
            for (where, name), said in classes.items()
            if where == relation.full_name and name.startswith(f"{column.name}.")
        }
        if own == of:
            others[column.name] = frozenset(name for name, said in stated.items() if said != of)
        elif found := frozenset(name for name, said in stated.items() if said == of):
            members[column.name] = found
    return Clearing(tuple(columns), members, others)


def without(document: str | None, names: Iterable[str]) -> str | None:
    """A JSON object without these members; None where nothing is left."""
    if document is None:
        return None
    gone = frozenset(names)
    kept = {name: value for name, value in _decode(document).items() if name not in gone}
    return _encode(kept).decode() if kept else None


def only(document: str | None, names: Iterable[str]) -> str | None:
    """A JSON object with these members alone, and nothing else where it is none; None where nothing is left."""
    if document is None or not (allowed := frozenset(names)) or not document.startswith("{"):
        return None
    kept = {name: value for name, value in _decode(document).items() if name in allowed}
    return _encode(kept).decode() if kept else None
