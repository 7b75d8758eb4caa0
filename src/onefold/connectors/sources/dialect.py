"""A file's dialect: its format, encoding and delimiter, found by looking at its bytes."""

from __future__ import annotations

import codecs
from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

from onefold.connectors.sources.preamble import LINES_ABOVE_MAX, lines_above

Format = Literal["csv", "jsonl", "whitespace", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "whitespace", "parquet")

_SAMPLE_BYTES = 64 * 1024
_CHUNK_BYTES = 1024 * 1024
_DELIMITERS = ",;\t|"


class Dialect(msgspec.Struct, frozen=True):
    """How to read a file.

    Attributes:
        format: `csv` (any delimiter), `jsonl` (one object a line), `whitespace` (columns apart by blanks) or `parquet`.
        encoding: A Python codec name; `utf-8-sig` when there is a byte-order mark.
        delimiter: One character; empty where the format has none.
        skip_lines: Lines above the header, such as a report's title and notes.
    """

    format: Format
    encoding: str = "utf-8"
    delimiter: str = ""
    skip_lines: int = 0


def sniff(
    path: Path,
    *,
    form: Format | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    skip_lines: int | None = None,
) -> Dialect:
    """Find what the caller did not state. The whole file is read once, in pieces, to be sure of the encoding."""
    with path.open("rb") as file:
        sample = file.read(_SAMPLE_BYTES)
    if form == "parquet" or (form is None and sample.startswith(b"PAR1")):
        return Dialect("parquet")
    encoding = encoding or find_encoding(path)
    text = sample.decode(encoding, errors="replace")
    if form == "jsonl" or (form is None and delimiter is None and text.lstrip().startswith("{")):
        return Dialect("jsonl", encoding)
    if form == "whitespace":
        return Dialect("whitespace", encoding)
    found = delimiter or find_delimiter(text, truncated=len(sample) == _SAMPLE_BYTES)
    if found == " " and form is None:
        return Dialect("whitespace", encoding)
    delimiter = found if found != " " else ","
    return Dialect("csv", encoding, delimiter, lines_above(text, delimiter) if skip_lines is None else skip_lines)


def find_encoding(path: Path) -> str:
    """A byte-order mark decides; else UTF-8 if the bytes are; else whichever of UTF-8 and cp1252 explains more lines.

    A file that is UTF-8 but for a few damaged lines stays UTF-8, so that only those lines are lost.
    """
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig"
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while chunk := file.read(_CHUNK_BYTES):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            file.seek(0)
            good = bad = 0
            for line in file:
                if not line.isascii():
                    try:
                        line.decode("utf-8")
                        good += 1
                    except UnicodeDecodeError:
                        bad += 1
            return "utf-8" if good > bad else "cp1252"
    return "utf-8"


def find_delimiter(text: str, *, truncated: bool = False) -> str:
    """The character that stands equally often in most lines, quoted text aside; a blank for columns of blanks.

    Args:
        text: The start of the file.
        truncated: Whether the last line of `text` may be cut.
    """
    lines = text.splitlines()
    if truncated and len(lines) > 1:
        lines.pop()
    bare = [_without_quoted(line) for line in lines if line.strip()]
    if not bare:
        return ","
    best = (0.0, 0, "")
    for delimiter in _DELIMITERS:
        # Titles and notes above the header have none.
        expected = next((count for line in bare[:LINES_ABOVE_MAX] if (count := line.count(delimiter))), 0)
        if expected:
            share = sum(line.count(delimiter) == expected for line in bare) / len(bare)
            best = max(best, (share, expected, delimiter))
    if best[2] and best[0] >= 0.5:
        return best[2]
    widths = Counter(len(line.split()) for line in bare)
    width, lines_alike = widths.most_common(1)[0]
    if not best[2] and width > 1 and lines_alike >= 0.9 * len(bare):
        return " "
    return best[2] or ","


def _without_quoted(line: str) -> str:
    return "".join(line.split('"')[::2]) if '"' in line else line
