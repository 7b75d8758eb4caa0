"""ClickHouse's words for aggregates and windows. Of nothing they are null (`…OrNull`), as in DuckDB."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Rewrite, call

NAME = "ClickHouse"
_STATED = Stated(NAME)


def number(value: int) -> exp.Expr:
    """A number."""
    return exp.Literal.number(value)


def as_type(value: exp.Expr, kind: str) -> exp.Expr:
    """The value as a type of ClickHouse's."""
    return call("CAST", value.copy(), exp.Literal.string(kind))


def as_float(value: exp.Expr) -> exp.Expr:
    """The value as a double."""
    return call("toFloat64", value.copy())


def _aggregate(part: exp.Expr) -> exp.Expr:
    name = {"sum": "sumOrNull", "min": "minOrNull", "max": "maxOrNull"}[part.key]
    if isinstance(part.this, exp.Distinct):
        raise _STATED.refused(f"{part.key} of DISTINCT values")
    return call(name, part.this.copy())


def _average(part: exp.Expr) -> exp.Expr:
    return call("avgOrNull", as_float(part.this))


def _truths(part: exp.Expr) -> exp.Expr:
    return call("minOrNull" if isinstance(part, exp.LogicalAnd) else "maxOrNull", part.this.copy())


def _quantile(part: exp.Expr) -> exp.Expr:
    fraction = part.expression.copy() if isinstance(part, exp.PercentileCont) else exp.Literal.number("0.5")
    return exp.ParameterizedAgg(
        this=exp.to_identifier("quantileExactInclusiveOrNull", quoted=False),
        expressions=[fraction],
        params=[as_float(part.this)],
    )


def _arg_max(part: exp.Expr) -> exp.Expr:
    name = "argMaxOrNull" if isinstance(part, exp.ArgMax) else "argMinOrNull"
    return call(name, part.this.copy(), part.expression.copy())


def _any_value(part: exp.Expr) -> exp.Expr:
    return call("anyOrNull", part.this.copy())


def _ignoring_nulls(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Anonymous) and part.this.name == "anyOrNull":
        return part.this.copy()
    raise _STATED.refused("IGNORE NULLS")


def _in_order(value: exp.Expr, order: exp.Expr | None) -> exp.Expr:
    """The values of a group as a list, nulls included, in an order by one key."""
    keys = order.expressions if order is not None else []
    if len(keys) > 1:
        raise _STATED.refused("a list in an order of several columns")
    key = keys[0].this.copy() if keys else number(0)
    pairs: exp.Expr = call("groupArray", call("tuple", key, value.copy()))
    if keys:
        first = exp.Lambda(
            this=call("tupleElement", exp.column("pair"), number(1)), expressions=[exp.to_identifier("pair")]
        )
        pairs = call("arrayReverseSort" if keys[0].args.get("desc") else "arraySort", first, pairs)
    second = exp.Lambda(
        this=call("tupleElement", exp.column("pair"), number(2)), expressions=[exp.to_identifier("pair")]
    )
    return call("arrayMap", second, pairs)


def _list(part: exp.Expr) -> exp.Expr:
    this = part.this
    return _in_order(this.this, this) if isinstance(this, exp.Order) else _in_order(this, None)


def _join(part: exp.Expr) -> exp.Expr:
    this, separator = part.this, part.args.get("separator")
    ordered = this if isinstance(this, exp.Order) else None
    values = _in_order(this.this if ordered is not None else this, ordered)
    there = exp.Lambda(this=call("isNotNull", exp.column("each")), expressions=[exp.to_identifier("each")])
    texts = call("arrayFilter", there, values)
    joined = call("arrayStringConcat", texts, separator.copy() if separator else exp.Literal.string(","))
    return call("if", call("empty", texts.copy()), exp.null(), joined)


def _neighbour(part: exp.Expr) -> exp.Expr:
    offset = part.args.get("offset")
    name = "lag" if isinstance(part, exp.Lag) else "lead"
    if part.args.get("default") is not None:
        raise _STATED.refused(f"{name} with a default")
    return call(name, call("toNullable", part.this.copy()), offset.copy() if offset else number(1))


def _end(part: exp.Expr) -> exp.Expr:
    return call(f"{'first' if isinstance(part, exp.FirstValue) else 'last'}_value_respect_nulls", part.this.copy())


PARTS: Mapping[type[exp.Expr], Rewrite | None] = {
    exp.Sum: _aggregate,
    exp.Min: _aggregate,
    exp.Max: _aggregate,
    exp.Avg: _average,
    exp.LogicalAnd: _truths,
    exp.LogicalOr: _truths,
    exp.Median: _quantile,
    exp.PercentileCont: _quantile,
    exp.ArgMax: _arg_max,
    exp.ArgMin: _arg_max,
    exp.AnyValue: _any_value,
    exp.IgnoreNulls: _ignoring_nulls,
    exp.Filter: None,
    exp.ArrayAgg: _list,
    exp.GroupConcat: _join,
    exp.RowNumber: None,
    exp.Ntile: None,
    exp.Rank: None,
    exp.DenseRank: None,
    exp.Lag: _neighbour,
    exp.Lead: _neighbour,
    exp.FirstValue: _end,
    exp.LastValue: _end,
    exp.Count: None,
}
