"""Reasons: why somebody entered or left an audience, as it is stored, sent and shown. Without personal data."""

from __future__ import annotations

from typing import Literal as OneOf

import msgspec

from onefold.audiences.assessment import ChangedCondition

Because = OneOf["event", "time", "definition", "schedule", "list", "merged", "split"]
"""What made the difference: an event; time alone; a changed definition; a scheduled run; a list that was uploaded; that two
people were found to be one, or one to be two."""


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why.

    Attributes:
        because: What made the difference.
        conditions: The conditions of the rule whose value changed.
        partition: Partition of the log entry that did it, where one did.
        offset: Offset of that entry.
        profile_id: The other profile, where people were merged.
    """

    because: Because
    conditions: tuple[ChangedCondition, ...] = ()
    partition: int | None = None
    offset: int | None = None
    profile_id: str | None = None


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Reason).decode
"""Read what `encode` wrote."""
