"""Rendering: a tree written in the text form. What `text` reads from it is the same tree again."""

from __future__ import annotations

from decimal import Decimal

from sqlglot.tokens import Tokenizer

from onefold.rules import time
from onefold.rules.tree import (
    Aggregate,
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
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

_KEYWORDS = frozenset(word.upper() for word in Tokenizer.KEYWORDS) | {"WITHIN", "PER", "THEN"}


def to_text(expr: Expr) -> str:
    """The rule in the text form, with the fewest brackets that keep its meaning plain."""
    match expr:
        case And(parts=parts):
            return " and ".join(map(_inside, parts))
        case Or(parts=parts):
            return " or ".join(map(_inside, parts))
        case Not(part=part):
            return f"not {_term(part)}"
        case Compare(operator=operator, left=left, right=right):
            return f"{_term(left)} {operator} {_term(right)}"
        case Between(value=value, low=low, high=high):
            return f"{_term(value)} between {_term(low)} and {_term(high)}"
        case In(value=value, options=options):
            return f"{_term(value)} in ({_listed(options)})"
        case Like(value=value, pattern=pattern, any_case=any_case):
            return f"{_term(value)} {'ilike' if any_case else 'like'} {_quoted(pattern)}"
        case IsNull(value=value):
            return f"{_term(value)} is null"
        case Arithmetic(operator=operator, left=left, right=right):
            return f"{_term(left)} {operator} {_term(right)}"
        case Call(function=function, arguments=arguments):
            return f"{function}({_listed(arguments)})"
        case Aggregate():
            return _aggregate(expr)
        case Field(name=name):
            return ".".join(map(_name, name.split(".")))
        case Moment(at_us=at_us):
            return f"moment('{time.timestamp(at_us)}')"
        case Literal(value=value):
            return _literal(value)


def _aggregate(one: Aggregate) -> str:
    steps = "".join(f".{_name(step)}" for step in one.property.split(".")) if one.property is not None else ""
    found = f"{one.function}({_quoted(one.event)}{steps}"
    found += _where(one.where) + _within(one.within) + (f" per {one.per}" if one.per else "")
    if one.then is not None:
        then = one.then
        found += f" then {'not ' if then.absent else ''}{_quoted(then.event)}{_where(then.where)}{_within(then.within)}"
    return found + ")"


def _where(where: Expr | None) -> str:
    return "" if where is None else f" where {to_text(where)}"


def _within(window: Window | None) -> str:
    if window is None:
        return ""
    unit = "day" if window.tile_us == time.DAY_US else "hour"
    return f" within {window.tiles} {unit}{'' if window.tiles == 1 else 's'}"


def _inside(expr: Expr) -> str:
    return f"({to_text(expr)})" if isinstance(expr, And | Or) else to_text(expr)


def _term(expr: Expr) -> str:
    """With brackets unless it is one word or call: nobody has to know which operator binds closer."""
    plain = isinstance(expr, Field | Literal | Moment | Call | Aggregate)
    return to_text(expr) if plain else f"({to_text(expr)})"


def _listed(exprs: tuple[Expr, ...]) -> str:
    return ", ".join(map(to_text, exprs))


def _name(step: str) -> str:
    plain = step.isascii() and step.isidentifier() and step.upper() not in _KEYWORDS
    return step if plain else '"' + step.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _literal(value: str | int | Decimal | bool | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _quoted(value) if isinstance(value, str) else format(Decimal(value), "f")
