"""BigQuery's words for what a query of the warehouse says.

Tested against the emulator bqemulator only, which runs them on DuckDB: what BigQuery itself makes of them is by its
documentation. Ids are texts there, times are of the type DATETIME, and lists are never null.
"""

from __future__ import annotations

import re
from typing import cast

from sqlglot import exp

from onefold.warehouse.dialects import bigquery_aggregates as aggregates
from onefold.warehouse.dialects.bigquery_aggregates import known, number, text
from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import MAPPED, Dialect, call, double, like

NAME = aggregates.NAME
_STATED = Stated(NAME)
_FORMATS = {each: each for each in ("%Y", "%m", "%d", "%H", "%M", "%S", "%j")}
_FIELDS = {"week": "ISOWEEK", "dow": "DAYOFWEEK", "isodow": "DAYOFWEEK", "doy": "DAYOFYEAR"}
_WILD = {"%": ".*", "_": "."}
_TYPES = exp.DataType.Type
_CASTS = {
    _TYPES.TEXT,
    _TYPES.VARCHAR,
    _TYPES.BIGINT,
    _TYPES.INT,
    _TYPES.DOUBLE,
    _TYPES.BOOLEAN,
    _TYPES.DATE,
    _TYPES.DECIMAL,
}


def _time(value: exp.Expr) -> exp.Expr:
    return exp.cast(value.copy(), _TYPES.DATETIME)


def _cast(part: exp.Expr) -> exp.Expr:
    cast_ = cast("exp.Cast", part)
    kind, value = cast_.to.this, cast_.this
    if kind == _TYPES.UUID:
        return call("LOWER", exp.cast(value.copy(), _TYPES.TEXT))
    if kind in {_TYPES.TIMESTAMP, _TYPES.TIMESTAMPNTZ}:
        return _time(value)
    if kind not in _CASTS:
        raise _STATED.refused(f"a cast to {cast_.to.sql(dialect='duckdb')}")
    return part


def _divide(part: exp.Expr) -> exp.Expr:
    return exp.paren(exp.Div(this=double(part.this), expression=double(part.expression), typed=True, safe=False))


def _divide_whole(part: exp.Expr) -> exp.Expr:
    return call("DIV", part.this.copy(), part.expression.copy())


def _matched(part: exp.Expr, pattern: exp.Expr) -> exp.Expr:
    """A LIKE, or where a letter of its pattern is escaped a regular expression: the emulator knows no escapes of LIKE."""
    written = pattern.name
    if "\\" not in written:
        return like(part, part.this.copy(), pattern)
    parts = re.findall(r"\\?.", written, re.DOTALL)
    letters = [_WILD.get(each) or re.escape(each[-1]) for each in parts]
    found = call("REGEXP_CONTAINS", part.this.copy(), text(f"(?s)^{''.join(letters)}$"))
    return exp.paren(exp.Not(this=found)) if part.args.get("negate") else found


def _like(part: exp.Expr) -> exp.Expr:
    if isinstance(part.parent, exp.Escape):
        return part
    return _matched(part, _STATED.like(part.expression))


def _any_case(part: exp.Expr) -> exp.Expr:
    return like(part, call("LOWER", part.this.copy()), call("LOWER", _unescaped(part.expression)))


def _unescaped(pattern: exp.Expr) -> exp.Expr:
    if "\\" in _STATED.like(pattern).name:
        raise _STATED.refused("ILIKE of a pattern with a backslash")
    return pattern.copy()


def _escape(part: exp.Expr) -> exp.Expr:
    inner = part.this
    if not isinstance(inner, exp.Like):
        raise _STATED.refused("ESCAPE of this pattern")
    letter = _STATED.text(part.expression, "an ESCAPE that is not stated as a text")
    return _matched(inner, _STATED.like(inner.expression, letter))


def _concat(part: exp.Expr) -> exp.Expr:
    texts = [exp.Coalesce(this=exp.cast(each.copy(), _TYPES.TEXT), expressions=[text("")]) for each in part.expressions]
    return call("CONCAT", *texts)


