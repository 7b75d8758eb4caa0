"""Finding lines: of the rows of files just processed, the first lines on which each finding stands. Memory, not state.

Rows are named and folded apart from where they are read, so only here is it known what became of their identifiers.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.model import Event

LINES_KEPT = 5
_FILES_MAX, _WHERE_MAX = 100, 20


class FindingLine(msgspec.Struct):
    """How many rows of a file have a finding, the first of their lines, and at what (identifier types, columns)."""

    count: int = 0
    lines: list[int] = []
    where: list[str] = []


class FindingLines:
    """Finding lines by source and file, of the files met first."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], dict[str, FindingLine]] = {}

    def take(self, events: Iterable[Event]) -> None:
        """Take in events that are stored for the first time."""
        for event in events:
            if not event.findings or event.kind != "record":
                continue
            file, line = event.context.get("file"), event.context.get("line")
            if type(file) is not str or type(line) is not int:
                continue
            key = (event.source, file)
            if key not in self._known and len(self._known) >= _FILES_MAX:
                continue
            told = self._known.setdefault(key, {})
            for code in {found.code for found in event.findings}:
                known = told.setdefault(code, FindingLine())
                known.count += 1
                known.lines = sorted({*known.lines, line})[:LINES_KEPT]
            for found in event.findings:
                where = told[found.code].where
                if found.where and found.where not in where and len(where) < _WHERE_MAX:
                    where.append(found.where)

    def of(self, source: str, file: str) -> dict[str, FindingLine]:
        """By code, what was taken in of one file."""
        return self._known.get((source, file), {})
