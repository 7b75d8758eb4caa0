"""Segments in the project's files as the service answers them: what the files say, and what applying them did."""

from __future__ import annotations

from typing import Any

from onefold.model.results.result import Result


class SegmentTop(Result, frozen=True, kw_only=True):
    """The part of the people for whom a rule is true that has the largest values of a field."""

    percent: int
    by: str


class SegmentDefinition(Result, frozen=True, kw_only=True):
    """A segment as the project's files state it.

    Attributes:
        rule: Text, or the JSON form; null for a list.
        every_seconds: How often a scheduled segment is worked out.
        exclude: Segments whose members are not in this one.
        suppression: Whether this list's members are in no other segment.
        fingerprint: The same for definitions that have the same members.
        file: Where it stands in the project, with the line.
    """

    slug: str
    kind: str
    status: str
    description: str
    owner: str
    tags: tuple[str, ...]
    rule: str | dict[str, Any] | None
    every_seconds: int
    top: SegmentTop | None
    exclude: tuple[str, ...]
    suppression: bool
    fingerprint: str
    file: str
    line: int


class SegmentsApplied(Result, frozen=True, kw_only=True):
    """What changed when the project's files were applied: slugs, and whether lifecycle stages did."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    described: tuple[str, ...]
    removed: tuple[str, ...]
    stages: bool
