"""A table: the raw rows of a file, whatever its form, each with the line it begins in."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from collections.abc import Mapping as Dictionary
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec

from onefold.connectors.sources import container, envelope
from onefold.connectors.sources.cells import Values, columns
from onefold.connectors.sources.delimited import Broken, Record, Short, damage, records
from onefold.connectors.sources.dialect import Dialect
from onefold.connectors.sources.document import elements
from onefold.connectors.sources.notes import Notes
from onefold.errors import UsageError

_PARQUET_ROWS = 20_000
_ROWS_LOOKED_AT = 200
_CHUNK = 1 << 16
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

# UTF-8 that was read as Windows text and written again (`Ã¼`), and the sign for what could not be read.
_GARBLED = re.compile(
    "[\u00c2-\u00c5][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u2013-\u203a]|\u00e2\u20ac|\ufffd"
)
_NUMBER = re.compile(r"[-+]?[$€£]?[0-9][0-9.,]*%?")
_DATED = re.compile(r"[0-9]{1,4}[-/.:][0-9]{1,2}[-/.: T].*")


class RawRow(msgspec.Struct, frozen=True, gc=False):
    """One row, not yet understood.

    Attributes:
        line: Number of its first line (of a Parquet file: of the row), from 1; the header counts.
        names: Of the columns; the same object for rows that have the same.
        values: In the order of the names; text, or what JSON or Parquet had. Or why there are none.
        text: As it stood in the file.
        findings: Codes of what was noticed.
    """

    line: int
    names: tuple[str, ...]
    values: Values | Broken
    text: str
    findings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<RawRow line={self.line} columns={len(self.names)}>"


def read(path: Path, dialect: Dialect, notes: Notes) -> Iterator[RawRow]:
    """Read a file's rows one by one.

    Raises:
        UsageError: The file cannot be opened, or is damaged beyond single rows.
    """
    if dialect.format == "parquet":
        yield from _parquet(path, dialect)
        return
    with opened(path, dialect) as file:
        if dialect.format == "csv":
            yield from _csv(file, dialect, notes)
        elif dialect.format == "whitespace":
            yield from _whitespace(file, dialect, notes)
        else:
            yield from _json(file, path.name, dialect, notes)


def header(path: Path, dialect: Dialect) -> tuple[str, ...]:
    """The names of a file's columns, each once; of JSON the keys of the first object."""
    if dialect.format == "parquet":
        with _readable(path):
            return columns(_frame(path, dialect).collect_schema().names())
    if dialect.format == "csv":
        with opened(path, dialect) as file:
            _skip_above(file, dialect)
            fields = next(_records(file, dialect), (0, [], ""))[1]
        return () if isinstance(fields, Broken) else _names(fields, dialect)
    if dialect.format == "whitespace":
        with opened(path, dialect) as file:
            first = next((line for line in file if line.strip()), "")
        return _names(first.split(), dialect)
    row = next(read(path, dialect, Notes()), None)
    return row.names if row else ()


@contextmanager
def opened(path: Path, dialect: Dialect) -> Iterator[IO[str]]:
    """The file's text, its line ends as they are. Bytes that are not in its encoding stand in it as lone surrogates.

    In UTF-16 and UTF-32, which have no escapes for them, they stand as U+FFFD.

    Raises:
        UsageError: It cannot be opened.
    """
    errors = "replace" if replaces(dialect) else "surrogateescape"
    newline = "" if dialect.format == "csv" else "\n"
    with container.opened(path) as file:
        if codecs.lookup(dialect.encoding).name == "utf-16" and file.peek(2)[:2] not in (b"", *_MARKS):
            raise UsageError(f"{path.name} has no byte-order mark; state its encoding as utf-16-le or utf-16-be.")
        with io.TextIOWrapper(file, encoding=dialect.encoding, errors=errors, newline=newline) as text:
            yield text


def replaces(dialect: Dialect) -> bool:
    """Whether bytes that are not in the encoding are replaced, so that they are lost."""
    return dialect.encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32", "utf-7"))


