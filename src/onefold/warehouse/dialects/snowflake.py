"""Snowflake's words for what a query of the warehouse says.

Tested against the fakesnow emulator only, which runs them on DuckDB: what Snowflake itself makes of them is by its
documentation.
Ids are texts there, and lists arrays of texts, whose members come back as JSON.
"""

from __future__ import annotations

from typing import cast

from sqlglot import exp

from onefold.warehouse.dialects import snowflake_aggregates as aggregates
from onefold.warehouse.dialects.snowflake_aggregates import number, text
from onefold.warehouse.dialects.stated import Stated
from onefold.warehouse.dialects.translation import MAPPED, Dialect, call, double

NAME = aggregates.NAME
_STATED = Stated(NAME)
_FORMATS = {"%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS"}
_FIELDS = {
    "year": "YEAR", "quarter": "QUARTER", "month": "MONTH", "week": "WEEKISO", "day": "DAY", "hour": "HOUR",
    "minute": "MINUTE", "dow": "DAYOFWEEK", "isodow": "DAYOFWEEKISO", "doy": "DAYOFYEAR",
}  # fmt: skip
_TYPES = exp.DataType.Type
_CASTS = {
    _TYPES.TEXT, _TYPES.VARCHAR, _TYPES.BIGINT, _TYPES.INT, _TYPES.DOUBLE, _TYPES.DECIMAL, _TYPES.BOOLEAN, _TYPES.DATE,
}  # fmt: skip


def _time(value: exp.Expr) -> exp.Expr:
    return exp.cast(value.copy(), _TYPES.TIMESTAMPNTZ)


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
    """Of numbers that leave no rest: a quotient is rounded there to six digits."""
    rest = exp.Mod(this=exp.paren(part.this.copy()), expression=exp.paren(part.expression.copy()))
    whole = exp.paren(exp.Sub(this=exp.paren(part.this.copy()), expression=rest))
    return exp.cast(
        exp.Div(this=whole, expression=exp.paren(part.expression.copy()), typed=False, safe=False), _TYPES.BIGINT
    )


def _concat(part: exp.Expr) -> exp.Expr:
    texts = [exp.Coalesce(this=exp.cast(each.copy(), _TYPES.TEXT), expressions=[text("")]) for each in part.expressions]
    return call("CONCAT", *texts)


def _doubled(part: exp.Expr) -> exp.Expr:
    for name in ("this", "expression"):
        if isinstance(value := part.args.get(name), exp.Expr):
            part.set(name, double(value))
    return part


def _pattern(part: exp.Expr) -> exp.Expr:
    """A pattern of whole texts, which Snowflake takes every pattern for."""
    _STATED.common_pattern(part)
    stated = part.expression.name
    if not (stated.startswith("^") and stated.endswith("$")) or ("|" in stated and not _grouped(stated)):
        raise _STATED.refused("this regular expression")
    return exp.RegexpLike(this=part.this.copy(), expression=text(stated[1:-1]))


def _grouped(pattern: str) -> bool:
    """Whether each alternative is within parentheses, so that `^` and `$` are of the whole pattern."""
    depth = 0
    for letter in pattern:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "|" and depth == 0:
            return False
    return True


def _substring(part: exp.Expr) -> exp.Expr:
    start, length = _STATED.start(part), part.args.get("length")
    return call("SUBSTR", part.this.copy(), start.copy(), *([length.copy()] if length else []))


def _is_text(value: exp.Expr) -> bool:
    if isinstance(value, exp.Literal):
        return value.is_string
    return (
        value.is_type("text")
        if isinstance(value, exp.Cast)
        else isinstance(value, exp.Anonymous) and value.name == "LOWER"
    )


def _contains(part: exp.Expr) -> exp.Expr:
    if isinstance(part, exp.ArrayContains):
        # ARRAY_CONTAINS says the same, but the emulator cannot run it. Only texts are told by their quotes.
        if not _is_text(part.expression):
            raise _STATED.refused("list_contains of what is no text")
        member = call("TO_JSON", call("TO_VARIANT", part.expression.copy()))
        return call("CONTAINS", call("TO_JSON", part.this.copy()), member)
    return call("CONTAINS", part.this.copy(), part.expression.copy())


def _split(part: exp.Expr) -> exp.Expr:
    return call("SPLIT_PART", part.this.copy(), part.args["delimiter"].copy(), part.args["part_index"].copy())


