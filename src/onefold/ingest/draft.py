"""A draft: what an item states, read from its dialect and not yet checked."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.model import Finding, GroupStatement, Identifier, Kind, OperationStatement


class Draft(msgspec.Struct, gc=False):
    """What the readers of dialects hand to the gate. It is filled in once and never shared.

    Attributes:
        kind: What sort of call it is.
        name: The event's name as sent; None for calls that have none.
        message_id: The sender's own id of the event; None when not stated.
        identifiers: In order of statement, without blanks and repeats.
        traits: About the person, nulls left out.
        properties: About the event.
        context: Circumstances, those of the whole request included, traits taken out.
        timestamp: As sent; None when absent.
        original_timestamp: RudderStack's second time, as sent; None when absent.
        sent_at: As sent with the item; None when absent.
        findings: What a reader of the event should know.
        of_event: E-mail addresses and phone numbers among the event's own properties, each with its JSON pointer.
        age_ms: Milliseconds from the event to its receipt, as sent by PostHog's browser SDK in place of a time.
        traits_once: Traits that hold while none is stated otherwise, nulls left out.
        cleared: Traits to take away.
        operations: What is done to traits, building on what they were.
        groups: The person's groups, and what is said of them.
    """

    kind: Kind
    name: str | None
    message_id: str | None
    identifiers: list[Identifier]
    traits: dict[str, Any]
    properties: dict[str, Any]
    context: dict[str, Any]
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    findings: list[Finding] = []
    age_ms: Any = None
    of_event: list[tuple[Identifier, str]] = []
    traits_once: dict[str, Any] = {}
    cleared: tuple[str, ...] = ()
    groups: tuple[GroupStatement, ...] = ()
    operations: tuple[OperationStatement, ...] = ()


def text_of(value: Any) -> str | None:
    """A text or number as an id's text, `123.0` as `123`; None for anything else. Null and blanks are not for this."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is int:
        return str(value)
    if kind is float:
        return str(int(value)) if value.is_integer() else repr(value)
    return None


def cleared(fields: dict[str, Any]) -> tuple[str, ...]:
    """The names of those that are null, which clears them."""
    return tuple([key for key, value in fields.items() if value is None]) if None in fields.values() else ()


def present(fields: dict[str, Any]) -> dict[str, Any]:
    """`fields` without nulls; the same object when there are none."""
    if None in fields.values():
        return {key: value for key, value in fields.items() if value is not None}
    return fields
