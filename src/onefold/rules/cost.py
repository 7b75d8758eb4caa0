"""Cost: what it takes to keep a rule's answer current, told before the rule is used."""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

from onefold.rules import aggregate
from onefold.rules.binding import Bound

Class = OneOf["stateless", "incremental", "windowed", "population"]
CLASSES: tuple[Class, ...] = ("stateless", "incremental", "windowed", "population")
"""The cheapest first."""
LATENCY: dict[Class, str] = {
    "stateless": "with the batch that a person's next event is in",
    "incremental": "with the batch that the event is in",
    "windowed": "with the batch that the event is in; without one, when the UTC hour or day begins in which time changes it",
    "population": "as the others; and when what is worked out of everybody is worked out again",
}
"""When a change shows."""


class Cost(msgspec.Struct, frozen=True):
    """What a rule takes.

    Attributes:
        kind: `stateless`: it reads what a profile has. `incremental`: something is kept for it with each event. `windowed`:
            time alone changes its answer. `population`: it reads what depends on everybody.
        aggregates: How many aggregates of events are kept for it, those of traits among them.
        conditions: How many of them look into the properties of each event.
    """

    kind: Class
    aggregates: int
    conditions: int

    @property
    def latency(self) -> str:
        """When a change shows."""
        return LATENCY[self.kind]


def cost(rule: Bound) -> Cost:
    """What a rule takes."""
    kept = rule.aggregates
    kind: Class = "incremental" if kept else "stateless"
    if rule.clocks or rule.restless_us is not None or any(map(aggregate.is_timed, kept)):
        kind = "windowed"
    if rule.derived:
        kind = "population"
    looking = sum(one.where is not None or one.property is not None or one.then is not None for one in kept)
    return Cost(kind, len(kept), looking)
