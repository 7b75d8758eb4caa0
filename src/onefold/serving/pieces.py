"""Pieces: a file that is only written to, and gives what was written since it was last asked, for answers that stream."""

from __future__ import annotations

from typing import Any


class Pieces:
    """Such a file."""

    closed = False

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep it."""
        self._written.append(bytes(data))
        return len(self._written[-1])

    def flush(self) -> None:
        """Nothing waits."""

    def close(self) -> None:
        """What was written stays."""

    def taken(self) -> bytes:
        """All that was written since."""
        found, self._written = b"".join(self._written), []
        return found
