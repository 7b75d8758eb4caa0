"""A file as a source: each row of a CSV, JSON lines, blank-separated or Parquet file becomes a log entry.

    for row in rows(Path("donors.csv"), mapping.load(Path("donors.yaml"))): ...
    log.append(list(entries(rows(path, plan), source="crm", received_at_us=now, request_id="load-1")))

Rows stream: memory grows only by the 11 to 22 bytes a row that tell a repeated row from a new one. Nothing is typed
unless the mapping says so, and a row that cannot be read comes out as a `BadRow`, in its place.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from collections.abc import Mapping as Dictionary
from contextlib import contextmanager
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import IO, Any

import msgspec

from onefold.connectors.sources.cells import Values, columns
from onefold.connectors.sources.delimited import Broken, damage, records
from onefold.connectors.sources.dialect import Dialect, sniff
from onefold.connectors.sources.language import Mapping
from onefold.connectors.sources.occurrences import Occurrences
from onefold.connectors.sources.plan import Plan, Skipped
from onefold.errors import UsageError
from onefold.model import LogEntry

_PARQUET_ROWS = 20_000
_PLANS_MAX = 256
_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row that could be read.

    Attributes:
        line: Number of its first line (of a Parquet file: of the row), from 1; the header counts.
        body: The event's JSON, as the gate reads shape `record`.
    """

    line: int
    body: bytes

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Row line={self.line} bytes={len(self.body)}>"


class BadRow(msgspec.Struct, frozen=True, gc=False):
    """A row that could not be read.

    Attributes:
        line: Number of its first line, from 1.
        raw: Its bytes as they stand in the file.
        reason: `bad_bytes`, `bad_cast`, `bad_json`, `bad_quotes`, `embedded_nul`, `field_too_long`, `missing_id` or
            `wrong_column_count`.
        detail: A sentence for a person, without values.
    """

    line: int
    raw: bytes
    reason: str
    detail: str

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<BadRow line={self.line} reason={self.reason}>"


class SkippedRow(msgspec.Struct, frozen=True, gc=False):
    """A row that the mapping leaves out, and the reason it gives."""

    line: int
    because: str


AnyRow = Row | BadRow | SkippedRow


def rows(path: Path, mapping: Mapping) -> Iterator[AnyRow]:
    """Read a file row by row; a row comes out several times where the mapping has it state several things.

    Raises:
        ConfigurationError: The file has no such column as the mapping names.
        UsageError: The file cannot be opened.
    """
    try:
        dialect = sniff(
            path,
            form=mapping.format,
            encoding=mapping.encoding,
            delimiter=mapping.delimiter,
            skip_lines=mapping.skip_lines,
        )
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error
    if dialect.format == "parquet":
        yield from _parquet(path, mapping)
        return
    with _open(path, dialect) as file:
        if dialect.format == "csv":
            yield from _csv(file, path.name, mapping, dialect)
        elif dialect.format == "whitespace":
            yield from _whitespace(file, path.name, mapping, dialect)
        else:
            yield from _json_lines(file, path.name, mapping, dialect)


def header(path: Path, *, dialect: Dialect | None = None) -> tuple[str, ...]:
    """The names of a file's columns, each once; of JSON lines the keys of the first object."""
    dialect = dialect or sniff(path)
    if dialect.format == "parquet":
        with _readable(path):
            return columns(_polars().scan_parquet(path).collect_schema().names())
    with _open(path, dialect) as file:
        if dialect.format == "csv":
            _skip_above(file, dialect)
            fields = next(records(file, dialect.delimiter), (0, [], ""))[1]
            return () if isinstance(fields, Broken) else columns(fields)
        first = next((line for line in file if line.strip()), "")
    if dialect.format == "whitespace":
        return columns(first.split())
    try:
        return tuple(_flat(msgspec.json.decode(first, type=dict[str, Any])))
    except (msgspec.DecodeError, UnicodeEncodeError):
        return ()


def entries(
    rows: Iterable[Row | BadRow], *, source: str, received_at_us: int, request_id: str, file: str = ""
) -> Iterator[LogEntry]:
    """Put rows in the form of the log: `record` with the event's JSON, or `unreadable` with the raw bytes.

    An unreadable entry carries `{"reason", "detail", "context": {"file", "line"}}` in `shared`.
    """
    encode = msgspec.json.encode
    for index, row in enumerate(rows):
        if isinstance(row, Row):
            yield LogEntry("record", source, received_at_us, index, row.body, None, None, request_id)
        else:
            why = {"reason": row.reason, "detail": row.detail, "context": {"file": file, "line": row.line}}
            yield LogEntry("unreadable", source, received_at_us, index, row.raw, None, encode(why), request_id)


