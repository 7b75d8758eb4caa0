"""Failures: the SQL condition under which a row of a relation fails a check; null and false both mean that it passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from sqlglot import exp

from onefold.errors import ConfigurationError, nearest
from onefold.governance.checks import column as columns_
from onefold.governance.checks.column import Column, Columns
from onefold.governance.checks.definition import (
    Check,
    Completeness,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Rule,
    TypeIs,
    Value,
    ValueType,
)
from onefold.governance.checks.forms import FORMS
from onefold.rules import RuleError, literal, to_sql
from onefold.rules.tree import Expr, Field, walk

ROW = "t"
"""What a row of the checked relation is called in every query."""

_OWN_TYPES: dict[str, Callable[[Column], bool]] = {
    "integer": lambda c: c.of_type in {"bigint", "integer"},
    "decimal": lambda c: c.kind == "number",
    "boolean": lambda c: c.kind == "boolean",
    "date": lambda c: c.kind == "date",
    "time": lambda c: c.kind == "time",
    "uuid": lambda c: c.of_type == "uuid",
}


def problem(check: Check, message: str) -> ConfigurationError:
    """What is wrong with a check, with its place in the project."""
    return ConfigurationError(
        f"check `{check.name}` of {check.relation}: {message}", file=check.file or None, line=check.line or None
    )


def named(check: Check, name: str, of: Columns) -> Column:
    """A column by its name.

    Raises:
        ConfigurationError: The relation has none of that name; the nearest it has is told.
    """
    found = columns_.find(of, name)
    if found is None:
        help_ = nearest(name, of) or f"; it has {', '.join(of)}"
        raise problem(check, f"{check.relation} has no column `{name}`{help_}")
    return found


def fails(check: Check, of: Columns, as_of_us: int) -> exp.Expr | None:
    """The condition for one row by itself; None for a check that needs other rows, or the relation as a whole.

    Raises:
        ConfigurationError: The check does not fit the relation's columns.
    """
    match check.kind:
        case NotNull(columns=names):
            return exp.or_(*(_is_null(named(check, name, of)) for name in names))
        case TypeIs(column=name, value_type=value_type):
            return _not_of_type(named(check, name, of), value_type)
        case Range(column=name, low=low, high=high):
            return _outside(check, named(check, name, of), low, high)
        case OneOf(column=name, values=values):
            one = named(check, name, of)
            options = [_constant(check, one, value) for value in values]
            return exp.Not(this=exp.paren(exp.In(this=columns_.value(one, ROW), expressions=options)))
        case Pattern(column=name, pattern=pattern):
            one = _of_kind(check, named(check, name, of), "text")
            return _no_match(columns_.value(one, ROW), pattern)
        case Completeness(columns=names, share_min=share_min):
            filled = [_one_if(exp.Not(this=_is_null(named(check, name, of)))) for name in names]
            total = filled[0]
            for one_if in filled[1:]:
                total = exp.Add(this=total, expression=one_if)
            needed = literal(share_min * Decimal(len(names)))
            return exp.LT(this=exp.paren(total), expression=needed)
        case Rule(expr=expr):
            return exp.Not(this=exp.paren(truth(check, expr, of, as_of_us)))
        case _:
            return None


def scope(check: Check, of: Columns, as_of_us: int) -> exp.Expr | None:
    """The condition under which a row is looked at; None for every row."""
    return None if check.where is None else truth(check, check.where, of, as_of_us)


def truth(check: Check, rule: Expr, of: Columns, as_of_us: int) -> exp.Expr:
    """A rule about a row.

    Raises:
        ConfigurationError: It names a column that is not there, or does not fit its kind.
    """
    try:
        named_ = {field.name for field in walk(rule) if isinstance(field, Field)}
        return to_sql(rule, columns_.rule_fields(of, named_, ROW), as_of_us)
    except RuleError as error:
        raise problem(check, str(error)) from None


def _constant(check: Check, of: Column, given: Value) -> exp.Expr:
    found = columns_.constant(of, given)
    if found is None:
        raise problem(check, f"`{given}` cannot be compared with `{of.name}`, a column of kind {of.kind}")
    return found


def _of_kind(check: Check, of: Column, *kinds: str) -> Column:
    if of.kind not in kinds:
        raise problem(check, f"`{of.name}` is a column of kind {of.kind}; this needs {' or '.join(kinds)}")
    return of


def number(check: Check, name: str, of: Columns) -> Column:
    """A column of numbers, or a member of JSON, which may be written as one."""
    found = named(check, name, of)
    return found if found.member else _of_kind(check, found, "number")


def instant(check: Check, name: str, of: Columns) -> Column:
    """A column of times or dates."""
    return _of_kind(check, named(check, name, of), "time", "date")


def constants(check: Check, of: Column, values: Sequence[Value]) -> list[exp.Expr]:
    """Constants that the column can be compared with."""
    return [_constant(check, of, value) for value in values]


def numbers(check: Check, of: Column, values: Sequence[Value]) -> list[exp.Expr]:
    """Numbers that the column can be compared with."""
    return constants(check, Column(of.name, "number", "decimal"), values)


def _is_null(of: Column) -> exp.Expr:
    return exp.paren(exp.Is(this=columns_.value(of, ROW), expression=exp.null()))


def _outside(check: Check, of: Column, low: Value | None, high: Value | None) -> exp.Expr:
    value, bounds = columns_.value(of, ROW), [None if b is None else _constant(check, of, b) for b in (low, high)]
    if of.member:
        # A member of JSON is a text; held against numbers it is read as one.
        numbers = [None if b is None else columns_.as_number(b) for b in (low, high)]
        if all((n is None) == (b is None) for n, b in zip(numbers, bounds, strict=True)):
            value, bounds = columns_.number(of, ROW), numbers
    sides = zip((exp.LT, exp.GT), bounds, strict=True)
    return exp.or_(*(side(this=value.copy(), expression=bound) for side, bound in sides if bound is not None))


def _no_match(value: exp.Expr, pattern: str) -> exp.Expr:
    return exp.Not(this=exp.paren(exp.RegexpLike(this=value, expression=exp.Literal.string(pattern))))


def _not_of_type(of: Column, value_type: ValueType) -> exp.Expr:
    value = columns_.value(of, ROW)
    if _OWN_TYPES[value_type](of):
        return exp.false()
    if of.kind == "text":
        return _no_match(value, FORMS[value_type])
    if of.kind == "number" and value_type == "integer":
        whole = exp.Round(this=value.copy(), decimals=exp.Literal.number(0))
        return exp.NEQ(this=value, expression=whole)
    return exp.Not(this=_is_null(of))


def _one_if(condition: exp.Expr) -> exp.Expr:
    return exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1))], default=exp.Literal.number(0))