def raw(text: str, dialect: Dialect) -> bytes:
    """A row's text as it stood in the file; in UTF-8 where the encoding has no escapes."""
    if replaces(dialect):
        return text.encode("utf-8", "surrogatepass")
    return text.encode("utf-8" if dialect.encoding == "utf-8-sig" else dialect.encoding, "surrogateescape")


def _skip_above(file: IO[str], dialect: Dialect) -> int:
    """Pass over the lines above the header; how many there were."""
    return sum(1 for _ in islice(file, dialect.skip_lines))


def _names(fields: list[str], dialect: Dialect) -> tuple[str, ...]:
    return columns(fields) if dialect.header else tuple(f"Column {n}" for n in range(1, len(fields) + 1))


def _repeated(fields: list[str]) -> list[str]:
    bare = [field.strip() for field in fields]
    return sorted({name for name in bare if name and bare.count(name) > 1})


def _csv(file: IO[str], dialect: Dialect, notes: Notes) -> Iterator[RawRow]:
    above = _skip_above(file, dialect)
    unsure = not dialect.encoding_sure
    names: tuple[str, ...] = ()
    first = _First([])
    shapes = _Shapes()
    for number, fields, text in _records(file, dialect):
        line = number + above
        if isinstance(fields, Broken):
            yield RawRow(line, names, fields, text)
            continue
        if not names:
            names = _names(fields, dialect)
            notes.columns_repeated = _repeated(fields) if dialect.header else []
            if dialect.header:
                first = _First(fields)
                continue
        if not any(fields):
            notes.leave("blank_row", line)
            continue
        if fields[0] in first.starts and first.again(fields):
            notes.leave("repeated_header", line)
            continue
        findings: tuple[str, ...] = ()
        if fields.__class__ is Short:
            fault = shapes.misfit(fields)
            if fault:
                yield RawRow(line, names, fault, text)
                continue
            findings = ("short_row",)
        elif shapes.wanting:
            shapes.look(fields)
        if not text.isascii():
            findings = (*findings, *_doubts(text, unsure))
        yield RawRow(line, names, fields, text, findings)


def _records(file: IO[str], dialect: Dialect) -> Iterator[Record]:
    return records(
        file,
        dialect.delimiter,
        quote=dialect.quote,
        padded=dialect.padded,
        replaced=replaces(dialect),
        escaped=dialect.escaped,
    )


def _doubts(text: str, unsure: bool) -> tuple[str, ...]:
    """Findings on a row that holds other characters than ASCII's."""
    garbled = ("text_garbled",) if _GARBLED.search(text) else ()
    return ("encoding_unsure", *garbled) if unsure else garbled


class _First:
    """The header, to be known when it comes again; its case does not matter."""

    def __init__(self, fields: list[str]) -> None:
        start = fields[0] if fields else ""
        self.starts = {start, start.upper(), start.lower(), start.title()} if start else set()
        self._folded = [field.strip().casefold() for field in fields]

    def again(self, fields: list[str]) -> bool:
        return [field.strip().casefold() for field in fields] == self._folded


class _Shapes:
    """What the cells of each column look like in rows that have them all: by that a row cut in two is told."""

    def __init__(self) -> None:
        self.wanting = _ROWS_LOOKED_AT
        self._rows: list[list[str]] = []

    def look(self, fields: list[str]) -> None:
        self.wanting -= 1
        self._rows.append(fields)

    def misfit(self, fields: Short) -> Broken | None:
        """Why a row that has fewer fields than the header is no row; None when it left out blanks at its end."""
        known = [{_shape(cell) for row in self._rows if (cell := row[place])} for place in range(len(fields))]
        plain = all(not known[place] or _shape(cell) in known[place] for place, cell in enumerate(fields) if cell)
        # One field of several is a footer (`Total: 5`) unless it looks like what stands above it.
        if not plain or (fields.stated == 1 and len(fields) > 2 and known[0] <= {"text"}):
            return Broken("wrong_column_count", f"{fields.stated} fields where the header has {len(fields)}")
        return None


def _shape(cell: str) -> str:
    cell = cell.strip()
    if _NUMBER.fullmatch(cell):
        return "number"
    if "@" in cell:
        return "address"
    return "date" if _DATED.fullmatch(cell) else "text"


