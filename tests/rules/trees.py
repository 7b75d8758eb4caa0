"""Random rules, as readers make them: any tree that text or JSON can say. Seeds of `random` stand for them, for its speed."""

from __future__ import annotations

from decimal import Decimal
from random import Random

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

STEPS = ["a", "b1", "select", "within", "we ird", 'qu"ote', "Ünï", "then", "-- x", "true", "a'b"]
LETTERS = "abÄ'\"\\;-%_ .\n()"
OPERATORS = ["=", "<>", "<", "<=", ">", ">="]
OF_PROPERTY = ["sum", "average", "min", "max", "first", "last", "unique_count", "most_frequent"]


class Maker:
    """Makes trees out of one source of randomness."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.choice = self.random.choice

    def text(self) -> str:
        return "".join(self.choice(LETTERS) for _ in range(self.random.randint(0, 5)))

    def word(self) -> str:
        return self.text() + self.choice("aÄ'-")

    def name(self) -> str:
        return ".".join(self.choice(STEPS) for _ in range(self.random.randint(1, 3)))

    def field(self) -> Field:
        return Field(self.name())

    def literal(self) -> Literal:
        return self.choice(
            [
                lambda: Literal(self.text()),
                lambda: Literal(self.random.randint(-(10**12), 10**12)),
                lambda: Literal(self.choice([True, False, None])),
                lambda: number(Decimal(self.random.randint(-999_999, 999_999)).scaleb(-3)),
            ]
        )()

    def window(self) -> Window:
        return Window(self.random.randint(0, 400), self.choice([HOUR_US, DAY_US]))

    def some(self, make):
        """Often none."""
        return make() if self.random.random() < 0.4 else None

    def several(self, make, least=2):
        return tuple(make() for _ in range(self.random.randint(least, 3)))

    def simple(self):
        return self.choice(
            [
                self.field,
                lambda: Compare(self.choice(OPERATORS), self.field(), self.literal()),
                lambda: In(self.field(), self.several(self.literal, 1)),
                lambda: Between(self.field(), self.literal(), self.literal()),
                lambda: IsNull(self.field()),
            ]
        )()

    def joined(self, make, depth):
        """Connectives, side by side where they are of one kind, as readers leave them."""
        kind = self.choice([None, None, Not, And, Or]) if depth else None
        if kind is None:
            return make()
        if kind is Not:
            return Not(self.joined(make, depth - 1))
        parts = [self.joined(make, depth - 1) for _ in range(self.random.randint(2, 3))]
        return kind(tuple(inner for part in parts for inner in (part.parts if isinstance(part, kind) else (part,))))

    def condition(self):
        return self.joined(self.simple, 2)

    def aggregate(self) -> Aggregate:
        event, where, within = self.word(), self.some(self.condition), self.some(self.window)
        form = self.random.randrange(4)
        if form == 0:
            return Aggregate(self.choice(["count", "exists", "first", "last"]), event, None, where, within)
        if form == 1:
            return Aggregate(self.choice(OF_PROPERTY), event, self.name(), where, within)
        if form == 2:
            return Aggregate(
                self.choice(["streak", "unique_count"]), event, None, where, per=self.choice(["day", "year"])
            )
        then = Then(self.word(), self.window(), self.some(self.condition), absent=self.choice([True, False]))
        return Aggregate("exists", event, None, where, within, then=then)

    def value(self, depth=2):
        leaves = [self.field, self.literal, self.aggregate, lambda: Moment(self.random.randrange(4 * 10**15))]
        if not depth or self.random.random() < 0.6:
            return self.choice(leaves)()
        return self.choice(
            [
                lambda: Arithmetic(self.choice("+-*/"), self.value(depth - 1), self.value(depth - 1)),
                lambda: Call(self.choice(["lower", "length", "days_since", "to_time"]), (self.value(depth - 1),)),
                lambda: Call("coalesce", (self.value(depth - 1), self.value(depth - 1))),
            ]
        )()

    def subject(self):
        return self.choice([self.field, self.aggregate])()

    def atom(self):
        return self.choice(
            [
                lambda: Compare(self.choice(OPERATORS), self.value(), self.value()),
                lambda: Compare(self.choice(OPERATORS), self.subject(), self.literal()),
                lambda: Compare(self.choice("<>"), self.subject(), Moment(self.random.randrange(4 * 10**15))),
                lambda: In(self.value(), self.several(self.literal, 1)),
                lambda: Between(self.subject(), self.literal(), self.literal()),
                lambda: Like(self.value(), self.text(), any_case=self.choice([True, False])),
                lambda: IsNull(self.value()),
                lambda: Call(
                    self.choice(["contains", "starts_with", "ends_with", "matches"]), (self.subject(), self.literal())
                ),
                lambda: Call("contains_any", (self.field(), *self.several(self.literal, 1))),
                lambda: Between(
                    Call(self.choice(["days_since", "hours_since"]), (self.subject(),)),
                    Literal(0),
                    Literal(self.random.randint(0, 99)),
                ),
            ]
        )()

    def rule(self):
        return self.joined(self.atom, 3)
