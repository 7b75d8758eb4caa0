"""An event: something that happened to, or was stated about, one person at one time."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from onefold.model.finding import Finding
from onefold.model.identifier import Identifier

Kind = Literal["track", "identify", "page", "screen", "group", "alias", "record"]


ASSUMED_US = 1 << 53
"""By how much an assumed time is moved back to be ranked: 285 years, so it is negative."""


class ConsentStatement(msgspec.Struct, frozen=True, gc=False):
    """What an event says of one purpose (`email`, `analytics`, `ads`, `sms`, `all`, …): granted or denied."""

    purpose: str
    granted: bool


class GroupStatement(msgspec.Struct, frozen=True, gc=False):
    """What an event says of a group (company, account, team) that its person belongs to.

    Attributes:
        type: The kind of group; `group` where the dialect knows one kind only.
        id: The group's id in the sender's system.
        traits: About the group; None clears a trait.
    """

    type: str
    id: str
    traits: dict[str, Any] = {}


Verb = Literal["add", "append", "prepend", "union", "union_first", "remove"]
"""Add to a number; put behind or before a list; the same, unless the list has it; take every one out of it."""


class OperationStatement(msgspec.Struct, frozen=True, gc=False):
    """What an event does to one attribute, building on what it was: an amount to add, or one element of a list."""

    field: str
    verb: Verb
    value: Any


class Event(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One accepted event, normalised from whatever dialect brought it.

    Attributes:
        id: 16 bytes, the de-duplication key: a hash of source and message id. Equal ids are the same event, for ever.
        message_id: The sender's own id (messageId, uuid, idempotency_key), or one we derived from the receipt.
        kind: What sort of statement this is; a row of a file or a CRM is a `record`.
        name: The canonical event name (`Order Completed`); for page and screen `Page Viewed` / `Screen Viewed`.
        original_name: The name as sent, where it differs from `name`.
        source: The source the key belongs to.
        identifiers: All identifiers stated, in order of statement, without blanks and exact repeats; values as stated.
        traits: What the event states about the person (attributes), nulls left out.
        traits_once: Traits that hold only where none was stated otherwise: the earliest such value counts.
        cleared: Traits that the event takes away: values stated before it no longer count.
        operations: What it does to attributes, building on what they were, in order.
        groups: The groups the person belongs to, and what is said of them.
        properties: What the event states about itself.
        context: Circumstances: page, campaign, device, library.
        consents: Purposes granted or denied by this event.
        original_timestamp_us: When the sender says it happened, uncorrected; None when not stated.
        sent_at_us: When the sender says it sent the request; None when not stated.
        received_at_us: When our edge received it, by our clock.
        timestamp_us: When it happened as we use it: corrected for the sender's clock and clamped. An event that states
            no readable time is dated to its receipt, plus its place in the request or file in microseconds.
        time_assumed: Whether a time was stated that could not be read. Then `timestamp_us` is a stand-in, and what the
            event states does not win over what has a known time.
        skew_ms: The sender's clock minus ours, where it was corrected.
        emq: Event match quality, 0.0 to 1.0.
        findings: What was not understood, refused, changed or had to be decided (`ingest/findings.py`).
    """

    id: bytes
    message_id: str
    kind: Kind
    name: str
    source: str
    identifiers: tuple[Identifier, ...]
    received_at_us: int
    timestamp_us: int
    original_name: str | None = None
    traits: dict[str, Any] = {}
    traits_once: dict[str, Any] = {}
    cleared: tuple[str, ...] = ()
    operations: tuple[OperationStatement, ...] = ()
    groups: tuple[GroupStatement, ...] = ()
    properties: dict[str, Any] = {}
    context: dict[str, Any] = {}
    consents: tuple[ConsentStatement, ...] = ()
    original_timestamp_us: int | None = None
    sent_at_us: int | None = None
    skew_ms: int | None = None
    time_assumed: bool = False
    emq: float = 0.0
    findings: tuple[Finding, ...] = ()

    @property
    def ranked_us(self) -> int:
        """The time by which what the event states about a person is ranked: an assumed time comes before every known one.

        Among themselves assumed times keep their order.
        """
        return self.timestamp_us - ASSUMED_US if self.time_assumed else self.timestamp_us

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Event {self.kind} id={self.id.hex()} source={self.source}>"