def _open(path: Path, dialect: Dialect) -> IO[str]:
    # UTF-16 has no escapes for undecodable bytes; every other codec keeps them as lone surrogates.
    errors = "replace" if _replaces(dialect) else "surrogateescape"
    try:
        if _is_utf16(dialect.encoding):
            with path.open("rb") as start:
                if start.read(2) not in (b"", *_MARKS):
                    raise UsageError(
                        f"{path.name} has no byte-order mark; state its encoding as utf-16-le or utf-16-be."
                    )
        return path.open(encoding=dialect.encoding, errors=errors, newline="" if dialect.format == "csv" else "\n")
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error


def _is_utf16(encoding: str) -> bool:
    """Whether the codec reads the order of bytes from the file, and so cannot do without."""
    return codecs.lookup(encoding).name == "utf-16"


def _replaces(dialect: Dialect) -> bool:
    return dialect.encoding.lower().replace("_", "-").startswith("utf-16")


def _bad(line: int, text: str, fault: Broken, dialect: Dialect) -> BadRow:
    if _replaces(dialect):
        raw = text.encode("utf-8", "surrogatepass")
    else:
        raw = text.encode("utf-8" if dialect.encoding == "utf-8-sig" else dialect.encoding, "surrogateescape")
    return BadRow(line, raw.rstrip(b"\r\n"), fault.reason, fault.detail)


def _skip_above(file: IO[str], dialect: Dialect) -> int:
    """Pass over the lines above the header; how many there were."""
    return sum(1 for _ in islice(file, dialect.skip_lines))


def _built(plan: Plan, values: Values, line: int, text: str, dialect: Dialect) -> Iterator[AnyRow]:
    for body in plan.build(values, line):
        if isinstance(body, bytes):
            yield Row(line, body)
        elif isinstance(body, Skipped):
            yield SkippedRow(line, body.because)
        elif isinstance(body, Broken):
            yield _bad(line, text, body, dialect)


def _csv(file: IO[str], name: str, mapping: Mapping, dialect: Dialect) -> Iterator[AnyRow]:
    plan: Plan | None = None
    above = _skip_above(file, dialect)
    for number, fields, text in records(file, dialect.delimiter, replaced=_replaces(dialect)):
        line = number + above
        if isinstance(fields, Broken):
            yield _bad(line, text, fields, dialect)
        elif plan is not None:
            yield from _built(plan, fields, line, text, dialect)
        else:
            plan = Plan(mapping, columns(fields), name, occurrences=Occurrences())


def _whitespace(file: IO[str], name: str, mapping: Mapping, dialect: Dialect) -> Iterator[AnyRow]:
    plan: Plan | None = None
    width = 0
    for line, text in enumerate(file, start=1):
        fields = text.split()
        if not fields:
            continue
        if plan is None:
            width = len(fields)
            plan = Plan(mapping, columns(fields), name, occurrences=Occurrences())
            continue
        fault = damage(text, replaced=_replaces(dialect))
        if fault is None and len(fields) != width:
            fault = Broken("wrong_column_count", f"{len(fields)} fields where the header has {width}")
        if fault is not None:
            yield _bad(line, text, fault, dialect)
        else:
            yield from _built(plan, fields, line, text, dialect)


def _json_lines(file: IO[str], name: str, mapping: Mapping, dialect: Dialect) -> Iterator[AnyRow]:
    # Decimal keeps every digit of a number as it was written.
    decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode
    occurrences = Occurrences()
    plans: dict[tuple[str, ...], Plan] = {}
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        fault = damage(text, replaced=_replaces(dialect))
        if fault is None:
            try:
                values = _flat(decode(text))
            except (msgspec.DecodeError, RecursionError, UnicodeError, ArithmeticError):  # an exponent of 20 digits
                fault = Broken("bad_json", "the line is not one JSON object")
        if fault is not None:
            yield _bad(line, text, fault, dialect)
            continue
        keys = tuple(values)
        plan = plans.get(keys)
        if plan is None:
            if len(plans) >= _PLANS_MAX:
                plans.clear()
            plan = plans[keys] = Plan(mapping, keys, name, occurrences=occurrences, strict=False)
        yield from _built(plan, tuple(values.values()), line, text, dialect)


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


def _parquet(path: Path, mapping: Mapping) -> Iterator[AnyRow]:
    frame = _polars().scan_parquet(path)
    with _readable(path):
        names = frame.collect_schema().names()
    plan = Plan(mapping, columns(names), path.name, occurrences=Occurrences())
    start = 0
    while True:
        with _readable(path):
            page = frame.slice(start, _PARQUET_ROWS).collect()
        for number, values in enumerate(page.iter_rows(), start=start + 1):
            cells = [_plain(value) for value in values]
            for body in plan.build(cells, number):
                if isinstance(body, bytes):
                    yield Row(number, body)
                elif isinstance(body, Skipped):
                    yield SkippedRow(number, body.because)
                else:
                    yield BadRow(number, msgspec.json.encode(cells), body.reason, body.detail)
        if page.height < _PARQUET_ROWS:
            return
        start += _PARQUET_ROWS


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
