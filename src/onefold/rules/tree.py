"""The rule tree: what a rule says, whichever way it was written. Frozen, closed, and nothing in it can be executed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Context, Decimal
from typing import Literal as OneOf

import msgspec

from onefold.errors import ConfigurationError


class Place(msgspec.Struct, frozen=True):
    """Where in a rule as it was written something stands.

    Attributes:
        order: Larger for what comes later.
        name: As a person finds it: `line 1, column 5`, or a JSON pointer.
    """

    order: int
    name: str


class RuleError(ConfigurationError):
    """A rule cannot be read, or does not fit the fields it is about; the message says what to write instead, and where.

    Attributes:
        place: Where in the rule, or None.
    """

    def __init__(self, message: str, place: Place | None = None) -> None:
        self.place = place
        super().__init__(f"{message} ({place.name})" if place else message)


Places = Mapping[int, Place]
"""Where parts of a tree stand, by their identity (`id`), for as long as the tree is held."""


def placed(error: RuleError, expr: Expr, places: Places) -> RuleError:
    """The error with the place of the expression that it is about, unless it has one that is nearer."""
    if error.place is not None or not places:
        return error
    found = [places[id(part)] for part in walk(expr) if id(part) in places]
    return RuleError(str(error), min(found, key=lambda place: place.order)) if found else error


Comparison = OneOf["=", "<>", "<", "<=", ">", ">="]
Operation = OneOf["+", "-", "*", "/"]
AggregateFunction = OneOf[
    "average", "count", "exists", "first", "last", "max", "min", "most_frequent", "streak", "sum", "unique_count"
]
Period = OneOf["day", "week", "month", "year"]


class Literal(msgspec.Struct, frozen=True, tag=True, eq=False):
    """A text, a number, true, false, or null."""

    value: str | int | Decimal | bool | None

    def __eq__(self, other: object) -> bool:
        """Python holds `1 = true`; rules do not, and trees are keys of caches."""
        return type(other) is Literal and type(other.value) is type(self.value) and other.value == self.value

    def __hash__(self) -> int:
        """Fits `__eq__`."""
        return hash((type(self.value), self.value))


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


class Window(msgspec.Struct, frozen=True, tag=True):
    """The last so many whole UTC tiles (days or hours) before the one that a moment lies in, and that one as a whole.

    So `within 1 day` is today and yesterday: all of the last 24 hours, always.
    """

    tiles: int
    tile_us: int


class Then(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What has to follow an event, or must not (`absent`): another event, later and at most so many tiles later."""

    event: str
    within: Window
    where: Expr | None = None
    absent: bool = False


class Aggregate(msgspec.Struct, frozen=True, tag=True, omit_defaults=True):
    """What the events of one name add up to for a person. See `aggregate` for the meaning of each function.

    Attributes:
        function: What is worked out.
        event: Canonical name of the events.
        property: The property that it is worked out of, dotted; None where it is of the events themselves.
        where: Which of the events count: a rule about the event's properties.
        within: Those in this window only; None for all there ever were.
        per: The calendar period (UTC) that `streak` and `unique_count` count.
        then: Of `exists`: what follows such an event, or does not.
    """

    function: AggregateFunction
    event: str
    property: str | None = None
    where: Expr | None = None
    within: Window | None = None
    per: Period | None = None
    then: Then | None = None


class Not(msgspec.Struct, frozen=True, tag=True):
    """The opposite; of unknown, unknown."""

    part: Expr


class And(msgspec.Struct, frozen=True, tag=True):
    """True if all parts are true, false if any is false, else unknown."""

    parts: tuple[Expr, ...]


class Or(msgspec.Struct, frozen=True, tag=True):
    """True if any part is true, false if all are false, else unknown."""

    parts: tuple[Expr, ...]


Expr = (
    Literal | Moment | Field | Call | Compare | Between | In | Like | IsNull | Arithmetic | Aggregate | Not | And | Or
)


_DIGITS = Context(prec=60)


def number(value: Decimal) -> Literal:
    """A number as a literal: one tree for 1, 1.0 and 1.00."""
    whole = value.to_integral_value()
    return Literal(int(whole)) if whole == value else Literal(value.normalize(_DIGITS))


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly inside another; the conditions of an aggregate are about events, so they are not."""
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


def aggregates(expr: Expr) -> frozenset[Aggregate]:
    """The aggregates of events that a rule reads; somebody has to keep them for it."""
    return frozenset(one for one in walk(expr) if isinstance(one, Aggregate))
