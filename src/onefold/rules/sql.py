"""The SQL of a rule: a bound rule as a tree that a warehouse evaluates, true, false or null as `evaluate` would have it.

Only what every engine has, and means alike, is used. What cannot be said so is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import msgspec
from sqlglot import exp

from onefold.rules import patterns, sql_any, time
from onefold.rules import sql_trees as trees
from onefold.rules.binding import OPEN, bind, kind_of
from onefold.rules.functions import FUNCTIONS, Kind
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
    """A field of a rule as SQL: its kind, and the expression that gives it.

    A time is a UTC timestamp without a zone; a value of kind `any` is tagged (`sql_any`).
    """

    kind: Kind
    value: exp.Expr


def to_sql(
    rule: Expr,
    fields: Mapping[str, SqlField],
    as_of_us: int,
    aggregates: Mapping[Aggregate, SqlField] | None = None,
) -> exp.Expr:
    """The rule as a SQL expression.

    A quotient is a double; all other arithmetic is as exact as the columns are.

    Args:
        rule: The rule.
        fields: What it may read of a row.
        as_of_us: The time at which it is asked.
        aggregates: What it may read of events, for rules about people.

    Raises:
        RuleError: It does not fit the fields, or uses what SQL cannot say alike everywhere.
    """
    bind(rule, {name: field.kind for name, field in fields.items()})
    return _Writer(fields, as_of_us, aggregates or {}).truth_or_value(rule)


def moment(at_us: int) -> exp.Expr:
    """A moment as a UTC timestamp without a zone."""
    return trees.cast(exp.Literal.string(time.timestamp(at_us)), "TIMESTAMP")


def literal(value: str | int | Decimal | bool | None) -> exp.Expr:
    """A value as SQL; a number exactly, whatever its exponent."""
    if value is None:
        return exp.null()
    if isinstance(value, bool):
        return exp.Boolean(this=value)
    if isinstance(value, str):
        return exp.Literal.string(value)
    number = exp.Literal.number(format(abs(Decimal(value)), "f"))
    return trees.paren(exp.Neg(this=number)) if value < 0 else number


_READ: dict[Kind, Callable[[exp.Expr], exp.Expr]] = {
    "text": sql_any.text,
    "number": sql_any.number,
    "boolean": sql_any.boolean,
}
_WHOLE_MAX, _DECIMALS_MAX = 18, 18


class _Writer:
    """Writes one rule."""

    def __init__(self, fields: Mapping[str, SqlField], as_of_us: int, aggregates: Mapping[Aggregate, SqlField]) -> None:
        self._fields = fields
        self._as_of_us = as_of_us
        self._aggregates = aggregates

    def truth_or_value(self, expr: Expr) -> exp.Expr:
        """What a whole rule gives: of a value of any kind, whether it is true."""
        found = self._value(expr)
        return sql_any.boolean(found.value) if found.kind == "any" and expr != Literal(None) else found.value

    def _value(self, expr: Expr) -> SqlField:
        match expr:
            case Literal(value=value):
                return SqlField(kind_of(value), literal(value))
            case Moment(at_us=at_us):
                return SqlField("time", moment(at_us))
            case Field(name=name):
                field = self._field(name)
                return SqlField(field.kind, field.value.copy())
            case Call():
                return self._call(expr)
            case Aggregate():
                found = self._aggregates.get(expr)
                if found is None:
                    raise RuleError("A rule over a relation cannot ask for events of a person.")
                return SqlField(found.kind, found.value.copy())
            case Arithmetic(operator=operation, left=left, right=right):
                return SqlField("number", self._arithmetic(operation, left, right))
            case _:
                return SqlField("boolean", self._condition(expr))

    def _condition(self, expr: Expr) -> exp.Expr:
        match expr:
            case Compare(operator=operator, left=left, right=right):
                return self._compare(operator, left, right)
            case Between(value=value, low=low, high=high):
                return trees.paren(trees.all_of(self._compare(">=", value, low), self._compare("<=", value, high)))
            case In(value=value, options=options):
                return trees.paren(trees.any_of(*(self._compare("=", value, option) for option in options)))
            case Like(value=value, pattern=pattern, any_case=any_case):
                return self._like(value, pattern, any_case=any_case)
            case IsNull(value=value):
                return trees.paren(exp.Is(this=self._value(value).value, expression=exp.null()))
            case Not(part=part):
                return exp.Not(this=trees.paren(self._as(part, "boolean")))
            case And(parts=parts):
                return trees.paren(trees.all_of(*(self._as(part, "boolean") for part in parts)))
            case Or(parts=parts):
                return trees.paren(trees.any_of(*(self._as(part, "boolean") for part in parts)))
            case _:
                raise TypeError(type(expr))

    def _field(self, name: str) -> SqlField:
        found = self._fields.get(name)
        if found is None:
            open_name = next(f for f in self._fields if f.endswith(OPEN) and name.startswith(f[:-1]))
            raise RuleError(f"`{open_name}` has to be told which of its fields a rule reads.")
        return found

    def _as(self, expr: Expr, kind: Kind) -> exp.Expr:
        """The value where one of this kind is wanted; null where another is there."""
        found = self._value(expr)
        if found.kind == "any" and expr != Literal(None):
            return _READ[kind](found.value)
        return found.value

    def _compare(self, operator: Comparison, left: Expr, right: Expr) -> exp.Expr:
        a, b = self._value(left), self._value(right)
        if "time" in {a.kind, b.kind}:
            return _compared(operator, self._time(left), self._time(right))
        if Literal(None) in {left, right} or "any" not in {a.kind, b.kind}:
            return _compared(operator, a.value, b.value)
        kinds = {a.kind, b.kind} - {"any"} or set(_READ)
        sides = [
            [
                _READ[kind](one.value) if one.kind == "any" else _limited(expr, one.value)
                for expr, one in ((left, a), (right, b))
            ]
            for kind in sorted(kinds)
        ]
        found = [_compared(operator, *pair) for pair in sides]
        return found[0] if len(found) == 1 else trees.paren(exp.Coalesce(this=found[0], expressions=found[1:]))

    def _time(self, expr: Expr) -> exp.Expr:
        if isinstance(expr, Literal) and isinstance(expr.value, str):
            at_us = time.read(expr.value)
            if at_us is not None:
                return moment(at_us)
        if isinstance(expr, Call) and expr.function == "coalesce" and self._is_of_times(expr):
            first, *others = (self._time(one) for one in expr.arguments)
            return exp.Coalesce(this=first, expressions=others)
        found = self._value(expr)
        return sql_any.time(found.value) if found.kind == "any" and expr != Literal(None) else found.value

    def _is_of_times(self, call: Call) -> bool:
        return any(self._value(one).kind == "time" for one in call.arguments)

    def _like(self, value: Expr, pattern: str, *, any_case: bool) -> exp.Expr:
        text = self._as(value, "text")
        if "\\" in pattern:
            raise RuleError("A rule over a relation has no `like` with a backslash: engines read it differently.")
        if any_case:
            return trees.paren(exp.Like(this=exp.Lower(this=text), expression=exp.Literal.string(pattern.lower())))
        return trees.paren(exp.Like(this=text, expression=exp.Literal.string(pattern)))

    def _arithmetic(self, operation: Operation, left: Expr, right: Expr) -> exp.Expr:
        if operation == "*" and "any" in {self._value(left).kind, self._value(right).kind}:
            raise RuleError("Over the warehouse a rule cannot multiply attributes: engines differ in their precision.")
        a, b = self._as(left, "number"), self._as(right, "number")
        if operation == "/":
            divisor = exp.Nullif(this=trees.cast(b, "DOUBLE"), expression=exp.Literal.number(0))
            return trees.paren(exp.Div(this=trees.cast(a, "DOUBLE"), expression=divisor, typed=False, safe=False))
        return trees.paren(_OPERATIONS[operation](this=a, expression=b))

    def _call(self, call: Call) -> SqlField:
        function, given = call.function, call.arguments
        if function in time.CLOCKS:
            return SqlField("number", self._elapsed(function, self._time(given[0])))
        if function == "to_time":
            return SqlField("time", self._time(given[0]))
        if function == "to_number":
            return SqlField("number", self._to_number(given[0]))
        if function == "coalesce":
            return self._coalesce(call)
        if function == "matches":
            return SqlField("boolean", self._matches(*given))
        if function in {"contains", "contains_any"}:
            whole, *parts = given
            return SqlField("boolean", trees.paren(trees.any_of(*(self._contains(whole, part) for part in parts))))
        texts = [self._as(one, "text") for one in given]
        return SqlField(FUNCTIONS[function].gives, _ON_TEXTS[function](texts))

    def _to_number(self, expr: Expr) -> exp.Expr:
        found = self._value(expr)
        if found.kind == "number" or expr == Literal(None):
            return found.value
        if found.kind == "any":
            return sql_any.number_or_text(found.value)
        if found.kind == "text":
            return sql_any.number_or_text(sql_any.of_plain("text", found.value))
        return exp.null()

    def _coalesce(self, call: Call) -> SqlField:
        found = [self._value(one) for one in call.arguments]
        kinds = {one.kind for expr, one in zip(call.arguments, found, strict=True) if expr != Literal(None)}
        if "time" in kinds:
            return SqlField("time", self._time(call))
        kind = kinds.pop() if len(kinds) == 1 else "any"
        values = [
            one.value if one.kind == kind or expr == Literal(None) else sql_any.of_plain(one.kind, one.value)
            for expr, one in zip(call.arguments, found, strict=True)
        ]
        return SqlField(kind, exp.Coalesce(this=values[0], expressions=values[1:]))

    def _matches(self, value: Expr, pattern: Expr) -> exp.Expr:
        stated = pattern.value if isinstance(pattern, Literal) else None
        if not isinstance(stated, str) or not patterns.is_common(stated):
            raise RuleError(
                "Over the warehouse a pattern has letters, digits, `.`, `^`, `$`, classes such as [a-z0-9] and [^x], groups, "
                "`|`, `?`, `*`, `+` and `{2,5}` only: engines read the rest differently."
            )
        written = exp.Literal.string(patterns.common(stated))
        return trees.paren(exp.RegexpLike(this=self._as(value, "text"), expression=written))

    def _contains(self, whole: Expr, part: Expr) -> exp.Expr:
        found = self._value(whole)
        if part == Literal(None):
            return trees.cast(exp.null(), "BOOLEAN")
        if found.kind == "any":
            if not isinstance(part, Literal) or part.value is None:
                raise RuleError(
                    "Over the warehouse a rule can look for stated values only in attributes and properties."
                )
            return sql_any.contains(found.value, part.value)
        if found.kind != "text" or self._value(part).kind not in {"text", "any"}:
            return trees.cast(exp.null(), "BOOLEAN")
        position = exp.StrPosition(this=found.value, substr=self._as(part, "text"))
        return trees.paren(exp.GT(this=position, expression=exp.Literal.number(0)))

    def _elapsed(self, function: str, then: exp.Expr) -> exp.Expr:
        """Tile boundaries passed; times are truncated first, because engines count untruncated ones differently."""
        now = moment(self._as_of_us)
        if function == "days_since":
            return exp.DateDiff(this=trees.cast(now, "DATE"), expression=trees.cast(then, "DATE"), unit=exp.var("DAY"))
        start, end = (exp.TimestampTrunc(this=at, unit=exp.var("HOUR")) for at in (then, now))
        return exp.DateDiff(this=end, expression=start, unit=exp.var("HOUR"))


def _compared(operator: Comparison, left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return trees.paren(_COMPARISONS[operator](this=left, expression=right))


def _limited(expr: Expr, value: exp.Expr) -> exp.Expr:
    """A value that is compared with a decimal of 18 digits before the point and 18 after it."""
    if isinstance(expr, Literal) and isinstance(expr.value, int | Decimal):
        whole, _, decimals = format(abs(Decimal(expr.value)), "f").partition(".")
        if len(whole) > _WHOLE_MAX or len(decimals) > _DECIMALS_MAX:
            raise RuleError(f"Over the warehouse a number has at most {_WHOLE_MAX} digits on each side of its point.")
    return value


def _starts_with(args: list[exp.Expr]) -> exp.Expr:
    whole, start = args
    begin = exp.Substring(this=whole, start=exp.Literal.number(1), length=exp.Length(this=start.copy()))
    return trees.paren(exp.EQ(this=begin, expression=start))


def _ends_with(args: list[exp.Expr]) -> exp.Expr:
    whole, end = args
    return trees.paren(exp.EQ(this=exp.Right(this=whole, expression=exp.Length(this=end.copy())), expression=end))


_ON_TEXTS: dict[str, Callable[[list[exp.Expr]], exp.Expr]] = {
    "ends_with": _ends_with,
    "length": lambda args: exp.Length(this=args[0]),
    "lower": lambda args: exp.Lower(this=args[0]),
    "starts_with": _starts_with,
    "upper": lambda args: exp.Upper(this=args[0]),
}
