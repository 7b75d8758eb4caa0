"""The result of gate 1 on a log entry: accepted, rejected with a reason, or suppressed. Bad data is a result."""

from __future__ import annotations

from typing import Literal

import msgspec

from onefold.model.event import Event

Outcome = Literal["stored", "duplicate", "rejected", "suppressed"]
"""What became of a received item. Per source: received = stored + duplicate + rejected + suppressed."""

Counted = Outcome | Literal["finding"]
"""What is tallied. A finding is about an event that is stored, and stands outside that sum."""


class Accepted(msgspec.Struct, frozen=True, gc=False):
    """The entry is an event; `violations` lists tracking-plan breaches that the plan allows."""

    event: Event
    violations: tuple[str, ...] = ()


class Rejected(msgspec.Struct, frozen=True, gc=False):
    """The entry becomes a dead letter.

    Attributes:
        reason: A word from a closed list (`malformed_json`, `no_identifier`, `too_deep`, …), fit for a metric label.
        detail: One sentence for a person: what is wrong and where (a JSON pointer), without any value from the payload.
    """

    reason: str
    detail: str


class Suppressed(msgspec.Struct, frozen=True, gc=False):
    """The entry is left out on purpose (an erased person, a blocked source)."""

    reason: str


GateResult = Accepted | Rejected | Suppressed
