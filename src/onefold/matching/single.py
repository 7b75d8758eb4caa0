"""A single pair's levels, in plain Python: the SQL of the comparisons, read once and made into functions.

A database needs a large part of a tenth of a second to plan what it then does with one pair. What the SQL says is said in
one place only, so both ways cannot come to differ in what they mean; a test holds both to the same levels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlglot
from sqlglot import expressions as exp

from onefold.matching import distances
from onefold.matching.comparisons import Comparison

Row = Mapping[str, Any]
"""A record as the SQL sees it, by name of column; None for NULL."""

_NAN = float("nan")
_COMPARED: dict[type[exp.Expr], str] = {exp.EQ: "==", exp.GTE: ">=", exp.GT: ">", exp.LTE: "<=", exp.LT: "<"}


def _of_both(function: Callable[[str, str], float]) -> Callable[[str | None, str | None], float]:
    def of(one: str | None, other: str | None) -> float:
        return _NAN if one is None or other is None else function(one, other)

    return of


def _test(function: Callable[[str, str], bool]) -> Callable[[str | None, str | None], bool]:
    def of(one: str | None, other: str | None) -> bool:
        return one is not None and other is not None and function(one, other)

    return of


def _cut(text: str | None, first: int, last: int) -> str | None:
    return None if text is None else text[first - 1 : last]


_FUNCTIONS: dict[str, Any] = {
    "jaro_similarity": _of_both(distances.jaro_similarity),
    "jaro_winkler_similarity": _of_both(distances.jaro_winkler_similarity),
    "damerau_levenshtein": _of_both(distances.damerau_levenshtein),
    "starts_with": _test(str.startswith),
    "contains": _test(str.__contains__),
    "length": lambda text: _NAN if text is None else len(text),
    "abs": abs,
    "cut": _cut,
}


def function(comparisons: Sequence[Comparison]) -> Callable[[Row, Row], list[int]]:
    """The level of each comparison for two records, the one that stands before the other in the table first."""
    return _compiled("[" + ", ".join(_python(sqlglot.parse_one(c.sql(), dialect="duckdb")) for c in comparisons) + "]")


def _compiled(code: str) -> Callable[[Row, Row], list[int]]:
    made: Callable[[Row, Row], list[int]] = eval(  # noqa: S307  made of our own expressions; columns are quoted
        f"lambda a, b: {code}", dict(_FUNCTIONS)
    )
    return made


def _python(node: exp.Expr) -> str:
    """Python for a tree. Nothing in it is negated, so that NULL may count as false."""
    if isinstance(node, exp.Paren):
        return f"({_python(node.this)})"
    if isinstance(node, exp.Column):
        return f"{node.table}[{node.name!r}]"
    if isinstance(node, exp.Literal):
        return repr(node.this) if node.is_string else str(node.this)
    if isinstance(node, exp.Boolean):
        return str(node.this)
    if isinstance(node, exp.And | exp.Or):
        word = "and" if isinstance(node, exp.And) else "or"
        return f"({_python(node.this)} {word} {_python(node.expression)})"
    if isinstance(node, exp.Is) and isinstance(node.expression, exp.Null):
        return f"({_python(node.this)} is None)"
    if isinstance(node, exp.Not) and isinstance(node.this, exp.Is):
        return f"({_python(node.this.this)} is not None)"
    if isinstance(node, exp.EQ):
        one = _python(node.this)
        return f"({one} is not None and {one} == {_python(node.expression)})"
    if type(node) in _COMPARED:
        return f"({_python(node.this)} {_COMPARED[type(node)]} {_python(node.expression)})"
    if isinstance(node, exp.Add | exp.Sub):
        return f"({_python(node.this)} {'+' if isinstance(node, exp.Add) else '-'} {_python(node.expression)})"
    if isinstance(node, exp.Case):
        otherwise = _python(node.args["default"]) if node.args.get("default") else "None"
        for branch in reversed(node.args["ifs"]):
            otherwise = f"({_python(branch.args['true'])} if {_python(branch.this)} else {otherwise})"
        return otherwise
    if isinstance(node, exp.Coalesce):
        return f"bool({_python(node.this)})"
    if isinstance(node, exp.Bracket):
        return _slice(node)
    return _call(node)


def _slice(node: exp.Bracket) -> str:
    (inside,) = node.expressions
    # Slices stand as written, from 1 on; a single place is counted from 0.
    if isinstance(inside, exp.Slice):
        return f"cut({_python(node.this)}, {inside.this.this}, {inside.expression.this})"
    return f"cut({_python(node.this)}, {int(inside.this) + 1}, {int(inside.this) + 1})"


def _call(node: exp.Expr) -> str:
    name = node.sql("duckdb").partition("(")[0].lower()
    if name not in _FUNCTIONS:
        raise TypeError(f"there is no Python for `{name}` in the SQL of a comparison")
    own = [node.this] if isinstance(node.this, exp.Expr) else []
    others = [node.expression] if isinstance(node.args.get("expression"), exp.Expr) else node.expressions
    return f"{name}({', '.join(map(_python, [*own, *others]))})"
