"""Columns: a relation's as Arrow and DuckDB have them, and rows of the feed as Arrow tables."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from onefold.errors import UsageError
from onefold.model import Column, ColumnType, Relation
from onefold.warehouse import relations
from onefold.warehouse.feed import Rows, length
from onefold.warehouse.rows import Columns

_ARROW: Mapping[ColumnType, pa.DataType] = {
    "uuid": pa.uuid(),
    "bigint": pa.int64(),
    "integer": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(38, 9),
    "timestamp": pa.timestamp("us"),
    "date": pa.date32(),
    "text": pa.string(),
    "json": pa.string(),
    "uuids": pa.list_(pa.uuid()),
}
_DUCKDB: Mapping[ColumnType, str] = {
    "uuid": "UUID",
    "bigint": "BIGINT",
    "integer": "INTEGER",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "decimal": "DECIMAL(38, 9)",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "text": "VARCHAR",
    "json": "VARCHAR",
    "uuids": "UUID[]",
}
_UUID_BYTES = 16


def duckdb_type(column: Column) -> str:
    """What DuckDB calls the column's type."""
    return _DUCKDB[column.type]


def schema(relation: Relation) -> pa.Schema:
    """The relation's columns as Arrow has them."""
    return pa.schema([(column.name, _ARROW[column.type]) for column in relation.columns])


def empty(relation: Relation) -> pa.Table:
    """No rows."""
    return table(relation, [[] for _ in relation.columns])


def table(relation: Relation, columns: Columns) -> pa.Table:
    """Columns of plain values, in the relation's order, as a table; one that is None has no value.

    Values: `uuid` is 16 bytes, `uuids` 16 bytes each one after the other, `timestamp` microseconds, `json` bytes.
    """
    rows = length(columns)
    arrays = [
        pa.nulls(rows, _ARROW[column.type]) if values is None else _array(column.type, values)
        for column, values in zip(relation.columns, columns, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema(relation))


def _array(kind: ColumnType, values: Sequence[Any]) -> pa.Array:
    make = _MAKERS.get(kind)
    return pa.array(values, _ARROW[kind]) if make is None else make(values)


def _uuids(values: Sequence[bytes]) -> pa.Array:
    offsets, end = [0], 0
    for value in values:
        end += len(value) // _UUID_BYTES
        offsets.append(end)
    joined = pa.py_buffer(b"".join(values))
    storage = pa.FixedSizeBinaryArray.from_buffers(pa.binary(_UUID_BYTES), end, [None, joined])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.ExtensionArray.from_storage(pa.uuid(), storage))


_MAKERS: Mapping[ColumnType, Callable[[Sequence[Any]], pa.Array]] = {
    "uuid": lambda values: pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(_UUID_BYTES))),
    "uuids": _uuids,
    # What msgspec writes as JSON is UTF-8, so it need not be looked at again.
    "json": lambda values: pa.array(values, pa.binary()).view(pa.string()),
}


def fed_tables(chunks: Iterable[tuple[int, Rows]]) -> dict[str, pa.Table]:
    """Rows of the feed, each chunk with the sequence of its last row, as tables by the relation's full name."""
    parts: dict[str, list[pa.Table]] = {relation.full_name: [] for relation in relations.FED}
    for last, rows in chunks:
        first = last - len(rows) + 1
        for relation, found in (
            (relations.IDENTITY_CHANGE, rows.identity),
            (relations.EVIDENCE, rows.evidence),
            (relations.JUDGEMENT, rows.judgements),
            (relations.EVENT, rows.events),
            (relations.MEMBERSHIP_CHANGE, rows.memberships),
        ):
            many = length(found)
            if many:
                numbers = range(first, first + many)
                parts[relation.full_name].append(table(relation, [numbers, *found, [rows.known_at_us] * many]))
                first += many
    return {name: pa.concat_tables(found) for name, found in parts.items() if found}


def conformed(relation: Relation, rows: pa.Table) -> pa.Table:
    """The rows with the relation's columns, in its order and types; columns that they lack are null.

    A `uuid` may be text, which is how queries give it.

    Raises:
        UsageError: A value cannot be of its column's type, or is missing where it is required, or a column is unknown.
    """
    unknown = [name for name in rows.column_names if relation.column(name) is None]
    if unknown:
        raise UsageError(f"{relation.full_name} has no column {', '.join(unknown)}.")
    arrays = []
    for column in relation.columns:
        kind = _ARROW[column.type]
        if column.name not in rows.column_names:
            found = pa.nulls(rows.num_rows, kind)
        else:
            try:
                found = _cast(rows[column.name], kind)
            except (pa.ArrowException, ValueError):
                raise UsageError(f"{relation.full_name}.{column.name} has values that are no {column.type}.") from None
        if column.required and found.null_count:
            raise UsageError(f"{relation.full_name}.{column.name} is required, and {found.null_count} rows lack it.")
        arrays.append(found)
    return pa.Table.from_arrays(arrays, schema=schema(relation))


def _cast(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if values.type == kind:
        return values
    if kind == pa.uuid() and pa.types.is_string(values.type):
        plain = [None if text is None else uuid.UUID(text).bytes for text in values.to_pylist()]
        return pa.chunked_array([_array("uuid", plain)])
    if kind == _ARROW["uuids"]:
        lists = [None if some is None else [uuid.UUID(text).bytes for text in some] for some in values.to_pylist()]
        storage = pa.array(lists, pa.list_(pa.binary(_UUID_BYTES)))
        return pa.chunked_array([storage.cast(kind)])
    return values.cast(kind)


def columns_of(rows: pa.Table) -> tuple[Column, ...]:
    """Columns for a relation that holds what a query gave."""
    return tuple(Column(field.name, _column_type(field.type)) for field in rows.schema)


def _column_type(kind: pa.DataType) -> ColumnType:
    tests: tuple[tuple[ColumnType, Callable[[pa.DataType], bool]], ...] = (
        ("boolean", pa.types.is_boolean),
        ("bigint", pa.types.is_integer),
        ("double", pa.types.is_floating),
        ("decimal", pa.types.is_decimal),
        ("timestamp", pa.types.is_timestamp),
        ("date", pa.types.is_date),
    )
    return next((name for name, test in tests if test(kind)), "text")
