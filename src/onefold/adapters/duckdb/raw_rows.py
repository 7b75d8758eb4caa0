"""Raw rows: entries of the event log as a sealed Parquet file in memory, for one query, gone with it."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from onefold.adapters.duckdb.columns import schema, table
from onefold.adapters.duckdb.sealed_file import SealedWriter
from onefold.errors import ExpensiveError
from onefold.model import StoredEntry
from onefold.ports import EventLog
from onefold.warehouse import raw
from onefold.warehouse.raw import Window

_AT_ONCE = 4_096
_KEY_BYTES = 32


def written(log: EventLog, source: str, window: Window, *, room_bytes: int) -> tuple[int, bytes]:
    """A descriptor of the file, which the caller closes, and its key.

    Raises:
        ExpensiveError: The rows need more room.
        IntegrityError: An entry does not open.
        UnavailableError: The log does not answer.
    """
    relation, key = raw.relation_of(source), os.urandom(_KEY_BYTES)
    descriptor = os.memfd_create("onefold-raw", os.MFD_CLOEXEC)
    try:
        with (
            SealedWriter(os.dup(descriptor), key) as file,
            pq.ParquetWriter(pa.PythonFile(file, mode="w"), schema(relation), compression="zstd") as writer,
        ):
            for entries in _entries(log, source, window):
                writer.write_table(table(relation, list(zip(*map(_row, entries), strict=True))))
                _require_room(relation.full_name, file.tell(), room_bytes)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, key


def _require_room(name: str, size: int, room_bytes: int) -> None:
    if size > room_bytes:
        raise ExpensiveError(
            f"{name} needs more than {room_bytes >> 20} MB; narrow it by log_offset or received_at, or allow the query"
            " more memory."
        )


def _entries(log: EventLog, source: str, window: Window) -> Iterator[list[StoredEntry]]:
    """The source's entries within the window, some at a time."""
    left = window.rows
    low, high = window.offsets
    for partition, last in sorted(log.ends().items()):
        end = last if high is None else min(last, high)
        after = max(0, (low or 0) - 1) if raw.within(window.partitions, partition) else end
        while after < end and left != 0:
            some = log.read(partition, after, _AT_ONCE)
            if not some:
                break
            after = some[-1].offset
            found = [
                stored
                for stored in some
                if stored.entry.source == source
                and stored.offset <= end
                and raw.within(window.received_us, stored.entry.received_at_us)
            ][:left]
            if left is not None:
                left -= len(found)
            if found:
                yield found


def _row(stored: StoredEntry) -> tuple[Any, ...]:
    e = stored.entry
    body = _text(e.body)
    encoded = base64.b64encode(e.body).decode() if body is None else None
    shared = None if e.shared is None else e.shared.decode(errors="replace")
    return (
        stored.partition, stored.offset, e.index, e.received_at_us, e.request_id, e.shape, e.sent_at, shared, body, encoded,
    )  # fmt: skip


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None
