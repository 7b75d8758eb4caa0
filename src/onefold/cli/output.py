"""What the command line prints: JSON lines when asked, plain words and tables otherwise."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_COLUMNS = 240


class Output:
    """Where results and words go: results to standard output, progress and remarks to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width; what reads it should not meet words cut in half.
        wide = None if sys.stdout.isatty() else PIPE_COLUMNS
        self.console = Console(highlight=False, soft_wrap=True, width=wide)
        self.aside = Console(stderr=True, highlight=False)

    def result(self, value: Mapping[str, Any] | list[Any]) -> None:
        """One JSON document a line, whatever the mode of the terminal."""
        sys.stdout.write(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")

    def say(self, text: str, *, style: str = "") -> None:
        """A line for a person; nothing with `--json`."""
        if not self.as_json:
            self.console.print(Text(text, style=style))

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A table for a person; numbers are right-aligned."""
        if self.as_json:
            return
        body = [[_cell(c) for c in row] for row in rows]
        table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", pad_edge=False)
        for n, column in enumerate(columns):
            numeric = bool(body) and all(row[n].replace(",", "").replace(".", "").lstrip("-").isdigit() for row in body)
            table.add_column(column, justify="right" if numeric else "left", overflow="fold")
        for row in body:
            table.add_row(*row)
        self.console.print(table)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)
