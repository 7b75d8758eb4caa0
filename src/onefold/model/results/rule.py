"""Rules as the service answers them: what one says and takes, what rules can read, and values to compare that with."""

from __future__ import annotations

from typing import Any, Literal

from onefold.model.results.result import Result

Kind = Literal["boolean", "number", "text", "time", "any"]
CostClass = Literal["stateless", "incremental", "windowed", "population"]


class RuleCheck(Result, frozen=True, kw_only=True):
    """What a rule says, in each of its forms, and what it takes.

    Attributes:
        text: The text form.
        json: The JSON form, as segment builders write it; what it has no operator for is an `expression`.
        sentence: In English.
        reads: The fields that it reads.
        events: The events that it asks for.
        personal: The classes of personal data that it reads, the least first.
        not_applied: What it reads that the project's files say otherwise, and what has to be done so that it holds.
        cost: `stateless`: it reads what a profile has. `incremental`: something is kept for it with each event.
            `windowed`: time alone changes its answer. `population`: it reads what depends on everybody.
        latency: When a change shows.
    """

    text: str
    json: dict[str, Any]
    sentence: str
    reads: tuple[str, ...]
    events: tuple[str, ...]
    personal: tuple[str, ...]
    not_applied: tuple[str, ...]
    cost: CostClass
    latency: str


class RuleField(Result, frozen=True, kw_only=True):
    """Something that a rule can read of a person.

    Attributes:
        name: As rules write it.
        group: `profile`, `attribute`, `consent`, `trait`, `rfm`, `stage` or `segment`.
        kind: What its value is; `any` is known only when it is there.
        description: What it is.
        personal: The class of personal data of its values.
        people: People who have it, where that was counted.
        because: Why rules cannot read it now; else empty.
    """

    name: str
    group: str
    kind: Kind
    description: str
    personal: str
    people: int | None
    because: str


class RuleProperty(Result, frozen=True, kw_only=True):
    """A property of an event, its class of personal data, and how many of the latest events state it."""

    name: str
    personal: str
    events: int


class RuleEvent(Result, frozen=True, kw_only=True):
    """An event that rules can ask for, and how many there are."""

    name: str
    events: int
    properties: tuple[RuleProperty, ...]


class RuleFields(Result, frozen=True, kw_only=True):
    """All that rules can read.

    Attributes:
        fields: Of people, the commonest attributes first.
        events: The commonest first.
        operators: Of the JSON form, by the kind of a field.
        aggregates: What can be asked of events.
        because: Why attributes and events are not told; else empty.
    """

    fields: tuple[RuleField, ...]
    events: tuple[RuleEvent, ...]
    operators: dict[str, tuple[str, ...]]
    aggregates: tuple[str, ...]
    because: str


class RuleValue(Result, frozen=True, kw_only=True):
    """A value, and how many people, or events, have it."""

    value: Any
    count: int


class RuleValues(Result, frozen=True, kw_only=True):
    """Values of a field or of a property, the commonest first.

    Attributes:
        masked: Whether the key may not see them as they are; then they are shortened, or none are told.
        more: Whether there are others.
    """

    values: tuple[RuleValue, ...]
    masked: bool
    more: bool
