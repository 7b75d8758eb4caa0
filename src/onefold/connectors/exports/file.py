"""An export: the rows of a query as a Parquet, CSV or JSON Lines file. It is there whole, or not at all."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from onefold.errors import UnavailableError, UsageError
from onefold.warehouse import cells

Progress = Callable[[int], None]
"""Is told how many rows have been written."""

_ROW_GROUP = 131_072


def write(
    rows: pa.Table, path: Path, kind: str, *, force: bool = False, spreadsheet: bool = False, progress: Progress
) -> int:
    """Write a file; what was there before stays until all of the new one is on the disk. The bytes of it.

    Args:
        rows: The rows.
        path: Where to.
        kind: `parquet`, `csv` or `jsonl`.
        force: Whether a file that is there is replaced.
        spreadsheet: For CSV, whether texts that a spreadsheet would take for formulas get an apostrophe before them.
        progress: See `Progress`.

    Raises:
        UsageError: There is such a file already, or no such folder.
        UnavailableError: The disk is full or gone; nothing is left of the new file.
    """
    with _replacing(path, force=force) as file:
        if kind == "parquet":
            _parquet(rows, file, progress)
        elif kind == "csv":
            _csv(rows, file, progress, spreadsheet=spreadsheet)
        else:
            _jsonl(rows, file, progress)
    return path.stat().st_size


def require(path: Path, *, force: bool) -> None:
    """See that a file can be written there, before the query is run.

    Raises:
        UsageError: There is such a file already, or no such folder.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a folder; name a file.")
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}.")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it.")


@contextmanager
def _replacing(path: Path, *, force: bool) -> Iterator[IO[bytes]]:
    require(path, force=force)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        try:
            # What is exported may be personal: nobody but the owner reads it, unless they say so.
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb", buffering=1 << 20) as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _put(partial, path, force=force)
            _settle(path.parent)
        except OSError as error:
            raise UnavailableError(f"{path} cannot be written ({error.strerror}); nothing was changed") from error
    finally:
        partial.unlink(missing_ok=True)


def _put(partial: Path, path: Path, *, force: bool) -> None:
    if force:
        partial.replace(path)
        return
    try:
        os.link(partial, path)  # unlike a rename it fails where somebody else has made the file meanwhile
    except FileExistsError:
        raise UsageError(f"{path} is there already; --force replaces it.") from None


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _parquet(rows: pa.Table, file: IO[bytes], progress: Progress) -> None:
    # Readers of Parquet find columns by name, so each has one of its own.
    rows = rows.rename_columns(cells.distinct(rows.column_names))
    written = 0
    with pq.ParquetWriter(file, rows.schema, compression="zstd") as writer:
        for start in range(0, rows.num_rows, _ROW_GROUP):
            part = rows.slice(start, _ROW_GROUP)
            writer.write_table(part)
            written += part.num_rows
            progress(written)


def _csv(rows: pa.Table, file: IO[bytes], progress: Progress, *, spreadsheet: bool) -> None:
    file.write(cells.csv_line(cells.distinct(rows.column_names)).encode())
    lines = (cells.csv_line(row, spreadsheet=spreadsheet) for row in cells.rows(rows))
    _lines(lines, file, progress)


def _jsonl(rows: pa.Table, file: IO[bytes], progress: Progress) -> None:
    _lines((json.dumps(document, ensure_ascii=False) + "\n" for document in cells.documents(rows)), file, progress)


def _lines(lines: Iterator[str], file: IO[bytes], progress: Progress) -> None:
    written = 0
    while piece := list(itertools.islice(lines, cells.BATCH_ROWS)):
        file.write("".join(piece).encode())
        written += len(piece)
        progress(written)
