"""ClickHouse's words for what a query of the warehouse says: version 25.8 or newer, with the `SETTINGS` below.

Ids are texts there, because ClickHouse orders UUIDs by their second half; lists are never null. Aggregates of nothing are
null (`…OrNull`), as in DuckDB. Letters whose other case is several letters (`ß`) get that other case.
"""

from __future__ import annotations

from typing import cast

from sqlglot import exp

from onefold.warehouse.dialects import clickhouse_aggregates as aggregates
from onefold.warehouse.dialects.clickhouse_aggregates import as_float, as_type, number
from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Dialect, Rewrite, call, like

NAME = aggregates.NAME
SETTINGS = {
    "join_use_nulls": "1",
    "prefer_column_name_to_alias": "1",
    "union_default_mode": "'DISTINCT'",
    "except_default_mode": "'DISTINCT'",
    "intersect_default_mode": "'DISTINCT'",
    "enable_extended_results_for_datetime_functions": "1",
    "output_format_decimal_trailing_zeros": "1",
}
"""What a translated query has to be run with: without them ClickHouse means other things by standard SQL."""
_STATED = Stated(NAME)
_FORMATS = {"%Y": "%Y", "%m": "%m", "%d": "%d", "%H": "%H", "%M": "%i", "%S": "%S", "%j": "%j"}
_FIELDS = {
    "year": "toYear", "quarter": "toQuarter", "month": "toMonth", "week": "toISOWeek", "day": "toDayOfMonth",
    "hour": "toHour", "minute": "toMinute", "isodow": "toDayOfWeek", "doy": "toDayOfYear",
}  # fmt: skip
_EXACT = "Nullable(Decimal(38, 9))"


def _time(value: exp.Expr) -> exp.Expr:
    return call("toDateTime64", value.copy(), number(6), exp.Literal.string("UTC"))


def _whole(value: exp.Expr, kind: str) -> exp.Expr:
    """Rounded as DuckDB does: halves of doubles to the even side, of exact numbers away from zero."""
    exact = as_type(value, _EXACT)
    is_exact = exp.Like(this=call("toTypeName", value.copy()), expression=exp.Literal.string("%Decimal%"))
    return as_type(call("if", is_exact, call("round", exact.copy()), call("roundBankers", exact)), f"Nullable({kind})")


def _text(value: exp.Expr) -> exp.Expr:
    """As a text; of exact numbers with all their digits, which a cast leaves off at the end."""
    type_ = call("toTypeName", value.copy())
    is_exact = exp.Like(this=type_, expression=exp.Literal.string("%Decimal%"))
    scale = call("toUInt8OrZero", call("extract", type_.copy(), exp.Literal.string(r", (\d+)\)")))
    return call("if", is_exact, call("toDecimalString", value.copy(), scale), as_type(value, "Nullable(String)"))


def _cast(part: exp.Expr) -> exp.Expr:
    cast_ = cast("exp.Cast", part)
    kind, value, types = cast_.to.this, cast_.this, exp.DataType.Type
    if kind in {types.TEXT, types.VARCHAR}:
        return _text(value)
    if kind == types.UUID:
        return call("lower", as_type(value, "Nullable(String)"))
    if kind in {types.BIGINT, types.INT}:
        return _whole(value, "Int64" if kind == types.BIGINT else "Int32")
    if kind == types.DOUBLE:
        return as_float(value)
    if kind == types.BOOLEAN:
        return as_type(value, "Nullable(Bool)")
    if kind in {types.TIMESTAMP, types.TIMESTAMPNTZ}:
        return _time(value)
    if kind == types.DATE:
        return call("toDate32", value.copy())
    if kind == types.DECIMAL:
        precision, scale = ([int(each.name) for each in cast_.to.expressions] + [18, 3][len(cast_.to.expressions) :])[
            :2
        ]
        wide = as_type(value, "Nullable(Decimal(76, 18))")
        return as_type(call("round", wide, number(scale)), f"Nullable(Decimal({precision}, {scale}))")
    raise _STATED.refused(f"a cast to {cast_.to.sql(dialect='duckdb')}")


