"""A preview: the first rows of a file, each as it stands there and as what it would become."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from onefold.connectors.sources import files, table
from onefold.connectors.sources.cells import text_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.language import Mapping
from onefold.connectors.sources.notes import Notes
from onefold.model import Identifier

ROWS_LOOKED_AT = 2_000
CELL_CHARACTERS = 200
"""As much of a cell is shown."""


class Become(msgspec.Struct, frozen=True):
    """What a row states, as the log would have it. `timestamp` is None where none can be read."""

    kind: str
    event: str
    timestamp: str | None
    identifiers: tuple[Identifier, ...]
    traits: dict[str, Any]
    properties: dict[str, Any]
    consent: dict[str, bool]
    findings: tuple[str, ...]


class Shown(msgspec.Struct, frozen=True):
    """A row.

    Attributes:
        line: Of the file, from 1.
        cells: In the order of the header, shortened; the row's text alone where it could not be cut into cells.
        becomes: What it states.
        rejected: Why it, or a part of it, is a dead letter; empty when it is not.
        skipped: Why the mapping leaves it out; empty when it does not.
    """

    line: int
    cells: tuple[str, ...]
    becomes: tuple[Become, ...]
    rejected: str
    skipped: str


def preview(path: Path, mapping: Mapping, header: tuple[str, ...], count: int) -> tuple[list[Shown], Notes]:
    """The first rows of a file, and what was noticed in its first `ROWS_LOOKED_AT`.

    Raises:
        ConfigurationError: The mapping does not fit the file.
        UsageError: The file cannot be opened.
    """
    dialect = files.look(path, mapping)
    raw: dict[int, tuple[str, ...]] = {}
    for row in islice(table.read(path, dialect, Notes()), count):
        if isinstance(row.values, Broken):
            raw[row.line] = (_short(row.text.rstrip("\r\n")),)
        else:
            named = dict(zip(row.names, row.values, strict=True))
            raw[row.line] = tuple(_short(text_of(named.get(name, ""))) for name in header)
    notes = Notes()
    became: dict[int, list[files.AnyRow]] = {line: [] for line in raw}
    for one in islice(files.rows(path, mapping, notes), ROWS_LOOKED_AT):
        notes.rows += not isinstance(one, files.SkippedRow)
        if isinstance(one, files.SkippedRow):
            notes.skipped[one.because] += 1
        if one.line in became:
            became[one.line].append(one)
    return [_shown(line, cells, became[line]) for line, cells in raw.items()], notes


def _shown(line: int, cells: tuple[str, ...], rows: list[files.AnyRow]) -> Shown:
    return Shown(
        line,
        cells,
        tuple(_become(row.body) for row in rows if isinstance(row, files.Row)),
        "; ".join(row.detail or row.reason for row in rows if isinstance(row, files.BadRow)),
        "; ".join(row.because for row in rows if isinstance(row, files.SkippedRow)),
    )


def _become(body: bytes) -> Become:
    event: dict[str, Any] = msgspec.json.decode(body)
    when = event.get("timestamp")
    return Become(
        event["type"],
        event.get("event", ""),
        when if isinstance(when, str) else None,
        tuple(Identifier(one["type"], one["value"]) for one in event["identifiers"]),
        event["traits"],
        event["properties"],
        event["context"].get("consent", {}).get("categoryPreferences", {}),
        tuple(finding["code"] for finding in event.get("findings", ())),
    )


def _short(text: str) -> str:
    # What is not in the file's encoding stands in it as lone surrogates, which JSON cannot carry.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
