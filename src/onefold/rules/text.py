"""The text form of a rule: a SQL scalar expression, read through an allow-list.

sqlglot parses; what it understood is then copied, node by node, into our own tree. Anything without a place there
(sub-queries, unknown functions, casts, parameters, statements) is refused, and so is any part of a known node that we
would not carry over: a rule never means less than it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, cast

import sqlglot
from sqlglot import exp

from onefold.errors import nearest
from onefold.rules import aggregate, time
from onefold.rules.functions import FUNCTIONS
from onefold.rules.grammar import AGGREGATES, EventAggregate, Grammar, place
from onefold.rules.tree import (
    Aggregate,
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
    Moment,
    Not,
    Operation,
    Or,
    Place,
    Places,
    RuleError,
    Then,
    Window,
    children,
    number,
)

MAX_CHARACTERS = 4_000
MAX_DEPTH = 30
MAX_DIGITS = 30
_WINDOW_DIGITS = 10
_DEPTH = f"A rule is nested at most {MAX_DEPTH} deep; the parts of one `and` or `or` stand side by side, however many."

_COMPARISONS: dict[type[exp.Expression], Comparison] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_OPERATIONS: dict[type[exp.Expression], Operation] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
# Functions that sqlglot knows by class; all others reach us by name.
_CLASSES: dict[type[exp.Expression], tuple[str, tuple[str, ...]]] = {
    exp.Coalesce: ("coalesce", ("this", "expressions")),
    exp.Contains: ("contains", ("this", "expression")),
    exp.EndsWith: ("ends_with", ("this", "expression")),
    exp.Length: ("length", ("this",)),
    exp.Lower: ("lower", ("this",)),
    exp.StartsWith: ("starts_with", ("this", "expression")),
    exp.ToNumber: ("to_number", ("this",)),
    exp.Upper: ("upper", ("this",)),
}


def parse(text: str) -> Expr:
    """Read a rule.

    Raises:
        RuleError: It is no expression of the rule language; nothing else is ever raised for any text.
    """
    return parsed(text)[0]


@lru_cache(maxsize=1_024)
def parsed(text: str) -> tuple[Expr, Places]:
    """Read a rule, and where its parts stand.

    Raises:
        RuleError: As `parse` does.
    """
    if len(text) > MAX_CHARACTERS:
        raise RuleError(f"A rule has at most {MAX_CHARACTERS:,} characters; this one has {len(text):,}.")
    if (deep := _too_deep(text)) is not None:
        raise RuleError(_DEPTH, place(text, deep))
    try:
        trees = sqlglot.parse(text, dialect=Grammar)
    except RuleError:
        raise
    except sqlglot.ParseError as error:
        first = error.errors[0] if error.errors else {}
        where = _place_of(text, first.get("line"), first.get("col"), first.get("highlight"))
        raise RuleError(
            "The rule cannot be read from here on; it is one expression, such as `purchases >= 1`.", where
        ) from None
    except Exception as error:  # noqa: BLE001 - on hostile text sqlglot raises what it happens to run into
        raise RuleError(f"The rule cannot be read ({type(error).__name__}).") from None
    if len(trees) != 1 or trees[0] is None:
        raise RuleError("A rule is one expression, such as `purchases >= 1`.")
    places: dict[int, Place] = {}
    try:
        return _Reader(text, places).read(cast("exp.Expression", trees[0]), 0), places
    except RecursionError:
        raise RuleError(_DEPTH) from None


def _place_of(text: str, line: int | None, column: int | None, highlight: str | None) -> Place | None:
    """The place that sqlglot tells: the last column of what it stumbled over."""
    if not line or not column:
        return None
    before = "".join(text.splitlines(keepends=True)[: line - 1])
    return place(text, max(len(before), len(before) + column - len(highlight or " ")))


class _Reader:
    """Reads one tree of sqlglot's into ours, noting where the parts stand."""

    def __init__(self, text: str, places: dict[int, Place]) -> None:
        self._text = text
        self._places = places

    def read(self, e: exp.Expression, depth: int) -> Expr:
        try:
            found = self._part(e, depth)
        except RuleError as error:
            where = self._place(e) if error.place is None else None
            raise error if where is None else RuleError(str(error), where) from None
        named = not children(found) or isinstance(found, Call)
        if named and (where := self._place(e)) is not None:
            self._places[id(found)] = where
        return found

    def _place(self, e: exp.Expression) -> Place | None:
        starts = [node.meta["start"] for node in e.walk() if "start" in node.meta]
        return place(self._text, min(starts)) if starts else None

    def _part(self, e: exp.Expression, depth: int) -> Expr:
        if depth > MAX_DEPTH:
            raise RuleError(_DEPTH)
        deeper = depth + 1
        kind = type(e)
        if kind is exp.Paren:
            return self.read(_only(e, "this")["this"], depth)  # how deep brackets may be, `_too_deep` says
        if kind is exp.And or kind is exp.Or:
            return self._joined(e, deeper)
        if kind in _COMPARISONS:
            left, right = self._pair(e, deeper)
            return Compare(_COMPARISONS[kind], left, right)
        if kind in _OPERATIONS:
            left, right = self._pair(e, deeper)
            return Arithmetic(_OPERATIONS[kind], left, right)
        if kind is exp.Neg or kind is exp.Not:
            part = self.read(_only(e, "this")["this"], deeper)
            return Not(part) if kind is exp.Not else _negative(part)
        if kind is exp.Between:
            args = _only(e, "this", "low", "high")
            return Between(*(self.read(args[name], deeper) for name in ("this", "low", "high")))
        if kind is exp.In:
            args = _only(e, "this", "expressions")
            if not args.get("expressions"):
                raise RuleError("`in` needs a list of values, such as `plan in ('pro', 'team')`.")
            return In(self.read(args["this"], deeper), tuple(self.read(o, deeper) for o in args["expressions"]))
        if kind is exp.Is:
            args = _only(e, "this", "expression")
            if type(args["expression"]) is not exp.Null:
                raise RuleError("`is` is followed by `null` or `not null`; for true or false write `= true`.")
            return IsNull(self.read(args["this"], deeper))
        if kind is exp.Like or kind is exp.ILike:
            return self._like(e, deeper)
        if kind is exp.Column or kind is exp.Dot:
            return Field(".".join(_names(e)))
        if kind is EventAggregate:
            return self._aggregate(e, deeper)
        if kind in _CLASSES or kind is exp.Anonymous:
            return self._call(e, deeper)
        return _constant(e)

    def _joined(self, e: exp.Expression, depth: int) -> Expr:
        """A chain of one connective, however long, side by side."""
        kind, parts, pending = type(e), list[Expr](), [e]
        while pending:
            one = pending.pop()
            if type(one) is kind:
                args = _only(one, "this", "expression")
                pending += (args["expression"], args["this"])
            else:
                parts.append(self.read(one, depth))
        return And(tuple(parts)) if kind is exp.And else Or(tuple(parts))

    def _pair(self, e: exp.Expression, depth: int) -> tuple[Expr, Expr]:
        args = _only(e, "this", "expression")
        return self.read(args["this"], depth), self.read(args["expression"], depth)

    def _like(self, e: exp.Expression, depth: int) -> Expr:
        args = _only(e, "this", "expression", "negate")
        pattern = self.read(args["expression"], depth)
        if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
            raise RuleError("`like` needs a text in quotes, such as `attr.city like 'San %'`.")
        found = Like(self.read(args["this"], depth), pattern.value, any_case=type(e) is exp.ILike)
        return Not(found) if args.get("negate") else found

    def _call(self, e: exp.Expression, depth: int) -> Expr:
        if type(e) is exp.Anonymous:
            name, given = str(e.this).lower(), e.expressions
        else:
            name, parts = _CLASSES[type(e)]
            args = _only(e, *parts)
            given = [a for part in parts for a in _listed(args.get(part))]
        if name == "moment":
            return _moment([self.read(a, depth) for a in given])
        if name not in FUNCTIONS:
            raise RuleError(f"Rules have no function of that name{nearest(name, (*FUNCTIONS, *AGGREGATES)) or '.'}")
        return Call(name, tuple(self.read(a, depth) for a in given))

    def _aggregate(self, e: exp.Expression, depth: int) -> Expr:
        args = e.args
        where, then = args.get("where"), args.get("then")
        found = Aggregate(
            args["function"],
            args["event"],
            args.get("property"),
            None if where is None else self.read(where, depth),
            _window(args.get("within")),
            aggregate.period(args["per"]) if args.get("per") else None,
            None if then is None else self._then(then.args, depth),
        )
        return aggregate.checked(found)

    def _then(self, args: Mapping[str, Any], depth: int) -> Then:
        within, where = _window(args.get("within")), args.get("where")
        if within is None:
            raise RuleError(
                "`then` needs to know how long it may take, such as `then 'Order Completed' within 7 days`."
            )
        return Then(args["event"], within, None if where is None else self.read(where, depth), absent=args["absent"])


def _window(stated: tuple[str, str] | None) -> Window | None:
    if stated is None:
        return None
    digits, unit = stated
    return aggregate.window(int(digits) if digits.isdigit() and len(digits) < _WINDOW_DIGITS else digits, unit)


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


def _moment(given: list[Expr]) -> Moment:
    stated = given[0].value if len(given) == 1 and isinstance(given[0], Literal) else None
    at_us = time.read(stated) if isinstance(stated, str) else None
    if at_us is None:
        raise RuleError("`moment` takes a date or an ISO-8601 time in quotes, such as moment('2026-01-31').")
    return Moment(at_us)


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
    return number(value)


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


def _too_deep(text: str) -> int | None:
    """Where brackets become too deep; those in quotes count too, which errs on the safe side. None where they do not."""
    depth = 0
    for offset, character in enumerate(text):
        if character in "([{":
            depth += 1
            if depth > MAX_DEPTH:
                return offset
        elif character in ")]}":
            depth = max(0, depth - 1)
    return None


_KNOWN = (
    "they compare fields with and, or, not, in, between, like, is null, + - * /, and the functions of the reference"
)
