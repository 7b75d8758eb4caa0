"""The SQL of a rule: a bound rule as a tree that a warehouse evaluates, true, false or null as `evaluate` would have it.

Only what every engine has, and means alike, is used. What cannot be said so is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec
from sqlglot import exp

from onefold.errors import nearest
from onefold.rules import time
from onefold.rules.binding import bind
from onefold.rules.functions import Kind
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
    RuleError,
)

_COMPARISONS: dict[Comparison, type[exp.Binary]] = {
    "=": exp.EQ, "<>": exp.NEQ, "<": exp.LT, "<=": exp.LTE, ">": exp.GT, ">=": exp.GTE,
}  # fmt: skip
_OPERATIONS: dict[Operation, type[exp.Binary]] = {"+": exp.Add, "-": exp.Sub, "*": exp.Mul}


class SqlField(msgspec.Struct, frozen=True):
    """A field of a rule as SQL: its kind, and the expression that gives it. A time is a UTC timestamp without a zone."""

    kind: Kind
    value: exp.Expr


def to_sql(rule: Expr, fields: Mapping[str, SqlField], as_of_us: int) -> exp.Expr:
    """The rule as a SQL expression.

    A quotient is a double; all other arithmetic is as exact as the columns are.

    Raises:
        RuleError: It does not fit the fields, or uses what SQL cannot say alike everywhere.
    """
    bind(rule, {name: field.kind for name, field in fields.items()})
    return _Writer(fields, as_of_us).write(rule)


def moment(at_us: int) -> exp.Expr:
    """A moment as a UTC timestamp without a zone."""
    return exp.cast(exp.Literal.string(time.timestamp(at_us)), "TIMESTAMP")


def literal(value: str | int | Decimal | bool | None) -> exp.Expr:
    """A value as SQL; a number exactly, whatever its exponent."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    number = exp.Literal.number(format(abs(value), "f"))
    return exp.paren(exp.Neg(this=number)) if value < 0 else number


class _Writer:
    """Writes one rule."""

    def __init__(self, fields: Mapping[str, SqlField], as_of_us: int) -> None:
        self._fields = fields
        self._as_of_us = as_of_us

    def write(self, expr: Expr) -> exp.Expr:
        match expr:
            case Literal():
                return literal(expr.value)
            case Moment(at_us=at_us):
                return moment(at_us)
            case Field(name=name):
                return self._fields[name].value.copy()
            case Call():
                return self._call(expr)
            case Aggregate():
                raise RuleError("A rule over a relation cannot ask for events of a person.")
            case Compare(operator=operator, left=left, right=right):
                a, b = self._alike((left, right))
                return exp.paren(_COMPARISONS[operator](this=a, expression=b))
            case Between(value=value, low=low, high=high):
                v, a, b = self._alike((value, low, high))
                return exp.paren(exp.Between(this=v, low=a, high=b))
            case In(value=value, options=options):
                v, *others = self._alike((value, *options))
                return exp.paren(exp.In(this=v, expressions=others))
            case Like(value=value, pattern=pattern, any_case=any_case):
                return self._like(value, pattern, any_case=any_case)
            case IsNull(value=value):
                return exp.paren(exp.Is(this=self.write(value), expression=exp.null()))
            case Arithmetic(operator=operation, left=left, right=right):
                return self._arithmetic(operation, self.write(left), self.write(right))
            case Not(part=part):
                return exp.Not(this=exp.paren(self.write(part)))
            case And(parts=parts):
                return exp.paren(exp.and_(*map(self.write, parts)))
            case Or(parts=parts):
                return exp.paren(exp.or_(*map(self.write, parts)))

    def _kind(self, expr: Expr) -> Kind:
        return bind(expr, {name: field.kind for name, field in self._fields.items()}).kind

    def _alike(self, exprs: Sequence[Expr]) -> list[exp.Expr]:
        """Written for a comparison; beside a time, a text in quotes is one."""
        if any(self._kind(one) == "time" for one in exprs):
            return [self._time(one) for one in exprs]
        return [self.write(one) for one in exprs]

    def _time(self, expr: Expr) -> exp.Expr:
        if isinstance(expr, Literal) and isinstance(expr.value, str):
            at_us = time.read(expr.value)
            if at_us is not None:
                return moment(at_us)
        if isinstance(expr, Call) and expr.function == "coalesce":
            first, *others = (self._time(one) for one in expr.arguments)
            return exp.Coalesce(this=first, expressions=others)
        return self.write(expr)

    def _like(self, value: Expr, pattern: str, *, any_case: bool) -> exp.Expr:
        text = self.write(value)
        if "\\" in pattern:
            raise RuleError("A rule over a relation has no `like` with a backslash: engines read it differently.")
        if any_case:
            return exp.paren(exp.Like(this=exp.Lower(this=text), expression=exp.Literal.string(pattern.lower())))
        return exp.paren(exp.Like(this=text, expression=exp.Literal.string(pattern)))

    @staticmethod
    def _arithmetic(operation: Operation, left: exp.Expr, right: exp.Expr) -> exp.Expr:
        if operation == "/":
            divisor = exp.Nullif(this=exp.cast(right, "DOUBLE"), expression=exp.Literal.number(0))
            return exp.paren(exp.Div(this=exp.cast(left, "DOUBLE"), expression=divisor, typed=False, safe=False))
        return exp.paren(_OPERATIONS[operation](this=left, expression=right))

    def _call(self, call: Call) -> exp.Expr:
        function = call.function
        if function in time.CLOCKS:
            return self._elapsed(function, self._time(call.arguments[0]))
        if function == "to_time":
            return self._time(call.arguments[0])
        if function == "to_number" and self._kind(call.arguments[0]) == "number":
            return self.write(call.arguments[0])
        if function == "contains" and self._kind(call.arguments[0]) != "text":
            raise RuleError("A rule over a relation can use `contains` only on texts.")
        writer = _FUNCTIONS.get(function)
        if writer is None:
            raise RuleError(
                f"A rule over a relation cannot use `{function}`{nearest(function, _FUNCTIONS, cutoff=0.8)} "
                f"It has {', '.join(sorted({*_FUNCTIONS, *time.CLOCKS}))}."
            )
        return writer([self.write(one) for one in call.arguments])

    def _elapsed(self, function: str, then: exp.Expr) -> exp.Expr:
        """Tile boundaries passed; times are truncated first, because engines count untruncated ones differently."""
        now = moment(self._as_of_us)
        if function == "days_since":
            return exp.DateDiff(this=exp.cast(now, "DATE"), expression=exp.cast(then, "DATE"), unit=exp.var("DAY"))
        start, end = (exp.TimestampTrunc(this=at, unit=exp.var("HOUR")) for at in (then, now))
        return exp.DateDiff(this=end, expression=start, unit=exp.var("HOUR"))


def _contains(args: list[exp.Expr]) -> exp.Expr:
    position = exp.StrPosition(this=args[0], substr=args[1])
    return exp.paren(exp.GT(this=position, expression=exp.Literal.number(0)))


def _starts_with(args: list[exp.Expr]) -> exp.Expr:
    whole, start = args
    begin = exp.Substring(this=whole, start=exp.Literal.number(1), length=exp.Length(this=start.copy()))
    return exp.paren(exp.EQ(this=begin, expression=start))


_FUNCTIONS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "coalesce": lambda args: exp.Coalesce(this=args[0], expressions=args[1:]),
    "contains": _contains,
    "length": lambda args: exp.Length(this=args[0]),
    "lower": lambda args: exp.Lower(this=args[0]),
    "starts_with": _starts_with,
    "upper": lambda args: exp.Upper(this=args[0]),
}
