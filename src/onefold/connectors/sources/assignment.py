"""What each column of a file is by a mapping, and the same mapping with one column as something else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import msgspec

from onefold.connectors.sources.cells import AmbiguousColumnError, Columns
from onefold.connectors.sources.language import Field, Fields, Mapping
from onefold.connectors.sources.plan import plain_name
from onefold.model import results
from onefold.model.column_change import ColumnChange, ColumnKind

_SECTIONS: dict[ColumnKind, Literal["id", "identifiers", "traits", "properties", "consent"]] = {
    "identifier": "identifiers",
    "trait": "traits",
    "property": "properties",
    "consent": "consent",
    "id": "id",
}


def uses(mapping: Mapping, header: Sequence[str]) -> dict[str, tuple[results.ColumnUse, ...]]:
    """By column, everything it is, in the order of the statements; nothing for one that is left out."""
    found = Columns(header, file=mapping.file, strict=False)
    told: dict[str, dict[results.ColumnUse, None]] = {column: {} for column in header}
    for statement in mapping.stated:
        taken = set()
        for kind, name, field in _stated(statement):
            for column in _columns(field, found):
                taken.add(column)
                told[column][results.ColumnUse(kind=kind, name=name, cast=field.cast)] = None
        if statement.others != "drop":
            for column in header:
                if column not in taken and (name := plain_name(column)):
                    told[column][results.ColumnUse(kind=_other(statement), name=name, cast="text")] = None
    return {column: tuple(those) for column, those in told.items()}


def assigned(mapping: Mapping, header: Sequence[str], change: ColumnChange) -> Mapping:
    """The mapping with a column as this and nothing else.

    A row that states several things states it where the column stood before, else where the person is whom the first
    statement is about.
    """
    found = Columns(header, file=mapping.file, strict=False)
    column, stated = change.column, mapping.stated
    stood = [any(column in _columns(field, found) for _, _, field in _stated(one)) for one in stated]
    if not any(stood):
        stood = [one.identifiers == stated[0].identifiers for one in stated]
    changed = []
    for one, here in zip(stated, stood, strict=True):
        old = _explicit(one, header, found, column)
        new = _without(old, found, column)
        changed.append(_added(old, new, change, found) if here else new)
    if mapping.statements:
        return msgspec.structs.replace(mapping, statements=tuple(changed))
    return changed[0]


def _stated(statement: Mapping) -> Iterator[tuple[ColumnKind, str, Field]]:
    for kind, section in _SECTIONS.items():
        yield from ((kind, name, field) for name, field in getattr(statement, section))
    if statement.timestamp is not None:
        yield "time", "", statement.timestamp


def _columns(field: Field, found: Columns) -> list[str]:
    """The columns of the file that a field reads: of alternatives the one that counts."""
    names = field.join or ((field.columns,) if field.columns else ())
    places = []
    for alternatives in names:
        try:
            places.append(found.find(alternatives))
        except AmbiguousColumnError:  # said when the file is read by the mapping
            continue
    return [found.header[place] for place in places if place is not None]


def _other(statement: Mapping) -> ColumnKind:
    return "trait" if statement.others == "traits" else "property"


def _explicit(statement: Mapping, header: Sequence[str], found: Columns, column: str) -> Mapping:
    """The same with the columns that nothing names stated one by one: a rule for all others cannot leave one out."""
    if statement.others == "drop":
        return statement
    taken = {one for _, _, field in _stated(statement) for one in _columns(field, found)}
    names = {name for section in (statement.traits, statement.properties) for name, _ in section}
    others: list[tuple[str, Field]] = []
    for one in header:
        name = plain_name(one)
        if one not in taken and one != column and name and name not in names:
            names.add(name)
            others.append((name, Field((one,), optional=True)))
    section = statement.others
    return msgspec.structs.replace(statement, others="drop", **{section: (*getattr(statement, section), *others)})


def _without(statement: Mapping, found: Columns, column: str) -> Mapping:
    def kept(fields: Fields) -> Fields:
        return tuple((name, field) for name, field in fields if column not in _columns(field, found))

    when = statement.timestamp
    return msgspec.structs.replace(
        statement,
        timestamp=None if when is not None and column in _columns(when, found) else when,
        **{section: kept(getattr(statement, section)) for section in _SECTIONS.values()},
    )


def _added(old: Mapping, statement: Mapping, change: ColumnChange, found: Columns) -> Mapping:
    column, kind = change.column, change.kind
    if kind == "none":
        return statement
    before = next((field for _, _, field in _stated(old) if _columns(field, found) == [column]), Field())
    if kind == "time":
        formats = before.formats if before.cast in {"date", "datetime"} else ("auto",)
        return msgspec.structs.replace(statement, timestamp=Field((column,), cast="datetime", formats=formats))
    field = Field((column,))
    if kind in {"trait", "property"}:
        # It is read as it was; a text was so, too.
        field = msgspec.structs.replace(
            field, cast=before.cast, formats=before.formats, decimal_comma=before.decimal_comma,
            unreadable=before.unreadable,
        )  # fmt: skip
    elif kind == "identifier":
        field = msgspec.structs.replace(field, split=before.split)
    elif kind == "consent":
        field = msgspec.structs.replace(
            field, reads=before.reads or "opt_in", granted=before.granted, denied=before.denied
        )
    section = _SECTIONS[kind]
    return msgspec.structs.replace(
        statement,
        **{section: (*getattr(statement, section), (column if kind == "id" else change.name or column, field))},
    )
