"""The text form of a rule: a SQL scalar expression, read through an allow-list.

sqlglot parses; what it understood is then copied, node by node, into our own tree. Anything without a place there
(sub-queries, unknown functions, casts, parameters, statements) is refused, and so is any part of a known node that we
would not carry over: a rule never means less than it says.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import sqlglot
from sqlglot import exp

from onefold.errors import nearest
from onefold.rules.functions import FUNCTIONS
from onefold.rules.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Comparison,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Not,
    Operation,
    Or,
    RuleError,
)

MAX_CHARACTERS = 4_000
MAX_DEPTH = 30
MAX_DIGITS = 30

# It warns of text it cannot make sense of, quoting it; we refuse such text ourselves, without quoting.
logging.getLogger("sqlglot").addFilter(lambda record: "unsupported syntax" not in record.getMessage())

_COMPARISONS: dict[type[exp.Expression], Comparison] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_OPERATIONS: dict[type[exp.Expression], Operation] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
# Functions that sqlglot knows by class; all others reach us by name.
_CLASSES: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    exp.Coalesce: ("coalesce", ("this", "expressions")),
    exp.Contains: ("contains", ("this", "expression")),
    exp.Length: ("length", ("this",)),
    exp.Lower: ("lower", ("this",)),
    exp.StartsWith: ("starts_with", ("this", "expression")),
    exp.ToNumber: ("to_number", ("this",)),
    exp.Upper: ("upper", ("this",)),
}


@lru_cache(maxsize=1_024)
def parse(text: str) -> Expr:
    """Read a rule.

    Raises:
        RuleError: It is no expression of the rule language; nothing else is ever raised for any text.
    """
    if len(text) > MAX_CHARACTERS:
        raise RuleError(f"A rule has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}.")
    if _depth(text) > MAX_DEPTH:
        raise RuleError(f"A rule is nested at most {MAX_DEPTH} deep.")
    try:
        parsed = sqlglot.parse(text)
    except sqlglot.ParseError as error:
        column = error.errors[0].get("col") if error.errors else None
        raise RuleError(f"The rule cannot be read{f' near column {column}' if column else ''}.") from None
    except Exception as error:  # noqa: BLE001 - on hostile text sqlglot raises what it happens to run into
        raise RuleError(f"The rule cannot be read ({type(error).__name__}).") from None
    if len(parsed) != 1 or parsed[0] is None:
        raise RuleError("A rule is one expression, such as `purchases >= 1`.")
    try:
        return _read(cast("exp.Expression", parsed[0]), 0)
    except RecursionError:
        raise RuleError(f"A rule is nested at most {MAX_DEPTH} deep.") from None


def _read(e: exp.Expression, depth: int) -> Expr:
    if depth > MAX_DEPTH:
        raise RuleError(f"A rule is nested at most {MAX_DEPTH} deep.")
    deeper = depth + 1
    kind = type(e)
    if kind is exp.Paren:
        return _read(_only(e, "this")["this"], deeper)
    if kind is exp.And or kind is exp.Or:
        return _joined(e, deeper)
    if kind is exp.Not:
        return Not(_read(_only(e, "this")["this"], deeper))
    if kind in _COMPARISONS:
        left, right = _pair(e, deeper)
        return Compare(_COMPARISONS[kind], left, right)
    if kind in _OPERATIONS:
        left, right = _pair(e, deeper)
        return Arithmetic(_OPERATIONS[kind], left, right)
    if kind is exp.Neg:
        return _negative(_read(_only(e, "this")["this"], deeper))
    if kind is exp.Between:
        args = _only(e, "this", "low", "high")
        return Between(_read(args["this"], deeper), _read(args["low"], deeper), _read(args["high"], deeper))
    if kind is exp.In:
        args = _only(e, "this", "expressions")
        if not args.get("expressions"):
            raise RuleError("`in` needs a list of values, such as `plan in ('pro', 'team')`.")
        return In(_read(args["this"], deeper), tuple(_read(o, deeper) for o in args["expressions"]))
    if kind is exp.Is:
        args = _only(e, "this", "expression")
        if type(args["expression"]) is not exp.Null:
            raise RuleError("`is` is followed by `null` or `not null`; for true or false write `= true`.")
        return IsNull(_read(args["this"], deeper))
    if kind is exp.Like or kind is exp.ILike:
        return _like(e, deeper)
    if kind is exp.Column or kind is exp.Dot:
        return Field(".".join(_names(e)))
    if kind in _CLASSES or kind is exp.Anonymous:
        return _call(e, deeper)
    return _constant(e)


def _constant(e: exp.Expression) -> Expr:
    kind = type(e)
    if kind is exp.Literal:
        return Literal(e.this) if e.is_string else _number(e.this)
    if kind is exp.Boolean:
        return Literal(bool(e.this))
    if kind is exp.Null:
        return Literal(None)
    what = "sub-queries" if e.find(exp.Query) is not None else f"`{kind.__name__.lower()}`"
    raise RuleError(f"Rules have no {what}; {_KNOWN}.")


def _joined(e: exp.Expression, depth: int) -> Expr:
    """A chain of one connective, however long, side by side."""
    kind, parts, pending = type(e), list[Expr](), [e]
    while pending:
        one = pending.pop()
        if type(one) is kind:
            args = _only(one, "this", "expression")
            pending += (args["expression"], args["this"])
        else:
            parts.append(_read(one, depth))
    return And(tuple(parts)) if kind is exp.And else Or(tuple(parts))


def _pair(e: exp.Expression, depth: int) -> tuple[Expr, Expr]:
    args = _only(e, "this", "expression")
    return _read(args["this"], depth), _read(args["expression"], depth)


def _like(e: exp.Expression, depth: int) -> Expr:
    args = _only(e, "this", "expression", "negate")
    pattern = _read(args["expression"], depth)
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise RuleError("`like` needs a text in quotes, such as `attr.city like 'San %'`.")
    found = Like(_read(args["this"], depth), pattern.value, any_case=type(e) is exp.ILike)
    return Not(found) if args.get("negate") else found


def _call(e: exp.Expression, depth: int) -> Expr:
    if type(e) is exp.Anonymous:
        name, given = str(e.this).lower(), e.expressions
    else:
        name, parts = _CLASSES[type(e)]
        args = _only(e, *parts)
        given = [a for part in parts for a in _listed(args.get(part))]
    if name not in FUNCTIONS:
        raise RuleError(f"Rules have no function of that name{nearest(name, FUNCTIONS) or '.'}")
    return Call(name, tuple(_read(a, depth) for a in given))


def _negative(expr: Expr) -> Expr:
    if isinstance(expr, Literal) and isinstance(expr.value, int | Decimal) and not isinstance(expr.value, bool):
        return Literal(-expr.value)
    return Arithmetic("-", Literal(0), expr)


def _number(digits: str) -> Literal:
    try:
        value = Decimal(digits)
    except ArithmeticError:
        raise RuleError("A number in the rule cannot be read.") from None
    if not value.is_finite() or len(value.as_tuple().digits) > MAX_DIGITS or abs(value.adjusted()) > MAX_DIGITS:
        raise RuleError(f"Numbers have at most {MAX_DIGITS} digits.")
    whole = value.to_integral_value()
    return Literal(int(whole)) if whole == value else Literal(value)


def _names(e: exp.Expression) -> Iterator[str]:
    if isinstance(e, exp.Dot):
        args = _only(e, "this", "expression")
        yield from _names(args["this"])
        yield from _names(args["expression"])
    elif isinstance(e, exp.Column):
        for part in ("catalog", "db", "table", "this"):
            if (name := _only(e, "catalog", "db", "table", "this").get(part)) is not None:
                yield from _names(name)
    elif isinstance(e, exp.Identifier):
        if not (name := str(e.this)).isprintable():
            raise RuleError("The name of a field has a character in it that cannot be shown.")
        yield name
    else:
        raise RuleError("A field is a dotted name, such as `attr.country`.")


def _only(e: exp.Expression, *parts: str) -> dict[str, Any]:
    """The parts of a node, having made sure that it has no others."""
    args = {name: part for name, part in e.args.items() if part is not None and part is not False and part != []}
    if not args.keys() <= set(parts):
        raise RuleError(f"The rule uses `{type(e).__name__.lower()}` in a form that rules do not have; {_KNOWN}.")
    return args


def _listed(part: Any) -> list[exp.Expression]:
    return part if isinstance(part, list) else [] if part is None else [part]


def _depth(text: str) -> int:
    """How deep brackets are open at most; those in quotes count too, which errs on the safe side."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth = max(0, depth - 1)
    return deepest


_KNOWN = (
    "they compare fields with and, or, not, in, between, like, is null, + - * /, and the functions of the reference"
)
