"""Summaries: what the manifest knows of a segment file's rows, so that a query opens only files that it can need.

A summary stands in the manifest sealed, together with the file's key: names of events may tell of people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from onefold.warehouse.needs import Bound, Need

VALUES_MAX = 64
"""Distinct values of a text column that are listed; a column with more is not narrowed by its values."""
VALUE_BYTES_MAX = 200
_LISTED = ("kind", "name", "source", "stage", "type", "verdict")


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the rows of a file.

    Attributes:
        ranges: Smallest and greatest value of whole numbers and times (microseconds), by column; nulls do not count.
        values: All values of text columns that have few, by column; nulls do not count.
        promoted: Promoted columns that the file has, each with how it was made.
        trimmed: Before which time, in microseconds, values of a class of personal data were taken out; under the empty
            text, before which time rows were.
        filtered: Where in the file its node filter begins, and how many bytes it has; None where there is none.
    """

    ranges: dict[str, tuple[int, int]] = {}
    values: dict[str, list[str]] = {}
    promoted: dict[str, str] = {}
    trimmed: dict[str, int] = {}
    filtered: tuple[int, int] | None = None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Summary).decode


def packed(summary: Summary) -> bytes:
    """As bytes."""
    return _encode(summary)


def unpacked(data: bytes) -> Summary:
    """Undo `packed`; of a file of an earlier version, which has none, nothing is known."""
    return _decode(data) if data else Summary()


def summary_of(
    rows: pa.Table,
    promoted: Mapping[str, str] | None = None,
    trimmed: Mapping[str, int] | None = None,
    filtered: tuple[int, int] | None = None,
) -> Summary:
    """The summary of rows."""
    ranges: dict[str, tuple[int, int]] = {}
    values: dict[str, list[str]] = {}
    for field in rows.schema:
        if pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type):
            ends = pc.min_max(rows[field.name].cast(pa.int64())).as_py()
            if ends["min"] is not None:
                ranges[field.name] = (ends["min"], ends["max"])
        elif field.name in _LISTED and pa.types.is_string(field.type):
            found = [value for value in pc.unique(rows[field.name]).to_pylist() if value is not None]
            if len(found) <= VALUES_MAX and sum(len(value.encode()) for value in found) <= VALUES_MAX * VALUE_BYTES_MAX:
                values[field.name] = sorted(found)
    return Summary(ranges, values, dict(promoted or {}), dict(trimmed or {}), filtered)


def may_hold(summary: Summary, in_bucket: Callable[[bytes], bool], needs: Sequence[Need]) -> bool:
    """Whether a file may hold a row that any of the needs admits.

    Args:
        summary: Of the file.
        in_bucket: Whether rows of a node may be in it.
        needs: Of the query, of the file's relation.
    """
    return any(
        all(_may(summary, in_bucket, column, bound) for column, bounds in need.items() for bound in bounds)
        for need in needs
    )  # fmt: skip


def _may(summary: Summary, in_bucket: Callable[[bytes], bool], column: str, bound: Bound) -> bool:
    if (ends := summary.ranges.get(column)) is not None:
        low, high = ends
        if (bound.low is not None and high < bound.low) or (bound.high is not None and low > bound.high):
            return False
        return bound.among is None or any(low <= value <= high for value in bound.among if isinstance(value, int))
    if bound.among is None:
        return True
    if (listed := summary.values.get(column)) is not None:
        return not bound.among.isdisjoint(listed)
    return column != "node" or any(in_bucket(value) for value in bound.among if isinstance(value, bytes))
