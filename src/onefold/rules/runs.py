"""What bound expressions run: comparisons, patterns and functions, each a function of a row and the time it is asked at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from onefold.rules import patterns, time, values
from onefold.rules.functions import Kind
from onefold.rules.tree import Comparison, Expr, Literal, RuleError

Row = Mapping[str, Any]
"""Values by field name; a field that is missing is null. Times are integers (microseconds UTC), as everywhere."""

Run = Callable[[Row, int], Any]


def comparison(operator: Comparison, a: Run, b: Run) -> Run:
    """Two values compared."""
    test, compare = values.COMPARISONS[operator], values.compare
    return lambda row, now: compare(test, a(row, now), b(row, now))


def like(run: Run, pattern: str, *, any_case: bool) -> Run:
    """A text held against a pattern of `like`."""
    wanted = pattern.lower() if any_case else pattern

    def matches(row: Row, now: int) -> values.Truth:
        text = run(row, now)
        if type(text) is not str:
            return None
        return values.like(text.lower() if any_case else text, wanted)

    return matches


def matches(run: Run, pattern: Expr) -> Run:
    """A text held against a regular expression.

    Raises:
        RuleError: It is none that is matched in linear time, or is not stated.
    """
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str):
        raise RuleError("`matches` takes a pattern in quotes, such as matches(attr.sku, '^A[0-9]+$').")
    try:
        found = patterns.search(pattern.value)
    except patterns.PatternError as error:
        raise RuleError(f"The pattern cannot be matched in linear time, or not read (RE2): {error}") from None
    return lambda row, now: found(text) if type(text := run(row, now)) is str else None


def _contains_any(whole: Run, *parts: Run) -> Run:
    return lambda row, now: values.any_of(values.contains(whole(row, now), part(row, now)) for part in parts)


def guarded(run: Run, wanted: Kind) -> Run:
    """Null where the outside world sent another kind than the rule is about."""
    kinds: dict[str, set[type]] = {"text": {str}, "boolean": {bool}, "number": set(values.NUMBERS)}
    accepted = kinds[wanted]
    return lambda row, now: value if type(value := run(row, now)) in accepted else None


def as_time(value: Any) -> int | None:
    """The moment that a text states."""
    return time.plain(value) if type(value) is str else None


def _since(tile_us: int) -> Callable[[Run], Run]:
    def call(then: Run) -> Run:
        return lambda row, now: None if (at := then(row, now)) is None else time.elapsed(tile_us, at, now)

    return call


def _on_text(change: Callable[[str], Any]) -> Callable[[Run], Run]:
    def call(argument: Run) -> Run:
        return lambda row, now: None if (text := argument(row, now)) is None else change(text)

    return call


def _on_two_texts(test: Callable[[str, str], bool]) -> Callable[[Run, Run], Run]:
    def call(first: Run, second: Run) -> Run:
        def both(row: Row, now: int) -> values.Truth:
            a, b = first(row, now), second(row, now)
            return None if a is None or b is None else test(a, b)

        return both

    return call


CALLS: dict[str, Callable[..., Run]] = {
    "contains": lambda whole, part: lambda row, now: values.contains(whole(row, now), part(row, now)),
    "contains_any": _contains_any,
    "days_since": _since(time.DAY_US),
    "ends_with": _on_two_texts(str.endswith),
    "hours_since": _since(time.HOUR_US),
    "length": _on_text(len),
    "lower": _on_text(str.lower),
    "starts_with": _on_two_texts(str.startswith),
    "to_number": lambda argument: lambda row, now: values.number(argument(row, now)),
    "to_time": lambda argument: argument,
    "upper": _on_text(str.upper),
}
