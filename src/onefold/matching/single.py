"""A single pair's levels, in plain Python: the SQL of the comparisons, read once and made into functions.

A database needs a large part of a tenth of a second to plan what it then does with one pair. What the SQL says is said in
one place only, so both ways cannot come to differ in what they mean; a test holds both to the same levels.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import expressions as exp

from onefold.matching import distances
from onefold.matching.comparisons import Comparison

Row = Sequence[Any]
"""A record as the SQL sees it, by place of column; None for NULL."""
Places = Mapping[str, int]
"""By name of column, its place in a row. Two that are always equal may have one."""
Value = Callable[[Row, Row], Any]
"""What an expression is for two records; None for NULL, and false where a condition is asked for."""

_COMPARED: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.EQ: operator.eq, exp.GTE: operator.ge, exp.GT: operator.gt, exp.LTE: operator.le, exp.LT: operator.lt,
    exp.Add: operator.add, exp.Sub: operator.sub,
}  # fmt: skip
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "jaro_similarity": distances.jaro_similarity,
    "jaro_winkler_similarity": distances.jaro_winkler_similarity,
    "damerau_levenshtein": distances.damerau_levenshtein,
    "starts_with": str.startswith,
    "contains": str.__contains__,
    "length": len,
    "abs": abs,
}


def function(comparisons: Sequence[Comparison], places: Places) -> Callable[[Row, Row], tuple[int, ...]]:
    """The level of each comparison for two records, the one that stands before the other in the table first."""
    values = [_value(sqlglot.parse_one(comparison.sql(), dialect="duckdb"), places) for comparison in comparisons]
    return lambda a, b: tuple([value(a, b) for value in values])


def _value(node: exp.Expr, places: Places) -> Value:
    """Nothing in the SQL is negated, so that NULL may count as false."""
    if type(node) in _FORMS:
        return _FORMS[type(node)](node, places)
    return _compared(node, places) if type(node) in _COMPARED else _call(node, places)


def _column(node: exp.Expr, places: Places) -> Value:
    place = places[node.name]
    return (lambda a, _: a[place]) if node.text("table") == "a" else (lambda _, b: b[place])


def _literal(node: exp.Expr, _: Places) -> Value:
    value = node.to_py()
    value = value if isinstance(value, str | bool | int) else float(value)
    return lambda _, __: value


def _compared(node: exp.Expr, places: Places) -> Value:
    compare, one, other = _COMPARED[type(node)], _value(node.this, places), _value(node.expression, places)
    if isinstance(node, exp.EQ) and _of_both(node.this, node.expression):
        # Most of what is asked: are two values equal.
        first, second = places[node.this.name], places[node.expression.name]
        return lambda a, b: a[first] is not None and a[first] == b[second]

    def compared(a: Row, b: Row) -> Any:
        left, right = one(a, b), other(a, b)
        return None if left is None or right is None else compare(left, right)

    return compared


def _of_both(one: exp.Expr, other: exp.Expr) -> bool:
    """Whether it is a column of the first record and one of the second."""
    columns = isinstance(one, exp.Column) and isinstance(other, exp.Column)
    return columns and (one.text("table"), other.text("table")) == ("a", "b")


def _and(node: exp.Expr, places: Places) -> Value:
    one, other = _value(node.this, places), _value(node.expression, places)
    return lambda a, b: one(a, b) and other(a, b)


def _or(node: exp.Expr, places: Places) -> Value:
    one, other = _value(node.this, places), _value(node.expression, places)
    return lambda a, b: one(a, b) or other(a, b)


def _is_null(node: exp.Expr, places: Places) -> Value:
    value = _value(node.this, places)
    return lambda a, b: value(a, b) is None


def _is_not_null(node: exp.Expr, places: Places) -> Value:
    value = _value(node.this.this, places)
    return lambda a, b: value(a, b) is not None


def _case(node: exp.Expr, places: Places) -> Value:
    """Branches that begin with the same condition are passed over together where it does not hold."""
    default = node.args.get("default")
    otherwise = None if default is None else _value(default, places)
    groups: list[tuple[Value, list[tuple[Value, Value]]]] = []
    for first, alike in itertools.groupby(node.args["ifs"], key=lambda branch: _first(branch.this)):
        branches = [(_value(branch.this, places), _value(branch.args["true"], places)) for branch in alike]
        groups.append((_value(first, places), branches))

    def case(a: Row, b: Row) -> Any:
        for first, branches in groups:
            if first(a, b):
                for condition, value in branches:
                    if condition(a, b):
                        return value(a, b)
        return None if otherwise is None else otherwise(a, b)

    return case


def _first(condition: exp.Expr) -> exp.Expr:
    """What has to hold first for a condition to hold."""
    while isinstance(condition, exp.And):
        condition = condition.this
    return condition


def _slice(node: exp.Expr, places: Places) -> Value:
    text, (inside,) = _value(node.this, places), node.expressions
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


def _call(node: exp.Expr, places: Places) -> Value:
    name = node.sql("duckdb").partition("(")[0].lower()
    if name not in _FUNCTIONS:
        raise TypeError(f"there is no Python for `{name}` in the SQL of a comparison")
    own = [node.this] if isinstance(node.this, exp.Expr) else []
    others = [node.expression] if isinstance(node.args.get("expression"), exp.Expr) else node.expressions
    called, given = _FUNCTIONS[name], [*own, *others]
    if len(given) == 1:
        (only,) = (_value(each, places) for each in given)

        def of_one(a: Row, b: Row) -> Any:
            value = only(a, b)
            return None if value is None else called(value)

        return of_one
    one, other = (_value(each, places) for each in given)

    def of_two(a: Row, b: Row) -> Any:
        left, right = one(a, b), other(a, b)
        return None if left is None or right is None else called(left, right)

    return of_two


_FORMS: dict[type[exp.Expr], Callable[[exp.Expr, Places], Value]] = {
    exp.Paren: lambda node, places: _value(node.this, places),
    exp.Coalesce: lambda node, places: _value(node.this, places),  # always with false, which NULL is here
    exp.Column: _column,
    exp.Literal: _literal,
    exp.Boolean: _literal,
    exp.And: _and,
    exp.Or: _or,
    exp.Is: _is_null,
    exp.Not: _is_not_null,
    exp.Case: _case,
    exp.Bracket: _slice,
}