def _truncate(part: exp.Expr) -> exp.Expr:
    return call("DATE_TRUNC", text(_STATED.unit(part)), _time(part.this))


def _difference(part: exp.Expr) -> exp.Expr:
    unit = _STATED.unit(part)
    if unit == "week":  # DuckDB's begin on another day here than those of `date_trunc`
        raise _STATED.refused("date_diff of weeks")
    return call("DATEDIFF", exp.var(unit.upper()), _time(part.expression), _time(part.this))


def _later(part: exp.Expr) -> exp.Expr:
    time, minutes = _STATED.minutes_added(part)
    return call("DATEADD", exp.var("MINUTE"), minutes, _time(time))


def _extract(part: exp.Expr) -> exp.Expr:
    word, value = _STATED.field(part)
    return exp.Extract(this=exp.var(_FIELDS[word]), expression=_time(value))


def _epoch(part: exp.Expr) -> exp.Expr:
    micros = exp.Extract(this=exp.var("EPOCH_MICROSECOND"), expression=_time(part.this))
    return exp.paren(exp.Div(this=double(micros), expression=double(number(1_000_000)), typed=True, safe=False))


def _format(part: exp.Expr) -> exp.Expr:
    written = _STATED.pattern(part, _FORMATS, lambda letter: f'"{letter}"' if letter.isalpha() else letter)
    return call("TO_CHAR", _time(part.this), text(written))


def _path(part: exp.Expr) -> exp.Expr:
    keys = _STATED.path(part)
    if any(not key or set(key) & set("\"'\\") for key in keys):
        raise _STATED.refused("this JSON path")
    return text(".".join(f'"{key}"' for key in keys))


def _member(part: exp.Expr) -> exp.Expr:
    return call("GET_PATH", call("PARSE_JSON", part.this.copy()), _path(part))


def _json_text(part: exp.Expr) -> exp.Expr:
    return exp.cast(_member(part), _TYPES.TEXT)


def _json_part(part: exp.Expr) -> exp.Expr:
    return call("TO_JSON", _member(part))


def _unnest(part: exp.Expr) -> exp.Expr:
    """Members of a list or entries of an object, of a table beside those of the query."""
    select = part.find_ancestor(exp.Select)
    if select is None or not select.args.get("from_"):
        raise _STATED.refused("UNNEST without a relation")
    _STATED.unnested(part)
    found = _STATED.map_values(part)
    name = f"each_{len(select.args.get('laterals') or [])}"
    wanted = part.this.copy() if found is None else call("PARSE_JSON", found[0].copy())
    flat = exp.Kwarg(this=exp.var("INPUT"), expression=wanted)
    flattened = exp.Lateral(this=call("FLATTEN", flat), alias=exp.TableAlias(this=exp.to_identifier(name)))
    select.append("joins", exp.Join(this=flattened))
    value = exp.column(exp.to_identifier("VALUE"), table=name)
    if found is None:
        return exp.cast(value, _TYPES.TEXT)
    key = exp.column(exp.to_identifier("KEY"), table=name)
    return call("OBJECT_CONSTRUCT", text("key"), key, text("value"), value)


def _entry(part: exp.Expr) -> exp.Expr:
    column = cast("exp.Column", part)
    truth = column.name == "value" and column.meta.get(MAPPED) == "BOOLEAN"
    member = call("GET_PATH", exp.column(exp.to_identifier(column.table)), text(column.name))
    return exp.cast(member, _TYPES.BOOLEAN if truth else _TYPES.TEXT)


_AS_THEY_ARE = (
    exp.Like, exp.ILike, exp.Escape, exp.Mod, exp.DPipe, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least, exp.Abs,
    exp.Ceil, exp.Floor, exp.Round, exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Replace, exp.StrPosition,
    exp.StartsWith, exp.Right, exp.JSONPath, exp.JSONPathRoot, exp.JSONPathKey,
)  # fmt: skip
DIALECT = Dialect(
    NAME,
    "snowflake",
    {
        **dict.fromkeys(_AS_THEY_ARE),
        **aggregates.PARTS,
        exp.Cast: _cast,
        exp.Div: _divide,
        exp.IntDiv: _divide_whole,
        exp.Concat: _concat,
        exp.Exp: _doubled,
        exp.Ln: _doubled,
        exp.Sqrt: _doubled,
        exp.Pow: _doubled,
        exp.Substring: _substring,
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
