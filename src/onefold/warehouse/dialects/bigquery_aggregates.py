"""BigQuery's words for aggregates and windows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Rewrite, call, double

NAME = "BigQuery"
_STATED = Stated(NAME)


def number(value: int) -> exp.Expr:
    """A number."""
    return exp.Literal.number(value)


def text(value: str) -> exp.Expr:
    """A text."""
    return exp.Literal.string(value)


def known(value: exp.Expr) -> exp.Expr:
    """Whether it is no null."""
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))


def _average(part: exp.Expr) -> exp.Expr:
    part.set("this", double(part.this))
    return part


def _quantile(part: exp.Expr) -> exp.Expr:
    """Between the two values next to the place: PERCENTILE_CONT is of windows alone there."""
    fraction = part.expression.copy() if isinstance(part, exp.PercentileCont) else exp.Literal.number("0.5")
    value = double(part.this)
    last = exp.paren(exp.Sub(this=exp.Count(this=value.copy(), big_int=True), expression=number(1)))
    place = exp.paren(exp.Mul(this=double(fraction), expression=last))
    ordered = exp.Order(this=value, expressions=[exp.Ordered(this=value.copy(), nulls_first=True)])
    sorted_ = exp.ArrayAgg(this=exp.IgnoreNulls(this=ordered))

    def at(end: str) -> exp.Expr:
        where = exp.cast(call(end, place.copy()), exp.DataType.Type.BIGINT)
        return exp.Bracket(this=sorted_.copy(), expressions=[where], offset=0, safe=True)

    rest = exp.paren(exp.Sub(this=place.copy(), expression=call("FLOOR", place.copy())))
    step = exp.Mul(this=exp.paren(exp.Sub(this=at("CEIL"), expression=at("FLOOR"))), expression=rest)
    return exp.paren(exp.Add(this=at("FLOOR"), expression=step))


def _arg_max(part: exp.Expr) -> exp.Expr:
    """Rows without a value count for nothing, as those without what they are compared by."""
    by = call("IF", known(part.this), part.expression.copy(), exp.null())
    return call("MAX_BY" if isinstance(part, exp.ArgMax) else "MIN_BY", part.this.copy(), by)


def _any_value(part: exp.Expr) -> exp.Expr:
    return call("MAX_BY", part.this.copy(), call("IF", known(part.this), number(0), exp.null()))


def _ignoring_nulls(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Anonymous) and part.this.name == "MAX_BY":
        return part.this.copy()
    raise _STATED.refused("IGNORE NULLS")


_TAKES_ONE = (exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count, exp.LogicalAnd, exp.LogicalOr)


def _filter(part: exp.Expr) -> exp.Expr:
    """The aggregate of what a condition leaves: BigQuery knows no FILTER."""
    made, condition = part.this.copy(), part.expression.this
    if isinstance(made, exp.Anonymous) and made.name in {"MAX_BY", "MIN_BY"}:
        value, by = made.expressions
        made.set("expressions", [value, call("IF", condition.copy(), by.copy(), exp.null())])
        return made
    if not isinstance(made, _TAKES_ONE) or isinstance(made.this, exp.Distinct):
        raise _STATED.refused(f"FILTER of {part.this.key}")
    value = number(1) if isinstance(made.this, exp.Star) else made.this.copy()
    made.set("this", call("IF", condition.copy(), value, exp.null()))
    return made


def _order(part: exp.Expr) -> exp.Expr:
    """Of windows and aggregates: they take no NULLS LAST, so whether there is a value is a key of its own."""
    if isinstance(part.parent, exp.Query):
        return part
    keys = list[exp.Expr]()
    for each in part.expressions:
        falling, unknown = bool(each.args.get("desc")), exp.Is(this=each.this.copy(), expression=exp.null())
        if bool(each.args.get("nulls_first")) == falling:
            keys.append(exp.Ordered(this=unknown, desc=falling, nulls_first=not falling))
        keys.append(exp.Ordered(this=each.this.copy(), desc=falling, nulls_first=not falling))
    part.set("expressions", keys)
    return part


def _join(part: exp.Expr) -> exp.Expr:
    if not part.args.get("separator"):
        part.set("separator", text(","))
    return part


_AS_THEY_ARE = (
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr, exp.ArrayAgg, exp.RowNumber, exp.Ntile, exp.Rank,
    exp.DenseRank, exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue,
)  # fmt: skip
PARTS: Mapping[type[exp.Expr], Rewrite | None] = {
    **dict.fromkeys(_AS_THEY_ARE),
    exp.Avg: _average,
    exp.Median: _quantile,
    exp.PercentileCont: _quantile,
    exp.ArgMax: _arg_max,
    exp.ArgMin: _arg_max,
    exp.AnyValue: _any_value,
    exp.IgnoreNulls: _ignoring_nulls,
    exp.Filter: _filter,
    exp.GroupConcat: _join,
    exp.Order: _order,
}
