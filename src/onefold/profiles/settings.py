"""Profile settings: which value survives, what is a purchase, when a visit ends, which stages a life has.

States are folded under these settings. A change to survivorship, engagement, purchases, the session gap or the tracked events
holds for the past too only after `onefold rebuild`; lifecycle rules and ranks of sources count at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Protocol

import msgspec

from onefold.profiles.computed.plan import Plan, Read, plan, reads
from onefold.profiles.computed.trait import Trait
from onefold.profiles.lifecycle import Lifecycle, Scores, Stage, compiled, default_stages
from onefold.profiles.limits import Limits, limits
from onefold.profiles.survivorship import Survivorship
from onefold.rules import Aggregate, Timed, fingerprint
from onefold.rules.tree import AggregateFunction

MINUTE_US = 60_000_000
DEFAULT_CURRENCY = "USD"
TRACKED: tuple[AggregateFunction, ...] = ("count", "first", "last")
"""What is kept of tracked events."""


class Purchase(msgspec.Struct, frozen=True):
    """How to read one purchase event: the property that holds the amount (the first readable counts), and its currency.

    Purchases and revenue are counters of their own, not computed traits, since they add up several events, of which each
    may state its amount in one of several properties; a trait is about the events of one name and one property.
    """

    amount_keys: tuple[str, ...] = ("revenue", "total", "amount", "value")
    currency_key: str = "currency"


DEFAULT_PURCHASES: Mapping[str, Purchase] = {
    name: Purchase()
    for name in ("Order Completed", "Donation Completed", "Ticket Purchased", "Purchase", "Purchase Completed")
}


DEFAULT_ENGAGEMENT = frozenset(
    {
        "Email Opened", "Email Link Clicked", "Email Clicked", "Email Replied", "Email Subscribed", "Message Opened",
        "Message Clicked", "Message Replied", "SMS Clicked", "SMS Replied", "SMS Subscribed", "Subscribed", "Signed In",
        "Call Answered",
    }
)  # fmt: skip
"""Events that somebody answers with, beside purchases: what they carry is in use."""


WELL_KNOWN_FIELDS = frozenset(
    {
        "address", "age", "avatar", "birthday", "birthdate", "city", "company", "country", "created_at", "createdAt",
        "date_of_birth", "dateOfBirth", "email", "employees", "first_name", "firstName", "firstname", "full_name",
        "fullName", "gender", "job_title", "jobTitle", "language", "last_name", "lastName", "lastname", "locale", "name",
        "phone", "plan", "postal_code", "postalCode", "state", "street", "surname", "timezone", "title", "username",
        "website", "zip",
    }
)  # fmt: skip
"""Traits that every dialect has; kept before others where there are more than a node may hold."""


class Scorer(Protocol):
    """Scores one person by what was worked out of everybody."""

    def values(self, row: Mapping[str, Any]) -> Mapping[str, Timed]:
        """What rules read, by field; `row` holds the person's aggregates."""
        ...


class Basis(msgspec.Struct, frozen=True):
    """What a store knows beside people and rules read: as of one snapshot.

    Attributes:
        scorers: Of the RFM definitions that ran as they are now.
        filling: Of the aggregates that the stream keeps, those that do not hold all events yet; to rules they are unknown.
    """

    scorers: tuple[Scorer, ...] = ()
    filling: frozenset[Aggregate] = frozenset()


class Asked(msgspec.Struct, frozen=True):
    """What rules outside this stage, those of segments, read of a profile: fields, and what events add up to."""

    fields: frozenset[str] = frozenset()
    aggregates: frozenset[Aggregate] = frozenset()


