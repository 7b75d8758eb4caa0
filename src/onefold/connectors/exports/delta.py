"""An export as a Delta table: a folder that Spark, Databricks and others read. It is there whole, or not at all.

A table that is replaced is written anew beside the old one, and the two folders are exchanged: nothing of the old one is
left, neither files nor older versions, so whoever was erased meanwhile is not in it.
"""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

import pyarrow as pa

from onefold.errors import ConfigurationError, UnavailableError, UsageError
from onefold.warehouse import cells

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def write(rows: pa.Table, path: Path, *, force: bool = False) -> int:
    """Write a table; what was there before stays until all of the new one is on the disk. The bytes of its files.

    Raises:
        ConfigurationError: The extra is not installed.
        UsageError: There is such a folder already, or none to put it in.
        UnavailableError: The disk is full or gone; nothing is left of the new table.
    """
    require(path, force=force)
    try:
        from deltalake import write_deltalake  # noqa: PLC0415  only where the extra is
        from deltalake.exceptions import DeltaError  # noqa: PLC0415  as above
    except ImportError:
        raise ConfigurationError("an export to Delta needs the extra: pip install 'onefold[delta]'") from None
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        # What is exported may be personal: nobody but the owner reads it, unless they say so.
        partial.mkdir(mode=0o700)
        write_deltalake(partial, _timed(rows.rename_columns(cells.distinct(rows.column_names))), mode="overwrite")
        size = _settle(partial)
        if path.exists():
            _exchange(partial, path)
        else:
            partial.rename(path)
        _sync(path.parent)
    except (OSError, DeltaError) as error:
        raise UnavailableError(f"{path} cannot be written ({type(error).__name__}); nothing was changed") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return size


def require(path: Path, *, force: bool) -> None:
    """See that a table can be written there, before the query is run.

    Raises:
        UsageError: There is something already, or no folder to put it in.
    """
    if not path.parent.is_dir():
        raise UsageError(f"There is no folder {path.parent}.")
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force replaces it.")
    if path.exists() and not (path / "_delta_log").is_dir():
        raise UsageError(f"{path} is no Delta table; name another folder.")


def _timed(rows: pa.Table) -> pa.Table:
    """The rows with times in UTC, which every reader of Delta knows; those without a zone not all of them do."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type):
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.timestamp("us", "UTC")))
        elif pa.types.is_null(field.type):
            rows = rows.set_column(place, field.name, rows.column(place).cast(pa.string()))
    return rows


def _settle(folder: Path) -> int:
    """Wait until all files are on the disk, which Delta's library does not; the bytes of them."""
    size = 0
    for file in sorted(folder.rglob("*"), reverse=True):
        _sync(file)
        size += file.stat().st_size if file.is_file() else 0
    _sync(folder)
    return size


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two folders at once; a rename replaces no folder that has something in it."""
    library = ctypes.CDLL(None, use_errno=True)
    if library.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
