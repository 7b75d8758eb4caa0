"""Uploaded files as results: how one would be read, and what became of it."""

from __future__ import annotations

from typing import Any

from onefold.model.identifier import Identifier
from onefold.model.results.result import Result


class ColumnUse(Result, frozen=True, kw_only=True):
    """What a column is: `identifier`, `trait`, `property`, `consent`, `time` or `id`; `name` is empty for a time."""

    kind: str
    name: str
    cast: str


class UploadColumn(Result, frozen=True, kw_only=True):
    """A column of a file; `uses` is empty where it is left out, `note` says what speaks for a guess."""

    name: str
    uses: tuple[ColumnUse, ...]
    note: str


class UploadEvent(Result, frozen=True, kw_only=True):
    """What a row states. `timestamp` is null where there is none, or none that can be read."""

    kind: str
    event: str
    timestamp: str | None
    identifiers: tuple[Identifier, ...]
    traits: dict[str, Any]
    properties: dict[str, Any]
    consent: dict[str, bool]
    findings: tuple[str, ...]


class UploadRow(Result, frozen=True, kw_only=True):
    """A row as it stands in the file, and what it would become.

    Attributes:
        line: Of the file, from 1.
        cells: In the order of the columns; its text alone where it cannot be cut into cells.
        events: What it states.
        rejected: Why it would be a dead letter; empty when it would not.
        skipped: Why the mapping leaves it out; empty when it does not.
    """

    line: int
    cells: tuple[str, ...]
    events: tuple[UploadEvent, ...]
    rejected: str
    skipped: str


class UploadPreview(Result, frozen=True, kw_only=True):
    """How a file would be read.

    Attributes:
        mapping: As YAML, to be sent back, changed or not, and kept for `onefold load`.
        guessed: Whether it is a guess.
        doubts: Why the guess should be corrected before it is used.
        said: Sentences on the file's form and on what was noticed in its first rows.
    """

    file: str
    mapping: str
    guessed: bool
    doubts: tuple[str, ...]
    said: tuple[str, ...]
    columns: tuple[UploadColumn, ...]
    rows: tuple[UploadRow, ...]


class FileLoaded(Result, frozen=True, kw_only=True):
    """A file whose rows are in the log.

    Attributes:
        source: Whose they are.
        rows: Entries appended, those that will be dead letters included.
        rejected: How many could not be read, by reason.
        skipped: How many rows the mapping leaves out, by its reason.
        said: Sentences on what was noticed, by line.
    """

    source: str
    file: str
    rows: int
    rejected: dict[str, int]
    skipped: dict[str, int]
    said: tuple[str, ...]
