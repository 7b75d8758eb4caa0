"""What an operator asks, as results: accounts, sizes, dead letters, hubs."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from onefold.model.results.result import Result


class Account(Result, frozen=True, kw_only=True):
    """The account of a source: received = stored + duplicate + rejected + suppressed + pending.

    Attributes:
        balanced: Whether that holds, counting as pending only what has not been processed.
        moving: False where items are pending and processing has stood still for a minute.
        reasons: By reason, items that were rejected or suppressed.
        findings: By code, stored events with a finding.
        emq: Stored events by tenths of match quality, [0, 0.1) first.
    """

    source: str
    received: int
    stored: int
    duplicate: int
    rejected: int
    suppressed: int
    pending: int
    balanced: bool
    moving: bool
    reasons: dict[str, int]
    findings: dict[str, int]
    emq: tuple[int, ...]


class Counts(Result, frozen=True, kw_only=True):
    """How much a workspace holds; of dead letters the open ones."""

    workspace: str
    nodes: int
    people: int
    edges: int
    judgements: int
    dead_letters: int
    events: int


class DeadLetter(Result, frozen=True, kw_only=True):
    """An item that was rejected, and why; `status` is `open`, or `replayed` once it was sent again."""

    offset: int
    source: str
    reason: str
    detail: str
    received_at: str | None
    status: str


class DeadLetterContent(DeadLetter, frozen=True, kw_only=True):
    """A dead letter with its payload: as `payload` when it is JSON, else base64 in `payload_base64`."""

    shape: str
    sent_at: str | None
    request_id: str
    payload: Any = UNSET
    payload_base64: str | UnsetType = UNSET


class LargePerson(Result, frozen=True, kw_only=True):
    """A person of very many identifiers or events.

    Attributes:
        id: The profile id.
        identifiers: How many there are.
        events: Of the identifier that has most of them; 0 where that is an ordinary number.
    """

    id: str
    identifiers: int
    events: int


class Hub(Result, frozen=True, kw_only=True):
    """An identifier that belongs to implausibly many people; its value is masked.

    Attributes:
        id: The profile id by which it can be named.
        linked: Strong identifiers it is linked with.
        shared: Links nobody already: a limit or somebody saw to it.
    """

    id: str
    identifier: str
    linked: int
    shared: bool
