"""Screening: which pairs share enough to be worth a comparison, told from equal keys and how frequent they are.

What two records share is evidence: of a value that n of N records have, ln(N/n). Where the evidence of all fields is less
than ln N, pairs that share as much by coincidence outnumber the records.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa

from onefold.matching.keys import Key, KeyName
from onefold.matching.records import Records

Integers = np.ndarray[Any, np.dtype[np.int64]]
Evidence = np.ndarray[Any, np.dtype[np.int32]]
"""In whole units, so that sums are the same in whatever way they are added up."""

_CHUNK = 100_000
_THREADS = 2
UNITS = 1_024
"""Of evidence, in a natural logarithm."""
OTHER_INITIAL = 3 * UNITS
"""What two given names that begin differently say against a pair."""


class Screen:
    """What pairs of these records share."""

    def __init__(self, records: Records, keys: Sequence[Key], total: int) -> None:
        """Ready the keys of records, whose counts are of `total` records."""
        self._count = records.count
        self._groups = _groups([key.name for key in keys])
        self._codes = [key.codes.astype(np.int32) for key in keys]
        self._weights = [np.append(weights(key.counts, total), np.int32(0)) for key in keys]
        self._initials = initials(records)

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Screen(records={self._count}, keys={len(self._codes)})>"

    def evidence(self, pairs: Integers) -> Evidence:
        """Of each pair."""
        found = np.empty(len(pairs), np.int32)
        starts = range(0, len(pairs), _CHUNK)

        def fill(start: int) -> None:
            found[start : start + _CHUNK] = self._of(pairs[start : start + _CHUNK])

        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(fill, starts))
        return found

    def _of(self, pairs: Integers) -> Evidence:
        a, b = pairs // self._count, pairs % self._count
        total = np.zeros(len(pairs), np.int32)
        for group in self._groups:
            best = np.zeros(len(pairs), np.int32)
            for number in group:
                codes = self._codes[number].take(a)
                shared = codes == self._codes[number].take(b)
                # The last weight is that of the code -1.
                np.maximum(best, self._weights[number].take(codes) * shared, out=best)
            total += best
        if self._initials is not None:
            one, other = self._initials.take(a), self._initials.take(b)
            total -= np.int32(OTHER_INITIAL) * ((one != other) & (one >= 0) & (other >= 0))
        return total


def columns(records: Records, keys: Sequence[Key], total: int) -> dict[str, Any]:
    """What `sql` reads of records: `k0`, `k1` and so on, the value of each key, `w0` and so on, its weight, and `initial`."""
    found: dict[str, Any] = {}
    for number, key in enumerate(keys):
        codes = pa.array(key.codes, mask=key.codes < 0)
        found[f"k{number}"] = pa.array(key.texts, pa.string()).take(codes)
        found[f"w{number}"] = pa.array(weights(key.counts, total), pa.int32()).take(codes)
    letters = initials(records)
    found["initial"] = pa.array(np.full(records.count, -1, np.int32) if letters is None else letters)
    return found


def sql(names: Sequence[KeyName]) -> str:
    """The evidence of two records `x` and `y` with these `columns`, as SQL of DuckDB: what a `Screen` says of them."""
    shared = [f"CASE WHEN x.k{number} = y.k{number} THEN x.w{number} ELSE 0 END" for number in range(len(names))]
    groups = [f"greatest(0, {', '.join(shared[number] for number in group)})" for group in _groups(names)]
    other = f"CASE WHEN x.initial <> y.initial AND x.initial >= 0 AND y.initial >= 0 THEN {OTHER_INITIAL} ELSE 0 END"
    return f"{' + '.join(groups or ['0'])} - {other}"


def _groups(names: Sequence[KeyName]) -> list[list[int]]:
    """Numbers of keys that count once."""
    groups = dict.fromkeys(name.group for name in names)
    return [[n for n, name in enumerate(names) if name.group == group] for group in groups]


def weights(counts: Any, total: int) -> Evidence:
    """The evidence of sharing a value that so many of `total` records have."""
    return np.asarray(np.round(UNITS * np.log(total / np.minimum(counts, total))), np.int32)


def initials(records: Records) -> Any:
    """The number of the first letter of each record's given name, -1 for none; None where there are no given names."""
    given = next((field.column for field in records.fields if field.kind == "given_name"), None)
    if given is None:
        return None
    names = records.columns[given, "root"]
    return np.array([ord(text[0]) for text in names.texts] + [-1], np.int32)[names.codes]
