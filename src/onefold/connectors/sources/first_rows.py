"""First rows: the header of a file and its first rows as text, for a guess to look at."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from onefold.connectors.sources import table
from onefold.connectors.sources.cells import text_of
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.dialect import sniff
from onefold.connectors.sources.notes import Notes
from onefold.connectors.sources.samples import ROWS


def first_rows(path: Path) -> tuple[tuple[str, ...], list[list[str]]]:
    """The names of a file's columns and the cells of its first rows; of JSON the names that any of them has.

    Raises:
        UsageError: The file cannot be opened.
    """
    dialect = sniff(path)
    header = dict.fromkeys(table.header(path, dialect))
    found: list[dict[str, str]] = []
    for row in islice(table.read(path, dialect, Notes()), ROWS):
        if not isinstance(row.values, Broken):
            header |= dict.fromkeys(row.names)
            found.append(dict(zip(row.names, map(text_of, row.values), strict=True)))
    return tuple(header), [[row.get(name, "") for name in header] for row in found]
