"""Pairs: their levels, computed by DuckDB in memory, as counts of the patterns that occur and a pattern a pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import msgspec
import numpy as np
import pyarrow as pa

from onefold.errors import ConfigurationError
from onefold.matching import blocking
from onefold.matching.comparisons import Comparison
from onefold.matching.records import Records

Integers = np.ndarray[Any, np.dtype[np.int64]]
Levels = np.ndarray[Any, np.dtype[np.uint8]]

_CHUNK = 1_000_000
SHARED_KINDS = ("email", "phone")
TEXTS = {
    "given_name": ("root",), "family_name": ("part",), "birth_date": ("year",), "email": ("local",), "phone": ("end",),
    "street": ("number", "name"), "postcode": ("start",),
}  # fmt: skip


class Compared(msgspec.Struct, frozen=True):
    """Pairs and what became of their comparison.

    Attributes:
        pairs: As in `blocking.Pairs`.
        patterns: Levels by pattern and comparison, in a fixed order.
        counts: How many of the pairs have each pattern.
        pattern: The pattern of each pair.
    """

    pairs: Integers
    patterns: Levels
    counts: Integers
    pattern: Integers


class Marks(msgspec.Struct, frozen=True):
    """How frequent each record's values are, by column.

    Attributes:
        bands: 1 rare to 6 very common, 0 where there is no value.
        shared: Of how many names the users of a value are: 1, 2, 3 for more; 0 where there is none, or it does not matter.
    """

    bands: dict[str, Levels]
    shared: dict[str, Levels]


def marks_of(records: Records) -> Marks:
    """As the records themselves tell."""
    whole = {
        field.column: next(part for column, part in records.columns if column == field.column)
        for field in records.fields
    }
    shared = {
        field.column: sharedness(records, field.column, whole[field.column])
        if field.kind in SHARED_KINDS
        else np.zeros(records.count, np.uint8)
        for field in records.fields
    }
    return Marks({name: records.columns[name, part].bands() for name, part in whole.items()}, shared)


class Comparing(Protocol):
    """Compares records of one numbering."""

    def compare(self, pairs: Integers) -> Compared:
        """The levels of each pair. Patterns are in the order of their levels, whatever the order of the pairs."""
        ...


class Engine:
    """The records in a database in memory, ready to be compared. It writes nothing to any disk."""

    def __init__(self, db: Any, records: Records, comparisons: Sequence[Comparison], marks: Marks | None) -> None:
        self._db, self._count, self._comparisons = db, records.count, comparisons
        self._db.register("loaded", as_table(records, comparisons, marks))
        self._db.execute("CREATE TABLE record AS SELECT * FROM loaded")
        self._db.unregister("loaded")

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Engine(records={self._count}, comparisons={len(self._comparisons)})>"

    def compare(self, pairs: Integers) -> Compared:
        """The levels of each pair. Patterns are in the order of their levels, whatever the order of the pairs."""
        width = len(self._comparisons)
        codes = np.empty(len(pairs), np.int64)
        # Patterns are numbered as they come, and put in order at the end: there are few of them.
        seen = np.empty((0, width), np.uint8)
        for start in range(0, len(pairs), _CHUNK):
            chunk = pairs[start : start + _CHUNK]
            levels = self._levels(chunk)
            both = np.concatenate([seen, levels])
            seen, inverse = distinct_levels(both)
            codes[:start] = inverse[: len(inverse) - len(chunk)][codes[:start]] if start else codes[:start]
            codes[start : start + len(chunk)] = inverse[len(inverse) - len(chunk) :]
        counts = np.bincount(codes, minlength=len(seen)).astype(np.int64)
        return Compared(pairs, seen, counts, codes)

    def _levels(self, pairs: Integers) -> Levels:
        expressions = {f"l{n}": f"({comparison.sql()})::UTINYINT" for n, comparison in enumerate(self._comparisons)}
        found = self.values(pairs, expressions)
        levels = np.empty((len(pairs), len(expressions)), np.uint8)
        for number, values in enumerate(found.values()):
            levels[:, number] = values
        return levels

    def values(self, pairs: Integers, expressions: Mapping[str, str]) -> dict[str, Any]:
        """The value of expressions over the records `a` and `b` for each pair, in the order of the pairs; NaN for none."""
        order = np.arange(len(pairs), dtype=np.int32)
        self._db.register("pair", pa.table({"n": order, "a": pairs // self._count, "b": pairs % self._count}))
        chosen = ", ".join(f'{sql} AS "{name}"' for name, sql in expressions.items())
        found = self._db.execute(
            f"SELECT pair.n AS n, {chosen} FROM pair JOIN record a ON a.r = pair.a JOIN record b ON b.r = pair.b"  # noqa: S608  our own expressions
        ).fetchnumpy()
        self._db.unregister("pair")
        rows = {}
        for name in expressions:
            column = found[name]
            column = (
                column.filled(np.nan) if isinstance(column, np.ma.MaskedArray) and column.dtype.kind == "f" else column
            )
            rows[name] = np.empty(len(pairs), column.dtype)
            rows[name][found["n"]] = column
        return rows


@contextmanager
def engine(
    records: Records, comparisons: Sequence[Comparison], *, memory_mb: int, marks: Marks | None = None
) -> Iterator[Engine]:
    """An engine for these records, for as long as the context lasts."""
    with database({"memory_limit": f"{memory_mb}MB"}) as db:
        yield Engine(db, records, comparisons, marks)


@contextmanager
def database(settings: Mapping[str, Any]) -> Iterator[Any]:
    """A database in memory, for as long as the context lasts."""
    try:
        import duckdb  # noqa: PLC0415  an extra: whoever does not match does not need it
    except ImportError as error:
        raise ConfigurationError("matching needs the extra: pip install 'onefold[matching]'") from error
    # Values are in the clear here, so nothing may be spilled to a disk.
    db = duckdb.connect(":memory:", config={**settings, "temp_directory": ""})
    try:
        yield db
    finally:
        db.close()


def as_table(records: Records, comparisons: Sequence[Comparison], marks: Marks | None = None) -> Any:
    """The records as the SQL of the comparisons sees them, as an Arrow table.

    How frequent values are is told by `marks`; where there are none, by the records themselves.
    """
    marks = marks or marks_of(records)
    columns: dict[str, Any] = {"r": np.arange(records.count, dtype=np.int64)}
    for comparison in comparisons:
        field, x = comparison.field, comparison.x
        whole = next(iter(part for column, part in records.columns if column == field.column))
        column = records.columns[field.column, whole]
        columns[x] = _decoded(column.texts, column.codes)
        columns[f"{x}_k"] = pa.array(column.codes, mask=column.codes < 0)
        columns[f"{x}_b"] = marks.bands[field.column]
        columns[f"{x}_s"] = marks.shared[field.column]
        for part in TEXTS.get(field.kind, ()):
            other = records.columns[field.column, part]
            columns[f"{x}_{part}"] = _decoded(other.texts, other.codes)
    return pa.table(columns)


def _decoded(texts: Sequence[str], codes: Any) -> Any:
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=codes < 0), pa.array(texts, pa.string())).cast(
        pa.string()
    )


def sharedness(records: Records, column: str, part: str) -> Any:
    """By record: 1, 2 or 3 for one, two or more beginnings of given names that use its value; 0 where there is none."""
    codes = records.columns[column, part].codes.astype(np.int64)
    given = next((field.column for field in records.fields if field.kind == "given_name"), None)
    if given is None:
        return np.minimum(records.columns[column, part].bands(), 3)
    names = records.columns[given, "root"]
    letters = sorted({text[:1] for text in names.texts})
    initial = np.array([letters.index(text[:1]) for text in names.texts] + [-1], np.int64)[names.codes]
    known = (codes >= 0) & (initial >= 0)
    distinct = blocking.distinct(codes[known] * len(letters) + initial[known]) // max(len(letters), 1)
    users = np.bincount(distinct, minlength=len(records.columns[column, part].texts) + 1)
    return np.where(codes >= 0, np.clip(users[codes], 1, 3), 0).astype(np.uint8)


def random_pairs(count: int, most: int, without: blocking.Pairs) -> blocking.Pairs:
    """Pairs drawn evenly from all of `count` records, none of them in `without`; all of those when they are few."""
    total = count * (count - 1) // 2
    if total <= 2 * most:
        a, b = np.triu_indices(count, 1)
        drawn = a.astype(np.int64) * count + b
    else:
        generator = np.random.default_rng(1)
        a, b = generator.integers(0, count, (2, most + most // 8))
        drawn = blocking.distinct((np.minimum(a, b) * count + np.maximum(a, b))[a != b])
    at = np.minimum(np.searchsorted(without, drawn), max(len(without) - 1, 0))
    return drawn[without[at] != drawn] if len(without) else drawn


def distinct_levels(levels: Levels) -> tuple[Levels, Integers]:
    """The different rows in ascending order, and the number of each row among them."""
    packed = np.ascontiguousarray(levels).view(np.dtype((np.void, levels.shape[1]))).ravel()
    distinct, inverse = np.unique(packed, return_inverse=True)
    return distinct.view(np.uint8).reshape(-1, levels.shape[1]), inverse.astype(np.int64)
