"""A single pair's levels, in plain Python: the SQL of the comparisons, read once and made into functions.

A database needs a large part of a tenth of a second to plan what it then does with one pair. What the SQL says is said in
one place only, so both ways cannot come to differ in what they mean; a test holds both to the same levels.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import expressions as exp

from onefold.matching import distances
from onefold.matching.comparisons import Comparison

Row = Mapping[str, Any]
"""A record as the SQL sees it, by name of column; None for NULL."""

Value = Callable[[Row, Row], Any]
"""What an expression is for two records; NULL is None, and false where a condition is asked for."""

_NAN = float("nan")
_COMPARED: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.GTE: operator.ge, exp.GT: operator.gt, exp.LTE: operator.le, exp.LT: operator.lt,
    exp.Add: operator.add, exp.Sub: operator.sub,
}  # fmt: skip


def _of_both(function: Callable[[str, str], float]) -> Callable[[str | None, str | None], float]:
    def of(one: str | None, other: str | None) -> float:
        # Nothing is less or more than NaN, as nothing is than NULL.
        return _NAN if one is None or other is None else function(one, other)

    return of


def _test(function: Callable[[str, str], bool]) -> Callable[[str | None, str | None], bool]:
    def of(one: str | None, other: str | None) -> bool:
        return one is not None and other is not None and function(one, other)

    return of


def _length(text: str | None) -> float:
    return _NAN if text is None else len(text)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "jaro_similarity": _of_both(distances.jaro_similarity),
    "jaro_winkler_similarity": _of_both(distances.jaro_winkler_similarity),
    "damerau_levenshtein": _of_both(distances.damerau_levenshtein),
    "starts_with": _test(str.startswith),
    "contains": _test(str.__contains__),
    "length": _length,
    "abs": abs,
}


def function(comparisons: Sequence[Comparison]) -> Callable[[Row, Row], list[int]]:
    """The level of each comparison for two records, the one that stands before the other in the table first."""
    values = [_value(sqlglot.parse_one(comparison.sql(), dialect="duckdb")) for comparison in comparisons]
    return lambda a, b: [value(a, b) for value in values]


def _value(node: exp.Expr) -> Value:
    """Nothing in the SQL is negated, so that NULL may count as false."""
    if type(node) in _FORMS:
        return _FORMS[type(node)](node)
    if type(node) in _COMPARED:
        compare, one, other = _COMPARED[type(node)], _value(node.this), _value(node.expression)
        return lambda a, b: compare(one(a, b), other(a, b))
    return _call(node)


def _column(node: exp.Expr) -> Value:
    name = node.name
    return (lambda a, _: a[name]) if node.text("table") == "a" else (lambda _, b: b[name])


def _literal(node: exp.Expr) -> Value:
    value = node.to_py()
    value = float(value) if not isinstance(value, str | bool | int) else value
    return lambda _, __: value


def _equal(node: exp.Expr) -> Value:
    one, other = _value(node.this), _value(node.expression)

    def equal(a: Row, b: Row) -> bool:
        value = one(a, b)
        return value is not None and value == other(a, b)

    return equal


def _and(node: exp.Expr) -> Value:
    one, other = _value(node.this), _value(node.expression)
    return lambda a, b: one(a, b) and other(a, b)


def _or(node: exp.Expr) -> Value:
    one, other = _value(node.this), _value(node.expression)
    return lambda a, b: one(a, b) or other(a, b)


def _is_null(node: exp.Expr) -> Value:
    value = _value(node.this)
    return lambda a, b: value(a, b) is None


def _is_not_null(node: exp.Expr) -> Value:
    value = _value(node.this.this)
    return lambda a, b: value(a, b) is not None


def _case(node: exp.Expr) -> Value:
    branches = [(_value(branch.this), _value(branch.args["true"])) for branch in node.args["ifs"]]
    default = node.args.get("default")
    otherwise = None if default is None else _value(default)

    def case(a: Row, b: Row) -> Any:
        for condition, value in branches:
            if condition(a, b):
                return value(a, b)
        return None if otherwise is None else otherwise(a, b)

    return case


def _slice(node: exp.Expr) -> Value:
    text, (inside,) = _value(node.this), node.expressions
    # Slices stand as written, from 1 on; a single place is counted from 0.
    first, last = (
        (int(inside.this.this) - 1, int(inside.expression.this))
        if isinstance(inside, exp.Slice)
        else (int(inside.this), int(inside.this) + 1)
    )

    def cut(a: Row, b: Row) -> str | None:
        value = text(a, b)
        return None if value is None else value[first:last]

    return cut


def _call(node: exp.Expr) -> Value:
    name = node.sql("duckdb").partition("(")[0].lower()
    if name not in _FUNCTIONS:
        raise TypeError(f"there is no Python for `{name}` in the SQL of a comparison")
    own = [node.this] if isinstance(node.this, exp.Expr) else []
    others = [node.expression] if isinstance(node.args.get("expression"), exp.Expr) else node.expressions
    called, arguments = _FUNCTIONS[name], [_value(each) for each in (*own, *others)]
    return lambda a, b: called(*(argument(a, b) for argument in arguments))


_FORMS: dict[type[exp.Expr], Callable[[exp.Expr], Value]] = {
    exp.Paren: lambda node: _value(node.this),
    exp.Coalesce: lambda node: _value(node.this),  # always with false, which NULL is here
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _literal,
    exp.EQ: _equal,
    exp.And: _and,
    exp.Or: _or,
    exp.Is: _is_null,
    exp.Not: _is_not_null,
    exp.Case: _case,
    exp.Bracket: _slice,
}
