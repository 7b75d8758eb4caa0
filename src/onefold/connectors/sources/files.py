"""A file as a source: each row of a CSV, JSON, blank-separated or Parquet file becomes a log entry.

    for row in rows(Path("donors.csv"), mapping.load(Path("donors.yaml"))): ...
    log.append(list(entries(rows(path, plan), source="crm", received_at_us=now, request_id="load-1")))

Rows stream: memory grows only by the 11 to 22 bytes a row that tell a repeated row from a new one. Nothing is typed
unless the mapping says so, and a row that cannot be read comes out as a `BadRow`, in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from onefold.connectors.sources import table
from onefold.connectors.sources.cells import AmbiguousColumnError
from onefold.connectors.sources.dates import DateColumns
from onefold.connectors.sources.delimited import Broken
from onefold.connectors.sources.dialect import Dialect, sniff
from onefold.connectors.sources.language import Mapping
from onefold.connectors.sources.notes import Notes
from onefold.connectors.sources.occurrences import Occurrences
from onefold.connectors.sources.plan import Plan, Skipped
from onefold.model import LogEntry

_PLANS_MAX = 256


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
        reason: `ambiguous_column`, `bad_bytes`, `bad_cast`, `bad_json`, `bad_quotes`, `embedded_nul`,
            `field_too_long`, `missing_id` or `wrong_column_count`.
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


def look(path: Path, mapping: Mapping) -> Dialect:
    """How a file is to be read: what the mapping states, and the rest found out.

    Raises:
        UsageError: The file cannot be opened, or is of a form that we do not read.
    """
    return sniff(
        path,
        form=mapping.format,
        encoding=mapping.encoding,
        delimiter=mapping.delimiter,
        skip_lines=mapping.skip_lines,
        header=mapping.header,
    )


def rows(path: Path, mapping: Mapping, notes: Notes | None = None) -> Iterator[AnyRow]:
    """Read a file row by row; a row comes out several times where the mapping has it state several things.

    Args:
        path: The file.
        mapping: What its columns state.
        notes: Takes what is found out of the file's form, and noticed on the way.

    Raises:
        ConfigurationError: The file has no such column as the mapping names, or several; or a column's dates could be
            day first as well as month first.
        UsageError: The file cannot be opened.
    """
    notes = Notes() if notes is None else notes
    dialect = notes.dialect = look(path, mapping)
    notes.file, notes.system = path.name, mapping.system
    dates = DateColumns(path, dialect, mapping.file, notes)
    occurrences = Occurrences()
    strict = dialect.format not in ("jsonl", "json")
    plans: dict[tuple[str, ...], Plan | Broken] = {}
    names: tuple[str, ...] | None = None
    plan: Plan | Broken | None = None

    def bound(names: tuple[str, ...]) -> Plan | Broken:
        try:
            return Plan(mapping, names, path.name, occurrences=occurrences, strict=strict, dates=dates, find=notes.find)
        except AmbiguousColumnError as error:
            if strict:
                raise
            return Broken("ambiguous_column", str(error))

    for row in table.read(path, dialect, notes):
        line, values = row.line, row.values
        if isinstance(values, Broken):
            yield _bad(row, values, dialect, notes)
            continue
        if row.names is not names:
            names = row.names
            plan = plans.get(names)
            if plan is None:
                if len(plans) >= _PLANS_MAX:
                    plans.clear()
                plan = bound(names)
                plans[names] = plan
        if not isinstance(plan, Plan):
            assert plan is not None  # noqa: S101  names begin as None, so there is a plan or a fault by now
            yield _bad(row, plan, dialect, notes)
            continue
        for body in plan.build(values, line, row.findings):
            if isinstance(body, bytes):
                yield Row(line, body)
            elif isinstance(body, Skipped):
                yield SkippedRow(line, body.because)
            else:
                yield _bad(row, body, dialect, notes)
    if plan is None and strict and (alone := table.header(path, dialect)):
        bound(alone)  # a header without rows is checked all the same: it may be a row without a header


def header(path: Path, *, dialect: Dialect | None = None) -> tuple[str, ...]:
    """The names of a file's columns, each once; of JSON the keys of the first object."""
    return table.header(path, dialect or sniff(path))


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


def _bad(row: table.RawRow, fault: Broken, dialect: Dialect, notes: Notes) -> BadRow:
    notes.reject(fault.reason, row.line)
    parquet = dialect.format == "parquet"
    raw = msgspec.json.encode(row.values) if parquet else table.raw(row.text, dialect).rstrip(b"\r\n")
    return BadRow(row.line, raw, fault.reason, fault.detail)
