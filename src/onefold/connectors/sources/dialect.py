"""A file's dialect: its compression, format, encoding and delimiter, found by looking at its bytes."""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from onefold.connectors.sources import container
from onefold.connectors.sources import encoding as encodings
from onefold.connectors.sources.delimited import Broken, records
from onefold.connectors.sources.envelope import envelope
from onefold.connectors.sources.preamble import LINES_ABOVE_MAX, lines_above

Format = Literal["csv", "jsonl", "json", "whitespace", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "jsonl", "json", "whitespace", "parquet")

_SAMPLE_BYTES = 64 * 1024
_DELIMITERS = ",;\t|^~\x01\x1f"
_SEP_LINE = re.compile(r'\ufeff?"?sep=(.)"?[,;\t|]*(?:\r\n|\r|\n|$)', re.IGNORECASE)


class Dialect(msgspec.Struct, frozen=True):
    """How to read a file.

    Attributes:
        format: `csv` (any delimiter), `jsonl` (one object a line), `json` (an array of objects, or objects over several
            lines), `whitespace` (columns apart by blanks) or `parquet`.
        encoding: A Python codec name; `utf-8-sig` when there is a byte-order mark.
        delimiter: One character; empty where the format has none.
        quote: The mark around fields that hold delimiters.
        padded: Whether a blank may stand between a delimiter and a quotation mark.
        skip_lines: Lines above the header, such as a report's title and notes, or Excel's `sep=;`.
        header: Whether the first line that is read names the columns.
        compression: How the file is compressed; empty when it is not.
        encoding_sure: Whether no other encoding reads the file about as well.
        encoding_others: Those that do.
        inside: Of JSON: the key under which an object around all records holds them; empty where there is none.
        escaped: Whether a backslash stands before quotation marks that belong to a field.
    """

    format: Format
    encoding: str = "utf-8"
    delimiter: str = ""
    quote: str = '"'
    padded: bool = False
    skip_lines: int = 0
    header: bool = True
    compression: container.Compression = ""
    encoding_sure: bool = True
    encoding_others: tuple[str, ...] = ()
    inside: str = ""
    escaped: bool = False


def sniff(
    path: Path,
    *,
    form: Format | None = None,
    encoding: str | None = None,
    delimiter: str | None = None,
    skip_lines: int | None = None,
    header: bool = True,
) -> Dialect:
    """Find what the caller did not state. The whole file is read once, in pieces, to be sure of the encoding.

    Raises:
        UsageError: The file cannot be opened, or is compressed or packed in a way that is not read.
    """
    with container.opened(path) as file:
        sample = file.read(_SAMPLE_BYTES)
    compressed = container.compression_of(path)
    if form == "parquet" or (form is None and sample.startswith(b"PAR1")):
        return Dialect("parquet", compression=compressed)
    found = encodings.Encoding(encoding) if encoding else encodings.find(partial(container.opened, path))
    known: dict[str, Any] = {
        "encoding": found.name,
        "compression": compressed,
        "encoding_sure": found.sure,
        "encoding_others": found.others,
    }
    truncated = len(sample) == _SAMPLE_BYTES
    text = sample.decode(found.name, errors="replace").removeprefix("\ufeff")
    if form is None and delimiter is None:
        form = _json_form(text, truncated=truncated)
    if form in ("json", "jsonl") and (inside := envelope(text)):
        return Dialect("json", inside=inside, **known)
    if form in ("jsonl", "json", "whitespace"):
        return Dialect(form, **known)
    above = _SEP_LINE.match(text)
    if above:
        delimiter, text = delimiter or above[1], text[above.end() :]
    divider = delimiter or find_delimiter(text, truncated=truncated)
    if divider == " " and form is None and delimiter is None:
        return Dialect("whitespace", header=header, **known)
    divider = divider if divider != " " or delimiter else ","
    if skip_lines is None:
        skip_lines = (1 if above else 0) + (lines_above(text, divider) if header else 0)
    quote = "'" if '"' not in text and _in_single_quotes(text, divider) else '"'
    padded = divider != " " and f"{divider} {quote}" in text
    escaped = f"\\{quote}" in text and _is_escaped(text, divider, quote)
    return Dialect(
        "csv",
        delimiter=divider,
        quote=quote,
        padded=padded,
        skip_lines=skip_lines,
        header=header,
        escaped=escaped,
        **known,
    )


def _is_escaped(text: str, delimiter: str, quote: str) -> bool:
    """Whether more lines can be read where a backslash takes a quotation mark's meaning, as databases write it."""
    broken = [
        sum(
            isinstance(fields, Broken)
            for _, fields, _ in records(iter(text.splitlines(keepends=True)), delimiter, quote=quote, escaped=escaped)
        )
        for escaped in (False, True)
    ]
    return broken[1] < broken[0]


def _in_single_quotes(text: str, delimiter: str) -> bool:
    """Whether every cell of the first line stands in single quotes."""
    cells = text.split("\n", 1)[0].strip().split(delimiter)
    return all(len(cell) > 1 and cell[0] == cell[-1] == "'" for cell in cells)


def _json_form(text: str, *, truncated: bool) -> Format | None:
    """Whether a text is JSON: one object a line, or a document that has to be taken apart."""
    bare = text.lstrip()
    if bare.startswith("["):
        return "json" if bare[1:].lstrip()[:1] in ("{", "[", "]", "") else None
    if not bare.startswith("{"):
        return None
    first, _, rest = bare.partition("\n")
    try:
        msgspec.json.decode(first, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        # An object over several lines, unless the lines after it are objects: then it is the one that is broken.
        lines = [line for line in rest.splitlines()[: -1 if truncated else None] if line.strip()][:50]
        whole = sum(line.startswith("{") and line.rstrip().endswith("}") for line in lines)
        spread = not lines or whole * 2 < len(lines)
        return "json" if spread and (lines or not first.rstrip().endswith("}")) else "jsonl"
    return "jsonl"


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
