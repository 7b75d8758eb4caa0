"""The JSON form of a rule (`logic`, `conditions`, `groups`), as segment builders write it: another way to the same tree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from onefold.errors import nearest
from onefold.rules import time
from onefold.rules.text import MAX_DEPTH, MAX_DIGITS
from onefold.rules.tree import (
    Aggregate,
    AggregateFunction,
    And,
    Between,
    Call,
    Compare,
    Comparison,
    Expr,
    Field,
    In,
    Literal,
    Moment,
    Not,
    Or,
    RuleError,
    number,
)

_COMPARISONS: dict[str, Comparison] = {
    "equals": "=",
    "not_equals": "<>",
    "greater_than": ">",
    "greater_or_equal": ">=",
    "less_than": "<",
    "less_or_equal": "<=",
}
OPERATORS = (*_COMPARISONS, "contains", "between", "in", "within_last", "before", "after")
UNITS = {"hours": ("hours_since", 1), "days": ("days_since", 1), "weeks": ("days_since", 7)}
RENAMED = {
    "computed_traits.total_events": "events",
    "computed_traits.total_sessions": "sessions",
    "computed_traits.total_purchases": "purchases",
    "computed_traits.total_revenue": "revenue",
    "lifecycle_stage": "lifecycle_stage",
    "first_seen_at": "first_seen",
    "last_seen_at": "last_seen",
}
"""Names of fields in the JSON form that the text form calls otherwise; `profile_data.x` and `traits.x` are `attr.x`."""

MAX_CONDITIONS = 200


def read(document: Any) -> Expr:
    """Read a rule from what its JSON decodes to.

    Raises:
        RuleError: It is no such document; nothing else is ever raised for anything JSON can hold.
    """
    return _Reader().group(document, 0)


class _Reader:
    """Reads one document, counting its conditions."""

    def __init__(self) -> None:
        self._conditions = 0

    def group(self, document: Any, depth: int) -> Expr:
        if depth > MAX_DEPTH:
            raise RuleError(f"A rule is nested at most {MAX_DEPTH} deep.")
        found = _object(document, {"logic", "conditions", "groups"}, "A rule")
        logic = found.get("logic", "and")
        conditions, groups = found.get("conditions", []), found.get("groups", [])
        if not isinstance(conditions, list) or not isinstance(groups, list):
            raise RuleError("`conditions` and `groups` are lists.")
        self._conditions += len(conditions) + len(groups)
        if self._conditions > MAX_CONDITIONS:
            raise RuleError(f"A rule has at most {MAX_CONDITIONS} conditions.")
        parts = (*(_condition(c) for c in conditions), *(self.group(g, depth + 1) for g in groups))
        if not parts:
            raise RuleError("A rule needs at least one condition.")
        if logic == "not":
            return Not(Or(parts) if len(parts) > 1 else parts[0])
        if logic not in {"and", "or"}:
            raise RuleError("`logic` is `and`, `or` or `not` (none of them).")
        if len(parts) == 1:
            return parts[0]
        return And(parts) if logic == "and" else Or(parts)


def _condition(condition: Any) -> Expr:
    found = _object(condition, {"field", "operator", "value", "unit", "event_name"}, "A condition")
    field, operator = found.get("field"), found.get("operator")
    if not isinstance(field, str) or not field:
        raise RuleError("A condition names its `field`.")
    if operator not in OPERATORS:
        near = nearest(operator, OPERATORS) if isinstance(operator, str) else ""
        raise RuleError(f"There is no such operator{near or '; there are ' + ', '.join(OPERATORS)}.")
    value = found.get("value")
    if operator == "within_last":
        return _within(_subject(found, "last"), value, found.get("unit", "days"))
    if "unit" in found:
        raise RuleError("`unit` belongs to `within_last` only.")
    if operator in {"before", "after"}:
        return Compare("<" if operator == "before" else ">", _subject(found, "last"), _moment(value))
    subject = _subject(found, "count")
    if operator == "between":
        low, high = _several(value, operator, exactly=2)
        return Between(subject, low, high)
    if operator == "in":
        return In(subject, tuple(_several(value, operator)))
    if operator == "contains":
        return Call("contains", (subject, _literal(value)))
    return Compare(_COMPARISONS[operator], subject, _literal(value))


def _subject(condition: Mapping[str, Any], function: AggregateFunction) -> Expr:
    field, event_name = condition["field"], condition.get("event_name")
    if field == "event":
        if not isinstance(event_name, str) or not event_name:
            raise RuleError("A condition on `event` names it in `event_name`.")
        return Aggregate(function, event_name)
    if event_name is not None:
        raise RuleError("`event_name` belongs to conditions on the field `event` only.")
    if field in RENAMED:
        return Field(RENAMED[field])
    for prefix in ("profile_data.", "traits."):
        if field.startswith(prefix):
            return Field("attr." + field.removeprefix(prefix))
    return Field(field)


def _within(subject: Expr, value: Any, unit: Any) -> Expr:
    if unit not in UNITS:
        raise RuleError(f"`unit` is one of {', '.join(UNITS)}.")
    if type(value) is not int or value < 0:
        raise RuleError("`within_last` takes a whole number of units.")
    function, times = UNITS[unit]
    # Between, not at most: what lies in the future did not happen within the last days.
    return Between(Call(function, (subject,)), Literal(0), Literal(value * times))


def _moment(value: Any) -> Moment:
    at_us = time.read(value) if isinstance(value, str) else None
    if at_us is None:
        raise RuleError("`before` and `after` take a date or an ISO-8601 time, such as 2026-01-31.")
    return Moment(at_us)


def _several(value: Any, operator: str, *, exactly: int | None = None) -> list[Literal]:
    if not isinstance(value, list) or not value or (exactly is not None and len(value) != exactly):
        raise RuleError(f"`{operator}` takes a list of {exactly or 'one or more'} values.")
    if len(value) > MAX_CONDITIONS:
        raise RuleError(f"`{operator}` takes at most {MAX_CONDITIONS} values.")
    return [_literal(v) for v in value]


def _literal(value: Any) -> Literal:
    if value is None or isinstance(value, str | bool | int):
        return Literal(value)
    if isinstance(value, float | Decimal):
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        if exact.is_finite() and abs(exact.adjusted()) <= MAX_DIGITS:
            return number(exact)
    raise RuleError("A value is a text, a number, true, false or null.")


def _object(document: Any, known: set[str], what: str) -> Mapping[str, Any]:
    if not isinstance(document, dict):
        raise RuleError(f"{what} is an object with {', '.join(sorted(known))}.")
    for key in document:
        if key not in known:
            near = nearest(key, known) if isinstance(key, str) else ""
            raise RuleError(f"{what} has a member it should not have{near or '; it has ' + ', '.join(sorted(known))}.")
    return document
