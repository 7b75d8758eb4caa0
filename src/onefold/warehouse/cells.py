"""Cells: values of a result as JSON and as text. Money is exact, and times are UTC to the microsecond."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

BATCH_ROWS = 4_096

_TRIGGERS = ("=", "+", "-", "@", "\t", "\r")
"""With which a text begins that a spreadsheet takes for a formula."""
_NEEDS_QUOTES = re.compile('[",\\r\\n]|^[ \\t]|[ \\t]$')


def plain(value: Any) -> Any:
    """A value as JSON has it.

    Decimals are texts, so that no reader rounds them, but whole numbers are numbers. Times are ISO 8601 in UTC; NaN and
    infinities, which JSON has not, are texts; bytes are hexadecimal.
    """
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            return _decimal(value)
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return _time(value)
        case date() | time():
            return value.isoformat()
        case bytes():
            return value.hex()
        case dict():
            return {str(name): plain(inner) for name, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
    return str(value)


def text(value: Any) -> str:
    """A value as a table and CSV have it: the empty text for null, everything with parts as JSON."""
    found = plain(value)
    match found:
        case None:
            return ""
        case bool():
            return "true" if found else "false"
        case str():
            return found
    return json.dumps(found, ensure_ascii=False)


def csv_line(values: Iterable[Any], *, spreadsheet: bool = False) -> str:
    """A line of CSV, with its end. Null is nothing, the empty text is `""`, so that who reads it can tell them apart.

    With `spreadsheet`, a text that a spreadsheet would take for a formula gets an apostrophe before it.
    """
    return ",".join(_csv_cell(value, spreadsheet=spreadsheet) for value in values) + "\n"


def _csv_cell(value: Any, *, spreadsheet: bool) -> str:
    if value is None:
        return ""
    cell = text(value)
    if spreadsheet and isinstance(value, str) and cell.startswith(_TRIGGERS):
        cell = "'" + cell
    if cell and not _NEEDS_QUOTES.search(cell):
        return cell
    return '"' + cell.replace('"', '""') + '"'


def rows(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    """The rows of a table as Python has them, some thousand at a time in memory."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield from batch_rows(batch)


def batch_rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch as Python has them."""
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def documents(table: pa.Table) -> Iterator[dict[str, Any]]:
    """The rows of a table, as JSON has them, by column. Of columns with one name, each after the first gets a number."""
    names = distinct(table.column_names)
    for row in rows(table):
        yield {name: plain(value) for name, value in zip(names, row, strict=True)}


def distinct(names: Iterable[str]) -> list[str]:
    """Column names, each once: `count`, `count_2`."""
    found: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name}_{number}"
        found.append(candidate)
    return found


def _decimal(value: Decimal) -> int | str:
    if not value.is_finite():
        return str(value)
    if value.as_tuple().exponent == 0:
        return int(value)
    shown = f"{value:f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def _time(value: datetime) -> str:
    if value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return value.isoformat(timespec="microseconds") + "Z"
