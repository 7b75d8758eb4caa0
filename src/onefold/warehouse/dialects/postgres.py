"""PostgreSQL's words for what a query of the warehouse says: version 14 or newer.

Text is compared byte by byte (collation "C"), as DuckDB does; `lower` and `upper` know all letters, which "C" does not.
"""

from __future__ import annotations

from typing import cast

from sqlglot import exp

from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import MAPPED, Dialect, call, double, like

NAME = "PostgreSQL"
LETTERS = "onefold_letters"
"""The collation that the adapter makes, by which letters get their other case."""
_STATED = Stated(NAME)
_FORMATS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%j": "DDD"}
_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_CASTS = {
    exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR, exp.DataType.Type.BIGINT, exp.DataType.Type.INT,
    exp.DataType.Type.DOUBLE, exp.DataType.Type.DECIMAL, exp.DataType.Type.BOOLEAN, exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPNTZ, exp.DataType.Type.DATE, exp.DataType.Type.UUID,
}  # fmt: skip


def _collated(value: exp.Expr, collation: str) -> exp.Expr:
    return exp.paren(
        exp.Collate(this=exp.paren(value), expression=exp.to_identifier(collation, quoted=True)), copy=False
    )


def _letters(part: exp.Expr) -> exp.Expr:
    made = type(part)(this=_collated(part.this.copy(), LETTERS))
    return _collated(made, "C")


def _cast(part: exp.Expr) -> exp.Expr:
    cast_ = cast("exp.Cast", part)
    kind = cast_.to.this
    if kind is exp.DataType.Type.INT128:
        return exp.cast(cast_.this.copy(), "DECIMAL(38, 0)")
    if isinstance(part.parent, exp.ArrayContains):  # which says of which list and value, as JSON
        return part
    if kind not in _CASTS:
        raise _STATED.refused(f"a cast to {cast_.to.sql(dialect='duckdb')}")
    if kind in {exp.DataType.Type.TEXT, exp.DataType.Type.VARCHAR}:
        return _collated(exp.cast(cast_.this.copy(), exp.DataType.Type.TEXT), "C")
    return part


def _divide(part: exp.Expr) -> exp.Expr:
    # `typed` and `safe` say what the division means in DuckDB; with doubles on both sides nothing is left to add.
    return exp.paren(exp.Div(this=double(part.this), expression=double(part.expression), typed=True, safe=False))


def _like(part: exp.Expr) -> exp.Expr:
    if isinstance(part.parent, exp.Escape):
        return part
    # A backslash escapes in PostgreSQL unless told otherwise; in DuckDB it is a letter.
    return exp.Escape(this=part.copy(), expression=exp.Literal.string(""))


def _any_case(part: exp.Expr) -> exp.Expr:
    lowered = [_letters(exp.Lower(this=side.copy())) for side in (part.this, part.expression)]
    return exp.Escape(this=like(part, *lowered), expression=exp.Literal.string(""))


def _aggregated(value: exp.Expr, order: exp.Expr | None, conditions: list[exp.Expr], *, descending: bool) -> exp.Expr:
    """The first of the values in an order, of the rows where the conditions hold."""
    if isinstance(value.parent and value.parent.parent, exp.Window):
        raise _STATED.refused("this aggregate over a window")
    this = value.copy()
    if order is not None:
        ordered = exp.Ordered(this=order.copy(), desc=descending, nulls_first=False)
        this = exp.Order(this=this, expressions=[ordered])
    found: exp.Expr = exp.ArrayAgg(this=this)
    found = exp.Filter(this=found, expression=exp.Where(this=exp.and_(*conditions)))
    return exp.Bracket(this=exp.paren(found), expressions=[exp.Literal.number(1)], offset=1)


def _known(value: exp.Expr) -> exp.Expr:
    return exp.Not(this=exp.Is(this=value.copy(), expression=exp.null()))


def _arg_max(part: exp.Expr) -> exp.Expr:
    value, by = part.this, part.expression
    return _aggregated(value, by, [_known(value), _known(by)], descending=isinstance(part, exp.ArgMax))


def _any_value(part: exp.Expr) -> exp.Expr:
    return _aggregated(part.this, None, [_known(part.this)], descending=False)


def _average(part: exp.Expr) -> exp.Expr:
    part.set("this", double(part.this))
    return part


def _ignoring_nulls(part: exp.Expr) -> exp.Expr:
    if isinstance(part.this, exp.Bracket):  # which `any_value` has become, and it ignores them
        return part.this.copy()
    raise _STATED.refused("IGNORE NULLS")


