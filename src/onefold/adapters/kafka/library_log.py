"""The Kafka library's own log lines, as ours: a constant message, what varies in fields, and no more than helps.

The library calls `log` with a format and its arguments. Our formatter does not interpolate, so that no value gets into a
message unseen; and a broker that is away makes the library say so several times a second, from every client.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

EVERY_SECONDS = 10.0
"""How often a kind of line may appear at a level."""
_TEXT_MOST = 500


class LibraryLog:
    """What is given to the library as `logger`. Safe for threads: at worst a line appears twice."""

    def __init__(self, log: logging.Logger, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._log, self._monotonic = log, monotonic
        self._told: dict[tuple[int, str], float] = {}
        self._held: dict[tuple[int, str], int] = {}

    def log(self, level: int, form: str, *told: object) -> None:
        """Take a line: the library's word for its kind (`FAIL`, `REQTMOUT`), the client, and the text."""
        kind, text = (str(told[0]), str(told[-1])) if told else ("", form)
        now = self._monotonic()
        last = self._told.get((level, kind))
        if last is not None and now - last < EVERY_SECONDS:
            self._held[level, kind] = self._held.get((level, kind), 0) + 1
            return
        self._told[level, kind] = now
        # Of those held back since, how many: `entries` is the count of lines that this one stands for.
        entries = self._held.pop((level, kind), 0) + 1
        self._log.log(level, "kafka client", extra={"kind": kind, "error": text[:_TEXT_MOST], "entries": entries})
