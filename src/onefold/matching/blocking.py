"""Blocking: which pairs of records are looked at, chosen from the values themselves so that no popular value explodes.

Records that share a value form a block. Small blocks give all their pairs. What is left in larger ones is divided by a
second value, and then by a third; what is still too large then says too little to look at.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from onefold.matching.fields import Kind
from onefold.matching.records import Records

Pairs = np.ndarray[Any, np.dtype[np.int64]]
"""Pairs of records (a, b), a < b, each as a · count + b, ascending and once."""
Blocks = np.ndarray[Any, np.dtype[np.int64]]

_BLOCK_MAX = 1_000
_PREFIXES: dict[Kind, tuple[tuple[str, int], ...]] = {
    "given_name": (("root", 3),), "family_name": (("name", 4),), "email": (("local", 99),), "phone": (("end", 7),),
    "birth_date": (("year", 4), ("day", 4)), "street": (("name", 8), ("number", 6)), "postcode": (("start", 3),),
    "address_line": (("value", 8),), "city": (("value", 5),), "text": (("value", 5),), "id": (("value", 4),),
}  # fmt: skip
"""Parts by whose beginnings records are blocked beside whole values: part and number of characters."""


class Budget(msgspec.Struct, frozen=True):
    """How many pairs a record there may be, of each choice of one, two and three values."""

    one: float = 2.0
    two: float = 0.6
    three: float = 0.3
    all: float = 30.0


class Key(msgspec.Struct, frozen=True):
    """A value by which records are blocked.

    Attributes:
        name: For people: `family_name[4]`.
        column: The field it is taken from; a field is never combined with itself.
        codes: Of each record; -1 for none.
    """

    name: str
    column: str
    codes: Blocks


def keys(records: Records) -> list[Key]:
    """All values that records may be blocked by."""
    found = []
    for field in records.fields:
        whole = next(iter(part for column, part in records.columns if column == field.column))
        found.append(Key(field.column, field.column, records.columns[field.column, whole].codes.astype(np.int64)))
        for part, length in _PREFIXES.get(field.kind, ()):
            column = records.columns[field.column, part]
            starts = [text[:length] for text in column.texts]
            number = {start: code for code, start in enumerate(dict.fromkeys(starts))}
            of_code = np.array([number[start] for start in starts] + [-1], np.int64)
            if len(number) > 1:
                found.append(Key(f"{field.column}.{part}[{length}]", field.column, of_code[column.codes]))
    return found


def candidates(records: Records, budget: Budget | None = None) -> Pairs:
    """The pairs to look at."""
    budget = budget or Budget()
    found: list[Pairs] = [_copies(records)]
    total = 0
    for pairs in _rules(records, budget):
        found.append(pairs)
        total += len(pairs)
        if total > 4 * budget.all * records.count:
            break
        if len(found) > 12:  # many rules find the same pairs: not all of them at once in memory
            found = [distinct(np.concatenate(found))]
    return distinct(np.concatenate(found))


def distinct(pairs: Pairs) -> Pairs:
    """Pairs in ascending order, each once."""
    # Not `numpy.unique`: it hashes numbers, which takes many times as long for these.
    pairs = np.sort(pairs)
    return pairs[np.diff(pairs, prepend=-1) > 0]


def _rules(records: Records, budget: Budget) -> Iterator[Pairs]:
    """The pairs of one choice of values after another."""
    count = records.count
    chosen = keys(records)
    # Who is left in blocks that were too large, by key: only they need a second value.
    left: dict[int, np.ndarray[Any, np.dtype[np.bool_]]] = {}
    for index, key in enumerate(chosen):
        blocks, large, pairs = _take(key.codes, count, budget.one)
        left[index] = large
        yield pairs
        del blocks
    deeper: list[tuple[int, int, Blocks]] = []
    for one, other in combinations(range(len(chosen)), 2):
        if chosen[one].column == chosen[other].column:
            continue
        both = left[one] & left[other]
        if both.sum() < 2:
            continue
        codes = _combined(chosen[one].codes, chosen[other].codes, both)
        blocks, large, pairs = _take(codes, count, budget.two)
        yield pairs
        if large.any():
            deeper.append((one, other, np.where(large, blocks, -1)))
    for one, other, blocks in sorted(deeper, key=lambda item: -int((item[2] >= 0).sum()))[:40]:
        for third in range(other + 1, len(chosen)):
            if chosen[third].column in (chosen[one].column, chosen[other].column):
                continue
            both = (blocks >= 0) & left[third]
            if both.sum() >= 2:
                yield _take(_combined(blocks, chosen[third].codes, both), count, budget.three)[2]


def _combined(one: Blocks, other: Blocks, mask: np.ndarray[Any, np.dtype[np.bool_]]) -> Blocks:
    codes = one * (int(other.max()) + 1) + other
    return np.where(mask & (one >= 0) & (other >= 0), codes, -1)


def _take(codes: Blocks, count: int, budget: float) -> tuple[Blocks, np.ndarray[Any, np.dtype[np.bool_]], Pairs]:
    """Blocks renumbered, who is in one that is too large, and the pairs of the others.

    The largest block taken is the largest such that all up to its size have no more pairs than the budget.
    """
    chosen = np.flatnonzero(codes >= 0)
    blocks = np.full(count, -1, np.int64)
    large = np.zeros(count, np.bool_)
    if not len(chosen):
        return blocks, large, np.empty(0, np.int64)
    _, dense, sizes = np.unique(codes[chosen], return_inverse=True, return_counts=True)
    blocks[chosen] = dense
    of_size = np.bincount(np.minimum(sizes, _BLOCK_MAX + 1), minlength=_BLOCK_MAX + 2)
    lengths = np.arange(_BLOCK_MAX + 2, dtype=np.float64)
    pairs = np.cumsum(of_size * lengths * (lengths - 1) / 2)
    most = int(np.searchsorted(pairs[: _BLOCK_MAX + 1], max(budget * count, 1_000), side="right")) - 1
    too_large = sizes[dense] > most
    large[chosen[too_large]] = True
    fitting = ~too_large & (sizes[dense] > 1)
    return blocks, large, _pairs_within(chosen[fitting], dense[fitting], count)


def _pairs_within(rows: Pairs, blocks: Pairs, count: int) -> Pairs:
    """All pairs of rows of one block."""
    if not len(rows):
        return np.empty(0, np.int64)
    by_block = np.argsort(blocks, kind="stable")
    rows, blocks = rows[by_block], blocks[by_block]
    # How many of the same block follow each row.
    last = np.searchsorted(blocks, blocks, side="right")
    after = last - np.arange(len(rows)) - 1
    first = np.repeat(np.arange(len(rows)), after)
    step = np.arange(len(first)) - np.repeat(np.cumsum(after) - after, after) + 1
    a, b = rows[first], rows[first + step]
    return np.asarray(np.minimum(a, b) * count + np.maximum(a, b))


def _copies(records: Records) -> Pairs:
    """Each record that is equal to the one before it in all that is compared, with that one."""
    if not records.columns or records.count < 2:
        return np.empty(0, np.int64)
    equal = np.ones(records.count - 1, np.bool_)
    filled = np.zeros(records.count - 1, np.int64)
    for column in records.columns.values():
        equal &= column.codes[1:] == column.codes[:-1]
        filled += column.codes[1:] >= 0
    rows = np.flatnonzero(equal & (filled > 0)).astype(np.int64)
    return rows * records.count + rows + 1
