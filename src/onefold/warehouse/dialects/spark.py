"""Spark SQL's words for what a query of the warehouse says: version 4.1 or newer, with the `SETTINGS` below.

Ids are texts there. Times have no zone (`TIMESTAMP_NTZ`); functions that only know times with one get them in UTC.
"""

from __future__ import annotations

import re
from typing import cast

from sqlglot import exp

from onefold.warehouse.dialects import spark_aggregates as aggregates
from onefold.warehouse.dialects.spark_aggregates import number, text
from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import Dialect, Rewrite, call, double, like

NAME = aggregates.NAME
SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    "spark.sql.decimalOperations.allowPrecisionLoss": "false",
}
"""What a translated query has to be run with: without them Spark rounds sums, and knows no time without a zone."""
_STATED = Stated(NAME)
_FORMATS = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%j": "DDD"}
_FIELDS = {
    "year": "year", "quarter": "quarter", "month": "month", "week": "weekofyear", "day": "dayofmonth", "hour": "hour",
    "minute": "minute", "dow": "dayofweek", "isodow": "weekday", "doy": "dayofyear",
}  # fmt: skip
_SHIFTED = {"dow": -1, "isodow": 1}
_SECONDS = {"hour": 3600, "minute": 60, "second": 1}
_ZONED = exp.DataType(this=exp.DataType.Type.TIMESTAMPLTZ)
_INTEGRAL = 1 << 52
"""From here on all doubles are whole numbers."""
_UNSAID = re.compile(r"(\\.|\[[^\]]*\])|\$")


def _exact(value: exp.Expr) -> exp.Expr:
    return exp.cast(value.copy(), "DECIMAL(38, 9)")


def _is_double(value: exp.Expr) -> exp.Expr:
    return exp.EQ(this=call("typeof", value.copy()), expression=text("double"))


def _time(value: exp.Expr) -> exp.Expr:
    return exp.cast(value.copy(), exp.DataType.Type.TIMESTAMPNTZ)


def _zoned(value: exp.Expr) -> exp.Expr:
    return exp.Cast(this=_time(value), to=_ZONED.copy())


def _cast(part: exp.Expr) -> exp.Expr:
    cast_ = cast("exp.Cast", part)
    kind, value, types = cast_.to.this, cast_.this, exp.DataType.Type
    if kind in {types.TEXT, types.VARCHAR}:
        return exp.cast(value.copy(), types.TEXT)
    if kind == types.UUID:
        return call("lower", exp.cast(value.copy(), types.TEXT))
    if kind in {types.BIGINT, types.INT}:
        # As DuckDB does: halves of doubles to the even side, of exact numbers away from zero.
        rounded = call("if", _is_double(value), call("bround", _exact(value)), call("round", _exact(value)))
        return exp.cast(rounded, kind)
    if kind in {types.DOUBLE, types.BOOLEAN, types.DATE, types.DECIMAL}:
        return part
    if kind in {types.TIMESTAMP, types.TIMESTAMPNTZ}:
        return _time(value)
    raise _STATED.refused(f"a cast to {cast_.to.sql(dialect='duckdb')}")


def _divide(part: exp.Expr) -> exp.Expr:
    # `typed` and `safe` say what the division means in DuckDB; with doubles on both sides nothing is left to add.
    return exp.paren(exp.Div(this=double(part.this), expression=double(part.expression), typed=True, safe=False))


def _like(part: exp.Expr) -> exp.Expr:
    if not isinstance(part.parent, exp.Escape):
        part.set("expression", _STATED.like(part.expression))
    return part


def _any_case(part: exp.Expr) -> exp.Expr:
    pattern = _STATED.like(part.expression)
    return like(part, call("lower", part.this.copy()), call("lower", pattern))


def _escape(part: exp.Expr) -> exp.Expr:
    inner = part.this
    if not isinstance(inner, exp.Like):
        raise _STATED.refused("ESCAPE of this pattern")
    letter = _STATED.text(part.expression, "an ESCAPE that is not stated as a text")
    return like(inner, inner.this.copy(), _STATED.like(inner.expression, letter))


def _pattern(part: exp.Expr) -> exp.Expr:
    """Java's `$` also stands before a last line's end, and its `&&` in a class is an intersection."""
    _STATED.common_pattern(part)
    if "&&" in part.expression.name:
        raise _STATED.refused("this regular expression")
    written = _UNSAID.sub(lambda found: found[1] or "\\z", part.expression.name)
    return exp.RegexpLike(this=part.this.copy(), expression=text(written))


def _concat(part: exp.Expr) -> exp.Expr:
    texts = [call("coalesce", exp.cast(each.copy(), exp.DataType.Type.TEXT), text("")) for each in part.expressions]
    return call("concat", *texts)


def _whole(name: str) -> Rewrite:
    """`ceil` and `floor`, which are 64-bit numbers there: large doubles stay as they are."""

    def rewrite(part: exp.Expr) -> exp.Expr:
        value = part.this
        large = exp.GTE(this=call("abs", value.copy()), expression=number(_INTEGRAL))
        return call("if", exp.and_(_is_double(value), large), value.copy(), call(name, value.copy()))

    return rewrite


def _doubled(name: str) -> Rewrite:
    def rewrite(part: exp.Expr) -> exp.Expr:
        more = [double(part.expression)] if isinstance(part.args.get("expression"), exp.Expr) else []
        return call(name, double(part.this), *more)

    return rewrite


