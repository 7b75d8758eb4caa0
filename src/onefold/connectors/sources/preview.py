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
from onefold.model import Identifier, results

ROWS_LOOKED_AT = 2_000
CELL_CHARACTERS = 200
"""As much of a cell is shown."""


def preview(path: Path, mapping: Mapping, header: tuple[str, ...], count: int) -> tuple[list[results.UploadRow], Notes]:
    """The first rows of a file, cells shortened, and what was noticed in its first `ROWS_LOOKED_AT`.

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
    return [_row(line, cells, became[line]) for line, cells in raw.items()], notes


def _row(line: int, cells: tuple[str, ...], rows: list[files.AnyRow]) -> results.UploadRow:
    return results.UploadRow(
        line=line,
        cells=cells,
        events=tuple(_event(row.body) for row in rows if isinstance(row, files.Row)),
        rejected="; ".join(row.detail or row.reason for row in rows if isinstance(row, files.BadRow)),
        skipped="; ".join(row.because for row in rows if isinstance(row, files.SkippedRow)),
    )


def _event(body: bytes) -> results.UploadEvent:
    event: dict[str, Any] = msgspec.json.decode(body)
    when = event.get("timestamp")
    return results.UploadEvent(
        kind=event["type"],
        event=event.get("event", ""),
        timestamp=when if isinstance(when, str) else None,
        identifiers=tuple(Identifier(one["type"], one["value"]) for one in event["identifiers"]),
        traits=event["traits"],
        properties=event["properties"],
        consent=event["context"].get("consent", {}).get("categoryPreferences", {}),
        findings=tuple(finding["code"] for finding in event.get("findings", ())),
    )


def _short(text: str) -> str:
    # What is not in the file's encoding stands in it as lone surrogates, which JSON cannot carry.
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"
