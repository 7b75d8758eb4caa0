"""Rows between Arrow and an engine: ids as texts on the way out, and on the way in the columns and types of a schema."""

from __future__ import annotations

import json
import uuid
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa

_CONTEXT = Context(prec=76, rounding=ROUND_HALF_UP)
_LIST = pa.list_(pa.string())


def plain(rows: pa.Table) -> pa.Table:
    """Rows with ids as texts with hyphens, and names in lower case."""
    columns = {field.name.lower(): _plain(rows[field.name]) for field in rows.schema}
    return pa.table(columns)


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    if values.type == pa.uuid():
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in values.to_pylist()], pa.string())])
    if pa.types.is_list(values.type) and values.type.value_type == pa.uuid():
        lists = [None if some is None else [str(each) for each in some] for some in values.to_pylist()]
        return pa.chunked_array([pa.array(lists, _LIST)])
    return values


def shaped(schema: pa.Schema, found: pa.Table) -> pa.Table:
    """What an engine gave, in the columns and types of a schema: by name, or by order where names are not unique."""
    wanted, there = [name.lower() for name in schema.names], [name.lower() for name in found.column_names]
    by_name = len(set(wanted)) == len(wanted) and set(wanted) == set(there)
    places = [there.index(name) for name in wanted] if by_name else list(range(len(wanted)))
    arrays = [_shaped(found.column(place), field.type) for field, place in zip(schema, places, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _shaped(values: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if values.type == kind:
        return values
    if pa.types.is_temporal(values.type) and pa.types.is_temporal(kind):
        return values.cast(pa.timestamp("us", getattr(values.type, "tz", None))).cast(kind)
    return pa.chunked_array([pa.array([_value(value, kind) for value in values.to_pylist()], kind)])


def _value(value: Any, kind: pa.DataType) -> Any:
    if value is None:
        return None
    if pa.types.is_decimal(kind):
        exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
        return exact.quantize(Decimal(1).scaleb(-kind.scale), context=_CONTEXT)
    if pa.types.is_floating(kind):
        return float(value)
    if pa.types.is_integer(kind):
        return int(value)
    if pa.types.is_boolean(kind):
        return bool(value)
    if pa.types.is_list(kind):
        members = json.loads(value, parse_float=Decimal) if isinstance(value, str) else value  # Snowflake's are JSON
        return [_value(each, kind.value_type) for each in members]
    if pa.types.is_string(kind):
        return value.decode() if isinstance(value, bytes) else str(value)
    if kind == pa.uuid():
        return uuid.UUID(str(value)).bytes
    return value
