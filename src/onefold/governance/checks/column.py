"""A column: what checks have to know of one, taken from the Arrow schema that a query of its relation answers with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Protocol

import msgspec
from sqlglot import exp

from onefold.governance.checks.definition import Value
from onefold.rules import Kind, SqlField, literal, moment
from onefold.rules import time as rule_time

ColumnKind = Literal["number", "text", "boolean", "time", "date", "other"]
_RULE_KINDS: dict[ColumnKind, Kind] = {
    "number": "number", "text": "text", "boolean": "boolean", "time": "time", "date": "time",
}  # fmt: skip


class ArrowField(Protocol):
    """A field of an Arrow schema."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def type(self) -> Any:
        """Its type, which writes itself in words such as `timestamp[us, tz=UTC]`."""
        ...


class ArrowTable(Protocol):
    """What a query answers with: `pyarrow.Table`, as far as checks use it."""

    @property
    def schema(self) -> Any:
        """Its schema: fields, in order."""
        ...

    def to_pylist(self) -> list[dict[str, Any]]:
        """Its rows."""
        ...


Query = Callable[[exp.Query], ArrowTable]
"""Runs a SQL tree on the warehouse."""


class Column(msgspec.Struct, frozen=True):
    """A column of a relation.

    Attributes:
        name: Its name.
        kind: What its values are.
        whole: Of a number: whether it is an integer.
        zoned: Of a time: whether the engine keeps it with a zone.
    """

    name: str
    kind: ColumnKind
    whole: bool = False
    zoned: bool = False


def columns(query: Query, relation: str) -> dict[str, Column]:
    """The columns of a relation, by name, in its order."""
    table = query(exp.select("*").from_(table_of(relation)).limit(0))
    return {field.name: column(field.name, str(field.type)) for field in table.schema}


def column(name: str, arrow_type: str) -> Column:
    """A column of this Arrow type."""
    base = arrow_type.split("[", maxsplit=1)[0].split("(", maxsplit=1)[0]
    if base in {"decimal32", "decimal64", "decimal128", "decimal256"}:
        return Column(name, "number", whole=arrow_type.replace(" ", "").endswith(",0)"))
    if base.startswith(("int", "uint")):
        return Column(name, "number", whole=True)
    if base in {"halffloat", "float", "double"}:
        return Column(name, "number")
    if base in {"string", "large_string", "string_view"}:
        return Column(name, "text")
    if base == "bool":
        return Column(name, "boolean")
    if base in {"date32", "date64"}:
        return Column(name, "date")
    if base == "timestamp":
        return Column(name, "time", zoned="tz=" in arrow_type)
    return Column(name, "other")


def table_of(relation: str, alias: str | None = None) -> exp.Table:
    """A relation such as `staging.event` in a FROM clause."""
    schema, _, name = relation.rpartition(".")
    return exp.table_(name, db=schema or None, quoted=True, alias=alias)


def reference(name: str, table: str | None = None) -> exp.Column:
    """A column by name, quoted: names come from sources."""
    return exp.column(name, table=table, quoted=True)


def value(of: Column, table: str | None = None) -> exp.Expr:
    """The column's value as checks compare it: a time without a zone, in UTC."""
    found = reference(of.name, table)
    if of.zoned:
        return exp.paren(exp.AtTimeZone(this=found, zone=exp.Literal.string("UTC")))
    return found


def constant(of: Column, given: Value) -> exp.Expr | None:
    """A constant that the column can be compared with; None where it is not of the column's kind."""
    match of.kind:
        case "number":
            number = _number(given)
            return None if number is None else literal(number)
        case "text":
            return literal(given) if isinstance(given, str) else None
        case "boolean":
            truth = {"true": True, "false": False}.get(given) if isinstance(given, str) else given
            return literal(truth) if isinstance(truth, bool) else None
        case "date":
            day = _day(given)
            return None if day is None else exp.cast(exp.Literal.string(day.isoformat()), "DATE")
        case "time":
            at_us = rule_time.read(given) if isinstance(given, str) else None
            return None if at_us is None else moment(at_us)
        case "other":
            return None


def rule_fields(of: Sequence[Column], table: str | None = None) -> dict[str, SqlField]:
    """What rules may name: the columns that hold plain values."""
    fields = {}
    for one in of:
        kind = _RULE_KINDS.get(one.kind)
        if kind is not None:
            plain = value(one, table)
            fields[one.name] = SqlField(kind, exp.cast(plain, "TIMESTAMP") if one.kind == "date" else plain)
    return fields


def _number(given: Value) -> Decimal | None:
    if isinstance(given, bool):
        return None
    try:
        found = Decimal(given)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _day(given: Value) -> date | None:
    try:
        return date.fromisoformat(given) if isinstance(given, str) else None
    except ValueError:
        return None
