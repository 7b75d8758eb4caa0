"""Check files written: checks as the YAML that `config.checks` reads."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import yaml

from onefold.governance.checks.definition import (
    Check,
    Completeness,
    Distribution,
    Freshness,
    Kind,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    Tolerance,
    TypeIs,
    Unique,
    Value,
    Volume,
    kind_name,
)
from onefold.governance.checks.sentence import duration, percent


class UnwritableError(ValueError):
    """A check has what no file can say."""


def check_text(relation: str, checks: Sequence[Check]) -> str:
    """The text of a file with these checks of one relation; owner, gate and key are those of the first.

    Raises:
        UnwritableError: A check has a `where`, of which only the tree is known.
    """
    first = checks[0]
    document: dict[str, Any] = {"relation": relation}
    document |= {"owner": first.owner} if first.owner else {}
    document |= {"gate": first.gate} if first.gate else {}
    document |= {"key": _names(first.key)} if first.key else {}
    document["checks"] = [_check(check) for check in checks]
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None, width=120)


def _check(check: Check) -> dict[str, Any]:
    if check.where is not None:
        raise UnwritableError(f"the check `{check.name}` has a `where`")
    said: dict[str, Any] = {"name": check.name, kind_name(check.kind): _kind(check.kind)}
    said |= {"description": check.description} if check.description else {}
    said |= {"severity": check.severity} if check.severity != "error" else {}
    said |= {"tolerance": _tolerance(check.tolerance)} if check.tolerance != Tolerance() else {}
    return said


def _kind(kind: Kind) -> Any:
    match kind:
        case NotNull(columns=columns) | Unique(columns=columns):
            return _names(columns)
        case TypeIs():
            return {"column": kind.column, "is": kind.value_type}
        case Range():
            return {"column": kind.column, **_given(min=kind.low, max=kind.high)}
        case OneOf():
            return {"column": kind.column, "values": [_scalar(value) for value in kind.values]}
        case Pattern():
            return {"column": kind.column, "matches": kind.pattern}
        case Reference():
            return {"column": _names(kind.columns), "relation": kind.relation, "to": _names(kind.found_in)}
        case Completeness():
            return {"columns": list(kind.columns), "min": percent(kind.share_min)}
        case Rule():
            return kind.text
        case RowCount():
            change = None if kind.change_max is None else percent(kind.change_max)
            return _given(min=kind.rows_min, max=kind.rows_max, change=change)
        case Freshness():
            return {"column": kind.column, "within": duration(kind.within_us)}
        case Volume():
            return {"column": kind.column, "threshold": _scalar(kind.threshold), "days": kind.days}
        case Distribution():
            return _distribution(kind)


def _distribution(kind: Distribution) -> dict[str, Any]:
    said = {"column": kind.column, "statistic": kind.statistic} | _given(min=kind.low, max=kind.high)
    if kind.change_max is not None:
        said["change"] = percent(kind.change_max)
    if kind.quantile is not None:
        said["quantile"] = percent(kind.quantile)
    if kind.values:
        said["values"] = [_scalar(value) for value in kind.values]
    if kind.baseline:
        said["baseline"] = {name: percent(share) for name, share in kind.baseline}
    if kind.edges:
        said["edges"] = [_scalar(edge) for edge in kind.edges]
    return said


def _given(**values: Value | int | None) -> dict[str, Any]:
    return {name: _scalar(value) for name, value in values.items() if value is not None}


def _scalar(value: Value | int) -> Any:
    """As YAML writes it; a decimal as a number where that is exact."""
    if not isinstance(value, Decimal):
        return value
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else format(value, "f")


def _names(names: Sequence[str]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _tolerance(tolerance: Tolerance) -> str | int:
    return tolerance.rows if tolerance.share is None else percent(tolerance.share)