def _whitespace(file: IO[str], dialect: Dialect, notes: Notes) -> Iterator[RawRow]:
    names: tuple[str, ...] = ()
    first: list[str] | None = None
    unsure = not dialect.encoding_sure
    for line, text in enumerate(file, start=1):
        fields = text.split()
        if not fields:
            continue
        if not names:
            names = _names(fields, dialect)
            notes.columns_repeated = _repeated(fields) if dialect.header else []
            if dialect.header:
                first = fields
                continue
        if fields == first:
            notes.leave("repeated_header", line)
            continue
        fault = damage(text, replaced=replaces(dialect))
        if fault is None and len(fields) != len(names):
            fault = Broken("wrong_column_count", f"{len(fields)} fields where the header has {len(names)}")
        findings = () if text.isascii() else _doubts(text, unsure)
        yield RawRow(line, names, fault or fields, text, findings)


def _json(file: IO[str], name: str, dialect: Dialect, notes: Notes) -> Iterator[RawRow]:
    # Decimal keeps every digit of a number as it was written.
    decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
    replaced, unsure = replaces(dialect), not dialect.encoding_sure
    if dialect.format == "jsonl":
        found: Iterator[tuple[int, str]] = ((n, text) for n, text in enumerate(file, start=1) if text.strip())
        what = "the line is not one JSON object"
    else:
        chunks = iter(lambda: file.read(_CHUNK), "")
        beside: list[str] = []
        found = elements(envelope.opened(chunks, dialect.inside, name, beside) if dialect.inside else chunks, name)
        what = "the element is not a JSON object"
    names: tuple[str, ...] = ()
    for line, text in found:
        text = text.removeprefix("\ufeff")  # noqa: PLW2901 - a mark within a file that was put together
        fault = damage(text, replaced=replaced)
        if fault is None:
            try:
                values = _flat(decode(text))
            except (msgspec.DecodeError, RecursionError, UnicodeError, ArithmeticError):  # an exponent of 20 digits
                fault = Broken("bad_json", what)
        if fault is not None:
            yield RawRow(line, names, fault, text)
            continue
        keys = tuple(values)
        if keys != names:
            names = keys
        findings = () if text.isascii() else _doubts(text, unsure)
        yield RawRow(line, names, tuple(values.values()), text, findings)
    if dialect.inside:
        notes.one_page = envelope.has_more("".join(beside))


def _flat(record: Dictionary[str, Any]) -> dict[str, Any]:
    """Bring nested objects to the top as `outer.inner`."""
    if not any(value.__class__ is dict for value in record.values()):
        return dict(record)
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if value.__class__ is dict:
            for inner, deep in _flat(value).items():
                flat[f"{name}.{inner}"] = deep
        else:
            flat[name] = value
    return flat


def _parquet(path: Path, dialect: Dialect) -> Iterator[RawRow]:
    frame = _frame(path, dialect)
    with _readable(path):
        names = columns(frame.collect_schema().names())
    start = 0
    while True:
        with _readable(path):
            page = frame.slice(start, _PARQUET_ROWS).collect()
        for number, values in enumerate(page.iter_rows(), start=start + 1):
            yield RawRow(number, names, [_plain(value) for value in values], "")
        if page.height < _PARQUET_ROWS:
            return
        start += _PARQUET_ROWS


def _frame(path: Path, dialect: Dialect) -> Any:
    if dialect.compression:
        raise UsageError(f"{path.name} is a Parquet file that was compressed once more; decompress it.")
    return _polars().scan_parquet(path)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Say in our words that a Parquet file is damaged: it has no rows that could be read one by one."""
    errors = _polars().exceptions
    try:
        yield
    except (errors.PolarsError, errors.PanicException) as error:
        raise UsageError(f"{path.name} is no Parquet file, or it is damaged.") from error


def _plain(value: Any) -> Any:
    """A Parquet value as JSON can carry it: dates and times become ISO text."""
    return value.isoformat() if hasattr(value, "isoformat") else value


def _polars() -> Any:
    try:
        import polars as pl  # noqa: PLC0415 - optional: only Parquet files need it
    except ImportError as error:
        raise UsageError("Parquet files need the polars package: uv pip install polars") from error
    return pl
