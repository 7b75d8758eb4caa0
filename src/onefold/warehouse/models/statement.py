"""Reading a model's statement: one SELECT, of nodes and functions that are on a list, and nothing else.

The list is what makes a model harmless: no file or network function, no DDL, no setting, nothing that depends on the
moment or on chance. What is not on it is refused with its line, whatever it does.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import cast

import sqlglot
from sqlglot import exp

from onefold.errors import nearest
from onefold.warehouse.models.model import Fault, Model

DIALECT = "duckdb"
MAX_CHARACTERS = 200_000
MAX_DEPTH = 100
AS_OF = "as_of"
"""The one way to ask for the time: the moment of the run, an argument, so that a run can be repeated."""

_SYNTAX = frozenset({
    "Add", "Alias", "And", "Between", "Boolean", "CTE", "Case", "Cast", "Column", "DPipe", "DataType", "DataTypeParam",
    "Distinct", "Div", "EQ", "Except", "Exists", "Filter", "From", "GT", "GTE", "Group", "Having", "ILike", "Identifier",
    "If", "IgnoreNulls", "In", "IntDiv", "Intersect", "Interval", "Is", "JSONPath", "JSONPathKey", "JSONPathRoot",
    "JSONPathSubscript", "Join", "LT", "LTE", "Like", "Limit", "Literal", "Mod", "Mul", "NEQ", "Neg", "Not", "Null",
    "NullSafeEQ", "NullSafeNEQ", "Offset", "Or", "Order", "Ordered", "Paren", "Qualify", "RespectNulls", "Select", "Star",
    "Sub", "Subquery", "Table", "TableAlias", "TryCast", "Tuple", "Union", "Var", "Where", "Window", "WindowSpec", "With",
    "WithinGroup", "Xor",
})  # fmt: skip
_FUNCTIONS = frozenset({
    # by the class that sqlglot reads them into
    "Abs", "AnyValue", "ApproxDistinct", "ArgMax", "ArgMin", "ArrayAgg", "ArrayContains", "ArraySize", "Avg", "Ceil",
    "Coalesce", "Concat", "ConcatWs", "Contains", "Count", "CountIf", "CumeDist", "Date", "DateAdd", "DateDiff",
    "DateFromParts", "DateSub", "DateTrunc", "Day", "DayOfMonth", "DayOfWeek", "DayOfWeekIso", "DayOfYear", "Dayname",
    "DenseRank", "EndsWith", "Exp", "Extract", "First", "FirstValue", "Floor", "Greatest", "GroupConcat", "Hour",
    "JSONExtract", "JSONExtractScalar", "JSONKeys", "Lag", "Last", "LastDay", "LastValue", "Lead", "Least", "Left", "Length",
    "Ln", "Log", "LogicalAnd", "LogicalOr", "Lower", "MD5", "Max", "Median", "Min", "Minute", "Month", "Monthname",
    "NthValue", "Ntile", "Nullif", "PercentRank", "PercentileCont", "PercentileDisc", "Pow", "Quantile", "Quarter", "Rank",
    "RegexpExtract", "RegexpLike", "RegexpReplace", "Replace", "Right", "Round", "RowNumber", "SHA2", "Second", "Sign",
    "SplitPart", "Sqrt", "StartsWith", "Stddev", "StddevPop", "StddevSamp", "StrPosition", "StrToDate", "StrToTime",
    "Substring", "Sum", "TimeToStr", "TimestampAdd", "TimestampDiff", "TimestampSub", "TimestampTrunc", "Trim", "TsOrDsAdd",
    "TsOrDsToDate", "Upper", "Variance", "VariancePop", "Week", "WeekOfYear", "Year", "YearOfWeekIso",
})  # fmt: skip
_NAMED = frozenset({AS_OF, "json_array_length"})
"""Functions that reach us by name only."""

_ALLOWED = _SYNTAX | _FUNCTIONS
_CLOCKS = frozenset(
    {"now", "today", "CurrentDate", "CurrentTime", "CurrentTimestamp", "CurrentDatetime", "Localtime", "Localtimestamp"}
)
_NO_CLOCK = f"asks for the current time; write `{AS_OF}()`, the moment of the run"


def read(model: Model) -> exp.Query | list[Fault]:
    """The model's statement as a tree; or all that is wrong with it."""
    text = model.sql
    if len(text) > MAX_CHARACTERS:
        return [model.fault(1, f"has more than {MAX_CHARACTERS:,} characters, the most that a model holds")]
    if fault := _too_deep(text):
        return [model.fault(fault, f"is nested more than {MAX_DEPTH} deep")]
    try:
        parsed = [tree for tree in sqlglot.parse(text, dialect=DIALECT) if tree is not None]
    except sqlglot.ParseError as error:
        found = error.errors[0] if error.errors else {}
        near = str(found.get("highlight") or "")
        return [model.fault(found.get("line") or 1, f"is not SQL: cannot be read{f' at `{near}`' if near else ''}")]
    except (sqlglot.errors.TokenError, RecursionError, ValueError) as error:
        return [model.fault(1, f"is not SQL: {str(error).splitlines()[0] if str(error) else type(error).__name__}")]
    if len(parsed) != 1:
        return [model.fault(1, f"holds {len(parsed)} statements; a model is one SELECT")]
    tree = parsed[0]
    if not isinstance(tree, exp.Query):
        return [model.fault(_first_line(text), f"is a {type(tree).__name__.upper()} statement; a model is one SELECT")]
    if not tree.selects:
        return [model.fault(_first_line(text), "selects no column")]
    if isinstance(tree, exp.Subquery):
        return [model.fault(_first_line(text), "is in brackets as a whole; remove them")]
    faults = [model.fault(line_of(node), message) for node in tree.walk() if (message := refusal(node))]
    return faults or tree


