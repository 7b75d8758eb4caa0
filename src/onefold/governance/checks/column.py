"""A column: what checks have to know of one, and its value as SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Literal, Protocol

import msgspec
from sqlglot import exp

from onefold.governance.checks.definition import Value
from onefold.model import ColumnType, Relation
from onefold.rules import Kind, SqlField, literal, moment
from onefold.rules import time as rule_time

ColumnKind = Literal["number", "text", "boolean", "time", "date", "json", "other"]
_KINDS: Mapping[ColumnType, ColumnKind] = {
    "bigint": "number", "integer": "number", "double": "number", "decimal": "number", "boolean": "boolean",
    "timestamp": "time", "date": "date", "text": "text", "json": "json", "uuid": "other", "uuids": "other",
}  # fmt: skip
_RULE_KINDS: Mapping[ColumnKind, Kind] = {
    "number": "number", "text": "text", "boolean": "boolean", "time": "time", "date": "time",
}  # fmt: skip

_PLAIN_NUMBER = r"^[+-]?[0-9]{1,28}(?:\.[0-9]+)?$"
"""What a decimal of 38 digits, 9 of them after the point, holds."""


class ArrowTable(Protocol):
    """What a query answers with: `pyarrow.Table`, as far as checks use it."""

    def to_pylist(self) -> list[dict[str, Any]]:
        """Its rows."""
        ...


Query = Callable[[exp.Query], ArrowTable]
"""Runs a SQL tree on the warehouse."""


class Column(msgspec.Struct, frozen=True):
    """A column of a relation, or a member of one that holds JSON.

    Attributes:
        name: Its name; of a member with the column before it, `attributes.email`.
        kind: What its values are; a member's are texts.
        of_type: Its type in the warehouse.
        member: Of a member: the names that lead to it within the column, which is the first.
    """

    name: str
    kind: ColumnKind
    of_type: ColumnType
    member: tuple[str, ...] = ()


Columns = Mapping[str, Column]
"""The columns of a relation, by name, in its order."""


def columns(relation: Relation) -> Columns:
    """The columns of a relation."""
    return {one.name: Column(one.name, _KINDS[one.type], one.type) for one in relation.columns}


def find(of: Columns, name: str) -> Column | None:
    """The column of that name, or the member of one that holds JSON; None when there is none."""
    if name in of:
        return of[name]
    base, _, inside = name.partition(".")
    if inside and base in of and of[base].kind == "json":
        return Column(name, "text", "text", (base, *inside.split(".")))
    return None


def table_of(relation: str, alias: str | None = None) -> exp.Table:
    """A relation such as `staging.event` in a FROM clause."""
    schema, _, name = relation.rpartition(".")
    return exp.table_(name, db=schema or None, quoted=True, alias=alias)


def value(of: Column, table: str | None = None) -> exp.Expr:
    """The column's value, its name quoted: names come from sources."""
    if not of.member:
        return exp.column(of.name, table=table, quoted=True)
    base, *inside = of.member
    path = exp.JSONPath(expressions=[exp.JSONPathRoot(), *(exp.JSONPathKey(this=name) for name in inside)])
    return exp.paren(exp.JSONExtractScalar(this=exp.column(base, table=table, quoted=True), expression=path))


def number(of: Column, table: str | None = None) -> exp.Expr:
    """The column's value as a number; null where a member of JSON is not written as one."""
    plain = value(of, table)
    if not of.member:
        return plain
    written = exp.RegexpLike(this=plain, expression=exp.Literal.string(_PLAIN_NUMBER))
    return exp.Case(ifs=[exp.If(this=written, true=exp.cast(plain.copy(), "DECIMAL(38, 9)"))])


def constant(of: Column, given: Value) -> exp.Expr | None:
    """A constant that the column can be compared with; None where it is not of the column's kind."""
    match of.kind:
        case "number":
            return as_number(given)
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
        case "json" | "other":
            return None


def rule_fields(of: Columns, named: Iterable[str], table: str | None = None) -> dict[str, SqlField]:
    """What a rule that uses these names may use: the columns that hold plain values, and members of JSON."""
    fields = {}
    for one in (*of.values(), *(found for name in named if name not in of and (found := find(of, name)))):
        kind = _RULE_KINDS.get(one.kind)
        if kind is not None:
            plain = value(one, table)
            fields[one.name] = SqlField(kind, exp.cast(plain, "TIMESTAMP") if one.kind == "date" else plain)
    return fields


def as_number(given: Value) -> exp.Expr | None:
    """A constant as a number; None where it is not one."""
    found = _number(given)
    return None if found is None else literal(found)


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
