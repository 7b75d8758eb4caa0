"""What the command line prints: JSON lines when asked, plain words and tables otherwise. Data is never markup."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from onefold.cli.printable import holds_all_characters, printable, printable_json

PIPE_COLUMNS = 240


class Output:
    """Where results and words go: results to standard output, progress and remarks to standard error."""

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json
        # A pipe has no width; what reads it should not meet words cut in half.
        wide = None if sys.stdout.isatty() else PIPE_COLUMNS
        self.console = Console(highlight=False, markup=False, soft_wrap=True, width=wide)
        self.aside = Console(stderr=True, highlight=False, markup=False)

    def result(self, value: Mapping[str, Any] | msgspec.Struct) -> None:
        """One JSON document a line, whatever the mode of the terminal."""
        document = json.dumps(value, ensure_ascii=not holds_all_characters(sys.stdout), default=_plain)
        sys.stdout.write(printable_json(document) + "\n")

    def say(self, text: str, *, style: str = "") -> None:
        """A line for a person; nothing with `--json`."""
        if not self.as_json:
            self.console.print(styled(text, style))

    def note(self, text: str) -> None:
        """A remark beside the results, on standard error."""
        self.aside.print(styled(text))

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
        """A table for a person. Whole numbers are counts, with separators; data comes as text, and stands as it is."""
        if self.as_json:
            return
        body = [list(row) for row in rows]
        table = Table(
            title=styled(title), title_justify="left", title_style="bold", header_style="bold", pad_edge=False
        )
        for n, column in enumerate(columns):
            counts = {type(row[n]) for row in body} - {type(None)} == {int}
            table.add_column(styled(column), justify="right" if counts else "left", overflow="fold")
        for row in body:
            table.add_row(*(styled(_cell(value)) for value in row))
        self.console.print(table)


def styled(text: str, style: str = "") -> Text:
    """Text for a console: nothing in it is markup, and nothing in it acts on the terminal."""
    return Text(printable(text), style=style)


def data(value: object) -> str:
    """A value of the data, as it is: a text bare, everything else as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_plain)


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return "" if value is None else str(value)


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(type(value).__name__)
