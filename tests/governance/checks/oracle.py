"""What checks mean, in plain Python over rows: an oracle that shares nothing with the product but the definitions."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter
from decimal import Decimal

from onefold.governance.checks.definition import (
    Completeness,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    Rule,
    TypeIs,
    Unique,
)

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def like_kind(given, value):
    """A constant of a project file, read as a value of the same kind as `value`."""
    match value:
        case bool():
            return given in {"true", True}
        case int() | Decimal() | float():
            return Decimal(given)
        case dt.datetime():
            return dt.datetime.fromisoformat(given).replace(tzinfo=value.tzinfo)
        case dt.date():
            return dt.date.fromisoformat(given)
    return given


def is_written_as(text, value_type):
    """Whether a text is written as a value of the type."""
    try:
        match value_type:
            case "integer":
                return str(text).lstrip("+-").isdecimal() and text.isascii() and str(int(text)) is not None
            case "decimal":
                return re.fullmatch(r"[+-]?[0-9.]+", text) is not None and Decimal(text).is_finite()
            case "boolean":
                return text in {"true", "false"}
            case "date":
                return len(text) == 10 and bool(dt.date.fromisoformat(text))
            case "time":
                return len(text) >= 16 and bool(dt.datetime.fromisoformat(text))
            case "uuid":
                return UUID.fullmatch(text) is not None
    except (ValueError, ArithmeticError):
        return False
    raise AssertionError(value_type)


def fails(kind, row, rows, others, truth):
    """Whether a row fails; `truth` says of a rule whether it is true, false or unknown of a row."""
    match kind:
        case NotNull(columns=columns):
            return any(row[c] is None for c in columns)
        case Unique(columns=columns):
            key = tuple(row[c] for c in columns)
            return None not in key and sum(tuple(r[c] for c in columns) == key for r in rows) > 1
        case Reference(columns=columns, relation=relation, found_in=found_in):
            key = tuple(row[c] for c in columns)
            return None not in key and key not in {tuple(r[c] for c in found_in) for r in others[relation]}
        case Completeness(columns=columns, share_min=share_min):
            return Decimal(sum(row[c] is not None for c in columns)) / len(columns) < share_min
        case Rule(text=text):
            return truth(text, row) is False
    value = row[kind.column]
    if value is None:
        return False
    match kind:
        case TypeIs(value_type=value_type):
            if isinstance(value, str):
                return not is_written_as(value, value_type)
            own = {"boolean": bool, "date": dt.date, "time": dt.datetime, "integer": int, "decimal": (int, Decimal)}
            if value_type == "integer" and isinstance(value, Decimal):
                return value != value.to_integral_value()
            return type(value) not in (own.get(value_type), *_tuple(own.get(value_type)))
        case Range(low=low, high=high):
            return (low is not None and value < like_kind(low, value)) or (
                high is not None and value > like_kind(high, value)
            )
        case OneOf(values=values):
            return all(value != like_kind(v, value) for v in values)
        case Pattern(pattern=pattern):
            return re.search(pattern.replace("$", r"\Z"), value) is None
    raise AssertionError(kind)


def _tuple(kinds):
    return kinds if isinstance(kinds, tuple) else (kinds,)


def mean(values):
    """Of numbers."""
    return sum(values, Decimal()) / len(values)


def quantile(values, q):
    """The smallest value that at least the share `q` of all do not exceed."""
    return min(v for v in values if Decimal(sum(w <= v for w in values)) >= q * len(values))


def stability(values, baseline):
    """The population stability index, bin by bin."""
    bins = Counter(v if v in baseline else None for v in values)
    total = 0.0
    for name in {*bins, *baseline}:
        a = max(bins[name] / len(values), 1e-4)
        e = max(float(baseline.get(name, 0)), 1e-4)
        total += (a - e) * math.log(a / e)
    return total
