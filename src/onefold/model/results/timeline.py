"""The timeline of a person as a result: a page of their events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from onefold.model.finding import Finding
from onefold.model.identifier import Identifier
from onefold.model.results.result import Result


class EventOperation(Result, frozen=True, kw_only=True):
    """What an event does to one attribute, building on what it was: adds an amount, or one element of a list."""

    field: str
    verb: str
    value: Any


class EventGroup(Result, frozen=True, kw_only=True):
    """A group as one event states it."""

    type: str
    id: str
    traits: dict[str, Any]


class Event(Result, frozen=True, kw_only=True):
    """An event of a timeline, as normalised.

    Attributes:
        original_name: The name as sent, where a dialect or a plan translates it.
        skew_ms: By how much the sender's clock was off, where that is known.
        emq: Match quality, 0 to 1.
        violations: What of the tracking plan it breaks.
        cleared: Names of attributes that it empties.
        consents: By purpose, whether it is granted.
        offset: Its position in the log.
    """

    message_id: str
    kind: str
    name: str
    original_name: str | None
    source: str
    timestamp: str | None
    original_timestamp: str | None
    sent_at: str | None
    received_at: str | None
    skew_ms: int | None
    emq: float
    findings: tuple[Finding, ...]
    violations: tuple[str, ...]
    identifiers: tuple[Identifier, ...]
    traits: dict[str, Any]
    traits_once: dict[str, Any]
    cleared: tuple[str, ...]
    operations: tuple[EventOperation, ...]
    groups: tuple[EventGroup, ...]
    properties: dict[str, Any]
    context: dict[str, Any]
    consents: dict[str, bool]
    offset: int
    request_id: str


class RefusedEvent(Result, frozen=True, kw_only=True):
    """A stored entry that today's configuration would not accept: `rejected` or `suppressed`."""

    offset: int
    source: str
    outcome: str


if TYPE_CHECKING:
    TimelineEvent = Event | RefusedEvent
else:
    TimelineEvent = Any  # msgspec describes no union of structs without tags; `serving/schemas.py` does


class Timeline(Result, frozen=True, kw_only=True):
    """A page of a person's events, newest first; `next` is the cursor of the page after it, None on the last."""

    profile_id: str
    events: tuple[TimelineEvent, ...]
    next: str | None
