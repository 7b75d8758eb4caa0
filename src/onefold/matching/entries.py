"""Entries: a record as an index compares it with others, its values in a row and its keys as hashes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from onefold.matching import pairs, records, screening, single, values
from onefold.matching.keys import Key
from onefold.matching.records import Records
from onefold.matching.trained import Known

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

NONE = 0
"""The hash of no value."""
_MASK = (1 << 64) - 1
_MIX = np.uint64(0x9E3779B97F4A7C15)
_KEYS_MAX = 3
"""Of a rule."""


class Entry(msgspec.Struct, frozen=True):
    """A record.

    Attributes:
        row: Its values as the SQL of the comparisons sees them, in the order of the layout.
        keys: The hash of its value of each key, `NONE` for none, in the order of the layout.
        weights: What sharing each of them is worth, as `screening` counts it.
        rules: By which rules it is in a block.
        blocks: The block of each of these.
        initial: The first letter of its given name, -1 for none.
    """

    row: single.Row
    keys: Hashes
    weights: Any
    rules: Sequence[int]
    blocks: Hashes
    initial: int


class Layout:
    """Where the values of a model's records stand in a row, and in what order they have their keys.

    Attributes:
        texts: Field and part of the first values of a row; how frequent values are, and how shared, stands behind them.
        places: By name of a column of the SQL, its place in a row.
        whole: The places of whole values, in the order of the comparisons.
        keys: The keys of the scheme by number, those of one group beside each other.
        groups: Where each group begins.
        given: Field and part by whose first letter records are screened; None where they have no given names.
    """

    def __init__(self, known: Known) -> None:
        """Lay out the records of a model."""
        scheme, compared = known.trained.scheme, known.comparisons
        self.texts: list[tuple[str, str]] = []
        self.places: dict[str, int] = {}
        self.whole: list[int] = []
        for comparison in compared:
            field, x = comparison.field, comparison.x
            # What the database has as a code beside the text is the text itself here.
            self.places[x] = self.places[f"{x}_k"] = len(self.texts)
            self.whole.append(len(self.texts))
            self.texts.append((field.column, known.whole(field.column)[1]))
            for part in pairs.TEXTS.get(field.kind, ()):
                self.places[f"{x}_{part}"] = len(self.texts)
                self.texts.append((field.column, part))
        for number, comparison in enumerate(compared):
            self.places[f"{comparison.x}_b"] = len(self.texts) + number
            self.places[f"{comparison.x}_s"] = len(self.texts) + len(compared) + number
        groups = list(dict.fromkeys(name.group for name in scheme.keys))
        of_key = np.array([groups.index(name.group) for name in scheme.keys], np.int64)
        self.keys: list[int] = np.argsort(of_key, kind="stable").tolist()
        self.groups = np.searchsorted(of_key[self.keys], np.arange(len(groups)))
        given = next((each.column for each in known.trained.reading.compared if each.kind == "given_name"), None)
        self.given = None if given is None else (given, "root")


class Blocks:
    """In which blocks records are, by the rules of a scheme."""

    def __init__(self, known: Known, layout: Layout) -> None:
        """Ready the rules, whose keys are in the order of the layout."""
        scheme = known.trained.scheme
        place = {key: number for number, key in enumerate(layout.keys)}
        # A rule of fewer keys has, in the place of those it lacks, one behind the last that everybody has.
        filled = [
            [place[key] for key in rule.keys] + [len(place)] * (_KEYS_MAX - len(rule.keys)) for rule in scheme.rules
        ]
        self._keys = np.array(filled, np.int64).reshape(-1, _KEYS_MAX).T
        self._numbers = np.arange(len(scheme.rules), dtype=np.uint64)
        self._total, self._chance = scheme.total, scheme.chance

    def of_record(self, keys: Hashes, counts: Any) -> tuple[Any, Hashes]:
        """The rules by which a record is in a block, ascending, and the blocks."""
        hashes, numbers = np.append(keys, np.uint64(1)), np.append(counts, np.nan)
        blocks, inside = self._mixed(
            [hashes[each] for each in self._keys], [numbers[each] for each in self._keys], self._numbers
        )
        rules = np.flatnonzero(inside)
        return rules, blocks[rules]

    def of_records(self, keys: Sequence[Hashes], counts: Sequence[Any]) -> Iterator[tuple[Any, Hashes]]:
        """By rule, which records are in a block, ascending, and the blocks; from their hashes and counts by key."""
        one, unknown = np.ones(1, np.uint64), np.full(1, np.nan)
        for number, chosen in enumerate(self._keys.T.tolist()):
            blocks, inside = self._mixed(
                [keys[each] if each < len(keys) else one for each in chosen],
                [counts[each] if each < len(keys) else unknown for each in chosen],
                self._numbers[number],
            )
            rows = np.flatnonzero(inside)
            yield rows, blocks[rows]

    def _mixed(self, keys: Sequence[Hashes], counts: Sequence[Any], number: Any) -> tuple[Hashes, Any]:
        block, inside, by_chance = keys[0], keys[0] != NONE, counts[0]
        for key, count in zip(keys[1:], counts[1:], strict=True):
            block = block * _MIX + key
            inside = inside & (key != NONE)
            by_chance = np.where(np.isnan(count), by_chance, by_chance * count / self._total)
        # Of one value, how many have it says all there is to say.
        return (block * _MIX + number) * _MIX, inside & (np.isnan(counts[1]) | (by_chance <= self._chance))


class Reader:
    """Makes entries of records, as a model reads them."""

    def __init__(self, known: Known, layout: Layout, blocks: Blocks) -> None:
        """Read as a table of the model is read."""
        trained = known.trained
        self._known, self._layout, self._blocks = known, layout, blocks
        fields = [field for field in trained.fields if field.kind not in ("ignored", "source", "record_id")]
        self._normalisers: list[tuple[str, list[tuple[str, str]], Callable[[str], values.Parts]]] = [
            (
                field.column,
                [(made.column, part) for made, part in records.made_of(field)],
                records.normaliser(field, trained.region, trained.reading.orders),
            )
            for field in fields
        ]
        self._keys = [(number, trained.scheme.keys[number]) for number in layout.keys]
        self._wholes = [(each.field.column, *known.whole(each.field.column)) for each in known.comparisons]

    def entry(self, record: Mapping[str, str | None]) -> Entry:
        """A record by its columns, of which some may be missing."""
        known, parts = self._known, dict[tuple[str, str], str | None]()
        for column, made, normalise in self._normalisers:
            cell = record.get(column)
            parts.update(zip(made, (None,) * len(made) if cell is None else normalise(cell), strict=True))
        row: list[Any] = [parts[text] for text in self._layout.texts]
        wholes = [(number, column, parts[column, part]) for column, number, part in self._wholes]
        row += [0 if text is None else known.band(number, text) for number, _, text in wholes]
        row += [0 if text is None else known.users(column, text) for _, column, text in wholes]
        hashes, counts = [], []
        for number, name in self._keys:
            text = parts[name.column, name.part]
            start = None if text is None else text[: name.length]
            hashes.append(NONE if start is None else hashed(start))
            counts.append(0.0 if start is None else known.count(number, start))
        keys, often = np.array(hashes, np.uint64), np.array(counts)
        weights = screening.weights(np.maximum(often, 1), known.trained.scheme.total) * (often > 0)
        rules, blocks = self._blocks.of_record(keys, often)
        root = None if self._layout.given is None else parts[self._layout.given]
        return Entry(tuple(row), keys, weights, rules.tolist(), blocks, ord(root[0]) if root else -1)


def of_keys(keys: Sequence[Key], layout: Layout) -> tuple[list[Hashes], list[Any]]:
    """By key in the order of the layout, the hash and the count of each record's value."""
    ordered = [keys[number] for number in layout.keys]
    hashes = [np.array([*(hashed(text) for text in key.texts), NONE], np.uint64)[key.codes] for key in ordered]
    return hashes, [key.of_records() for key in ordered]


def marks_of(known: Known, rows: Records) -> Any:
    """How frequent the values of records are, and how shared, a row a record, as it stands behind their texts."""
    marks = known.marks(rows)
    columns = [each.field.column for each in known.comparisons]
    shown = [by_column[column] for by_column in (marks.bands, marks.shared) for column in columns]
    return np.stack(shown, axis=1) if shown else np.empty((rows.count, 0), np.uint8)


def hashed(text: str) -> int:
    """A number of this process only: it never leaves memory."""
    return (hash(text) & _MASK) or 1