def _filter(part: exp.Expr) -> exp.Expr:
    """Conditions of an aggregate; of one that has some already, as its rewrite made it, all together."""
    if not isinstance(part.this, exp.Bracket):
        return part
    made = part.this.copy()
    inner = made.find(exp.Where)
    if inner is not None:
        inner.set("this", exp.and_(inner.this, part.expression.this))
    return made


def _quantile(part: exp.Expr) -> exp.Expr:
    fraction = part.expression.copy() if isinstance(part, exp.PercentileCont) else exp.Literal.number("0.5")
    ordered = exp.Order(expressions=[exp.Ordered(this=double(part.this), nulls_first=False)])
    return exp.WithinGroup(this=exp.PercentileCont(this=fraction), expression=ordered)


def _truncated(unit: str, value: exp.Expr) -> exp.Expr:
    return call("DATE_TRUNC", exp.Literal.string(unit), exp.cast(value.copy(), exp.DataType.Type.TIMESTAMP))


def _truncate(part: exp.Expr) -> exp.Expr:
    return _truncated(_STATED.unit(part), part.this)


def _field(word: str, value: exp.Expr) -> exp.Expr:
    return exp.cast(call("DATE_PART", exp.Literal.string(word), value.copy()), exp.DataType.Type.BIGINT)


def _difference(part: exp.Expr) -> exp.Expr:
    """How many boundaries of the unit lie between two times."""
    unit, until, since = _STATED.unit(part), part.this, part.expression
    a, b = _truncated(unit, since), _truncated(unit, until)
    if unit in _SECONDS:
        seconds = exp.Sub(this=_field("epoch", b), expression=_field("epoch", a))
        found: exp.Expr = exp.Div(
            this=exp.paren(seconds), expression=exp.Literal.number(_SECONDS[unit]), typed=True, safe=False
        )
    elif unit == "week":  # DuckDB's begin on another day here than those of `date_trunc`
        raise _STATED.refused("date_diff of weeks")
    elif unit == "day":
        days = [exp.cast(each, exp.DataType.Type.DATE) for each in (b, a)]
        found = exp.paren(exp.Sub(this=days[0], expression=days[1]))
    else:
        many = {"year": 1, "quarter": 4, "month": 12}[unit]
        years = exp.paren(exp.Sub(this=_field("year", b), expression=_field("year", a)))
        found = exp.Mul(this=years, expression=exp.Literal.number(many))
        if unit != "year":
            found = exp.Sub(this=exp.Add(this=found, expression=_field(unit, b)), expression=_field(unit, a))
    return exp.cast(exp.paren(found), exp.DataType.Type.BIGINT)


def _later(part: exp.Expr) -> exp.Expr:
    time, minutes = _STATED.minutes_added(part)
    return exp.paren(exp.DateAdd(this=time, expression=minutes, unit=exp.var("MINUTE")))


def _extract(part: exp.Expr) -> exp.Expr:
    return _field(*_STATED.field(part))


def _epoch(part: exp.Expr) -> exp.Expr:
    return double(call("DATE_PART", exp.Literal.string("epoch"), part.this.copy()))


def _format(part: exp.Expr) -> exp.Expr:
    written = _STATED.pattern(part, _FORMATS, lambda letter: f'"{letter}"' if letter.isalpha() else letter)
    time = exp.cast(part.this.copy(), exp.DataType.Type.TIMESTAMP)
    return _collated(call("TO_CHAR", time, exp.Literal.string(written)), "C")


def _path(part: exp.Expr) -> list[exp.Expr]:
    return [exp.Literal.string(key) for key in _STATED.path(part)]


def _json_text(part: exp.Expr) -> exp.Expr:
    json = exp.cast(part.this.copy(), exp.DataType.Type.JSON)
    return _collated(call("JSON_EXTRACT_PATH_TEXT", json, *_path(part)), "C")


def _json_part(part: exp.Expr) -> exp.Expr:
    json = exp.cast(part.this.copy(), exp.DataType.Type.JSON)
    return _collated(exp.cast(call("JSON_EXTRACT_PATH", json, *_path(part)), exp.DataType.Type.TEXT), "C")


def _unnest(part: exp.Expr) -> exp.Expr:
    """Elements of a list; or, of a JSON object that was made a map, its entries: `key` and `value`."""
    found = _STATED.map_values(part)
    if found is not None:
        return call("JSON_EACH_TEXT", exp.cast(found[0].copy(), exp.DataType.Type.JSON))
    _STATED.unnested(part)
    return part


