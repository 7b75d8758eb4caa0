"""A preamble: the lines that some exports write above their header, such as a title, notes or the day of the report."""

from __future__ import annotations

import csv
from collections import Counter

LINES_ABOVE_MAX = 30


def lines_above(text: str, delimiter: str) -> int:
    """How many lines stand above the header; 0 where the first line is one.

    A preamble's rows have fewer than half of the cells that the rows below have, or fill hardly any of them. The header
    is the first row after them that fills most of its cells.

    Args:
        text: The start of the file.
        delimiter: One character.
    """
    rows: list[tuple[int, list[str]]] = []  # (number of lines up to its end, its cells)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter)
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if reader.line_num > 2 * LINES_ABOVE_MAX:
                break
    except csv.Error:
        pass
    # The width that most cells stand in, and more than one row has: titles are many lines, but few cells.
    count, cells = Counter(len(row) for _, row in rows), Counter[int]()
    for _, row in rows:
        cells[len(row)] += sum(1 for cell in row if cell.strip())
    width = max(cells, key=lambda size: (cells[size], size), default=0)
    if width < 2 or count[width] < 2:
        return 0
    above = 0
    for line, row in rows:
        filled = sum(1 for cell in row if cell.strip())
        if len(row) * 2 > width and filled * 2 > min(len(row), width):
            return above
        if line > LINES_ABOVE_MAX or filled > max(1, width // 3):
            return 0
        above = line
    return 0
