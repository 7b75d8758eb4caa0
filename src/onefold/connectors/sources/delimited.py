"""A delimited record: the fields of one row of a CSV file, which may span lines, or the reason it cannot be read."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from functools import lru_cache

import msgspec

# A quote that is never closed swallows what follows; no honest field of an export has more lines than this.
_LINES_MAX = 100


class Broken(msgspec.Struct, frozen=True, gc=False):
    """Lines that are no record: `reason` is a word from a closed list, `detail` a sentence without values."""

    reason: str
    detail: str


class Short(list[str]):
    """The fields of a row that left out those at its end; blanks stand in for them.

    Attributes:
        stated: How many fields the row had.
    """

    stated: int = 0


_ESCAPED = re.compile(r"\\(.)")
_BAD_QUOTES = Broken("bad_quotes", "a quotation mark is not closed, or stands where none can")

Record = tuple[int, list[str] | Broken, str]
"""(number of the first line from 1, fields, the text as it stood in the file)."""


def records(
    lines: Iterator[str],
    delimiter: str,
    *,
    quote: str = '"',
    padded: bool = False,
    replaced: bool = False,
    escaped: bool = False,
) -> Iterator[Record]:
    """Read records; a faulty one costs its first line only, and reading goes on with the line after.

    The first record yielded is the header and sets the number of columns. Empty lines are no records. Extra fields
    at the end are let go when they are empty; fields that a row leaves out at its end are blank, and it is a `Short`
    one. A cell `="00042"`, by which spreadsheets are told to keep text as it is, is the text in it.

    Args:
        lines: With their line ends; bytes that could not be decoded stand in them as lone surrogates.
        delimiter: One character.
        quote: The mark around fields that hold delimiters.
        padded: Whether a blank may stand between a delimiter and a mark.
        replaced: Whether undecodable bytes stand as U+FFFD instead (a codec that has no escapes).
        escaped: Whether a backslash stands before marks, and before backslashes, that belong to a field.
    """
    feed = _Feed(lines)
    number = 1
    width = 0
    while True:
        fault: Broken | None = None
        try:
            taken = (_without_backslashes(line, quote) for line in feed) if escaped else feed
            for fields in csv.reader(taken, delimiter=delimiter, quotechar=quote, skipinitialspace=padded, strict=True):
                text = feed.text()
                count = len(feed.taken)
                if fields:
                    if '="' in text:
                        fields = _without_formulas(fields, text, delimiter)  # noqa: PLW2901 - the same row, as meant
                    width = width or len(fields)
                    if len(fields) != width:
                        fields, fault = _fitted(fields, width)  # noqa: PLW2901 - likewise
                    if count > 1 and (_without_backslashes(text, quote) if escaped else text).count(quote) % 2:
                        # Well-formed lines have even numbers of marks: an odd sum shows a stray one, which swallowed.
                        fault = _BAD_QUOTES
                    if fault and count > 1:
                        break
                    yield number, fault or damage(text, replaced=replaced) or fields, text
                    fault = None
                number += count
                feed.taken.clear()
        except csv.Error:
            fault = _unreadable(feed.taken[0])
        if fault is None:
            return
        # A quote that spans lines is most likely the fault: give up its first line, try the others again.
        yield number, fault, feed.taken[0]
        feed.give_up_first()
        number += 1


def _without_backslashes(line: str, quote: str) -> str:
    """A line in which marks within fields are doubled. Other backslashes mean what they mean (`C:`, a null)."""
    return _ESCAPED.sub(
        lambda found: quote * 2 if found[1] == quote else found[1] if found[1] == "\\" else found[0], line
    )


class _Feed:
    """Lines for the CSV reader, which can be given back."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.taken: list[str] = []
        self._lines = lines
        self._returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        returned, lines, taken = self._returned, self._lines, self.taken
        while True:
            line = returned.popleft() if returned else next(lines, None)
            if line is None:
                return
            taken.append(line)
            if len(taken) > _LINES_MAX:
                raise csv.Error
            yield line

    def text(self) -> str:
        taken = self.taken
        return taken[0] if len(taken) == 1 else "".join(taken)

    def give_up_first(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        self.taken.clear()


def _fitted(fields: list[str], width: int) -> tuple[list[str], Broken | None]:
    size = len(fields)
    if size < width:
        short = Short(fields + [""] * (width - size))
        short.stated = size
        return short, None
    if not any(fields[width:]):
        return fields[:width], None
    return fields, Broken("wrong_column_count", f"{size} fields where the header has {width}")


def _without_formulas(fields: list[str], text: str, delimiter: str) -> list[str]:
    """The row with the text of each `="…"` in its place; a delimiter in one divides nothing."""
    if any(field.startswith('="') and not field.endswith('"') for field in fields):
        quoted = _formulas(delimiter).sub(r'"\1"', text)
        try:
            again = next(csv.reader(io.StringIO(quoted, newline=""), delimiter=delimiter, strict=True), fields)
        except csv.Error:
            again = fields
        fields = again
    return [
        field[2:-1].replace('""', '"') if field.startswith('="') and field.endswith('"') and len(field) > 2 else field
        for field in fields
    ]


@lru_cache(maxsize=8)
def _formulas(delimiter: str) -> re.Pattern[str]:
    mark = re.escape(delimiter)
    return re.compile(rf'(?:(?<=^)|(?<={mark}))="((?:[^"\r\n]|"")*)"(?={mark}|[\r\n]|$)')


def _unreadable(line: str) -> Broken:
    if len(line) > csv.field_size_limit():
        return Broken("field_too_long", f"a field is longer than {csv.field_size_limit()} characters")
    return _BAD_QUOTES


def damage(text: str, *, replaced: bool = False) -> Broken | None:
    """What makes a text unfit although it could be split: undecodable bytes or an embedded NUL."""
    if "\0" in text:
        return Broken("embedded_nul", "the row contains a NUL byte")
    if not text.isascii() and ((replaced and "\ufffd" in text) or not encodable(text)):
        return Broken("bad_bytes", "the row contains bytes that are not in the file's encoding")
    return None


def encodable(text: str) -> bool:
    """Whether every character is a real one, not a stand-in for an undecodable byte."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
