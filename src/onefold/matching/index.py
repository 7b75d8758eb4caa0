"""An index of records in memory: one more record is compared with those it shares something with, by a trained model.

A record gets the pairs that it would get if all records, it included, were matched at once with that model. The index
forgets what it holds when the process ends; it is built from the records in one pass.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from onefold.errors import UsageError
from onefold.matching import pairs, records, screening, single
from onefold.matching.records import Records
from onefold.matching.trained import Known

_MIX = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1
_NONE = 0


class ScoredPair(msgspec.Struct, frozen=True):
    """A record that was there, as it compares with the new one.

    Attributes:
        record: Its id.
        score: Natural-log odds that they are one person.
        probability: The same as a probability.
        levels: By comparison, the level.
    """

    record: str
    score: float
    probability: float
    levels: tuple[int, ...]


class _Entry(msgspec.Struct, frozen=True):
    """A record as it is compared.

    Attributes:
        id: Its id.
        row: Its values as the SQL of the comparisons sees them.
        place: Where it stands among others: records are compared in this order.
        keys: The hash of its value of each key, 0 for none.
        initial: The first letter of its given name, -1 for none.
    """

    id: str
    row: dict[str, Any]
    place: tuple[str, ...]
    keys: tuple[int, ...]
    initial: int


class Index:
    """Records that one more can be matched against."""

    def __init__(self, known: Known, table: Any = None) -> None:
        """Hold the records of a table of Arrow, Polars or pandas with the columns that the model knows; none without one."""
        self._known = known
        self._levels = single.function(known.comparisons)
        self._stored = None if table is None else _Stored(known, pa.table(table))
        self._added: dict[str, _Entry] = {}
        self._blocks: list[dict[int, set[str]]] = [{} for _ in known.trained.scheme.rules]
        self._ids = set() if self._stored is None else set(self._stored.ids)
        fields = [field for field in known.trained.fields if field.kind not in ("ignored", "source", "record_id")]
        orders = known.trained.reading.orders
        self._readers = [
            (field.column, records.made_of(field), records.normaliser(field, known.trained.region, orders))
            for field in fields
        ]

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Index(records={len(self)}, model={self._known.trained.version()})>"

    def __len__(self) -> int:
        return len(self._ids)

    def match(self, record: Mapping[str, str | None]) -> tuple[ScoredPair, ...]:
        """The records that this one may be the person of, likeliest first; it is not added.

        Columns that the model does not know are left out; those that are missing have no value.
        """
        return self._match(self._entry("", record))

    def add(self, id_: str, record: Mapping[str, str | None]) -> tuple[ScoredPair, ...]:
        """Match a record, and hold it for those that follow.

        Raises:
            UsageError: There is a record of this id.
        """
        if id_ in self._ids:
            raise UsageError(f"The index has a record `{id_}` already; remove it first.")
        entry = self._entry(id_, record)
        found = self._match(entry)
        self._ids.add(id_)
        self._added[id_] = entry
        for number, block in self._blocks_of(entry):
            self._blocks[number].setdefault(block, set()).add(id_)
        return found

    def remove(self, id_: str) -> None:
        """Forget a record, so that it can be added with other values.

        Raises:
            UsageError: There is none of this id.
        """
        if id_ not in self._ids:
            raise UsageError(f"The index has no record `{id_}`.")
        self._ids.discard(id_)
        entry = self._added.pop(id_, None)
        if entry is None:
            if self._stored is not None:
                self._stored.remove(id_)
            return
        for number, block in self._blocks_of(entry):
            self._blocks[number][block].discard(id_)

    def _match(self, entry: _Entry) -> tuple[ScoredPair, ...]:
        scheme = self._known.trained.scheme
        near: set[str] = set()
        rows: list[Any] = []
        for number, block in self._blocks_of(entry):
            others = self._blocks[number].get(block, ())
            stored = _NO_ROWS if self._stored is None else self._stored.of_block(number, block)
            if len(others) + len(stored) + 1 <= scheme.rules[number].largest:
                near.update(others)
                rows.append(stored)
        candidates = [self._added[id_] for id_ in near if self._evidence(entry, self._added[id_]) >= scheme.least]
        if rows and self._stored is not None:
            candidates += self._stored.entries(entry, np.unique(np.concatenate(rows)), scheme.least)
        if not candidates:
            return ()
        levels = [
            self._levels(entry.row, other.row) if entry.place <= other.place else self._levels(other.row, entry.row)
            for other in candidates
        ]
        scores = self._known.model.score(np.array(levels, np.uint8))
        found = [
            ScoredPair(other.id, score, probability, tuple(level))
            for other, score, probability, level in zip(
                candidates, scores.tolist(), _probability(scores).tolist(), levels, strict=True
            )
            if probability >= self._known.trained.review_from
        ]
        return tuple(sorted(found, key=lambda pair: (-pair.score, pair.record)))

    def _blocks_of(self, entry: _Entry) -> list[tuple[int, int]]:
        """Rules by which the record is in a block, and the block."""
        found = []
        scheme = self._known.trained.scheme
        for number, rule in enumerate(scheme.rules):
            block, by_chance = 0, 0.0
            for nth, key in enumerate(rule.keys):
                if not entry.keys[key]:
                    break
                count = entry.row["counts"][key]
                block = (block * _MIX + entry.keys[key]) & _MASK
                by_chance = by_chance * count / scheme.total if nth else count
            else:
                if len(rule.keys) == 1 or by_chance <= scheme.chance:
                    found.append((number, block))
        return found

    def _evidence(self, one: _Entry, other: _Entry) -> int:
        best: dict[str, int] = {}
        weights = one.row["weights"]
        for name, a, b, weight in zip(self._known.trained.scheme.keys, one.keys, other.keys, weights, strict=True):
            if a and a == b:
                best[name.group] = max(best.get(name.group, 0), weight)
        apart = one.initial >= 0 and other.initial >= 0 and one.initial != other.initial
        return sum(best.values()) - (screening.OTHER_INITIAL if apart else 0)

    def _entry(self, id_: str, record: Mapping[str, str | None]) -> _Entry:
        parts: dict[tuple[str, str], str | None] = {}
        for column, made, normalise in self._readers:
            cell = record.get(column)
            values = (None,) * len(made) if cell is None else normalise(cell)
            parts |= {(field.column, part): value for (field, part), value in zip(made, values, strict=True)}
        return _entry_of(self._known, id_, parts)


_NO_ROWS = np.empty(0, np.int64)


class _Stored:
    """Records of a table, as arrays: a million of them are a few hundred megabytes."""

    def __init__(self, known: Known, table: Any) -> None:
        trained = known.trained
        self._known = known
        self._records: Records = records.read(table, trained.fields, trained.region, trained.reading)
        self._live = np.ones(self._records.count, np.bool_)
        self._number = {name: number for number, name in enumerate(self._records.ids)}
        if len(self._number) != self._records.count:
            raise UsageError("Two records of the table have one id.")
        keys = known.keys(self._records)
        self._weights = [np.append(screening.weights(key.counts, trained.scheme.total), np.int32(0)) for key in keys]
        self._codes = [key.codes.astype(np.int32) for key in keys]
        self._hashes = [np.array([*(_hashed(text) for text in key.texts), _NONE], np.uint64) for key in keys]
        self._initials = screening.initials(self._records)
        self._rules = []
        for rule in trained.scheme.rules:
            block = np.zeros(self._records.count, np.uint64)
            present = np.ones(self._records.count, np.bool_)
            for key in rule.keys:
                block = block * np.uint64(_MIX) + self._hashes[key][self._codes[key]]
                present &= self._codes[key] >= 0
            rows = np.flatnonzero(present).astype(np.int32)
            order = np.argsort(block[rows], kind="stable")
            self._rules.append((block[rows][order], rows[order]))

    @property
    def ids(self) -> Sequence[str]:
        return self._records.ids

    def of_block(self, number: int, block: int) -> Any:
        """The rows of a block."""
        blocks, rows = self._rules[number]
        wanted = np.uint64(block)
        start, end = blocks.searchsorted(wanted, "left"), blocks.searchsorted(wanted, "right")
        found = rows[start:end]
        return found[self._live[found]] if end > start else found

    def remove(self, id_: str) -> None:
        self._live[self._number[id_]] = False

    def entries(self, entry: _Entry, rows: Any, least: int) -> list[_Entry]:
        """Those of the rows that share enough with a record."""
        best: dict[str, Any] = {}
        for name, codes, hashes, weight, own in zip(
            self._known.trained.scheme.keys, self._codes, self._hashes, entry.row["weights"], entry.keys, strict=True
        ):
            if own:
                shared = hashes.take(codes.take(rows)) == np.uint64(own)
                best[name.group] = np.maximum(best.get(name.group, 0), shared * np.int64(weight))
        total = sum(best.values(), np.zeros(len(rows), np.int64))
        if self._initials is not None and entry.initial >= 0:
            other = self._initials.take(rows)
            total -= screening.OTHER_INITIAL * ((other >= 0) & (other != entry.initial))
        return [self._read(row) for row in rows[total >= least].tolist()]

    def _read(self, row: int) -> _Entry:
        parts: dict[tuple[str, str], str | None] = {}
        for name, column in self._records.columns.items():
            code = int(column.codes[row])
            parts[name] = None if code < 0 else column.texts[code]
        return _entry_of(self._known, self._records.ids[row], parts)


def _entry_of(known: Known, id_: str, parts: Mapping[tuple[str, str], str | None]) -> _Entry:
    row: dict[str, Any] = {}
    place = []
    for comparison in known.comparisons:
        field, x = comparison.field, comparison.x
        number, part = known.whole(field.column)
        text = parts[field.column, part]
        place.append(text or "")
        row[x] = row[f"{x}_k"] = text
        row[f"{x}_b"] = 0 if text is None else known.band(number, text)
        row[f"{x}_s"] = 0 if text is None else known.users(field.column, text)
        row |= {f"{x}_{more}": parts[field.column, more] for more in pairs.TEXTS.get(field.kind, ())}
    counts, hashes = [], []
    for number, name in enumerate(known.trained.scheme.keys):
        text = parts[name.column, name.part]
        start = None if text is None else text[: name.length]
        counts.append(0.0 if start is None else known.count(number, start))
        hashes.append(_NONE if start is None else _hashed(start))
    weights = screening.weights(np.maximum(np.array(counts), 1), known.trained.scheme.total).tolist()
    row["counts"], row["weights"] = counts, weights
    given = next((each.column for each in known.trained.reading.compared if each.kind == "given_name"), None)
    root = None if given is None else parts[given, "root"]
    return _Entry(id_, row, tuple(place), tuple(hashes), ord(root[0]) if root else -1)


def _hashed(text: str) -> int:
    # Of this process only: it never leaves memory.
    return (hash(text) & _MASK) or 1


def _probability(scores: Any) -> Any:
    return 1 / (1 + np.exp(-np.clip(scores, -700, 700)))
