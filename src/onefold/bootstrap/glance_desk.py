"""The glance desk: where a server is asked what changed since yesterday, and who is found by a text."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from onefold.bootstrap.asking import Asker
from onefold.bootstrap.query_desk import QueryDesk
from onefold.model import results
from onefold.ports.warehouse import QueryLimits
from onefold.profiles.profile import iso
from onefold.warehouse import glance
from onefold.warehouse.masking import Role

FRESH_SECONDS = 15.0
"""How long a glance at the day holds: everybody opens the same page."""
_LIMITS = QueryLimits(seconds=15.0, memory_mb=512, result_mb=16)
_SEGMENTS = 8


class GlanceDesk:
    """Glances at one workspace's warehouse. Safe for threads."""

    def __init__(self, desk: QueryDesk, *, clock_us: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """Of a workspace whose warehouse is asked at `desk`."""
        self._desk = desk
        self._clock_us = clock_us
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: tuple[float, results.Day] | None = None

    def day(self) -> results.Day:
        """What changed in the last 24 hours, as of the last `FRESH_SECONDS`.

        Raises:
            ExpensiveError: It took too long.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here.
        """
        with self._lock:
            if self._known is None or self._monotonic() - self._known[0] > FRESH_SECONDS:
                self._known = self._monotonic(), self._desk.using(self._look)
            return self._known[1]

    def people(self, text: str, *, skip: int, limit: int, role: str | Role | None) -> list[str]:
        """Ids of the people in whose attributes or identifiers the words are, as a role sees them.

        Raises:
            ExpensiveError: It took too long.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here.
            UsageError: There is no such role.
        """
        query = glance.people(text, skip)
        found = self._desk.using(lambda asker: asker.run(query, limit=limit, limits=_LIMITS), role)
        return [str(one) for one in found.column(0).to_pylist()]

    def _look(self, asker: Asker) -> results.Day:
        now_us = self._clock_us()
        since = datetime.fromtimestamp(now_us / 1_000_000, UTC) - timedelta(days=1)
        row: dict[str, Any] = asker.run(glance.day(since), limits=_LIMITS).to_pylist()[0]
        moved = asker.run(glance.moves(since, _SEGMENTS), limits=_LIMITS).to_pylist()
        latest: datetime | None = row["latest"]
        return results.Day(
            since=iso(int(since.timestamp() * 1_000_000)) or "",
            latest=None if latest is None else iso(int(latest.replace(tzinfo=UTC).timestamp() * 1_000_000)),
            events=row["events"],
            people=row["people"],
            merges=row["merges"],
            splits=row["splits"],
            segments=tuple(
                results.SegmentMoves(slug=one["audience"], entered=one["entered"], left=one["gone"]) for one in moved
            ),
        )
