"""The rule tree: what a rule says, whichever way it was written. Frozen, closed, and nothing in it can be executed."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Literal as OneOf

import msgspec

from onefold.errors import ConfigurationError


class RuleError(ConfigurationError):
    """A rule cannot be read, or does not fit the fields it is about; the message says what to write instead."""


Comparison = OneOf["=", "<>", "<", "<=", ">", ">="]
Operation = OneOf["+", "-", "*", "/"]


class Literal(msgspec.Struct, frozen=True, tag=True):
    """A text, a number, true, false, or null."""

    value: str | int | Decimal | bool | None


class Moment(msgspec.Struct, frozen=True, tag=True):
    """A point in time, microseconds since 1970 UTC."""

    at_us: int


class Field(msgspec.Struct, frozen=True, tag=True):
    """The value of a field, by its dotted name (`purchases`, `attr.country`)."""

    name: str


class Call(msgspec.Struct, frozen=True, tag=True):
    """A function of the allow-list (see `functions`) and its arguments."""

    function: str
    arguments: tuple[Expr, ...]


class Compare(msgspec.Struct, frozen=True, tag=True):
    """Two values in comparison; unknown when either is null or they are of different kinds."""

    operator: Comparison
    left: Expr
    right: Expr


class Between(msgspec.Struct, frozen=True, tag=True):
    """Whether a value lies within bounds, both included."""

    value: Expr
    low: Expr
    high: Expr


class In(msgspec.Struct, frozen=True, tag=True):
    """Whether a value equals one of several."""

    value: Expr
    options: tuple[Expr, ...]


class Like(msgspec.Struct, frozen=True, tag=True):
    """Whether a text has a form: `%` is any text, `_` any one character."""

    value: Expr
    pattern: str
    any_case: bool = False


class IsNull(msgspec.Struct, frozen=True, tag=True):
    """Whether nothing is known of a value; itself never unknown."""

    value: Expr


class Arithmetic(msgspec.Struct, frozen=True, tag=True):
    """Decimal arithmetic; null when an operand is no number, or on division by zero."""

    operator: Operation
    left: Expr
    right: Expr


class Not(msgspec.Struct, frozen=True, tag=True):
    """The opposite; of unknown, unknown."""

    part: Expr


class And(msgspec.Struct, frozen=True, tag=True):
    """True if all parts are true, false if any is false, else unknown."""

    parts: tuple[Expr, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """True if any part is true, false if all are false, else unknown."""

    parts: tuple[Expr, ...]


Expr = Literal | Moment | Field | Call | Compare | Between | In | Like | IsNull | Arithmetic | Not | And | Or


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside another."""
    match expr:
        case Call():
            return expr.arguments
        case Compare() | Arithmetic():
            return expr.left, expr.right
        case Between():
            return expr.value, expr.low, expr.high
        case In():
            return expr.value, *expr.options
        case Like() | IsNull():
            return (expr.value,)
        case Not():
            return (expr.part,)
        case And() | Or():
            return expr.parts
        case _:
            return ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all inside it."""
    pending = [expr]
    while pending:
        one = pending.pop()
        yield one
        pending += children(one)


def event_names(expr: Expr) -> frozenset[str]:
    """The events a rule counts or dates; somebody has to keep track of them for it."""
    return frozenset(
        name.value
        for call in walk(expr)
        if isinstance(call, Call) and call.function in EVENT_FUNCTIONS
        for name in call.arguments
        if isinstance(name, Literal) and isinstance(name.value, str)
    )


EVENT_FUNCTIONS = frozenset({"events", "first_event", "last_event"})
"""Functions of an event name: how often it happened, first when, last when."""