def _extreme(part: exp.Expr) -> exp.Expr:
    """The greatest or least of some values, among which nulls count for nothing."""
    each = exp.to_identifier("each_value")
    found = call("MAX" if isinstance(part, exp.Greatest) else "MIN", exp.column(each))
    values = exp.Array(expressions=[part.this.copy(), *(value.copy() for value in part.expressions)])
    unnested = exp.Unnest(expressions=[values], alias=exp.TableAlias(columns=[each.copy()]))
    return exp.select(found).from_(unnested).subquery(copy=False)


def _doubled(part: exp.Expr) -> exp.Expr:
    for name in ("this", "expression"):
        if isinstance(value := part.args.get(name), exp.Expr):
            part.set(name, double(value))
    return part


def _trim(part: exp.Expr) -> exp.Expr:
    """Of spaces, and of nothing else that is white."""
    return call("TRIM", part.this.copy(), part.expression.copy() if part.args.get("expression") else text(" "))


def _substring(part: exp.Expr) -> exp.Expr:
    start, length = _STATED.start(part), part.args.get("length")
    return call("SUBSTR", part.this.copy(), start.copy(), *([length.copy()] if length else []))


def _contains(part: exp.Expr) -> exp.Expr:
    if isinstance(part, exp.ArrayContains):
        return exp.paren(exp.In(this=part.expression.copy(), unnest=exp.Unnest(expressions=[part.this.copy()])))
    return exp.paren(exp.GT(this=call("STRPOS", part.this.copy(), part.expression.copy()), expression=number(0)))


def _split(part: exp.Expr) -> exp.Expr:
    place = part.args["part_index"]
    if not isinstance(place, exp.Literal):
        raise _STATED.refused("a part of a text at a place that is not stated")
    parts = call("SPLIT", part.this.copy(), part.args["delimiter"].copy())
    found = exp.Bracket(this=parts, expressions=[place.copy()], offset=1, safe=True)
    return call("IF", known(part.this), exp.Coalesce(this=found, expressions=[text("")]), exp.null())


def _truncated(unit: str, value: exp.Expr) -> exp.Expr:
    if unit != "week":
        return call("DATETIME_TRUNC", _time(value), exp.var(unit.upper()))
    # DATETIME_TRUNC to ISOWEEK says the same, but the emulator cannot run it.
    since = exp.Interval(this=_since_monday(value), unit=exp.var("DAY"))
    return call("DATETIME_SUB", _truncated("day", value), since)


def _since_monday(value: exp.Expr) -> exp.Expr:
    found = exp.Extract(this=exp.var("DAYOFWEEK"), expression=_time(value))
    return call("MOD", exp.Add(this=found, expression=number(5)), number(7))


def _truncate(part: exp.Expr) -> exp.Expr:
    return _truncated(_STATED.unit(part), part.this)


def _difference(part: exp.Expr) -> exp.Expr:
    unit = _STATED.unit(part)
    if unit == "week":  # DuckDB's begin on another day here than those of `date_trunc`
        raise _STATED.refused("date_diff of weeks")
    return call("DATETIME_DIFF", _truncated(unit, part.this), _truncated(unit, part.expression), exp.var(unit.upper()))


def _later(part: exp.Expr) -> exp.Expr:
    time, minutes = _STATED.minutes_added(part)
    return call("DATETIME_ADD", _time(time), exp.Interval(this=minutes, unit=exp.var("MINUTE")))


def _extract(part: exp.Expr) -> exp.Expr:
    word, value = _STATED.field(part)
    found: exp.Expr = exp.Extract(this=exp.var(_FIELDS.get(word, word.upper())), expression=_time(value))
    if word == "dow":
        return exp.paren(exp.Sub(this=found, expression=number(1)))
    if word == "isodow":
        return exp.paren(exp.Add(this=_since_monday(value), expression=number(1)))
    return found


def _epoch(part: exp.Expr) -> exp.Expr:
    micros = double(call("UNIX_MICROS", call("TIMESTAMP", _time(part.this))))
    return exp.paren(exp.Div(this=micros, expression=double(number(1_000_000)), typed=True, safe=False))


def _format(part: exp.Expr) -> exp.Expr:
    return call("FORMAT_DATETIME", text(_STATED.pattern(part, _FORMATS, lambda letter: letter)), _time(part.this))


