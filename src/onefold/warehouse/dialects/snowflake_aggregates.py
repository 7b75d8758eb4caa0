"""Snowflake's words for aggregates and windows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Rewrite, call, double

NAME = "Snowflake"
_STATED = Stated(NAME)


def number(value: int) -> exp.Expr:
    """A number."""
    return exp.Literal.number(value)


def text(value: str) -> exp.Expr:
    """A text."""
    return exp.Literal.string(value)


def _known(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))


def _average(part: exp.Expr) -> exp.Expr:
    part.set("this", double(part.this))
    return part


def _quantile(part: exp.Expr) -> exp.Expr:
    fraction = part.expression.copy() if isinstance(part, exp.PercentileCont) else exp.Literal.number("0.5")
    ordered = exp.Order(expressions=[exp.Ordered(this=double(part.this), nulls_first=False)])
    return exp.WithinGroup(this=exp.PercentileCont(this=fraction), expression=ordered)


def _arg_max(part: exp.Expr) -> exp.Expr:
    """Rows without a value count for nothing, as those without what they are compared by."""
    by = call("IFF", _known(part.this), part.expression.copy(), exp.null())
    return call("MAX_BY" if isinstance(part, exp.ArgMax) else "MIN_BY", part.this.copy(), by)


def _any_value(part: exp.Expr) -> exp.Expr:
    return call("MAX_BY", part.this.copy(), call("IFF", _known(part.this), number(0), exp.null()))


def _ignoring_nulls(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Anonymous) and part.this.name == "MAX_BY":
        return part.this.copy()
    raise _STATED.refused("IGNORE NULLS")


_TAKES_ONE = (exp.Sum, exp.Min, exp.Max, exp.Avg, exp.Count, exp.LogicalAnd, exp.LogicalOr)


def _filter(part: exp.Expr) -> exp.Expr:
    """The aggregate of what a condition leaves: Snowflake knows no FILTER."""
    made, condition = part.this.copy(), part.expression.this
    if isinstance(made, exp.Anonymous) and made.name in {"MAX_BY", "MIN_BY"}:
        value, by = made.expressions
        made.set("expressions", [value, call("IFF", condition.copy(), by.copy(), exp.null())])
        return made
    if not isinstance(made, _TAKES_ONE) or isinstance(made.this, exp.Distinct):
        raise _STATED.refused(f"FILTER of {part.this.key}")
    value = number(1) if isinstance(made.this, exp.Star) else made.this.copy()
    made.set("this", call("IFF", condition.copy(), value, exp.null()))
    return made


def _some(there: exp.Expr, made: exp.Expr) -> exp.Expr:
    """Null of nothing, of which Snowflake makes an empty list or text."""
    none = exp.EQ(this=exp.Count(this=there, big_int=True), expression=number(0))
    return call("IFF", none, exp.null(), made)


def _within(made: exp.Expr, order: exp.Expr | None) -> exp.Expr:
    return made if order is None else exp.WithinGroup(this=made, expression=exp.Order(expressions=order.expressions))


def _ordered(part: exp.Expr) -> tuple[exp.Expr, exp.Expr | None]:
    this = part.this
    return (this.this, this) if isinstance(this, exp.Order) else (this, None)


def _list(part: exp.Expr) -> exp.Expr:
    value, order = _ordered(part)
    # A null is left out of an array there, unless it is JSON's.
    kept = exp.Coalesce(this=call("TO_VARIANT", value.copy()), expressions=[call("PARSE_JSON", text("null"))])
    return _some(exp.Star(), _within(call("ARRAY_AGG", kept), order))


def _join(part: exp.Expr) -> exp.Expr:
    value, order = _ordered(part)
    separator = part.args.get("separator")
    made = call("LISTAGG", value.copy(), separator.copy() if separator else text(","))
    return _some(value.copy(), _within(made, order))


def _end(part: exp.Expr) -> exp.Expr:
    """With the frame that SQL means where none is stated, and Snowflake does not."""
    window = part.parent
    if isinstance(window, exp.Window) and window.args.get("spec") is None:
        spec = exp.WindowSpec(kind="RANGE", start="UNBOUNDED", start_side="PRECEDING", end="CURRENT ROW")
        window.set("spec", spec)
    return part


_AS_THEY_ARE = (
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr, exp.RowNumber, exp.Ntile, exp.Rank,
    exp.DenseRank, exp.Lag, exp.Lead,
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
    exp.ArrayAgg: _list,
    exp.GroupConcat: _join,
    exp.FirstValue: _end,
    exp.LastValue: _end,
}
