"""An event as far as computed traits are concerned, read from somewhere else than the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Happened(NamedTuple):
    """What aggregates read of an event."""

    name: str
    timestamp_us: int
    id: bytes
    source: str
    properties: Mapping[str, Any]
