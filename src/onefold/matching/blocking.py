"""Blocking: which pairs of records are looked at, chosen from the values themselves so that no popular value explodes.

Records that share a value form a block. Small blocks give all their pairs. What is left in larger ones is divided by a
second value, and then by a third; what is still too large then says too little to look at. Of the pairs found so, those
that share too little are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from onefold.matching import keys as keys_of
from onefold.matching.keys import Blocks, Key, KeyName, Numbers
from onefold.matching.records import Records
from onefold.matching.screening import Screen

Pairs = np.ndarray[Any, np.dtype[np.int64]]
"""Pairs of records (a, b), a < b, each as a · count + b, ascending and once."""
Mask = np.ndarray[Any, np.dtype[np.bool_]]

_USUAL = 100_000
"""Records of a table on which nothing is saved or spent: smaller tables may look at more, larger ones have to at fewer."""
_FLUSH = 12
"""Rules whose pairs are held at once: many of them find the same."""
_THIRD_MAX = 40
_KEPT_MAX = 64
_COVERED = 0.995
"""A scheme keeps the fewest rules that find so much of what all rules find."""
_SAMPLED = 20_000


class Budget(msgspec.Struct, frozen=True):
    """How much may be looked at.

    Attributes:
        one: Pairs a record of one value.
        two: Of each choice of two.
        three: Of each choice of three.
        largest: Records of a block.
        chance: How many other records may share the values of a block with one of its records by coincidence.
        looked_at: Pairs a record that are compared in the end.
    """

    one: float
    two: float
    three: float
    largest: int
    chance: float
    looked_at: float


class Rule(msgspec.Struct, frozen=True):
    """Records that share the values of all these keys are looked at, where they are not more than so many.

    Attributes:
        keys: Numbers of the scheme's keys, ascending.
        largest: Records of a block.
    """

    keys: tuple[int, ...]
    largest: int


class Scheme(msgspec.Struct, frozen=True):
    """How records of a kind of table are brought together.

    Attributes:
        keys: What they may share.
        rules: By what they are brought together.
        chance: As in `Budget`.
        least: The evidence that a pair has to have, as `screening` counts it.
        total: Of how many records the counts of keys are.
    """

    keys: tuple[KeyName, ...]
    rules: tuple[Rule, ...]
    chance: float
    least: int
    total: int


class Chosen(msgspec.Struct, frozen=True):
    """The pairs to look at, and by which scheme they were found."""

    pairs: Pairs
    scheme: Scheme


def budget_of(count: int) -> Budget:
    """What is usual for so many records."""
    scale = _USUAL / max(count, 1)
    # A person has as many records in a large table as in a small one: what is saved there is saved on strangers.
    return Budget(
        one=min(2.0, max(scale, scale**0.3)),
        # Choices of values may find many: those that share least are left out again in the end.
        two=min(1.8, 1.5 * max(scale, scale**0.2)),
        three=min(1.2, max(scale, scale**0.5)),
        largest=int(min(1_000, max(100 * scale, 50))),
        chance=8.0 * max(scale, 0.5),
        looked_at=min(30.0, 10 * max(scale, scale**0.16)),
    )


def choose(records: Records, budget: Budget | None = None) -> Chosen:
    """Find out by what records of this table are brought together, and do it."""
    budget = budget or budget_of(records.count)
    keys = keys_of.of_records(records)
    rules: list[tuple[Rule, Pairs]] = []
    found: list[Pairs] = []
    every = max(int(budget.looked_at * records.count) // _SAMPLED, 1)
    for rule, pairs in _rules(keys, records.count, budget):
        # Some pairs, the same of each rule: the product scatters them.
        rules.append((rule, pairs if every == 1 else pairs[(pairs * 0x9E3779B1 >> 16) % every == 0]))
        found.append(pairs)
        if len(found) > _FLUSH:
            found = [distinct(np.concatenate(found))]
    pairs = distinct(np.concatenate(found)) if found else np.empty(0, np.int64)
    most = int(budget.looked_at * records.count)
    least = 0
    if len(pairs) > most:
        evidence = Screen(records, keys, records.count).evidence(pairs)
        least = int(np.partition(evidence, len(pairs) - most)[len(pairs) - most])
        pairs = pairs[evidence >= least]
    names = tuple(key.name for key in keys)
    scheme = Scheme(names, _covering(rules, pairs), budget.chance, least, records.count)
    return Chosen(distinct(np.concatenate([pairs, _copies(records)])), scheme)


def _covering(rules: Sequence[tuple[Rule, Pairs]], pairs: Pairs) -> tuple[Rule, ...]:
    """The fewest rules that find nearly all of the pairs, the one that finds most first."""
    sampled = np.concatenate([found for _, found in rules]) if rules else np.empty(0, np.int64)
    wanted = distinct(sampled)
    wanted = wanted[np.isin(wanted, pairs, kind="sort")]
    # By rule and pair, whether the one finds the other and no rule kept so far does.
    finds = np.zeros((len(rules), len(wanted)), np.bool_)
    for number, (_, found) in enumerate(rules):
        finds[number] = np.isin(wanted, found, kind="sort")
    left = len(wanted)
    kept: list[int] = []
    while left > (1 - _COVERED) * len(wanted) and len(kept) < _KEPT_MAX:
        best = int(np.argmax(finds.sum(axis=1)))
        kept.append(best)
        finds = finds[:, ~finds[best]]
        left = finds.shape[1]
    return tuple(rules[number][0] for number in sorted(kept))


def candidates(records: Records, scheme: Scheme, keys: Sequence[Key], touching: Mask | None = None) -> Pairs:
    """The pairs to look at by a known scheme, whose keys these are, counted as it counts them.

    Where records are marked as `touching`, only pairs with one of these, for which only their blocks are looked into.
    """
    counts = [key.of_records() for key in keys]
    found: list[Pairs] = []
    for rule in scheme.rules:
        codes, likely = blocks_of(keys, counts, rule.keys, scheme)
        if touching is None:
            found.append(_take(codes, likely, rule.largest))
        else:
            codes = np.where(np.isin(codes, codes[touching & (codes >= 0) & likely]), codes, -1)
            found.append(_of(_take(codes, likely, rule.largest), touching))
        if len(found) > _FLUSH:
            found = [distinct(np.concatenate(found))]
    pairs = distinct(np.concatenate(found)) if found else np.empty(0, np.int64)
    if scheme.least > 0:
        pairs = pairs[Screen(records, keys, scheme.total).evidence(pairs) >= scheme.least]
    copies = _copies(records)
    return distinct(np.concatenate([pairs, copies if touching is None else _of(copies, touching)]))


def still(pairs: Pairs, records: Records, scheme: Scheme, keys: Sequence[Key]) -> Mask:
    """Which of some pairs `candidates` finds: not those whose blocks have grown too large for every rule."""
    counts = [key.of_records() for key in keys]
    a, b = pairs // records.count, pairs % records.count
    found = np.zeros(len(pairs), np.bool_)
    for rule in scheme.rules:
        codes, likely = blocks_of(keys, counts, rule.keys, scheme)
        codes = np.where(likely, codes, -1)
        together = np.flatnonzero((codes[a] == codes[b]) & (codes[a] >= 0) & ~found)
        if len(together):
            present = codes[codes >= 0]
            own = np.sort(present[np.isin(present, codes[a[together]])])
            block = codes[a[together]]
            sizes = np.searchsorted(own, block, "right") - np.searchsorted(own, block, "left")
            found[together[sizes <= rule.largest]] = True
    if scheme.least > 0 and len(pairs):
        found &= Screen(records, keys, scheme.total).evidence(pairs) >= scheme.least
    return found | np.isin(pairs, _copies(records))


def _of(pairs: Pairs, touching: Mask) -> Pairs:
    """Those of the pairs that have one of the records."""
    return pairs[touching[pairs // len(touching)] | touching[pairs % len(touching)]]


def distinct(pairs: Pairs) -> Pairs:
    """Pairs in ascending order, each once."""
    # Not `numpy.unique`: it hashes numbers, which takes many times as long for these.
    pairs = np.sort(pairs)
    return pairs[np.diff(pairs, prepend=-1) > 0]


def _rules(keys: Sequence[Key], count: int, budget: Budget) -> Iterator[tuple[Rule, Pairs]]:
    """Each choice of values that brings records together, and the pairs that it finds beside those of fewer values."""
    counts = [key.of_records() for key in keys]
    scheme = Scheme((), (), budget.chance, 0, count)
    # Who is left in blocks that were too large, by key: only they need a second value.
    left: list[Mask] = []
    for index in range(len(keys)):
        codes, likely = blocks_of(keys, counts, (index,), scheme)
        most, large, pairs = _limited(codes, likely, budget.one, budget.largest, count)
        left.append(large)
        if len(pairs):
            yield Rule((index,), most), pairs
    deeper: list[tuple[int, int, Mask]] = []
    for one, other in combinations(range(len(keys)), 2):
        if keys[one].name.column == keys[other].name.column:
            continue
        both = left[one] & left[other]
        if both.sum() < 2:
            continue
        codes, likely = blocks_of(keys, counts, (one, other), scheme)
        most, large, pairs = _limited(np.where(both, codes, -1), likely, budget.two, budget.largest, count)
        if len(pairs):
            yield Rule((one, other), most), pairs
        if large.any():
            deeper.append((one, other, large))
    for one, other, large in sorted(deeper, key=lambda item: -int(item[2].sum()))[:_THIRD_MAX]:
        for third in range(other + 1, len(keys)):
            if keys[third].name.column in (keys[one].name.column, keys[other].name.column):
                continue
            all_three = large & left[third]
            if all_three.sum() >= 2:
                codes, likely = blocks_of(keys, counts, (one, other, third), scheme)
                most, _, pairs = _limited(np.where(all_three, codes, -1), likely, budget.three, budget.largest, count)
                if len(pairs):
                    yield Rule((one, other, third), most), pairs


def blocks_of(
    keys: Sequence[Key], counts: Sequence[Numbers], numbers: tuple[int, ...], scheme: Scheme
) -> tuple[Blocks, Mask]:
    """The block of each record, -1 for none, and whether what it shares there is unlikely to be coincidence."""
    codes, by_chance = keys[numbers[0]].codes, counts[numbers[0]]
    for number in numbers[1:]:
        other = keys[number]
        codes = np.where((codes >= 0) & (other.codes >= 0), codes * len(other.texts) + other.codes, -1)
        by_chance = by_chance * counts[number] / scheme.total
    # Of one value, how many have it says all there is to say.
    return codes, by_chance <= scheme.chance if len(numbers) > 1 else np.ones(len(codes), np.bool_)


def _limited(codes: Blocks, likely: Mask, budget: float, largest: int, count: int) -> tuple[int, Mask, Pairs]:
    """The largest block taken, who is in one that is too large or too likely, and the pairs of the others.

    The largest block taken is the largest such that all up to its size have no more pairs than the budget.
    """
    present = codes >= 0
    large = np.zeros(count, np.bool_)
    chosen = np.flatnonzero(present & likely)
    if not len(chosen):
        return 0, present, np.empty(0, np.int64)
    dense, sizes = _sized(codes[chosen])
    of_size = np.bincount(np.minimum(sizes, largest + 1), minlength=largest + 2)
    lengths = np.arange(largest + 2, dtype=np.float64)
    pairs = np.cumsum(of_size * lengths * (lengths - 1) / 2)
    most = int(np.searchsorted(pairs[: largest + 1], max(budget * count, 1_000), side="right")) - 1
    own = sizes[dense]
    large[chosen[own > most]] = True
    large |= present & ~likely
    fitting = (own <= most) & (own > 1)
    return most, large, _pairs_within(chosen[fitting], dense[fitting], count)


def _take(codes: Blocks, likely: Mask, largest: int) -> Pairs:
    chosen = np.flatnonzero((codes >= 0) & likely)
    if not len(chosen):
        return np.empty(0, np.int64)
    dense, sizes = _sized(codes[chosen])
    fitting = (sizes[dense] <= largest) & (sizes[dense] > 1)
    return _pairs_within(chosen[fitting], dense[fitting], len(codes))


def _sized(codes: Blocks) -> tuple[Blocks, Blocks]:
    """Codes renumbered without gaps, and how often each occurs."""
    _, dense, sizes = np.unique(codes, return_inverse=True, return_counts=True)
    return dense, sizes


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
