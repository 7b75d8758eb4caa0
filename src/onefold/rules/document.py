"""The JSON form of a rule (`logic`, `conditions`, `groups`), as segment builders write it: another way to the same tree."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from onefold.errors import nearest
from onefold.rules import aggregate, time
from onefold.rules.text import MAX_DEPTH, MAX_DIGITS, parse
from onefold.rules.tree import (
    Aggregate,
    And,
    Between,
    Call,
    Compare,
    Comparison,
    Expr,
    Field,
    In,
    IsNull,
    Literal,
    Moment,
    Not,
    Or,
    Place,
    Places,
    RuleError,
    Then,
    Window,
    number,
    walk,
)

COMPARISONS: dict[str, Comparison] = {
    "equals": "=",
    "not_equals": "<>",
    "greater_than": ">",
    "greater_or_equal": ">=",
    "less_than": "<",
    "less_or_equal": "<=",
}
CALLS = ("contains", "starts_with", "ends_with", "matches")
"""Operators that are functions of the field and the value."""
NEGATED = {"not_in": "in", "not_contains": "contains", "not_exists": "exists"}
OPERATORS = (
    *COMPARISONS, *CALLS, "contains_any", "between", "in", *NEGATED, "exists", "within_last", "before", "after"
)  # fmt: skip
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
MAX_BYTES = 100_000

_GROUP = frozenset({"logic", "conditions", "groups"})
_EVENT = frozenset({"event_name", "aggregate", "property", "where", "within", "per", "then"})
_CONDITION = frozenset({"field", "operator", "value", "unit", *_EVENT})
_THEN = frozenset({"event_name", "where", "within", "absent"})
_WITHIN = frozenset({"value", "unit"})


def read(document: Any) -> Expr:
    """Read a rule from what its JSON decodes to.

    Raises:
        RuleError: It is no such document; nothing else is ever raised for anything JSON can hold.
    """
    return read_places(document)[0]


def read_places(document: Any) -> tuple[Expr, Places]:
    """Read a rule, and where its parts stand, as JSON pointers.

    Raises:
        RuleError: As `read` does.
    """
    reader = _Reader()
    return reader.group(document, 0, ""), reader.places


def decode(data: bytes | str) -> Any:
    """What the JSON of a rule decodes to.

    Raises:
        RuleError: It is no JSON, too large, or too deep.
    """
    if len(data) > MAX_BYTES:
        raise RuleError(f"A rule has at most {MAX_BYTES:,} bytes; this one has {len(data):,}.")
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise RuleError(f"A rule is nested at most {MAX_DEPTH} deep.") from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise RuleError(f"The rule is not JSON: {error}") from None


class _Reader:
    """Reads one document, counting its conditions and noting where they stand."""

    def __init__(self) -> None:
        self._conditions = 0
        self.places: dict[int, Place] = {}

    def group(self, document: Any, depth: int, at: str) -> Expr:
        if depth > MAX_DEPTH:
            raise self._error(f"A rule is nested at most {MAX_DEPTH} deep.", at)
        found = self._object(document, _GROUP, "A rule", at)
        logic = found.get("logic", "and")
        if not isinstance(logic, str) or logic not in {"and", "or", "not"}:
            raise self._error("`logic` is `and`, `or` or `not` (none of them).", f"{at}/logic")
        parts = []
        for member in ("conditions", "groups"):
            listed = found.get(member, [])
            if not isinstance(listed, list):
                raise self._error(f"`{member}` is a list.", f"{at}/{member}")
            self._conditions += len(listed)
            if self._conditions > MAX_CONDITIONS:
                raise self._error(f"A rule has at most {MAX_CONDITIONS} conditions.", f"{at}/{member}")
            read_one = self._condition if member == "conditions" else self.group
            parts += [read_one(one, depth + 1, f"{at}/{member}/{n}") for n, one in enumerate(listed)]
        if not parts:
            raise self._error("A rule needs at least one condition.", at)
        if logic == "not":
            return Not(Or(tuple(parts)) if len(parts) > 1 else parts[0])
        if len(parts) == 1:
            return parts[0]
        return And(tuple(parts)) if logic == "and" else Or(tuple(parts))

    def _error(self, message: str, at: str) -> RuleError:
        return RuleError(message, Place(self._conditions, at or "/"))

    def _condition(self, condition: Any, depth: int, at: str) -> Expr:
        if isinstance(condition, dict) and condition.keys() == {"expression"}:
            return self._expression(condition["expression"], at)
        found = self._object(condition, _CONDITION, "A condition", at)
        try:
            expr = self._operation(found, self._subject(found, depth, at))
        except RuleError as error:
            raise error if error.place else self._error(str(error), at) from None
        for part in walk(expr):
            self.places[id(part)] = Place(self._conditions, at)
        return expr

    def _expression(self, text: Any, at: str) -> Expr:
        if not isinstance(text, str):
            raise self._error("`expression` is a rule in the text form, as one text.", at)
        try:
            return parse(text)
        except RuleError as error:
            raise self._error(str(error), at) from None

    def _subject(self, found: Mapping[str, Any], depth: int, at: str) -> Expr:
        field, operator = found.get("field"), found.get("operator")
        if not isinstance(field, str) or not all(field.split(".")) or not field.isprintable():
            raise RuleError("A condition names its `field`, a dotted name such as `attr.country`.")
        if operator not in OPERATORS:
            near = nearest(operator, OPERATORS) if isinstance(operator, str) else ""
            raise RuleError(f"There is no such operator{near or '; there are ' + ', '.join(OPERATORS) + '.'}")
        if "unit" in found and operator != "within_last":
            raise RuleError("`unit` belongs to `within_last`, and into `within`.")
        if field == "event":
            return self._aggregate(found, depth, at)
        if extra := sorted(_EVENT & found.keys()):
            raise RuleError(f"`{extra[0]}` belongs to conditions on the field `event` only.")
        if field in RENAMED:
            return Field(RENAMED[field])
        for prefix in ("profile_data.", "traits."):
            if field.startswith(prefix):
                return Field("attr." + field.removeprefix(prefix))
        return Field(field)

    def _aggregate(self, found: Mapping[str, Any], depth: int, at: str) -> Aggregate:
        dated = found["operator"] in {"within_last", "before", "after"}
        function = found.get("aggregate", "last" if dated else "count")
        if function not in aggregate.FUNCTIONS:
            near = nearest(function, aggregate.FUNCTIONS) if isinstance(function, str) else ""
            raise RuleError(
                f"There is no such aggregate{near or '; there are ' + ', '.join(aggregate.FUNCTIONS) + '.'}"
            )
        property_, per = found.get("property"), found.get("per")
        if property_ is not None and not (isinstance(property_, str) and all(property_.split("."))):
            raise RuleError("`property` is the name of a property, such as `amount`.")
        then = found.get("then")
        return aggregate.checked(
            Aggregate(
                function,
                _event_name(found),
                property_,
                None if found.get("where") is None else self.group(found["where"], depth + 1, f"{at}/where"),
                self._window(found.get("within"), f"{at}/within"),
                None if per is None else aggregate.period(per),
                None if then is None else self._then(then, depth, f"{at}/then"),
            )
        )

    def _then(self, then: Any, depth: int, at: str) -> Then:
        found = self._object(then, _THEN, "`then`", at)
        absent, where = found.get("absent", False), found.get("where")
        within = self._window(found.get("within"), f"{at}/within")
        if within is None:
            raise self._error("`then` needs to know `within` what time.", at)
        if not isinstance(absent, bool):
            raise self._error("`absent` is true or false.", f"{at}/absent")
        condition = None if where is None else self.group(where, depth + 1, f"{at}/where")
        return Then(_event_name(found), within, condition, absent=absent)

    def _window(self, within: Any, at: str) -> Window | None:
        if within is None:
            return None
        found = self._object(within, _WITHIN, "`within`", at)
        try:
            return aggregate.window(found.get("value"), found.get("unit"))
        except RuleError as error:
            raise self._error(str(error), at) from None

    def _operation(self, found: Mapping[str, Any], subject: Expr) -> Expr:
        operator, value = found["operator"], found.get("value")
        plain = NEGATED.get(operator, operator)
        if plain != operator:
            return Not(self._operation({**found, "operator": plain}, subject))
        if operator == "within_last":
            return _within(subject, value, found.get("unit"))
        if operator in {"before", "after"}:
            return Compare("<" if operator == "before" else ">", subject, _moment(value))
        if operator == "exists":
            if value is not None:
                raise RuleError("`exists` takes no `value`.")
            # Of an event: that there is one; of a field or a property: that something is known of it.
            counts = isinstance(subject, Aggregate) and subject.function == "count"
            return Compare(">", subject, Literal(0)) if counts else Not(IsNull(subject))
        if operator == "between":
            low, high = _several(value, operator, exactly=2)
            return Between(subject, low, high)
        if operator == "in":
            return In(subject, tuple(_several(value, operator)))
        if operator == "contains_any":
            return Call("contains_any", (subject, *_several(value, operator)))
        if operator in CALLS:
            return Call(operator, (subject, _literal(value)))
        return Compare(COMPARISONS[operator], subject, _literal(value))

    def _object(self, document: Any, known: frozenset[str], what: str, at: str) -> Mapping[str, Any]:
        if not isinstance(document, dict):
            raise self._error(f"{what} is an object with {', '.join(sorted(known))}.", at)
        for key in document:
            if key not in known:
                near = nearest(key, known) if isinstance(key, str) else ""
                has = f"; it has {', '.join(sorted(known))}."
                raise self._error(f"{what} has a member it should not have{near or has}", at)
        return document


def _event_name(found: Mapping[str, Any]) -> str:
    name = found.get("event_name")
    if not isinstance(name, str) or not name:
        raise RuleError("A condition on `event` names it in `event_name`.")
    return name


def _within(subject: Expr, value: Any, unit: Any) -> Expr:
    if not isinstance(unit, str) or unit not in UNITS:
        raise RuleError(f"`within_last` needs its `unit`, one of {', '.join(UNITS)}.")
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
    if value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 10**MAX_DIGITS):
        return Literal(value)
    if isinstance(value, float | Decimal):
        exact = Decimal(repr(value)) if isinstance(value, float) else value
        if exact.is_finite() and abs(exact.adjusted()) <= MAX_DIGITS:
            return number(exact)
    raise RuleError(f"A value is a text, a number of at most {MAX_DIGITS} digits, true, false or null.")