def _divide(part: exp.Expr) -> exp.Expr:
    return call("divide", as_float(part.this), as_float(part.expression))


def _like(part: exp.Expr) -> exp.Expr:
    if not isinstance(part.parent, exp.Escape):
        part.set("expression", _STATED.like(part.expression))
    return part


def _any_case(part: exp.Expr) -> exp.Expr:
    pattern = _STATED.like(part.expression)
    return like(part, call("lowerUTF8", part.this.copy()), call("lowerUTF8", pattern))


def _escape(part: exp.Expr) -> exp.Expr:
    inner = part.this
    if not isinstance(inner, exp.Like):
        raise _STATED.refused("ESCAPE of this pattern")
    letter = _STATED.text(part.expression, "an ESCAPE that is not stated as a text")
    return like(inner, inner.this.copy(), _STATED.like(inner.expression, letter))


def _concat(part: exp.Expr) -> exp.Expr:
    texts = [call("ifNull", as_type(each, "Nullable(String)"), exp.Literal.string("")) for each in part.expressions]
    return call("concat", *texts)


def _round(part: exp.Expr) -> exp.Expr:
    digits = part.args.get("decimals")
    return call("round", as_type(part.this, _EXACT), digits.copy() if digits else number(0))


def _doubled(name: str) -> Rewrite:
    def rewrite(part: exp.Expr) -> exp.Expr:
        more = [as_float(part.expression)] if isinstance(part.args.get("expression"), exp.Expr) else []
        return call(name, as_float(part.this), *more)

    return rewrite


def _letters(part: exp.Expr) -> exp.Expr:
    return call("lowerUTF8" if isinstance(part, exp.Lower) else "upperUTF8", part.this.copy())


def _length(part: exp.Expr) -> exp.Expr:
    return call("lengthUTF8", part.this.copy())


def _replace(part: exp.Expr) -> exp.Expr:
    return call("replaceAll", part.this.copy(), part.expression.copy(), part.args["replacement"].copy())


def _substring(part: exp.Expr) -> exp.Expr:
    start, length = _STATED.start(part), part.args.get("length")
    return call("substringUTF8", part.this.copy(), start.copy(), *([length.copy()] if length else []))


def _position(part: exp.Expr) -> exp.Expr:
    return call("positionUTF8", part.this.copy(), part.args["substr"].copy())


def _starts(part: exp.Expr) -> exp.Expr:
    return call("startsWith", part.this.copy(), part.expression.copy())


def _right(part: exp.Expr) -> exp.Expr:
    return call("rightUTF8", part.this.copy(), part.expression.copy())


def _divide_whole(part: exp.Expr) -> exp.Expr:
    return call("intDiv", part.this.copy(), part.expression.copy())


def _contains(part: exp.Expr) -> exp.Expr:
    if isinstance(part, exp.ArrayContains):
        return call("has", part.this.copy(), part.expression.copy())
    return exp.paren(exp.GT(this=call("position", part.this.copy(), part.expression.copy()), expression=number(0)))


def _split(part: exp.Expr) -> exp.Expr:
    parts = call(
        "splitByString", part.args["delimiter"].copy(), call("ifNull", part.this.copy(), exp.Literal.string(""))
    )
    found = call("arrayElement", parts, part.args["part_index"].copy())
    return call("if", call("isNull", part.this.copy()), exp.null(), found)


def _truncate(part: exp.Expr) -> exp.Expr:
    return _time(call("dateTrunc", exp.Literal.string(_STATED.unit(part)), _time(part.this)))


def _difference(part: exp.Expr) -> exp.Expr:
    unit = _STATED.unit(part)
    if unit == "week":  # DuckDB's begin on another day here than those of `date_trunc`
        raise _STATED.refused("date_diff of weeks")
    return call("dateDiff", exp.Literal.string(unit), _time(part.expression), _time(part.this))


def _later(part: exp.Expr) -> exp.Expr:
    time, minutes = _STATED.minutes_added(part)
    return call("addMinutes", _time(time), minutes)


