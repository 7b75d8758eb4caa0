"""Held: the records of an index in memory, by block, as arrays: a million of them are some hundred megabytes."""

from __future__ import annotations

from typing import Any

import numpy as np

from onefold.errors import UsageError
from onefold.matching import entries, records, screening
from onefold.matching.entries import Blocks, Entry, Layout
from onefold.matching.single import Row
from onefold.matching.trained import Known

Numbers = np.ndarray[Any, np.dtype[np.int64]]
"""Of records: first those of the table, then those that were added."""

_ROOM = 1_024
_NOBODY = np.empty(0, np.int64)


class Held:
    """Records by number, and which of them share enough with another."""

    def __init__(self, known: Known, layout: Layout, blocks: Blocks, table: Any) -> None:
        """Hold the records of an Arrow table; none where there is none."""
        scheme = known.trained.scheme
        self._least, self._groups = scheme.least, layout.groups
        self._sizes = [rule.largest for rule in scheme.rules]
        self._ids: list[str] = []
        self._texts: list[list[str | None]] = []
        self._codes = np.empty((0, len(layout.texts)), np.int32)
        self._marks = np.empty((0, 2 * len(known.comparisons)), np.uint8)
        # Of the table: the different blocks, ascending, where the members of each begin, and the members.
        self._blocks, self._starts, self._members = np.empty(0, np.uint64), np.zeros(2, np.int64), np.empty(0, np.int32)
        keys, initials = np.empty((0, len(layout.keys)), np.uint64), np.empty(0, np.int32)
        if table is not None:
            keys, initials = self._load(known, layout, blocks, table)
        self._loaded = len(self._ids)
        room = max(self._loaded // 8, _ROOM)
        self._keys, self._initials = _longer(keys, room), _longer(initials, room)
        self._number = {id_: number for number, id_ in enumerate(self._ids)}
        if len(self._number) != self._loaded:
            raise UsageError("Two records of the table have one id.")
        self._gone = np.zeros(self._loaded, np.bool_)
        self._added: list[Entry] = []
        self._added_by_block: dict[int, list[int]] = {}

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Held(records={len(self)})>"

    def __len__(self) -> int:
        return len(self._number)

    def __contains__(self, id_: str) -> bool:
        return id_ in self._number

    def add(self, id_: str, entry: Entry) -> None:
        """Hold one more record."""
        number = len(self._ids)
        if number == len(self._keys):
            room = max(number // 8, _ROOM)
            self._keys, self._initials = _longer(self._keys, room), _longer(self._initials, room)
        self._keys[number], self._initials[number] = entry.keys, entry.initial
        self._ids.append(id_)
        self._added.append(entry)
        self._number[id_] = number
        for block in entry.blocks.tolist():
            self._added_by_block.setdefault(block, []).append(number)

    def remove(self, id_: str) -> None:
        """Hold a record no longer."""
        number = self._number.pop(id_)
        if number < self._loaded:
            self._gone[number] = True
            return
        for block in self._added[number - self._loaded].blocks.tolist():
            self._added_by_block[block].remove(number)

    def near(self, entry: Entry) -> Numbers:
        """The records that are worth a comparison with one that is not held, ascending."""
        found: list[Any] = []
        at = np.minimum(self._blocks.searchsorted(entry.blocks), max(len(self._blocks) - 1, 0))
        here = self._blocks[at] == entry.blocks if len(self._blocks) else np.zeros(len(at), np.bool_)
        starts, ends = (self._starts[at] * here).tolist(), (self._starts[at + 1] * here).tolist()
        for rule, block, start, end in zip(entry.rules, entry.blocks.tolist(), starts, ends, strict=True):
            added = self._added_by_block.get(block, ())
            members = self._members[start:end]
            if self._loaded and len(self._number) < len(self._ids):
                members = members[~self._gone[members]]
            if len(added) + len(members) + 1 <= self._sizes[rule]:
                found += (members, added)
        numbers = np.unique(np.concatenate(found).astype(np.int64)) if found else _NOBODY
        return numbers[self._evidence(entry, numbers) >= self._least] if len(numbers) else numbers

    def rows(self, numbers: Numbers) -> tuple[list[str], list[Row]]:
        """Their ids, and their values as the SQL of the comparisons sees them."""
        old = numbers[numbers < self._loaded]
        rows: list[Row] = [
            (*(texts[code] for texts, code in zip(self._texts, codes, strict=True)), *marks)
            for codes, marks in zip(self._codes[old].tolist(), self._marks[old].tolist(), strict=True)
        ]
        rows += [self._added[number - self._loaded].row for number in numbers[len(old) :].tolist()]
        return [self._ids[number] for number in numbers.tolist()], rows

    def _evidence(self, entry: Entry, numbers: Numbers) -> Any:
        shared = (self._keys[numbers] == entry.keys) * entry.weights
        total = np.maximum.reduceat(shared, self._groups, axis=1).sum(axis=1)
        if entry.initial >= 0:
            initials = self._initials[numbers]
            total -= screening.OTHER_INITIAL * ((initials >= 0) & (initials != entry.initial))
        return total

    def _load(self, known: Known, layout: Layout, blocks: Blocks, table: Any) -> tuple[Any, Any]:
        """Hold the records of a table; their keys and initials, a row a record."""
        trained = known.trained
        rows = records.read(table, trained.fields, trained.region, trained.reading)
        self._ids = list(rows.ids)
        # The last text is that of the code -1.
        self._texts = [[*rows.columns[name].texts, None] for name in layout.texts]
        self._codes = np.stack([rows.columns[name].codes for name in layout.texts], axis=1)
        self._marks = entries.marks_of(known, rows)
        hashes, counts = entries.of_keys(known.keys(rows), layout)
        found = list(blocks.of_records(hashes, counts))
        members = np.concatenate([each for each, _ in found]).astype(np.int32) if found else np.empty(0, np.int32)
        numbers = np.concatenate([each for _, each in found]) if found else np.empty(0, np.uint64)
        del found
        order = np.argsort(numbers, kind="stable")
        numbers, self._members = numbers[order], members[order]
        first = np.flatnonzero(np.diff(numbers, prepend=~numbers[:1]) != 0)
        self._blocks, self._starts = numbers[first], np.append(first, len(numbers))
        initials = screening.initials(rows)
        none = np.full(rows.count, -1, np.int32)
        return np.stack(hashes, axis=1), none if initials is None else initials.astype(np.int32)


def _longer(values: Any, room: int) -> Any:
    """An array with room for more rows behind."""
    return np.concatenate([values, np.empty((room, *values.shape[1:]), values.dtype)])
