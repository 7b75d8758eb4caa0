"""Spark SQL's words for aggregates and windows."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Rewrite, call, double

NAME = "Spark"
_STATED = Stated(NAME)


def number(value: int) -> exp.Expr:
    """A number."""
    return exp.Literal.number(value)


def text(value: str) -> exp.Expr:
    """A text."""
    return exp.Literal.string(value)


def _average(part: exp.Expr) -> exp.Expr:
    return call("avg", double(part.this))


def _quantile(part: exp.Expr) -> exp.Expr:
    fraction = part.expression.copy() if isinstance(part, exp.PercentileCont) else exp.Literal.number("0.5")
    return call("percentile", double(part.this), fraction)


def _arg_max(part: exp.Expr) -> exp.Expr:
    """Rows without a value count for nothing, as those without what they are compared by."""
    there = exp.Not(this=exp.Is(this=part.this.copy(), expression=exp.null()))
    by = call("if", there, part.expression.copy(), exp.null())
    return call("max_by" if isinstance(part, exp.ArgMax) else "min_by", part.this.copy(), by)


def _any_value(part: exp.Expr) -> exp.Expr:
    return call("any_value", part.this.copy(), exp.true())


def _ignoring_nulls(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Anonymous) and part.this.name == "any_value":
        return part.this.copy()
    raise _STATED.refused("IGNORE NULLS")


def _filter(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Anonymous) and part.this.name == "if":  # which a list has become
        raise _STATED.refused("FILTER of a list")
    return part


def _in_order(value: exp.Expr, order: exp.Expr | None) -> exp.Expr:
    """The values of a group as a list, nulls included, in an order by one key with its nulls last."""
    keys = order.expressions if order is not None else []
    if len(keys) > 1:
        raise _STATED.refused("a list in an order of several columns")
    key = keys[0].this if keys else number(0)
    falling = bool(keys and keys[0].args.get("desc"))
    unknown: exp.Expr = exp.Is(this=key.copy(), expression=exp.null())
    last = exp.Not(this=unknown) if falling else unknown
    row = call("named_struct", text("last"), last, text("key"), key.copy(), text("value"), value.copy())
    rows = call("collect_list", row)
    sorted_ = call("sort_array", rows, exp.false() if falling else exp.true()) if keys else rows
    second = exp.Lambda(this=exp.column("value", table="pair"), expressions=[exp.to_identifier("pair")])
    return call("transform", sorted_, second)


def _some(values: exp.Expr, made: exp.Expr) -> exp.Expr:
    none = exp.EQ(this=call("size", values.copy()), expression=number(0))
    return call("if", none, exp.null(), made)


def _list(part: exp.Expr) -> exp.Expr:
    this = part.this
    values = _in_order(this.this, this) if isinstance(this, exp.Order) else _in_order(this, None)
    return _some(values, values)


def _join(part: exp.Expr) -> exp.Expr:
    this, separator = part.this, part.args.get("separator")
    ordered = this if isinstance(this, exp.Order) else None
    texts = call("array_compact", _in_order(this.this if ordered is not None else this, ordered))
    return _some(texts, call("array_join", texts, separator.copy() if separator else text(",")))


def _neighbour(part: exp.Expr) -> exp.Expr:
    if part.args.get("default") is not None:
        raise _STATED.refused(f"{part.key} with a default")
    return part


_AS_THEY_ARE = (
    exp.Count, exp.Sum, exp.Min, exp.Max, exp.LogicalAnd, exp.LogicalOr, exp.RowNumber, exp.Ntile, exp.Rank,
    exp.DenseRank, exp.FirstValue, exp.LastValue,
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
    exp.Lag: _neighbour,
    exp.Lead: _neighbour,
}
