"""Support: what Onefold makes of every call, field and option of each dialect.

The readers of the dialects take the fields they know from these tables, `docs/reference/sdks.md` is generated from them, and
the conformance suite sends each of their rows.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Outcome = Literal["implemented", "kept", "refused"]
"""`implemented`: it has the effect that its vendor describes, or the one that `note` does. `kept`: it is stored with the
event, or in the log, and has no effect. `refused`: the item is left out, or the request is answered with an error."""

FIELDS_TOLD_MAX = 5
"""Fields without effect that are told of one event."""


class Row(msgspec.Struct, frozen=True):
    """One call, field or option.

    Attributes:
        name: As the vendor spells it; unique within its table.
        outcome: What becomes of it.
        note: What it means here, as a sentence without its full stop.
    """

    name: str
    outcome: Outcome
    note: str


class Table(msgspec.Struct, frozen=True):
    """What becomes of one vendor's calls and fields.

    Attributes:
        vendor: Whose SDKs speak the dialect.
        routes: The paths they call, as in `serving.routes`.
        rows: Calls first.
    """

    vendor: str
    routes: tuple[str, ...]
    rows: tuple[Row, ...]
