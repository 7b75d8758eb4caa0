"""Rate limits: how often a key may do a thing, by the generic cell rate algorithm (GCRA).

Each (workspace, key, operation) has a theoretical arrival time: when the next request would come if requests came evenly
at the limit. A request may run ahead of it by the burst. So in any window of w seconds at most `burst + per_minute * w / 60`
pass, and under steady overload exactly `per_minute` a minute do.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Generic, Literal, TypeVar

import msgspec

Operation = Literal["ingest", "lookup", "source", "webhook", "judgement", "query"]


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
    "query": Limit(60),
}
"""The specification's limits; and for what it does not name: judgements, so that a
steward can work through a queue, and queries."""

NO_LIMITS: Mapping[Operation, Limit | None] = dict.fromkeys(DEFAULT_LIMITS)


Subject = TypeVar("Subject", bound=Hashable)


class Pace(Generic[Subject]):
    """The theoretical arrival times of subjects.

    Args:
        most: How many subjects are remembered; with more, those that came first are forgotten. None where their number is
            bounded anyway.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        self._due: dict[Subject, float] = {}

    def __len__(self) -> int:
        return len(self._due)

    def wait_seconds(self, subject: Subject, limit: Limit, now_seconds: float, *, cost: int = 1) -> float:
        """Count one request: 0.0 if it may pass, else how long to wait until the next one may (nothing is counted).

        Args:
            subject: Whose request it is.
            limit: What the subject may do.
            now_seconds: A clock that never goes back.
            cost: As how many requests it counts; the one that passes may use more than is left.
        """
        known = self._due.get(subject)
        due = now_seconds if known is None or known < now_seconds else known
        # A nanosecond of grace: sums of a rounded interval must not refuse whoever keeps the pace exactly.
        wait = due - limit.tolerance_seconds - now_seconds - 1e-9
        if wait > 0:
            return wait
        if known is None and self._most is not None and len(self._due) >= self._most:
            self._forget(now_seconds)
        self._due[subject] = due + limit.interval_seconds * cost
        return 0.0

    def _forget(self, now_seconds: float) -> None:
        """Make room for a tenth: whose time has passed is as good as unknown, then whoever came first."""
        most = self._most or 0
        room = most - most // 10
        kept = [(subject, due) for subject, due in self._due.items() if due > now_seconds]
        self._due = dict(kept[-room:])


class Limiter:
    """Limits what each key does. It remembers as many as there are keys, for only known keys get here."""

    def __init__(self, limits: Mapping[Operation, Limit | None]) -> None:
        self._limits = {name: limit for name, limit in limits.items() if limit is not None}
        self._pace: Pace[tuple[str, str, Operation]] = Pace()

    def wait_seconds(self, workspace: str, key: str, operation: Operation, now_seconds: float) -> float:
        """Count one request: 0.0 if it may pass, else how long to wait until the next one may (nothing is counted).

        Args:
            workspace: Whose request it is.
            key: The id of the key it came with.
            operation: What it asks for.
            now_seconds: A clock that never goes back.
        """
        limit = self._limits.get(operation)
        return 0.0 if limit is None else self._pace.wait_seconds((workspace, key, operation), limit, now_seconds)
