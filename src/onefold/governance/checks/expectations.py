"""Great Expectations suites: checks as the JSON of a suite, and a suite as checks. What the other side cannot say is told.

Suites of version 1 (`type`, `name`) are written; those of version 0 (`expectation_type`) are read as well. A pattern that
both sides read is searched for anywhere in the text; `mostly` is the share that must pass.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from onefold.governance.checks.definition import (
    Check,
    Distribution,
    Kind,
    NotNull,
    OneOf,
    Pattern,
    Range,
    RowCount,
    Tolerance,
    TypeIs,
    Unique,
    Value,
    kind_name,
)
from onefold.governance.checks.forms import FORMS

SEVERITIES = {"error": "critical", "warn": "warning"}
_IGNORED = {
    "column",
    "column_list",
    "mostly",
    "batch_id",
    "result_format",
    "catch_exceptions",
    "meta",
    "include_config",
}


class Unsupported(msgspec.Struct, frozen=True):
    """A check, or an expectation, that the other side cannot say.

    Attributes:
        name: Its name, or type.
        why: In words.
    """

    name: str
    why: str


def suite(name: str, checks: Sequence[Check]) -> tuple[dict[str, Any], list[Unsupported]]:
    """Checks of one relation as a suite, and those that no expectation says."""
    expectations, left_out = [], []
    for check in (part for whole in checks if whole.severity != "off" for part in _split(whole)):
        written = _expectation(check)
        if isinstance(written, str):
            left_out.append(Unsupported(check.name, written))
            continue
        kind, kwargs = written
        if check.tolerance.share:
            kwargs["mostly"] = float(1 - check.tolerance.share)
        expectations.append(
            {
                "type": f"expect_{kind}",
                "kwargs": kwargs,
                "meta": {"onefold": {"check": check.name, "owner": check.owner}},
                "severity": SEVERITIES[check.severity],
            }
        )
    return {"name": name, "expectations": expectations, "meta": {}}, left_out


def _expectation(check: Check) -> tuple[str, dict[str, Any]] | str:
    """Type and arguments of the expectation; or why there is none."""
    kind = check.kind
    if check.where is not None:
        return "`where` is in the rule language"
    if check.tolerance.rows:
        return "a tolerance in rows; expectations have shares only"
    match kind:
        case NotNull(columns=(column,)):
            return "column_values_to_not_be_null", {"column": column}
        case Unique(columns=(column,)):
            return "column_values_to_be_unique", {"column": column}
        case Unique(columns=columns):
            return "compound_columns_to_be_unique", {
                "column_list": list(columns), "ignore_row_if": "any_value_is_missing",
            }  # fmt: skip
        case TypeIs(column=column, value_type=value_type):
            return "column_values_to_match_regex", {"column": column, "regex": FORMS[value_type]}
        case Range(column=column, low=low, high=high):
            return "column_values_to_be_between", {"column": column, **_given(min_value=low, max_value=high)}
        case OneOf(column=column, values=values):
            return "column_values_to_be_in_set", {"column": column, "value_set": [_plain(value) for value in values]}
        case Pattern(column=column, pattern=pattern):
            return "column_values_to_match_regex", {"column": column, "regex": pattern}
        case RowCount(rows_min=low, rows_max=high, change_max=None):
            return "table_row_count_to_be_between", _given(min_value=low, max_value=high)
        case Distribution(statistic="mean", column=column, low=low, high=high, change_max=None):
            return "column_mean_to_be_between", {"column": column, **_given(min_value=low, max_value=high)}
    return f"no expectation asks for `{kind_name(kind)}`"


def _split(check: Check) -> list[Check]:
    """Several columns that may hold no null at all, column by column."""
    if isinstance(check.kind, NotNull) and check.tolerance == Tolerance():
        return [msgspec.structs.replace(check, kind=NotNull((column,))) for column in check.kind.columns]
    return [check]


def read_suite(document: Mapping[str, Any], relation: str) -> tuple[list[Check], list[Unsupported]]:
    """The checks of a suite, and the expectations that no check says, by type."""
    checks: list[Check] = []
    left_out: list[Unsupported] = []
    names: dict[str, int] = {}
    for number, expectation in enumerate(document.get("expectations") or ()):
        kind = str(expectation.get("type") or expectation.get("expectation_type") or f"expectation {number + 1}")
        kwargs = dict(expectation.get("kwargs") or {})
        made = _check_kind(kind, kwargs)
        if isinstance(made, str):
            left_out.append(Unsupported(kind, made))
            continue
        try:
            share = 1 - Decimal(str(kwargs.get("mostly", 1)))
        except InvalidOperation:
            left_out.append(Unsupported(kind, "`mostly` is not a number"))
            continue
        own = (expectation.get("meta") or {}).get("onefold") or {}
        name = str(own.get("check") or _name(made))
        names[name] = names.get(name, 0) + 1
        checks.append(
            Check(
                relation=relation,
                name=name if names[name] == 1 else f"{name}_{names[name]}",
                kind=made,
                severity="error" if expectation.get("severity", "critical") == "critical" else "warn",
                owner=str(own.get("owner") or ""),
                tolerance=Tolerance(share=share) if share else Tolerance(),
            )
        )
    return checks, left_out


def _check_kind(kind: str, kwargs: dict[str, Any]) -> Kind | str:
    """What a check asks; or why none does."""
    reader = _READERS.get(kind.removeprefix("expect_"))
    if reader is None:
        return "no check asks for it"
    for word in ("strict_min", "strict_max"):
        if kwargs.pop(word, False):
            return f"`{word}`: bounds of checks are included"
    if kwargs.pop("ignore_row_if", "any_value_is_missing") != "any_value_is_missing":
        return "`ignore_row_if`: a row with a null among the columns passes"
    known, make = reader
    unknown = kwargs.keys() - known - _IGNORED
    if unknown:
        return f"`{min(unknown)}` has no counterpart"
    try:
        return make(kwargs)
    except (KeyError, TypeError, InvalidOperation):
        return "its arguments are incomplete, or of another kind"


def _between(kwargs: dict[str, Any]) -> Kind:
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        raise KeyError("min_value")
    return Range(kwargs["column"], _value(low), _value(high))


def _mean(kwargs: dict[str, Any]) -> Kind:
    bounds = [kwargs.get("min_value"), kwargs.get("max_value")]
    low, high = (None if bound is None else Decimal(str(bound)) for bound in bounds)
    if low is None and high is None:
        raise KeyError("min_value")
    return Distribution(kwargs["column"], "mean", low=low, high=high)


def _rows(kwargs: dict[str, Any]) -> Kind:
    if kwargs.get("min_value") is None and kwargs.get("max_value") is None:
        raise KeyError("min_value")
    return RowCount(kwargs.get("min_value"), kwargs.get("max_value"), None)


_BOUNDS = {"min_value", "max_value"}
_READERS: dict[str, tuple[set[str], Callable[[dict[str, Any]], Kind]]] = {
    "column_values_to_not_be_null": (set(), lambda kwargs: NotNull((kwargs["column"],))),
    "column_values_to_be_unique": (set(), lambda kwargs: Unique((kwargs["column"],))),
    "compound_columns_to_be_unique": (set(), lambda kwargs: Unique(tuple(kwargs["column_list"]))),
    "column_values_to_be_between": (_BOUNDS, _between),
    "column_values_to_be_in_set": (
        {"value_set"}, lambda kwargs: OneOf(kwargs["column"], tuple(map(_constant, kwargs["value_set"]))),
    ),
    "column_values_to_match_regex": ({"regex"}, lambda kwargs: Pattern(kwargs["column"], kwargs["regex"])),
    "table_row_count_to_be_between": (_BOUNDS, _rows),
    "table_row_count_to_equal": ({"value"}, lambda kwargs: RowCount(kwargs["value"], kwargs["value"], None)),
    "column_mean_to_be_between": (_BOUNDS, _mean),
}  # fmt: skip


def _constant(value: Any) -> Value:
    found = _value(value)
    if found is None:
        raise TypeError("null")
    return found


def _value(value: Any) -> Value | None:
    if value is None or isinstance(value, bool | str):
        return value
    return Decimal(str(value))


def _plain(value: Value) -> Any:
    """As JSON has it: texts that are numbers become numbers, because a project file does not tell them apart."""
    if isinstance(value, str):
        if re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", value) is None:
            return value
        value = Decimal(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def _given(**values: Value | int | None) -> dict[str, Any]:
    return {
        name: value if isinstance(value, int) else _plain(value) for name, value in values.items() if value is not None
    }


def _name(kind: Kind) -> str:
    columns = getattr(kind, "columns", ()) or (getattr(kind, "column", ""),)
    return re.sub(r"[^a-z0-9]+", "_", "_".join((kind_name(kind), *columns)).lower()).strip("_")[:80]
