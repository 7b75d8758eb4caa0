"""A rule as an English sentence, for people who decide and do not read SQL."""

from __future__ import annotations

from onefold.rules import time
from onefold.rules.functions import FUNCTIONS
from onefold.rules.tree import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Comparison,
    Expr,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Moment,
    Not,
    Or,
    Window,
)

_COMPARISONS: dict[Comparison, str] = {
    "=": "is", "<>": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least",
}  # fmt: skip
_IN_TIME: dict[Comparison, str] = {"<": "is before", "<=": "is at or before", ">": "is after", ">=": "is at or after"}
_OPERATIONS = {"+": "plus", "-": "minus", "*": "times", "/": "divided by"}


def explain(expr: Expr) -> str:
    """Say what the rule says. `purchases >= 1 and has_email` is *purchases is at least 1 and has email*."""
    match expr:
        case And(parts=parts):
            return " and ".join(_inside(p) for p in parts)
        case Or(parts=parts):
            return " or ".join(_inside(p) for p in parts)
        case Not(part=IsNull(value=value)):
            return f"{explain(value)} is known"
        case Not(part=In(value=value, options=options)):
            return f"{explain(value)} is none of {_listed(options)}"
        case Not(part=part):
            return f"not {_inside(part)}"
        case Compare(operator=operator, left=left, right=right):
            words = _IN_TIME.get(operator) if isinstance(right, Moment) else None
            return f"{explain(left)} {words or _COMPARISONS[operator]} {explain(right)}"
        case Between(value=value, low=low, high=high):
            return f"{explain(value)} is between {explain(low)} and {explain(high)}"
        case In(value=value, options=options):
            return f"{explain(value)} is one of {_listed(options)}"
        case Like(value=value, pattern=pattern):
            return f"{explain(value)} looks like “{pattern}”"
        case IsNull(value=value):
            return f"{explain(value)} is not known"
        case _:
            return _term(expr)


def _term(expr: Expr) -> str:
    match expr:
        case Arithmetic(operator=operator, left=left, right=right):
            return f"({explain(left)} {_OPERATIONS[operator]} {explain(right)})"
        case Call(function="coalesce", arguments=arguments):
            return FUNCTIONS["coalesce"].phrase.format(_listed(arguments))
        case Call(function="contains_any", arguments=(whole, *parts)):
            return FUNCTIONS["contains_any"].phrase.format(explain(whole), _listed(tuple(parts)))
        case Call(function=function, arguments=arguments):
            return FUNCTIONS[function].phrase.format(*(explain(a) for a in arguments))
        case Aggregate():
            return _aggregate(expr)
        case Field(name=name):
            return name.removeprefix("attr.").replace("_", " ").replace(".", " ")
        case Moment(at_us=at_us):
            return time.written(at_us)
        case Literal(value=None):
            return "nothing"
        case Literal(value=bool(value)):
            return "true" if value else "false"
        case Literal(value=str(value)):
            return f"“{value}”"
        case Literal(value=value):
            return str(value)
        case _:
            return explain(expr)


_OF: dict[str, str] = {
    "average": "average of {}", "count": "number of {}", "first": "first {}", "last": "last {}", "max": "largest {}",
    "min": "smallest {}", "most_frequent": "most frequent {}", "sum": "sum of {}", "unique_count": "number of different {}",
}  # fmt: skip


def _aggregate(one: Aggregate) -> str:
    """`sum of amount of Donation Completed events where amount is more than 1 within 30 days`."""
    single = one.property is None and one.function in {"first", "last"}
    events = f"“{one.event}” event" if single else f"“{one.event}” events"
    details = _where(one.where) + (f" {_within(one.within)}" if one.within else "")
    if one.function == "streak":
        return f"number of {one.per}s in a row with {events}{details}"
    if one.function == "unique_count" and one.per:
        return f"number of {one.per}s with {events}{details}"
    if one.function == "exists":
        then = ""
        if one.then:
            followed = "not followed by" if one.then.absent else "followed by"
            then = f" {followed} “{one.then.event}”{_where(one.then.where)} {_within(one.then.within)}"
        return f"there is a “{one.event}” event{details}{then}"
    subject = f"{one.property.replace('_', ' ')} of {events}" if one.property else events
    return _OF[one.function].format(subject) + details


def _where(where: Expr | None) -> str:
    return "" if where is None else f" where {_inside(where)}"


def _within(window: Window) -> str:
    unit = "day" if window.tile_us == time.DAY_US else "hour"
    return f"within {window.tiles} {unit}{'' if window.tiles == 1 else 's'}"


def _inside(expr: Expr) -> str:
    # Connectives inside a connective keep their brackets: English has no precedence.
    return f"({explain(expr)})" if isinstance(expr, And | Or) else explain(expr)


def _listed(options: tuple[Expr, ...]) -> str:
    return ", ".join(explain(o) for o in options)
