"""Cost: what it takes to keep a rule's answer current, told before the rule is used."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal as OneOf

import msgspec

from onefold.rules import aggregate, time
from onefold.rules.tree import Aggregate, Call, Expr, Field, walk

Class = OneOf["stateless", "incremental", "windowed", "population"]
_LATENCY: dict[Class, str] = {
    "stateless": "with the batch that a person's next event is in",
    "incremental": "with the batch that the event is in",
    "windowed": "with the batch that the event is in; without one, when the UTC hour or day begins in which time changes it",
    "population": "when what is worked out of everybody is worked out again",
}


class Cost(msgspec.Struct, frozen=True):
    """What a rule takes.

    Attributes:
        kind: `stateless`: it reads what a profile has. `incremental`: something is kept for it with each event. `windowed`:
            time alone changes its answer. `population`: it reads what depends on everybody.
        latency: When a change shows.
        aggregates: How many aggregates of events are kept for it.
        conditions: How many of them look into the properties of each event.
    """

    kind: Class
    latency: str
    aggregates: int
    conditions: int


def cost(rule: Expr, population: Collection[str] = ()) -> Cost:
    """What a rule takes; `population` names the fields that are worked out of everybody (RFM scores, quantiles, models)."""
    parts = list(walk(rule))
    kept = {part for part in parts if isinstance(part, Aggregate)}
    kind: Class = "incremental" if kept else "stateless"
    clocks = any(isinstance(part, Call) and part.function in time.CLOCKS for part in parts)
    if clocks or any(map(aggregate.is_timed, kept)):
        kind = "windowed"
    if any(isinstance(part, Field) and part.name in population for part in parts):
        kind = "population"
    looking = sum(one.where is not None or one.property is not None or one.then is not None for one in kept)
    return Cost(kind, _LATENCY[kind], len(kept), looking)
