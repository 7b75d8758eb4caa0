"""Rate limits: how often a key may do a thing, by the generic cell rate algorithm (GCRA).

Each (workspace, key, operation) has a theoretical arrival time: when the next request would come if requests came evenly
at the limit. A request may run ahead of it by the burst. So in any window of w seconds at most `burst + per_minute * w / 60`
pass, and under steady overload exactly `per_minute` a minute do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

Operation = Literal["ingest", "lookup", "source", "webhook", "judgement"]


class Limit(msgspec.Struct, frozen=True, gc=False):
    """So many requests a minute, of which `burst` may come at once.

    Attributes:
        per_minute: Requests a minute, at least 1.
        burst: Requests that may come at once after a quiet time, at least 1; by default a tenth of a minute's.
    """

    per_minute: int
    burst: int = 0

    @property
    def interval_seconds(self) -> float:
        """Time between requests that come evenly at the limit."""
        return 60.0 / self.per_minute

    @property
    def tolerance_seconds(self) -> float:
        """How far requests may run ahead of the even pace."""
        burst = self.burst or max(1, math.ceil(self.per_minute / 10))
        return self.interval_seconds * (burst - 1)


DEFAULT_LIMITS: Mapping[Operation, Limit | None] = {
    "ingest": Limit(100),
    "lookup": Limit(300),
    "source": Limit(30),
    "webhook": Limit(30),
    "judgement": Limit(300),
}
"""The specification's limits; one for judgements, which it does not name, so that a steward can work through a queue."""

NO_LIMITS: Mapping[Operation, Limit | None] = dict.fromkeys(DEFAULT_LIMITS)


class Limiter:
    """Keeps the theoretical arrival times. It knows as many as there are keys, for only known keys get here."""

    def __init__(self, limits: Mapping[Operation, Limit | None]) -> None:
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        self._due: dict[tuple[str, str, Operation], float] = {}

    def wait_seconds(self, workspace: str, key: str, operation: Operation, now_seconds: float) -> float:
        """Count one request: 0.0 if it may pass, else how long to wait until the next one may (nothing is counted).

        Args:
            workspace: Whose request it is.
            key: The id of the key it came with.
            operation: What it asks for.
            now_seconds: A clock that never goes back.
        """
        limit = self._limits.get(operation)
        if limit is None:
            return 0.0
        subject = (workspace, key, operation)
        due = max(self._due.get(subject, 0.0), now_seconds)
        # A nanosecond of grace: sums of a rounded interval must not refuse whoever keeps the pace exactly.
        wait = due - limit.tolerance_seconds - now_seconds - 1e-9
        if wait > 0:
            return wait
        self._due[subject] = due + limit.interval_seconds
        return 0.0
