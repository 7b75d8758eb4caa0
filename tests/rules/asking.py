"""Random rules about people: such as fit, and such as SQL can say; values mostly where they matter."""

from __future__ import annotations

from decimal import Decimal
from random import Random

from tests.rules.people import AS_OF_US, EVENTS

from onefold.rules import Aggregate, Then, Window
from onefold.rules.time import DAY_US, HOUR_US
from onefold.rules.tree import (
    And,
    Arithmetic,
    Between,
    Call,
    Compare,
    Field,
    In,
    IsNull,
    Like,
    Literal,
    Moment,
    Not,
    Or,
    number,
)

OPERATORS = ["=", "<>", "<", "<=", ">", ">="]
ANY = ["a", "b", "x.y", "x", "missing"]
TEXTS = ["a", "ab", "B", "", "12", "it's", "é", "b", "%", "x\ny", "' or 1=1 --"]
NUMBERS = [
    0,
    1,
    -1,
    2,
    3,
    12,
    10,
    Decimal("1.5"),
    Decimal("0.1"),
    Decimal("-0.5"),
    Decimal("0.3"),
    999999999999999,
    10**15,
]
PATTERNS = ["^a", "b$", "^[0-9]+$", "a.", "^.$", "[ab]", "x.y", "(a|b)b?", "^$", "1\\.5", "é", "^[^a]+$", "[+-]"]
OF_NUMBERS = ["sum", "average", "min", "max", "unique_count"]


