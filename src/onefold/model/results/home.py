"""What is shown first: how much there is, what needs somebody, what changed since yesterday; and people found by a text."""

from __future__ import annotations

from typing import Any

from onefold.model.identifier import Identifier
from onefold.model.results.operation import Account, Counts
from onefold.model.results.result import Result


class SegmentMoves(Result, frozen=True, kw_only=True):
    """How many entered a segment and left it; who did both counts in both."""

    slug: str
    entered: int
    left: int


class Day(Result, frozen=True, kw_only=True):
    """What changed since a moment.

    Attributes:
        since: That moment.
        latest: When the latest event was received, whenever that was; null where there is none.
        events: Events that were received since then.
        people: People whose first event happened since then.
        merges: Times that a person became part of another.
        splits: Times that identifiers left a person.
        segments: Segments that somebody entered or left, those first in which most changed.
    """

    since: str
    latest: str | None
    events: int
    people: int
    merges: int
    splits: int
    segments: tuple[SegmentMoves, ...]


class Home(Result, frozen=True, kw_only=True):
    """A workspace at a glance.

    Attributes:
        still: What stands still, in a sentence; null while entries are processed, or none wait.
        checks_run: Data-quality checks that have run.
        checks_failed: Those that failed in their latest run.
        checks_warned: Those that only warned.
        day: What changed in the last day; null where that cannot be said.
        because: Why it cannot; else empty.
    """

    counts: Counts
    sources: tuple[Account, ...]
    still: str | None
    checks_run: int
    checks_failed: int
    checks_warned: int
    day: Day | None
    because: str


class FoundPerson(Result, frozen=True, kw_only=True):
    """Somebody that a search found.

    Attributes:
        identifier: The strongest identifier; null where there is none.
        attributes: The values that stand, by name.
        exact: Whether the search is one of the identifiers.
    """

    profile_id: str
    identifier: Identifier | None
    attributes: dict[str, Any]
    events: int
    revenue: str
    last_seen: str | None
    exact: bool


class FoundPeople(Result, frozen=True, kw_only=True):
    """A page of the people that a search found, exact hits first, then who was seen last.

    Attributes:
        next: What to skip for the page after it; null on the last.
        because: Why only whole identifiers were looked up; else empty.
    """

    people: tuple[FoundPerson, ...]
    next: int | None
    because: str