def line_of(node: exp.Expr) -> int:
    """The line on which a node stands: its own where it is known, else that of the first name in it."""
    for part in (node, *node.find_all(exp.Identifier, exp.Literal, exp.Func), *_parents(node)):
        if line := part.meta.get("line"):
            return int(line)
    return 1


def as_of(tree: exp.Query, moment: datetime) -> exp.Query:
    """The statement with `as_of()` replaced by a moment; timestamps of the warehouse are UTC without a zone."""
    stated = moment.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")

    def replaced(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Anonymous) and node.name.lower() == AS_OF:
            return exp.cast(exp.Literal.string(stated), exp.DataType.Type.TIMESTAMP)
        return node

    return cast("exp.Query", tree.transform(replaced))


def uses_clock(tree: exp.Query) -> bool:
    """Whether the statement asks for the moment of the run."""
    return any(node.name.lower() == AS_OF for node in tree.find_all(exp.Anonymous))


def refusal(node: exp.Expr) -> str:
    """Why a node may not stand in a model; empty where it may."""
    kind = type(node).__name__
    if kind == "Anonymous":
        name = node.name.lower()
        if name in _CLOCKS:
            return _NO_CLOCK
        return "" if name in _NAMED else f"has the function `{name}`, which models do not know{nearest(name, _known())}"
    if kind in _CLOCKS:
        return _NO_CLOCK
    if kind == "Table":
        return _table_refusal(node)
    if kind == "Join" and (method := node.args.get("method")):
        return f"has a {method} JOIN; write the condition after ON"
    if kind == "With" and node.args.get("recursive"):
        return "is recursive; a model is not"
    if kind not in _ALLOWED:
        name = node.sql_name().lower() if isinstance(node, exp.Func) else kind.lower()
        what = f"the function `{name}`, which models do not know" if isinstance(node, exp.Func) else f"`{name}`"
        return f"has {what}; a model is one SELECT of functions on the list in the reference"
    return ""


def _table_refusal(table: exp.Expr) -> str:
    if not isinstance(table.this, exp.Identifier):
        return "reads from a function; a model reads relations and other models"
    if table.args.get("catalog"):
        return "names a relation with three parts; write schema and name, such as `golden.profile`"
    extra = {name for name, part in table.args.items() if part} - {"this", "db", "alias", "joins"}
    return f"reads a relation with `{min(extra)}`; a model reads it as it is" if extra else ""


def _known() -> Iterator[str]:
    yield from _NAMED
    for name in _FUNCTIONS:
        yield from (sql.lower() for sql in getattr(exp, name).sql_names())


def _parents(node: exp.Expr) -> Iterator[exp.Expr]:
    while (parent := node.parent) is not None:
        yield from (
            child for child in parent.find_all(exp.Identifier, exp.Literal, bfs=False) if child.meta.get("line")
        )
        node = parent


def _too_deep(text: str) -> int:
    """The line at which brackets are open too deep, 0 where none is; those in quotes count too, on the safe side."""
    depth = 0
    for number, line in enumerate(text.splitlines(), 1):
        for character in line:
            depth += (character in "([{") - (character in ")]}")
            if depth > MAX_DEPTH:
                return number
    return 0


def _first_line(text: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if line.strip()), 1)