def _substring(part: exp.Expr) -> exp.Expr:
    start, length = _STATED.start(part), part.args.get("length")
    return call("substring", part.this.copy(), start.copy(), *([length.copy()] if length else []))


def _contains(part: exp.Expr) -> exp.Expr:
    name = "array_contains" if isinstance(part, exp.ArrayContains) else "contains"
    return call(name, part.this.copy(), part.expression.copy())


def _divide_whole(part: exp.Expr) -> exp.Expr:
    return exp.paren(exp.IntDiv(this=part.this.copy(), expression=part.expression.copy()))


def _split(part: exp.Expr) -> exp.Expr:
    return call("split_part", part.this.copy(), part.args["delimiter"].copy(), part.args["part_index"].copy())


def _truncated(unit: str, value: exp.Expr) -> exp.Expr:
    return _time(call("date_trunc", text(unit), _zoned(value)))


def _truncate(part: exp.Expr) -> exp.Expr:
    return _truncated(_STATED.unit(part), part.this)


def _difference(part: exp.Expr) -> exp.Expr:
    """How many boundaries of the unit lie between two times."""
    unit, until, since = _STATED.unit(part), part.this, part.expression
    if unit == "week":  # DuckDB's begin on another day here than those of `date_trunc`
        raise _STATED.refused("date_diff of weeks")
    if unit == "day":
        return call("datediff", _time(until), _time(since))

    def counted(value: exp.Expr) -> exp.Expr:
        if unit in _SECONDS:
            seconds = call("unix_seconds", _zoned(_truncated(unit, value)))
            return call("floor", exp.Div(this=seconds, expression=number(_SECONDS[unit]), typed=False, safe=False))
        many = {"year": 1, "quarter": 4, "month": 12}[unit]
        years: exp.Expr = exp.Mul(this=call("year", _time(value)), expression=number(many))
        return years if unit == "year" else exp.Add(this=years, expression=call(unit, _time(value)))

    return exp.paren(exp.Sub(this=counted(until), expression=exp.paren(counted(since))))


def _later(part: exp.Expr) -> exp.Expr:
    time, minutes = _STATED.minutes_added(part)
    return call("timestampadd", exp.var("MINUTE"), minutes, _time(time))


def _extract(part: exp.Expr) -> exp.Expr:
    word, value = _STATED.field(part)
    found = call(_FIELDS[word], _time(value))
    return exp.paren(exp.Add(this=found, expression=number(_SHIFTED[word]))) if word in _SHIFTED else found


def _epoch(part: exp.Expr) -> exp.Expr:
    micros = double(call("unix_micros", _zoned(part.this)))
    return exp.paren(exp.Div(this=micros, expression=double(number(1_000_000)), typed=True, safe=False))


def _format(part: exp.Expr) -> exp.Expr:
    written = _STATED.pattern(part, _FORMATS, lambda letter: f"'{letter}'" if letter.isalpha() else letter)
    return call("date_format", _zoned(part.this), text(written))


def _path(part: exp.Expr) -> exp.Expr:
    keys = _STATED.path(part)
    if any(not key or key == "*" or set(key) & set("'?\\") for key in keys):
        raise _STATED.refused("this JSON path")
    return text("$" + "".join(f"['{key}']" for key in keys))


def _json_text(part: exp.Expr) -> exp.Expr:
    return call("get_json_object", part.this.copy(), _path(part))


def _json_part(part: exp.Expr) -> exp.Expr:
    """The member as JSON: only variants keep the quotes of texts, and only texts the order of objects."""
    path = _path(part)
    found = call("to_json", call("variant_get", call("parse_json", part.this.copy()), path, text("variant")))
    nested = call("rlike", found.copy(), text(r"^[\[{]"))
    return call("if", nested, call("get_json_object", part.this.copy(), path.copy()), found)


def _unnest(part: exp.Expr) -> exp.Expr:
    found = _STATED.map_values(part)
    if found is None:
        _STATED.unnested(part)
        return call("explode", part.this.copy())
    json, kind = found
    wanted = text(f"map<string, {'boolean' if kind == 'BOOLEAN' else 'string'}>")
    return call("explode", call("map_entries", call("from_json", json.copy(), wanted)))


def _entry(part: exp.Expr) -> exp.Expr:
    return part.copy()


_AS_THEY_ARE = (
    exp.Mod, exp.DPipe, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs, exp.Round, exp.Lower, exp.Upper,
    exp.Trim, exp.Length, exp.Replace, exp.StrPosition, exp.StartsWith, exp.Right, exp.JSONPath,
    exp.JSONPathRoot, exp.JSONPathKey,
)  # fmt: skip
DIALECT = Dialect(
    NAME,
    "spark",
    {
        **dict.fromkeys(_AS_THEY_ARE),
        **aggregates.PARTS,
        exp.Cast: _cast,
        exp.Div: _divide,
        exp.Like: _like,
        exp.ILike: _any_case,
        exp.Escape: _escape,
        exp.Concat: _concat,
        exp.Ceil: _whole("ceil"),
        exp.Floor: _whole("floor"),
        exp.Exp: _doubled("exp"),
        exp.Ln: _doubled("ln"),
        exp.Sqrt: _doubled("sqrt"),
        exp.Pow: _doubled("pow"),
        exp.Substring: _substring,
        exp.IntDiv: _divide_whole,
        exp.RegexpLike: _pattern,
        exp.Contains: _contains,
        exp.ArrayContains: _contains,
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
        exp.FromJson: _STATED.from_json,
        exp.Explode: _unnest,
        exp.Anonymous: _STATED.named_function,
    },
    _entry,
)
