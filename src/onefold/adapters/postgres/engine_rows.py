"""Rows between Arrow and PostgreSQL: out as CSV for COPY, made by Arrow in one go; in from what a cursor gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from onefold.adapters.postgres.arrays import storable
from onefold.model import Column, ColumnType, Relation

_POSTGRES: Mapping[ColumnType, str] = {
    "uuid": "uuid",
    "bigint": "bigint",
    "integer": "integer",
    "double": "double precision",
    "boolean": "boolean",
    "decimal": "numeric(38, 9)",
    "timestamp": "timestamp",
    "date": "date",
    "text": 'text COLLATE "C"',
    # As the text it was fed as: `jsonb` refuses some of it and gives back other bytes.
    "json": 'text COLLATE "C"',
    "uuids": "uuid[]",
}
_HEX_DIGITS = 32
_BATCH_ROWS = 16_384
_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="all_valid")
_CONTEXT = Context(prec=76, rounding=ROUND_HALF_UP)


def postgres_type(column: Column) -> str:
    """What PostgreSQL calls the column's type; text is compared byte by byte."""
    return _POSTGRES[column.type]


def copied(relation: Relation, rows: pa.Table) -> Iterator[bytes]:
    """The rows of a relation as `COPY … (FORMAT csv)` takes them: what is not quoted and empty is null."""
    for batch in rows.to_batches(_BATCH_ROWS):
        columns = [_text(column.type, batch.column(n)) for n, column in enumerate(relation.columns)]
        sink = pa.BufferOutputStream()
        csv.write_csv(pa.RecordBatch.from_arrays(columns, names=batch.schema.names), sink, _OPTIONS)
        data: bytes = sink.getvalue().to_pybytes()
        yield data


def _text(kind: ColumnType, values: pa.Array) -> pa.Array:
    if kind == "uuid":
        return _hex(values.storage)
    if kind == "uuids":
        return _hex_lists(values)
    if kind in {"text", "json"}:
        return pc.replace_substring(values, "\0", storable("\0"))
    return values.cast(pa.string())


def _hex(values: pa.FixedSizeBinaryArray) -> pa.Array:
    whole = pa.concat_arrays([values])  # without an offset
    filled = whole.fill_null(bytes(_HEX_DIGITS // 2)) if whole.null_count else whole
    digits = filled.buffers()[1].to_pybytes()[: len(filled) * _HEX_DIGITS // 2].hex()
    ends = pa.array(range(0, len(filled) * _HEX_DIGITS + 1, _HEX_DIGITS), pa.int32())
    text = pa.StringArray.from_buffers(len(filled), ends.buffers()[1], pa.py_buffer(digits.encode()))
    return pc.if_else(values.is_valid(), text, None) if values.null_count else text


def _hex_lists(values: pa.ListArray) -> pa.Array:
    lists = [
        None if some is None else "{" + ",".join(each.hex() for each in some) + "}"
        for some in values.cast(pa.list_(pa.binary(_HEX_DIGITS // 2))).to_pylist()
    ]
    return pa.array(lists, pa.string())


def table(schema: pa.Schema, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of a cursor, whose columns have these names, in the columns and types of a schema."""
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [() for _ in names]
    places = _places(schema, names)
    arrays = [_array(field.type, columns[place]) for field, place in zip(schema, places, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _places(schema: pa.Schema, names: Sequence[str]) -> list[int]:
    """Where each column of the schema is: by name, since columns that were added later come last, or by order."""
    wanted = [name.lower() for name in schema.names]
    if len(set(wanted)) == len(wanted) and set(wanted) == set(names):
        return [names.index(name) for name in wanted]
    return list(range(len(wanted)))


def _array(kind: pa.DataType, values: Sequence[Any]) -> pa.Array:
    if pa.types.is_decimal(kind):
        step = Decimal(1).scaleb(-kind.scale)
        values = [None if v is None else Decimal(v).quantize(step, context=_CONTEXT) for v in values]
    elif pa.types.is_floating(kind):
        values = [None if v is None else float(v) for v in values]
    elif pa.types.is_integer(kind):
        values = [None if v is None else int(v) for v in values]
    elif pa.types.is_string(kind):
        values = [None if v is None else str(v) for v in values]
    elif pa.types.is_list(kind) and pa.types.is_string(kind.value_type):
        values = [None if v is None else [None if each is None else str(each) for each in v] for v in values]
    return pa.array(values, kind)
