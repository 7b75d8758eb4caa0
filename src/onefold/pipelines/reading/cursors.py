"""Cursors: where the next page of a list begins, as text that says nothing of anybody."""

from __future__ import annotations

import base64
import struct
from typing import Any

from onefold.errors import UsageError

IDENTIFIERS = struct.Struct(">qq16s")
"""The place of an identifier among others, the strongest first."""
TIMELINE = struct.Struct(">qqq")
"""Event time, partition and offset of an event."""


def written(layout: struct.Struct, place: tuple[Any, ...]) -> str:
    """A place as a cursor."""
    return base64.urlsafe_b64encode(layout.pack(*place)).decode()


def read(layout: struct.Struct, cursor: str) -> tuple[Any, ...]:
    """The place that a cursor means.

    Raises:
        UsageError: Invalid cursor.
    """
    try:
        return layout.unpack(base64.urlsafe_b64decode(cursor))
    except (ValueError, struct.error):
        raise UsageError("Invalid cursor; start again without one.") from None