def _extract(part: exp.Expr) -> exp.Expr:
    word, value = _STATED.field(part)
    if word == "dow":
        return call("modulo", call("toDayOfWeek", value.copy()), number(7))
    return call(_FIELDS[word], value.copy())


def _epoch(part: exp.Expr) -> exp.Expr:
    return call("divide", as_float(call("toUnixTimestamp64Micro", _time(part.this))), exp.Literal.number("1000000.0"))


def _format(part: exp.Expr) -> exp.Expr:
    written = _STATED.pattern(part, _FORMATS, lambda letter: letter)
    return call("formatDateTime", _time(part.this), exp.Literal.string(written))


def _json_text(part: exp.Expr) -> exp.Expr:
    keys = [exp.Literal.string(key) for key in _STATED.path(part)]
    return call("JSONExtract", part.this.copy(), *keys, exp.Literal.string("Nullable(String)"))


def _json_part(part: exp.Expr) -> exp.Expr:
    keys = [exp.Literal.string(key) for key in _STATED.path(part)]
    return call("nullIf", call("JSONExtractRaw", part.this.copy(), *keys), exp.Literal.string(""))


def _unnest(part: exp.Expr) -> exp.Expr:
    found = _STATED.map_values(part)
    if found is None:
        _STATED.unnested(part)
        return call("arrayJoin", part.this.copy())
    json, kind = found
    text = call("ifNull", json.copy(), exp.Literal.string("{}"))
    wanted = exp.Literal.string("Nullable(Bool)" if kind == "BOOLEAN" else "Nullable(String)")
    value = call("JSONExtract", text.copy(), exp.column("each"), wanted)
    pair = exp.Lambda(this=call("tuple", exp.column("each"), value), expressions=[exp.to_identifier("each")])
    return call("arrayJoin", call("arrayMap", pair, call("JSONExtractKeys", text)))


def _case(part: exp.Expr) -> exp.Expr:
    """A CASE of conditions: of values, ClickHouse takes one null for another."""
    value = part.this
    if value is not None:
        for branch in part.args["ifs"]:
            branch.set("this", exp.EQ(this=value.copy(), expression=branch.this.copy()))
        part.set("this", None)
    return part


def _named_columns(part: exp.Expr) -> exp.Expr:
    """A query whose columns have their own names: of a join, ClickHouse calls some `table.column`."""
    select = cast("exp.Select", part)
    named = [
        exp.alias_(each.copy(), each.name, quoted=True)
        if isinstance(each, exp.Column) and each.table and not isinstance(each.this, exp.Star)
        else each
        for each in select.expressions
    ]
    select.set("expressions", named)
    return select


def _entry(part: exp.Expr) -> exp.Expr:
    column = cast("exp.Column", part)
    return call("tupleElement", exp.column(column.table), number(1 if column.name == "key" else 2))


DIALECT = Dialect(
    NAME,
    "clickhouse",
    {
        **aggregates.PARTS,
        exp.Select: _named_columns,
        exp.Case: _case,
        exp.Cast: _cast,
        exp.Div: _divide,
        exp.Like: _like,
        exp.ILike: _any_case,
        exp.Escape: _escape,
        exp.Mod: None,
        exp.DPipe: None,
        exp.Concat: _concat,
        exp.Coalesce: None,
        exp.Nullif: None,
        exp.Greatest: None,
        exp.Least: None,
        exp.Abs: None,
        exp.Ceil: None,
        exp.Floor: None,
        exp.Round: _round,
        exp.Exp: _doubled("exp"),
        exp.Ln: _doubled("log"),
        exp.Sqrt: _doubled("sqrt"),
        exp.Pow: _doubled("pow"),
        exp.Lower: _letters,
        exp.Upper: _letters,
        exp.Trim: None,
        exp.Length: _length,
        exp.Replace: _replace,
        exp.Substring: _substring,
        exp.StrPosition: _position,
        exp.StartsWith: _starts,
        exp.Right: _right,
        exp.IntDiv: _divide_whole,
        exp.RegexpLike: _STATED.common_pattern,
        exp.Contains: _contains,
        exp.SplitPart: _split,
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