def _contains(part: exp.Expr) -> exp.Expr:
    if isinstance(part, exp.ArrayContains) and isinstance(part.this, exp.Cast):
        one = exp.DPipe(
            this=exp.DPipe(this=exp.Literal.string("["), expression=part.expression.this.copy()),
            expression=exp.Literal.string("]"),
        )
        whole, held = (exp.cast(each, exp.DataType.Type.JSONB) for each in (part.this.this.copy(), exp.paren(one)))
        return exp.paren(exp.ArrayContainsAll(this=whole, expression=held))
    if isinstance(part, exp.ArrayContains):
        return exp.paren(exp.EQ(this=part.expression.copy(), expression=exp.Any(this=exp.paren(part.this.copy()))))
    found = call("STRPOS", part.this.copy(), part.expression.copy())
    return exp.paren(exp.GT(this=found, expression=exp.Literal.number(0)))


def _round(part: exp.Expr) -> exp.Expr:
    digits = part.args.get("decimals")
    exact = exp.cast(part.this.copy(), exp.DataType.Type.DECIMAL)
    return exp.Round(this=exact, decimals=digits.copy() if digits else exp.Literal.number(0))


def _substring(part: exp.Expr) -> exp.Expr:
    start, length = _STATED.start(part), part.args.get("length")
    return call("SUBSTR", part.this.copy(), start.copy(), *([length.copy()] if length else []))


def _concat(part: exp.Expr) -> exp.Expr:
    return _collated(call("CONCAT", *(each.copy() for each in part.expressions)), "C")


def _join(part: exp.Expr) -> exp.Expr:
    if not part.args.get("separator"):
        part.set("separator", exp.Literal.string(","))
    return part


def _entry(part: exp.Expr) -> exp.Expr:
    column = cast("exp.Column", part)
    record = exp.paren(exp.column(column.table))
    field = exp.Dot(this=record, expression=exp.to_identifier(column.name))
    truth = column.name == "value" and column.meta.get(MAPPED) == "BOOLEAN"
    return exp.cast(field, exp.DataType.Type.BOOLEAN) if truth else _collated(field, "C")


def _doubled(part: exp.Expr) -> exp.Expr:
    for name in ("this", "expression"):
        if isinstance(value := part.args.get(name), exp.Expr):
            part.set(name, double(value))
    return part


DIALECT = Dialect(
    NAME,
    "postgres",
    {
        exp.Cast: _cast,
        exp.Div: _divide,
        exp.Like: _like,
        exp.ILike: _any_case,
        exp.Escape: None,
        exp.Mod: None,
        exp.DPipe: None,
        exp.Concat: _concat,
        exp.Coalesce: None,
        exp.Nullif: None,
        exp.Greatest: None,
        exp.Least: None,
        exp.Count: None,
        exp.Sum: None,
        exp.Min: None,
        exp.Max: None,
        exp.Avg: _average,
        exp.LogicalAnd: None,
        exp.LogicalOr: None,
        exp.Median: _quantile,
        exp.PercentileCont: _quantile,
        exp.ArgMax: _arg_max,
        exp.ArgMin: _arg_max,
        exp.AnyValue: _any_value,
        exp.IgnoreNulls: _ignoring_nulls,
        exp.Filter: _filter,
        exp.ArrayAgg: None,
        exp.GroupConcat: _join,
        exp.RowNumber: None,
        exp.Ntile: None,
        exp.Rank: None,
        exp.DenseRank: None,
        exp.Lag: None,
        exp.Lead: None,
        exp.FirstValue: None,
        exp.LastValue: None,
        exp.Abs: None,
        exp.Ceil: None,
        exp.Floor: None,
        exp.Round: _round,
        exp.Exp: _doubled,
        exp.Ln: _doubled,
        exp.Sqrt: _doubled,
        exp.Pow: _doubled,
        exp.Lower: _letters,
        exp.Upper: _letters,
        exp.Trim: None,
        exp.Length: None,
        exp.Replace: None,
        exp.Substring: _substring,
        exp.StrPosition: None,
        exp.StartsWith: None,
        exp.Right: None,
        exp.RegexpLike: _STATED.common_pattern,
        exp.IntDiv: None,
        exp.Contains: _contains,
        exp.SplitPart: None,
        exp.TimestampTrunc: _truncate,
        exp.DateTrunc: _truncate,
        exp.DateDiff: _difference,
        exp.DateAdd: _later,
        exp.Extract: _extract,
        exp.Year: _extract,
        exp.Month: _extract,
        exp.Day: _extract,
        exp.TimeToUnix: _epoch,
        exp.TimeToStr: _format,
        exp.JSONExtractScalar: _json_text,
        exp.JSONExtract: _json_part,
        exp.JSONPath: None,
        exp.JSONPathRoot: None,
        exp.JSONPathKey: None,
        exp.FromJson: _STATED.from_json,
        exp.Explode: _unnest,
        exp.ArrayContains: _contains,
        exp.Anonymous: _STATED.named_function,
    },
    _entry,
)
