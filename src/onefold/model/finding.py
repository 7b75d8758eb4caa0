"""A finding: something about an event that a person should know, although the event is stored."""

from __future__ import annotations

import msgspec


class Finding(msgspec.Struct, frozen=True, gc=False, order=True):
    """What was not understood, refused, changed or had to be decided in an event.

    Attributes:
        code: A word from the closed list in `ingest/findings.py`, fit for a metric label.
        where: A JSON pointer, column name or identifier type; never a value. Empty where the code says it all.
    """

    code: str
    where: str = ""
