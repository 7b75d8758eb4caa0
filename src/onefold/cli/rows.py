"""Rows of a query on a terminal: a table that fits its width, or one row after the other where the columns do not fit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from onefold.cli.printable import printable
from onefold.warehouse import cells

NULL = "null"
_COLUMN_MIN = 8
"""Characters that a column needs to be worth its place."""
_CELL_MAX = 200


def show(console: Console, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows. What is cut off ends with `…`; a null is dimmed, so that it is not taken for text."""
    if not columns:
        return
    body = [[_cell(value) for value in row] for row in rows]
    if not body or _fits(console.width, columns, body):
        console.print(_table(columns, rows, body), soft_wrap=False)
    else:
        _one_by_one(console, columns, body)


def _fits(width: int, columns: Sequence[str], body: Sequence[Sequence[Text]]) -> bool:
    least = 0
    for n, name in enumerate(columns):
        widest = max(row[n].cell_len for row in body)
        least += min(max(widest, len(name)), max(_COLUMN_MIN, len(name))) + 3
    return least + 1 <= width


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], body: Sequence[Sequence[Text]]) -> Table:
    table = Table(header_style="bold", pad_edge=False)
    for n, name in enumerate(columns):
        numbers = bool(rows) and all(_is_number(row[n]) or row[n] is None for row in rows)
        table.add_column(
            Text(_line(name)), justify="right" if numbers else "left", no_wrap=True, overflow="ellipsis",
            min_width=min(len(name), _COLUMN_MIN),
        )  # fmt: skip
    for row in body:
        table.add_row(*row)
    return table


def _one_by_one(console: Console, columns: Sequence[str], body: Sequence[Sequence[Text]]) -> None:
    names = [_line(name) for name in columns]
    width = max(map(len, names))
    for number, row in enumerate(body, 1):
        console.print(Text(f"── row {number} ──", style="dim"))
        grid = Table.grid(padding=(0, 2))
        grid.add_column(justify="right", style="bold", no_wrap=True, width=width)
        grid.add_column(overflow="fold")
        for name, cell in zip(names, row, strict=True):
            grid.add_row(Text(name), cell)
        console.print(grid, soft_wrap=False)


def _cell(value: Any) -> Text:
    if value is None:
        return Text(NULL, style="dim")
    shown = cells.text(value)
    return Text(_line(shown if len(shown) <= _CELL_MAX else shown[: _CELL_MAX - 1] + "…"))


def _line(text: str) -> str:
    """On one line: what breaks lines is written as an escape."""
    return printable(text).replace("\n", "\\n").replace("\t", "\\t")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
