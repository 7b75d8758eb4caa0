"""Records: the rows of a table in the form in which they are compared, in an order that depends on their content only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from onefold.ingest import times
from onefold.matching import values
from onefold.matching.fields import Field, Kind, Sample
from onefold.matching.values import Parts

Codes = np.ndarray[Any, np.dtype[np.int32]]

SAMPLED = 2_000
_BANDS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2)
RARE_MAX = 8
"""Values of so few records are rare, whatever the size of the table."""

parts_of: dict[Kind, tuple[str, ...]] = {
    "given_name": ("name", "root"), "family_name": ("name", "part"), "middle_name": ("value",), "name_suffix": ("value",),
    "birth_date": ("value", "year", "day"), "email": ("value", "local"), "phone": ("value", "end"),
    "street": ("value", "number", "name"), "house_number": ("value",), "address_line": ("value",), "city": ("value",),
    "postcode": ("value", "start"), "region": ("value",), "id": ("value",), "category": ("value",), "text": ("value",),
}  # fmt: skip
_FULL_NAME: tuple[tuple[Kind, str], ...] = (
    ("given_name", "name"), ("given_name", "root"), ("family_name", "name"), ("family_name", "part")
)  # fmt: skip
_UNREADABLE = "\N{REPLACEMENT CHARACTER}"


class Column(msgspec.Struct, frozen=True):
    """One part of a field over all records.

    Attributes:
        texts: The value of each code.
        codes: The code of each record; -1 where there is none. Equal values have equal codes.
        counts: How many records have each code.
    """

    texts: list[str]
    codes: Codes
    counts: Codes

    def bands(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """How frequent each record's value is: 1 rare to 6 very common, 0 where there is none."""
        return np.append(bands_of(self.counts, len(self.codes)), np.uint8(0))[self.codes]

    def pairs_equal(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Pairs of records with an equal value, by band 1 to 6 (index 0 is empty)."""
        pairs = np.zeros(len(_BANDS) + 2)
        counts = self.counts.astype(np.float64)
        np.add.at(pairs, bands_of(self.counts, len(self.codes)), counts * (counts - 1) / 2)
        return pairs


def bands_of(counts: Any, total: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """How frequent values are that so many of `total` records have: 1 rare to 6 very common."""
    band = np.ones(len(counts), np.uint8)
    for more in often(total):
        band += counts > more
    return band


def often(total: int) -> tuple[float, ...]:
    """How many of `total` records a value of each band has at most, but for the last band."""
    return tuple(max(RARE_MAX, share * total) for share in _BANDS)


class Reading(msgspec.Struct, frozen=True):
    """What a table decides of how its values are read, and what another has to be read by to be compared with it.

    Attributes:
        compared: The fields that tell records apart.
        orders: By column of dates, whether day or month comes first; None where nothing tells.
    """

    compared: tuple[Field, ...]
    orders: dict[str, times.Order | None]


class Records(msgspec.Struct, frozen=True):
    """All records, in canonical order.

    Attributes:
        count: How many there are.
        order: Row of the table for each record.
        columns: By field and part: `first_name`, `name`.
        fields: What is compared, a field a column, without those that say nothing.
        sources: Code of each record's source; all 0 where the table has none.
        source_names: The names of the sources.
        ids: The id of each record, as text: the table's own, or the number of its row.
        reading: How values were read.
    """

    count: int
    order: np.ndarray[Any, np.dtype[np.int64]]
    columns: dict[tuple[str, str], Column]
    fields: tuple[Field, ...]
    sources: Codes
    source_names: list[str]
    ids: list[str]
    reading: Reading


def sample(column: Any) -> Sample:
    """What a column of an Arrow table looks like, whatever the order of its rows."""
    cells = texts(column)
    distinct = pc.unique(cells).drop_null()
    # By their hash: the first values of a sorted column would be all alike.
    known = [value for value in distinct.to_pylist() if value.strip()]
    chosen = (
        sorted(known, key=lambda value: (hash_of(value), value))[:SAMPLED] if len(known) > SAMPLED else sorted(known)
    )
    return Sample(chosen, len(cells) - cells.null_count if known else 0, len(known))


def hash_of(text: str) -> int:
    """A number that scatters texts, the same in every process."""
    number = 2166136261
    for byte in text[:24].encode("utf-8", "surrogatepass"):
        number = ((number ^ byte) * 16777619) & 0xFFFFFFFF
    return number


def read(table: Any, fields: Sequence[Field], region: str | None, like: Reading | None = None) -> Records:
    """Normalise an Arrow table, each different value once; the same way as another table was, where that is given."""
    columns: dict[tuple[str, str], Column] = {}
    compared: list[Field] = []
    orders: dict[str, times.Order | None] = {} if like is None else like.orders
    for field in fields:
        if field.kind in ("ignored", "source", "record_id"):
            continue
        encoded = texts(table[field.column]).dictionary_encode()
        cells: list[str] = encoded.dictionary.to_pylist()
        if field.kind == "birth_date" and like is None:
            orders[field.column] = _order_of(cells)
        for made, part, column in _columns(encoded, cells, normaliser(field, region, orders), field):
            columns[made.column, part] = column
            if made not in compared:
                compared.append(made)
    if like is None:
        compared = [field for field in compared if len(columns[field.column, parts_of[field.kind][0]].texts) > 1]
    else:
        compared = list(like.compared)
    order = _canonical(table, fields, compared, columns)
    ids = _own(table, fields, "record_id")
    sources = _own(table, fields, "source")
    names = sorted(set(sources)) if sources else [""]
    number = {name: index for index, name in enumerate(names)}
    codes = np.array([number[name] for name in sources], np.int32) if sources else np.zeros(len(order), np.int32)
    return Records(
        count=len(order),
        order=order,
        columns={key: Column(c.texts, c.codes[order], c.counts) for key, c in columns.items()},
        fields=tuple(compared),
        sources=codes[order],
        source_names=names,
        ids=[ids[row] if ids else str(row) for row in order.tolist()],
        reading=Reading(tuple(compared), orders),
    )


def _own(table: Any, fields: Sequence[Field], kind: Kind) -> list[str]:
    column = next((field.column for field in fields if field.kind == kind), None)
    return [] if column is None else [value or "" for value in texts(table[column]).to_pylist()]


def texts(column: Any) -> Any:
    """A column of an Arrow table as an array of texts."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        return pa.array([None if v is None else v.decode("utf-8", "replace") for v in column.to_pylist()], pa.string())
    if pa.types.is_nested(column.type):
        return pa.array([None if v is None else str(v) for v in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def _columns(
    encoded: Any, cells: list[str], normalise: Callable[[str], Parts], field: Field
) -> list[tuple[Field, str, Column]]:
    indices = encoded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False).astype(np.int64)
    parts = [normalise(cell) for cell in cells]
    return [
        (made, part, _encode([p[index] for p in parts], indices)) for index, (made, part) in enumerate(made_of(field))
    ]


def made_of(field: Field) -> list[tuple[Field, str]]:
    """The field and part of each of the values that a cell is made into."""
    if field.kind == "full_name":
        return [(Field(f"{field.column} ({kind.replace('_', ' ')})", kind), part) for kind, part in _FULL_NAME]
    return [(field, part) for part in parts_of[field.kind]]


def _encode(texts: Sequence[str | None], indices: np.ndarray[Any, np.dtype[np.int64]]) -> Column:
    distinct = sorted({text for text in texts if text is not None})
    code = {text: number for number, text in enumerate(distinct)}
    of_cell = np.array([-1 if text is None else code[text] for text in texts] + [-1], np.int32)
    codes = of_cell[indices]
    counts = np.bincount(codes[codes >= 0], minlength=len(distinct)).astype(np.int32)
    return Column(distinct, codes, counts)


def normaliser(field: Field, region: str | None, orders: Mapping[str, times.Order | None]) -> Callable[[str], Parts]:
    """What makes parts of a cell of the field."""
    if field.kind == "birth_date":
        return partial(values.birth_date, order=orders.get(field.column))
    if field.kind == "phone":
        return partial(values.phone, region=region)
    functions: Mapping[str, Callable[[str], Parts]] = {
        "given_name": values.given_name, "family_name": values.family_name, "full_name": values.full_name,
        "name_suffix": values.suffix, "email": values.email, "street": values.street, "postcode": values.postcode,
        "id": values.identifier,
    }  # fmt: skip
    return functions.get(field.kind, values.word)


def _order_of(cells: Sequence[str]) -> times.Order | None:
    """Whether day or month comes first in a column, by the dates that can be read in one way only."""
    seen: Counter[times.Order] = Counter()
    for cell in cells:
        orders = None if cell[:4].isdigit() else times.orders(cell.strip())
        if orders is not None and len(orders) == 1:
            seen.update(orders)
    return seen.most_common(1)[0][0] if seen else None


def _canonical(
    table: Any, fields: Sequence[Field], compared: Sequence[Field], columns: Mapping[tuple[str, str], Column]
) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows by content: every column of the table that is not ignored, as it stands; then its parts."""
    named = [field.column for field in fields if field.kind != "ignored"]
    keys = [columns[field.column, parts_of[field.kind][0]].codes for field in compared]
    for name in named:
        encoded = texts(table[name]).dictionary_encode()
        cells = encoded.dictionary.to_pylist()
        rank = np.empty(len(cells) + 1, np.int64)
        rank[np.array(sorted(range(len(cells)), key=cells.__getitem__), np.int64)] = np.arange(len(cells))
        rank[-1] = -1
        keys.append(rank[encoded.indices.fill_null(len(cells)).to_numpy(zero_copy_only=False)])
    if not keys:
        return np.arange(table.num_rows)
    return np.lexsort(keys[::-1])