def _interval(part: exp.Expr) -> exp.Expr:
    """Of a number: in BigQuery a text is an interval's own form."""
    if isinstance(part.this, exp.Literal):
        part.set("this", exp.Literal.number(part.this.name))
    return part


def _path(part: exp.Expr) -> exp.Expr:
    keys = _STATED.path(part)
    if any(not key or set(key) & set("\"'\\") for key in keys):
        raise _STATED.refused("this JSON path")
    return text("$" + "".join(f'."{key}"' for key in keys))


def _json_part(part: exp.Expr) -> exp.Expr:
    found = exp.cast(call("JSON_QUERY", part.this.copy(), _path(part)), _TYPES.TEXT)
    return exp.Nullif(this=found, expression=text("null"))


def _json_text(part: exp.Expr) -> exp.Expr:
    """The text of a scalar, or what is nested as JSON."""
    scalar = call("JSON_VALUE", part.this.copy(), _path(part))
    return exp.Coalesce(this=scalar, expressions=[_json_part(part)])


def _unnest(part: exp.Expr) -> exp.Expr:
    """Members of a list or entries of an object, of a relation beside those of the query."""
    select = part.find_ancestor(exp.Select)
    if select is None or not select.args.get("from_"):
        raise _STATED.refused("UNNEST without a relation")
    _STATED.unnested(part)
    found = _STATED.map_values(part)
    name = f"each_{len(select.args.get('joins') or [])}"
    wanted = part.this.copy()
    if found is not None:
        wanted = call("JSON_KEYS", call("PARSE_JSON", found[0].copy()), number(1))
    unnested = exp.Unnest(expressions=[wanted], alias=exp.TableAlias(columns=[exp.to_identifier(name)]))
    select.append("joins", exp.Join(this=unnested, kind="CROSS"))
    if found is None:
        return exp.column(exp.to_identifier(name))
    json = call("PARSE_JSON", found[0].copy())
    value = exp.Bracket(this=json, expressions=[exp.column(exp.to_identifier(name))])
    written = exp.Nullif(this=call("TO_JSON_STRING", value), expression=text("null"))
    said = exp.Coalesce(this=call("LAX_STRING", value.copy()), expressions=[written])
    pair = [exp.alias_(exp.column(exp.to_identifier(name)), "key"), exp.alias_(said, "value")]
    return exp.Struct(expressions=pair)


def _entry(part: exp.Expr) -> exp.Expr:
    column = cast("exp.Column", part)
    truth = column.name == "value" and column.meta.get(MAPPED) == "BOOLEAN"
    member = exp.Dot(this=exp.column(exp.to_identifier(column.table)), expression=exp.to_identifier(column.name))
    return exp.cast(member, _TYPES.BOOLEAN) if truth else member


def _set(part: exp.Expr) -> exp.Expr:
    """Sets of sets are in parentheses there."""
    for side in ("this", "expression"):
        if isinstance(part.args[side], exp.SetOperation):
            part.set(side, exp.Subquery(this=part.args[side].copy()))
    return part


_AS_THEY_ARE = (
    exp.Mod, exp.DPipe, exp.Coalesce, exp.Nullif, exp.Abs, exp.Ceil, exp.Floor, exp.Round, exp.Lower, exp.Upper,
    exp.Length, exp.Replace, exp.StrPosition, exp.StartsWith, exp.Right, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey,
)  # fmt: skip
DIALECT = Dialect(
    NAME,
    "bigquery",
    {
        **dict.fromkeys(_AS_THEY_ARE),
        **aggregates.PARTS,
        exp.Union: _set,
        exp.Intersect: _set,
        exp.Except: _set,
        exp.Interval: _interval,
        exp.Cast: _cast,
        exp.Div: _divide,
        exp.IntDiv: _divide_whole,
        exp.Like: _like,
        exp.ILike: _any_case,
        exp.Escape: _escape,
        exp.Concat: _concat,
        exp.Greatest: _extreme,
        exp.Least: _extreme,
        exp.Exp: _doubled,
        exp.Ln: _doubled,
        exp.Sqrt: _doubled,
        exp.Pow: _doubled,
        exp.Trim: _trim,
        exp.Substring: _substring,
        exp.RegexpLike: _STATED.common_pattern,
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
