"""The profile as a result."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, UnsetType

from onefold.model.identifier import Identifier
from onefold.model.results.household import Household
from onefold.model.results.result import Result


class ProfileIdentifier(Result, frozen=True, kw_only=True):
    """One of a person's identifiers; exactly one of a profile is primary.

    Attributes:
        node: The id of its identity node, hexadecimal.
        shared: Several people use it, so that it links nobody.
    """

    type: str
    value: str
    node: str
    first_seen: str | None
    primary: bool
    shared: bool


class Identifiers(Result, frozen=True, kw_only=True):
    """A page of a profile's identifiers, the strongest first; `next` is the cursor of the page after it."""

    id: str
    identifiers: tuple[ProfileIdentifier, ...]
    identifiers_total: int
    next: str | None


class StatedValue(Result, frozen=True, kw_only=True):
    """A value that a source stated of an attribute.

    Attributes:
        time_assumed: True where the source stated no time, and `at` is when it was received; else left out.
        used: True where an event of engagement carried the value, and `at` is when the last one did; else left out.
    """

    value: Any
    source: str
    at: str | None
    time_assumed: bool | UnsetType = UNSET
    used: bool | UnsetType = UNSET


class Attribute(StatedValue, frozen=True, kw_only=True):
    """The value that stands, the rule by which it does, and those that lost, in the order in which they would follow."""

    rule: str
    others: tuple[StatedValue, ...]


class Counters(Result, frozen=True, kw_only=True):
    """What was counted and summed up.

    Attributes:
        purchases_without_amount: Purchases of which no amount could be read; they are not part of the revenue.
        revenue: In the default currency.
    """

    events: int
    sessions: int
    purchases: int
    purchases_without_amount: int
    revenue: str
    revenue_by_currency: dict[str, str]


class Lifecycle(Result, frozen=True, kw_only=True):
    """The stage of a person, the rule that says so, the rule in English, and when it may change by itself."""

    stage: str
    rule: str
    because: str
    changes_at: str | None


class Consent(Result, frozen=True, kw_only=True):
    """What holds of one purpose, and the statement that settles it."""

    granted: bool
    at: str | None
    source: str


class Group(Result, frozen=True, kw_only=True):
    """A company, account or team of the person, with what was last said of it."""

    type: str
    id: str
    traits: dict[str, Any]
    first_seen: str | None
    last_seen: str | None


class Occurrences(Result, frozen=True, kw_only=True):
    """How often an event was seen, first and last when."""

    count: int
    first: str | None
    last: str | None


class FindingCount(Result, frozen=True, kw_only=True):
    """How many of the person's events have a finding, and when the last did."""

    count: int
    last: str | None


class ComputedTrait(Result, frozen=True, kw_only=True):
    """A computed trait as of now.

    Attributes:
        value: A number, text, boolean or time; decimals are texts. Null where no event states it.
        changes_at: Until when it stays if nothing happens; null for ever.
        full: More was said than is kept, so that it is the value of a fixed choice.
        status: `live`: of all events. `backfilling`: of those since it was configured; the others are being filled in.
    """

    value: Any
    changes_at: str | None
    full: bool
    status: Literal["live", "backfilling"]


class ProfileSegment(Result, frozen=True, kw_only=True):
    """That a person is in a segment or a lifecycle stage.

    Attributes:
        since: When they entered.
        because: What made them enter: `event`, `time`, `definition` and so on.
        until: They stay at least until then if nothing happens: before, time alone changes none of their memberships. Null
            where it never does.
    """

    since: str | None
    because: str
    until: str | None


class TraitDefinition(Result, frozen=True, kw_only=True):
    """A computed trait as it is configured.

    Attributes:
        means: What it is, in English.
        kind: number, text, boolean, time or any.
        status: `live`: holds all events. `backfilling`: what happened before it was configured is being filled in. `new`:
            nothing was processed since.
        fingerprint: Tells its meaning from any other's.
        file: Where it is stated, relative to the project.
        read_by: Lifecycle stages and segments whose rules read it.
    """

    name: str
    function: str
    means: str
    kind: str
    status: Literal["live", "backfilling", "new"]
    fingerprint: str
    description: str
    owner: str
    file: str
    line: int
    read_by: tuple[str, ...]


class Traits(Result, frozen=True, kw_only=True):
    """All computed traits of a workspace."""

    traits: tuple[TraitDefinition, ...]


class TraitShare(Result, frozen=True, kw_only=True):
    """How many people have a value."""

    value: Any
    people: int


class TraitValue(Result, frozen=True, kw_only=True):
    """A person's value."""

    id: str
    value: Any


class TraitPreview(Result, frozen=True, kw_only=True):
    """What a trait comes to for everybody, worked out from the warehouse.

    Attributes:
        method: `sql`: by one query. `fold`: event by event, which is slower.
        because: Why no query can state it; null where one does.
        people: People who have another value than those without such events.
        least: Of numbers and times; null for others, as `median` and `greatest`.
        commonest: The commonest values, with how many people have them.
        sample: Some people.
    """

    name: str
    as_of: str
    method: Literal["sql", "fold"]
    because: str | None
    people: int
    least: Any
    median: Any
    greatest: Any
    commonest: tuple[TraitShare, ...]
    sample: tuple[TraitValue, ...]


class Profile(Result, frozen=True, kw_only=True):
    """What is known about one person.

    Attributes:
        canonical: The primary identifier.
        identifiers: The strongest first, at most a hundred of them; `identifiers_total` counts all.
        attributes: By name; a name that was cleared is not there.
        consent: By purpose; `all` settles those that are not named.
        sources: Events by source.
        full: What is at its limit, so that only a fixed choice of more is kept: `traits`, `consents`.
        tracked_events: By name, the events that rules ask about.
        findings: By code.
        traits: Computed traits by name.
        segments: Segments that the person is in, and lifecycle stages (`stage.customer`), as of the latest evaluation.
        household: Who has the person's family name at the person's address, this person included; null for who is alone.
    """

    id: str
    canonical: Identifier | None
    identifiers: tuple[ProfileIdentifier, ...]
    identifiers_total: int
    attributes: dict[str, Attribute]
    counters: Counters
    first_seen: str | None
    last_seen: str | None
    last_active: str | None
    lifecycle: Lifecycle
    consent: dict[str, Consent]
    groups: tuple[Group, ...]
    sources: dict[str, int]
    full: tuple[str, ...]
    tracked_events: dict[str, Occurrences]
    findings: dict[str, FindingCount]
    traits: dict[str, ComputedTrait]
    segments: dict[str, ProfileSegment]
    household: Household | None