class ProfileSettings(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What the profile stage is told.

    Attributes:
        survivorship: Field to rule.
        default_survivorship: The rule of every other field.
        engagement: Events that use the values they carry, beside purchases, for the strategy `latest_engagement`.
        purchases: Event name to how it is read.
        default_currency: The currency of an amount that states none, and the one the profile's revenue is shown in.
        session_gap_us: The longest pause within one session.
        churn_days: After how many days without activity a customer has churned, in the default stages.
        stages: Lifecycle stages, least first; empty for the default ones.
        tracked_events: Events to count and date, beside purchases and those that lifecycle rules mention.
        consent_authorities: Sources whose events may state consent for the whole person
            (`context.consent.person_level: true`), outranking earlier denials on other identifiers. From any other
            source the mark is ignored, so that a public browser key cannot widen anybody's consent.
        candidates_kept: Values kept per field, source and size of value; of `most_frequent` sixteen times as many.
        declared_fields: Attributes to keep before others, beside those of `survivorship`, of rules, and those
            that every dialect has.
        state_bytes: About the most that a node's state may take (`bounds`).
        asked: What segments read, beside what lifecycle rules do.
        traits: Computed traits.
        scores: The RFM scores that rules may read.
        basis: What the store knows that rules read; nothing where the settings are those of no snapshot.
        epochs: Of what is kept of events, how often it was configured anew (`computed.begun`).
    """

    survivorship: dict[str, Survivorship] = {}
    default_survivorship: Survivorship = Survivorship()
    engagement: frozenset[str] = DEFAULT_ENGAGEMENT
    purchases: dict[str, Purchase] = msgspec.field(default_factory=lambda: dict(DEFAULT_PURCHASES))
    default_currency: str = DEFAULT_CURRENCY
    session_gap_us: int = 30 * MINUTE_US
    churn_days: int = 90
    stages: tuple[Stage, ...] = ()
    tracked_events: frozenset[str] = frozenset()
    consent_authorities: frozenset[str] = frozenset()
    candidates_kept: int = 4
    declared_fields: frozenset[str] = frozenset()
    state_bytes: int = 256 * 1024
    asked: Asked = Asked()
    traits: tuple[Trait, ...] = ()
    scores: Scores = ()
    basis: Basis = Basis()
    epochs: dict[str, int] = {}

    def __post_init__(self) -> None:
        # Rules are read here, once, so that none that cannot be read gets any further.
        stages = self.stages or default_stages(self.churn_days)
        msgspec.structs.force_setattr(self, "stages", stages)
        tracked = self.tracked_events | {one.event for one in self.lifecycle.aggregates} | frozenset(self.purchases)
        msgspec.structs.force_setattr(self, "tracked_events", tracked)
        ruled = {name.removeprefix("attr.") for name in self.ruled_fields if name.startswith("attr.")}
        outer = {name.partition(".")[0] for name in ruled}
        declared = self.declared_fields | WELL_KNOWN_FIELDS | self.survivorship.keys() | ruled | outer
        msgspec.structs.force_setattr(self, "declared_fields", declared)

    @property
    def lifecycle(self) -> Lifecycle:
        """The stages, their rules read and bound.

        Raises:
            RuleError: A stage's rule cannot be read.
        """
        return compiled(self.stages, self.traits, self.scores)

    @cached_property
    def ruled_fields(self) -> frozenset[str]:
        """The fields that any rule reads."""
        return self.lifecycle.fields | self.asked.fields

    @cached_property
    def ruled_aggregates(self) -> frozenset[Aggregate]:
        """What any rule reads of events."""
        return self.lifecycle.aggregates | self.asked.aggregates

    @cached_property
    def ruled_reads(self) -> tuple[Read, ...]:
        """The same, as they are read of what is kept."""
        return reads(self.computed, self.ruled_aggregates)

    @property
    def limits(self) -> Limits:
        """What a node may hold of each kind of thing."""
        return limits(self.state_bytes)

    @cached_property
    def computed(self) -> Plan:
        """Which aggregates of events are kept."""
        limits = self.limits
        traits = {trait.aggregate for trait in self.traits}
        tracked = {Aggregate(function, name) for name in self.tracked_events for function in TRACKED}
        wanted = sorted({*traits, *tracked, *self.ruled_aggregates}, key=fingerprint)
        return plan(wanted, values_max=limits.values, tiles_max=limits.tiles, epochs=self.epochs)

    @cached_property
    def using(self) -> frozenset[str]:
        """The events that use the values they carry; none where no rule asks for uses."""
        rules = (*self.survivorship.values(), self.default_survivorship)
        asked = any(rule.strategy == "latest_engagement" for rule in rules)
        return self.engagement | self.purchases.keys() if asked else frozenset()

    def rule_for(self, field: str) -> Survivorship:
        """The survivorship rule of a field."""
        return self.survivorship.get(field, self.default_survivorship)
