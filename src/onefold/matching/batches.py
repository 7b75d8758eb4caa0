"""Batches: records and pairs of a table that stands on a cluster, each row with all that a later step needs of it.

A known model says of a record alone how frequent its values are and in which blocks it is, so batches of any size, anywhere,
give the same rows. The functions here run where the rows are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

import onefold
from onefold.matching import blocking, pairs, records, screening
from onefold.matching.blocking import Scheme
from onefold.matching.comparisons import Comparison
from onefold.matching.fields import Field
from onefold.matching.keys import Key
from onefold.matching.records import Records
from onefold.matching.trained import Known
from onefold.ports.cluster import OfBatch

_ROWS = 50_000
"""Of a batch: enough that planning what is done with them counts for little."""
_BLOCK = pa.struct([("block", pa.binary()), ("largest", pa.int32())])
LEVELS = pa.schema([("a", pa.string()), ("b", pa.string()), ("levels", pa.binary())])


def version(_: pa.Table) -> pa.Table:
    """Which Onefold it is that runs where the rows are."""
    return pa.table({"version": [onefold.__version__]})


def of_model(known: Known) -> tuple[Field, ...]:
    """The columns that a model reads."""
    return tuple(field for field in known.trained.fields if field.kind != "ignored")


def prepared(known: Known) -> OfBatch:
    """What makes records of rows; see `_prepared`."""
    return partial(_prepared, known=known)


def compared(known: Known) -> OfBatch:
    """What makes levels of pairs; see `_compared`."""
    return partial(_compared, comparisons=known.comparisons)


def over(function: OfBatch, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """A function over a stream of batches, of which small ones are put together."""
    for table in _gathered(batches):
        yield from function(table).cast(schema).to_batches()


def _gathered(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= _ROWS:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
    if rows:
        yield pa.Table.from_batches(held)


def values(comparing: Sequence[Comparison]) -> list[str]:
    """Columns of a record that its comparison with another reads, beside those with the number of a whole value."""
    return [
        name
        for comparison in comparing
        for name in (
            comparison.x, f"{comparison.x}_b", f"{comparison.x}_s",
            *(f"{comparison.x}_{part}" for part in pairs.TEXTS.get(comparison.field.kind, ())),
        )
    ]  # fmt: skip


def _prepared(table: pa.Table, *, known: Known) -> pa.Table:
    """Records of rows.

    Their columns are `id` and `source`; `position`, by which they are in the order in which `records.read` has them;
    `place`, which is equal for records whose compared values are, and `same`, which is for those that are in all that is
    read, null where nothing is; what screening reads (`screening.sql`); `blocks`; and `values`.
    """
    fields, trained = of_model(known), known.trained
    rows = records.read(table.select([field.column for field in fields]), fields, trained.region, trained.reading)
    keys = known.keys(rows)
    columns: dict[str, Any] = {
        "id": pa.array(rows.ids, pa.string()),
        "source": pa.array(rows.source_names, pa.string()).take(pa.array(rows.sources)),
        "blocks": _blocks(rows, trained.scheme, keys),
        **screening.columns(rows, keys, trained.scheme.total),
        **_places(rows, table, fields),
    }
    read = pairs.as_table(rows, known.comparisons, known.marks(rows))
    for name in values(known.comparisons):
        column = read[name]
        columns[name] = column.cast(pa.int16()) if pa.types.is_integer(column.type) else column
    return pa.table(columns)


def schema_of(known: Known) -> pa.Schema:
    """The columns of `prepared`."""
    fields = of_model(known)
    return _prepared(pa.table({field.column: pa.array([], pa.string()) for field in fields}), known=known).schema


def _texts_of(rows: Records, column: tuple[str, str]) -> list[str | None]:
    held = rows.columns[column]
    return [held.texts[code] if code >= 0 else None for code in held.codes.tolist()]


def _places(rows: Records, table: pa.Table, fields: Sequence[Field]) -> dict[str, Any]:
    """What puts records in order, and tells copies."""
    whole = [_texts_of(rows, (field.column, records.parts_of[field.kind][0])) for field in rows.fields]
    order = pa.array(rows.order)
    raw = [records.texts(table[field.column]).take(order).to_pylist() for field in fields]
    parts = [_texts_of(rows, column) for column in rows.columns]
    return {
        "position": pa.array([b"".join(map(_sortable, each)) for each in _across(rows.count, [*whole, *raw])], pa.binary()),
        "place": pa.array([_digest(each) for each in _across(rows.count, whole)], pa.binary()),
        "same": pa.array(
            [_digest(each) if any(text is not None for text in each) else None for each in _across(rows.count, parts)],
            pa.binary(),
        ),
    }  # fmt: skip


def _across(count: int, columns: Sequence[Sequence[str | None]]) -> Iterable[tuple[str | None, ...]]:
    return zip(*columns, strict=True) if columns else [()] * count


def _sortable(text: str | None) -> bytes:
    """Bytes that are in the order of texts, also with further ones after them; null comes first."""
    return b"\0" if text is None else b"\1" + text.encode("utf-8", "surrogatepass").replace(b"\0", b"\0\xff") + b"\0"


def _digest(texts: Iterable[str | None]) -> bytes:
    return hashlib.blake2b(b"".join(map(_sortable, texts)), digest_size=16).digest()


def _blocks(rows: Records, scheme: Scheme, keys: Sequence[Key]) -> pa.Array:
    """By record, its blocks by all rules, and how many records each may have."""
    counts = [key.of_records() for key in keys]
    owner: list[np.ndarray[Any, Any]] = []
    found: list[bytes] = []
    largest: list[np.ndarray[Any, Any]] = []
    for number, rule in enumerate(scheme.rules):
        codes, likely = blocking.blocks_of(keys, counts, rule.keys, scheme)
        chosen = np.flatnonzero((codes >= 0) & likely)
        _, first, block = np.unique(codes[chosen], return_index=True, return_inverse=True)
        texts = [
            [keys[key].texts[code] for code in keys[key].codes[chosen[first]].tolist()] for key in rule.keys
        ]  # by key, the value of each block
        digests = [_digest((str(number), *each)) for each in zip(*texts, strict=True)]
        owner.append(chosen)
        found += [digests[each] for each in block.tolist()]
        largest.append(np.full(len(chosen), rule.largest, np.int32))
    of = np.concatenate(owner) if owner else np.empty(0, np.int64)
    by_record = np.argsort(of, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(of, minlength=rows.count))]).astype(np.int32)
    most = np.concatenate(largest) if largest else np.empty(0, np.int32)
    each = pa.StructArray.from_arrays([pa.array(found, pa.binary()), pa.array(most, pa.int32())], fields=list(_BLOCK))
    return pa.ListArray.from_arrays(pa.array(offsets), each.take(pa.array(by_record)))


def _compared(table: pa.Table, *, comparisons: Sequence[Comparison]) -> pa.Table:
    """The levels of pairs, a byte a comparison, from columns `a` and `b` with the `id` and `values` of a record each."""
    columns = {side: _record(table[side].combine_chunks(), comparisons) for side in ("a", "b")}
    expressions = ", ".join(f"({each.sql()})::UTINYINT AS l{n}" for n, each in enumerate(comparisons))
    with pairs.database({"threads": 1}) as db:
        db.register("pair", pa.table(columns))
        found = db.sql(f"SELECT a.id AS a, b.id AS b, {expressions} FROM pair").to_arrow_table()  # noqa: S608  our own expressions
    levels = np.stack([found[f"l{n}"].to_numpy() for n in range(len(comparisons))], axis=1)
    packed = pa.Array.from_buffers(pa.binary(levels.shape[1]), len(levels), [None, pa.py_buffer(levels.tobytes())])
    return pa.table({"a": found["a"], "b": found["b"], "levels": packed.cast(pa.binary())})


def _record(rows: pa.StructArray, comparisons: Sequence[Comparison]) -> pa.StructArray:
    """Records as the SQL of the comparisons sees them: here the number of a whole value is the value."""
    columns = dict(zip((field.name for field in rows.type), rows.flatten(), strict=True))
    columns |= {f"{each.x}_k": columns[each.x] for each in comparisons}
    return pa.StructArray.from_arrays(list(columns.values()), names=list(columns))