class Asker:
    """Makes rules about people."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.choice = self.random.choice

    def literal(self, kind):
        if kind == "text":
            return Literal(self.choice(TEXTS))
        if kind == "number":
            return number(Decimal(self.choice(NUMBERS)))
        return Literal(self.choice([True, False]))

    def any_literal(self):
        kind = self.choice(["text", "number", "number", "boolean"])
        return Literal(None) if self.random.random() < 0.05 else self.literal(kind)

    def window(self):
        return self.choice([Window(self.random.randint(0, 8), DAY_US), Window(self.random.randint(0, 30), HOUR_US)])

    def some(self, make, share=0.4):
        return make() if self.random.random() < share else None

    def condition(self, depth=1):
        """About an event."""
        if depth and self.random.random() < 0.4:
            return self.joined(lambda: self.condition(depth - 1))
        field = Field(self.choice([*ANY, "amount"]))
        return self.choice(
            [
                lambda: self.on_any(field),
                lambda: self.on_any(field),
                lambda: Compare(self.choice("=<>"), Field("event.source"), Literal(self.choice(["web", "crm"]))),
                lambda: Compare(self.choice(OPERATORS), Field("event.at"), self.moment()),
                lambda: Compare(self.choice(OPERATORS), Field("d"), self.choice([self.moment(), Field("event.at")])),
                lambda: Compare(self.choice(OPERATORS), Call("to_number", (field,)), self.literal("number")),
            ]
        )()

    def moment(self):
        return Moment((AS_OF_US // DAY_US - self.random.randint(0, 6)) * DAY_US + self.choice([0, -1, 1]))

    def event(self):
        return self.choice(EVENTS)

    def aggregate(self, kind):
        event, where, within = self.event(), self.some(self.condition), self.some(self.window)
        if kind == "boolean":
            then = self.some(self.then, 0.6)
            return Aggregate("exists", event, None, where, within, then=then)
        if kind == "time":
            return Aggregate(self.choice(["first", "last"]), event, None, where, within)
        if kind == "any":
            function = self.choice(["first", "last", "most_frequent"])
            return Aggregate(function, event, self.choice(ANY), where, within)
        form = self.random.randrange(4)
        if form == 0:
            return Aggregate("count", event, None, where, within)
        if form == 1:
            return Aggregate("streak", event, None, where, per=self.choice(["day", "week", "month", "year"]))
        if form == 2:
            return Aggregate("unique_count", event, None, where, within, self.choice(["day", "week", "month", "year"]))
        return Aggregate(self.choice(OF_NUMBERS), event, self.choice(["amount", "a", "x.y"]), where, within)

    def then(self):
        return Then(self.event(), self.window(), self.some(self.condition), absent=self.choice([True, False]))

    def any_value(self):
        return self.choice(
            [
                lambda: Field(f"attr.{self.choice(ANY)}"),
                lambda: Field(f"attr.{self.choice(ANY)}"),
                lambda: self.aggregate("any"),
                lambda: Call("coalesce", (Field("attr.a"), self.any_literal())),
                lambda: Call("coalesce", (Field("attr.x.z"), Field("attr.b"))),
            ]
        )()

    def time(self):
        return self.choice(
            [
                lambda: Field("last_seen"),
                lambda: Field("first_seen"),
                lambda: self.aggregate("time"),
                lambda: Call("to_time", (self.dated(),)),
                lambda: Call("coalesce", (self.dated(), Field("last_active"))),
            ]
        )()

    def dated(self):
        """A value that states a time, mostly."""
        return self.choice(
            [
                lambda: Field("attr.d"),
                lambda: Field("attr.d"),
                lambda: Aggregate(self.choice(["first", "last"]), self.event(), "d"),
                lambda: Call("coalesce", (Field("attr.a"), Field("attr.d"))),
            ]
        )()

    def number(self, depth=1):
        plain = [
            lambda: Field(self.choice(["events", "purchases", "revenue"])),
            lambda: self.aggregate("number"),
            lambda: self.aggregate("number"),
            lambda: Call(self.choice(["days_since", "hours_since"]), (self.time(),)),
            lambda: Call("to_number", (self.any_value(),)),
            lambda: Call("length", (self.any_value(),)),
        ]
        if depth and self.random.random() < 0.2:
            return Arithmetic(self.choice("+-"), self.number(0), self.choice([self.number(0), Literal(2)]))
        if depth and self.random.random() < 0.1:
            return Arithmetic("*", self.choice([Field("revenue"), self.aggregate("number")]), Literal(Decimal("1.5")))
        return self.choice(plain)()

    def on_any(self, value):
        """A condition on a value of any kind."""
        kind = self.choice(["text", "number", "number", "boolean"])
        return self.choice(
            [
                lambda: Compare(self.choice(OPERATORS), value, self.literal(kind)),
                lambda: Compare(self.choice(OPERATORS), value, self.literal(kind)),
                lambda: In(value, tuple(self.literal(kind) for _ in range(3))),
                lambda: Between(value, self.literal(kind), self.literal(kind)),
                lambda: Call("contains", (value, self.any_literal())),
                lambda: Call("contains_any", (value, self.any_literal(), self.any_literal())),
                lambda: Call(self.choice(["starts_with", "ends_with"]), (value, self.literal("text"))),
                lambda: Call("matches", (value, Literal(self.choice(PATTERNS)))),
                lambda: Like(value, self.choice(["a%", "%b", "_", "", "%'%", "A%"]), self.choice([True, False])),
                lambda: IsNull(value),
                lambda: value,
            ]
        )()

    def atom(self):
        return self.choice(
            [
                lambda: self.on_any(self.any_value()),
                lambda: self.on_any(self.any_value()),
                lambda: Compare(self.choice(OPERATORS), self.number(), self.literal("number")),
                lambda: Compare(self.choice(OPERATORS), self.number(), self.literal("number")),
                lambda: Compare(self.choice(OPERATORS), self.number(), self.number()),
                lambda: Compare(self.choice(OPERATORS), self.any_value(), self.any_value()),
                lambda: Compare(self.choice(OPERATORS), self.any_value(), self.number()),
                lambda: Compare(self.choice(OPERATORS), self.time(), self.moment()),
                lambda: Compare(self.choice(OPERATORS), self.dated(), self.choice([self.moment, self.time])()),
                lambda: Between(Call("days_since", (self.time(),)), Literal(0), Literal(self.random.randint(0, 6))),
                lambda: IsNull(self.time()),
                lambda: self.aggregate("boolean"),
                lambda: self.aggregate("boolean"),
                lambda: Field(self.choice(["has_user_id", "has_email", "has_phone", "consent.email", "consent.sms"])),
                lambda: Compare("=", Field("lifecycle_stage"), Literal("customer")),
            ]
        )()

    def joined(self, make):
        kind = self.choice([Not, And, Or])
        if kind is Not:
            return Not(make())
        return kind(tuple(make() for _ in range(2)))

    def rule(self, depth=2):
        if depth and self.random.random() < 0.35:
            return self.joined(lambda: self.rule(depth - 1))
        return self.atom()
