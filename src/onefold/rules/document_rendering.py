"""Rendering as JSON: a tree in the JSON form. What `document` reads from it is the same tree again.

A condition that the JSON form has no operator for is written as an `expression`, in the text form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from onefold.rules import time
from onefold.rules.document import CALLS, COMPARISONS, NEGATED, RENAMED, UNITS, read
from onefold.rules.rendering import to_text
from onefold.rules.tree import (
    Aggregate,
    And,
    Between,
    Call,
    Compare,
    Expr,
    Field,
    In,
    IsNull,
    Literal,
    Moment,
    Not,
    Or,
    RuleError,
    Window,
)

_OPERATORS = {operator: name for name, operator in COMPARISONS.items()}
_NEGATIVES = {plain: negated for negated, plain in NEGATED.items()}
_UNITS = {time.HOUR_US: "hours", time.DAY_US: "days"}


def to_json(expr: Expr) -> dict[str, Any]:
    """The rule in the JSON form. Numbers that JSON readers would round are written in `expression`s."""
    return _group(expr)


def _group(expr: Expr) -> dict[str, Any]:
    logic = "and"
    parts: tuple[Expr, ...] = (expr,)
    match expr:
        case And(parts=inner):
            parts = inner
        case Or(parts=inner):
            logic, parts = "or", inner
        case Not(part=Or(parts=inner)):
            logic, parts = "not", inner
        case Not(part=part) if _condition(expr) is None:
            logic, parts = "not", (part,)
    found: dict[str, Any] = {"logic": logic}
    # Conditions stand before groups, so parts in another order are groups, each.
    split = next((n for n, part in enumerate(parts) if _nested(part)), len(parts))
    if conditions := [_one(part) for part in parts[:split]]:
        found["conditions"] = conditions
    if groups := [_group(part) for part in parts[split:]]:
        found["groups"] = groups
    return found


def _nested(expr: Expr) -> bool:
    return isinstance(expr, And | Or) or (isinstance(expr, Not) and _condition(expr) is None)


def _one(expr: Expr) -> dict[str, Any]:
    return _condition(expr) or {"expression": to_text(expr)}


def _condition(expr: Expr) -> dict[str, Any] | None:
    """The expression as a condition; None where none reads as it."""
    found = _plain(expr)
    if found is None:
        return None
    try:
        return found if read({"conditions": [found]}) == expr else None
    except RuleError:
        return None


def _plain(expr: Expr) -> dict[str, Any] | None:
    match expr:
        case Compare(operator="<" | ">" as operator, left=subject, right=Moment(at_us=at_us)):
            name = "before" if operator == "<" else "after"
            return _with(subject, name, time.timestamp(at_us))
        case Compare(operator=operator, left=subject, right=Literal(value=value)):
            return _with(subject, _OPERATORS[operator], value)
        case Between(
            value=Call(function=function, arguments=(subject,)), low=Literal(value=0), high=Literal(value=value)
        ):
            unit = next((name for name, (clock, times) in UNITS.items() if (clock, times) == (function, 1)), None)
            found = _with(subject, "within_last", value)
            return found | {"unit": unit} if found and unit else None
        case Between(value=subject, low=Literal(value=low), high=Literal(value=high)):
            return _with(subject, "between", [low, high])
        case In(value=subject, options=options):
            return _with(subject, "in", _values(options))
        case Call(function="contains_any", arguments=(subject, *parts)):
            return _with(subject, "contains_any", _values(parts))
        case Call(function=function, arguments=(subject, Literal(value=value))) if function in CALLS:
            return _with(subject, function, value)
        case Not(part=IsNull(value=subject)):
            return _with(subject, "exists", None)
        case Not(part=part):
            found = _plain(part)
            negated = _NEGATIVES.get(found["operator"]) if found else None
            return found | {"operator": negated} if found and negated else None
        case _:
            return None


def _values(options: Sequence[Expr]) -> list[Any] | None:
    return (
        [o.value for o in options if isinstance(o, Literal)] if all(isinstance(o, Literal) for o in options) else None
    )


def _with(subject: Expr, operator: str, value: Any) -> dict[str, Any] | None:
    found: dict[str, Any]
    match subject:
        case Field(name=name):
            again = next((long for long, short in RENAMED.items() if short == name), name)
            found = {"field": again}
        case Aggregate():
            found = _aggregate(subject)
        case _:
            return None
    found["operator"] = operator
    if value is None and operator == "exists":
        return found
    return found | {"value": [_number(one) for one in value] if isinstance(value, list) else _number(value)}


def _number(value: Any) -> Any:
    """A number as JSON has it; where a double has other digits, the condition is not read as the same, and not used."""
    return float(value) if isinstance(value, Decimal) else value


def _aggregate(one: Aggregate) -> dict[str, Any]:
    found: dict[str, Any] = {"field": "event", "event_name": one.event, "aggregate": one.function}
    parts: Mapping[str, Any] = {
        "property": one.property,
        "where": None if one.where is None else _group(one.where),
        "within": _window(one.within),
        "per": one.per,
    }
    found |= {name: part for name, part in parts.items() if part is not None}
    if one.then is not None:
        then = one.then
        found["then"] = {"event_name": then.event, "within": _window(then.within), "absent": then.absent}
        if then.where is not None:
            found["then"]["where"] = _group(then.where)
    return found


def _window(window: Window | None) -> dict[str, Any] | None:
    return None if window is None else {"value": window.tiles, "unit": _UNITS[window.tile_us]}
