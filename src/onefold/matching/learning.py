"""Learning: what each level says for and against, found by expectation and maximisation without labels.

A pair is one of three: two records of the *same* person; of two people of one *household* (or otherwise connected); of
*strangers*. Strangers who live near each other are told apart from others, for what says where somebody lives (postcode,
city, state) goes together. All pairs of the table count. Pairs that blocking did not find are strangers; of them, those
that are equal in a field are counted exactly, and the rest of their levels is seen in a sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from onefold.matching.comparisons import BANDS, Comparison
from onefold.matching.pairs import Compared, sharedness
from onefold.matching.records import Records

Numbers = np.ndarray[Any, np.dtype[np.float64]]

SAME, HOUSEHOLD, NEIGHBOURS, STRANGERS = range(4)
CLASSES = ("same person", "household", "neighbours", "strangers")
_ROUNDS = 60
_SETTLED = 1e-5
_TWINS, _TWINS_PSEUDO, _TWINS_MAX = 0.02, 500.0, 0.5
"""How many pairs of a household agree in what is personal all the same: twins, father and son of one name.

It is learned by field; this is what is believed before, how many pairs' worth of belief that is, and the most there can be.
"""
_MOVED = 0.1
"""How many pairs of a household are in one field as strangers are: who moved out, married, has a number of her own."""
_NAMES_DIFFER_MAX, _OTHER_NAMES_MAX = 0.05, 0.01
"""How many pairs of one person may differ wholly in the given name, which people keep for life; and by names of others.

Else a class of families may pass for one of persons.
"""
_DATES_DIFFER_MAX, _DATES_DIFFER_PER_SLIP = 0.01, 1.5
"""As many in the date of birth, where none is mistyped, and how many more for each pair whose dates nearly agree.

Else father and son of one name pass for one person; but who mistypes many dates makes some of them wholly different.
"""
_FOR_LIFE = frozenset(("given_name", "birth_date"))
_PLACES = frozenset(("city", "postcode", "region"))
_FLOOR = 1e-12
_NEVER = -1e6
_LABEL_COUNT = 10.0
"""Pairs' worth of a decision."""
_CONTEXT_PSEUDO = 10.0
_SEEN_WELL = 50
"""From so many pairs of the sample on, it tells as much as an exact count."""
_START = {
    "same": {"equal": 0.85, "close": 0.09, "weak": 0.03, "different": 0.03},
    "household": {"equal": 0.75, "close": 0.05, "weak": 0.05, "different": 0.15},
}
_PSEUDO = 4.0
"""Pairs' worth of belief in the starting values."""


class Model(msgspec.Struct, frozen=True):
    """What was learned.

    Attributes:
        comparisons: How fields are compared.
        chances: By comparison, an array of class and level: how often a pair of the class that has values is on the level.
            Level 0 (no value) is 1 for all: that a value is missing says nothing.
        shares: Of each class among all pairs.
        rounds: How many were needed.
    """

    comparisons: tuple[Comparison, ...]
    chances: tuple[Numbers, ...]
    shares: Numbers
    rounds: int

    def weights(self, patterns: Any) -> Numbers:
        """Log-likelihood by pattern and class, the shares included."""
        logs = np.tile(np.log(self.shares), (len(patterns), 1))
        for number, chances in enumerate(self.chances):
            logs += np.log(chances).T[patterns[:, number]]
        return logs

    def score(self, patterns: Any) -> Numbers:
        """Natural-log odds by pattern that a pair is one person."""
        logs = self.weights(patterns)
        return np.asarray(logs[:, SAME] - np.logaddexp.reduce(logs[:, HOUSEHOLD:], axis=1))


class Labels(msgspec.Struct, frozen=True):
    """Levels of pairs of which somebody said what they are, a row a pair."""

    same: Any
    different: Any


def learn(
    records: Records,
    comparisons: Sequence[Comparison],
    found: Compared,
    others: Compared,
    labels: Labels | None = None,
) -> Model:
    """Learn from the pairs that blocking found, from a sample of those that it did not, and from labels.

    A pair that somebody decided is of its class whatever its levels, and counts for as much as some others.
    """
    total = records.count * (records.count - 1) / 2
    outside = max(total - len(found.pairs), 0.0)
    patterns, counts, decided = _with_labels(found, labels)
    fixed = [
        _outside(records, comparison, found, others, number, outside) for number, comparison in enumerate(comparisons)
    ]
    starts = [_start(records, comparison) for comparison in comparisons]
    chances = [
        np.stack([start[0], start[1], start[1], _normal(rest, _pooled(rest, comparison), comparison)])
        for start, rest, comparison in zip(starts, fixed, comparisons, strict=True)
    ]
    alike = [_TWINS] * len(comparisons)
    chances = [_tied(each, comparison, _TWINS) for each, comparison in zip(chances, comparisons, strict=True)]
    shares = np.array([0.5 * records.count / total, 0.3 * records.count / total, 5.0 * records.count / total, 1.0])
    shares /= shares.sum()
    rounds = 0
    for rounds in range(1, _ROUNDS + 1):
        model = Model(tuple(comparisons), tuple(chances), shares, rounds)
        logs = model.weights(patterns)
        # What somebody said cannot be, is not.
        logs += decided
        logs -= logs.max(axis=1, keepdims=True)
        soft = np.exp(logs)
        soft *= (counts / soft.sum(axis=1))[:, None]
        before, sums = shares, soft.sum(axis=0)
        sums[STRANGERS] += outside
        shares = np.maximum(sums, 1e-3) / np.maximum(sums, 1e-3).sum()
        updated = []
        for number, comparison in enumerate(comparisons):
            size = len(comparison.levels) + 1
            seen = np.stack([np.bincount(patterns[:, number], soft[:, c], minlength=size) for c in range(4)])
            if comparison.personal:
                alike[number] = _alike(seen[HOUSEHOLD], chances[number], alike[number])
            seen[STRANGERS] += fixed[number]
            rows = [
                _normal(seen[c], _PSEUDO * starts[number][min(c, HOUSEHOLD)], comparison)
                for c in (SAME, HOUSEHOLD, NEIGHBOURS)
            ]
            updated.append(
                _tied(
                    np.stack([*rows, _normal(seen[STRANGERS], _pooled(seen[STRANGERS], comparison), comparison)]),
                    comparison,
                    alike[number],
                )
            )
        chances = updated
        if np.abs(np.log(shares[:2] / before[:2])).max() < _SETTLED:
            break
    return Model(tuple(comparisons), tuple(chances), shares, rounds)


def _with_labels(found: Compared, labels: Labels | None) -> tuple[Any, Numbers, Numbers]:
    """Patterns, how often each counts, and by class what is added to its log-likelihood: nothing, or what rules it out."""
    patterns, counts = [found.patterns], [found.counts.astype(np.float64)]
    decided = [np.zeros((len(found.patterns), len(CLASSES)))]
    if labels is not None:
        for levels, rules_out in ((labels.same, slice(HOUSEHOLD, None)), (labels.different, SAME)):
            ruled = np.zeros((len(levels), len(CLASSES)))
            ruled[:, rules_out] = _NEVER
            patterns.append(levels)
            counts.append(np.full(len(levels), _LABEL_COUNT))
            decided.append(ruled)
    return np.concatenate(patterns), np.concatenate(counts), np.concatenate(decided)


def _outside(
    records: Records, comparison: Comparison, found: Compared, others: Compared, number: int, outside: float
) -> Numbers:
    """How many of the pairs that blocking did not find are on each level."""
    size = len(comparison.levels) + 1
    sampled = np.bincount(others.patterns[:, number], others.counts, minlength=size).astype(np.float64)
    scale = outside / max(float(others.counts.sum()), 1.0)
    estimate = sampled * scale
    estimate[comparison.blocks()[0]] += 0.5 * scale
    if comparison.implied_by:
        return estimate
    equal = _pairs_equal(records, comparison)
    among = np.bincount(found.patterns[:, number], found.counts, minlength=size)
    width = len(comparison.levels) // len(comparison.blocks())
    for level, each in enumerate(comparison.levels[:width], 1):
        if each.closeness == "equal" and sampled[level] < _SEEN_WELL:
            estimate[level] = max(equal[each.band] - among[level::width].sum(), 0.0)
    return estimate


def _pairs_equal(records: Records, comparison: Comparison) -> Numbers:
    """Pairs of records with an equal value, by the band of its levels."""
    column = records.columns[comparison.field.column, _whole(records, comparison)]
    if comparison.field.kind in ("email", "phone"):
        shared = sharedness(records, comparison.field.column, _whole(records, comparison))
        # Each record stands for its share of its value's pairs.
        counts = np.append(column.counts, 0)[column.codes]
        return np.asarray(np.bincount(shared, np.maximum(counts - 1, 0) / 2, minlength=4), np.float64)
    pairs = column.pairs_equal()
    most = max(level.band for level in comparison.levels)
    pairs[most] += pairs[most + 1 :].sum()
    return pairs


def _start(records: Records, comparison: Comparison) -> tuple[Numbers, Numbers]:
    column = records.columns[comparison.field.column, _whole(records, comparison)]
    share = np.bincount(column.bands(), minlength=len(BANDS) + 1)[1:].astype(np.float64)
    share /= max(share.sum(), 1.0)
    return (_spread(comparison, share, "same"), _spread(comparison, share, "household"))


def _whole(records: Records, comparison: Comparison) -> str:
    return next(part for column, part in records.columns if column == comparison.field.column)


def _spread(comparison: Comparison, share: Numbers, which: str) -> Numbers:
    """The starting chance of each level: of equal values as frequent as they are, the rest evenly."""
    levels = comparison.levels
    chances = np.zeros(len(levels) + 1)
    for closeness, part in _START[which].items():
        chosen = [number for number, level in enumerate(levels, 1) if level.closeness == closeness]
        for number in chosen:
            band = levels[number - 1].band
            shared = "{x}_s" in levels[number - 1].sql
            chances[number] = part * (1 / len(chosen) if not band or shared else max(share[band - 1], 0.01))
    for block in comparison.blocks():
        chances[block] /= chances[block].sum()
    chances[0] = 1.0
    return chances


def _pooled(seen: Numbers, comparison: Comparison) -> Numbers:
    """What is believed of strangers before they are seen: half a pair a level; in another context what is true in all."""
    prior = np.full(len(seen), 0.5)
    blocks = comparison.blocks()
    if len(blocks) > 1:
        together = sum((seen[block] for block in blocks), np.zeros(blocks[0].stop - 1)) + 0.5
        for block in blocks[1:]:
            prior[block] = _CONTEXT_PSEUDO * together / together.sum()
    return prior


def _normal(seen: Numbers, prior: Numbers, comparison: Comparison) -> Numbers:
    chances = np.maximum(seen + prior, _FLOOR)
    for block in comparison.blocks():
        chances[block] = np.maximum(chances[block] / chances[block].sum(), _FLOOR)
    chances[0] = 1.0
    return chances


def _alike(seen: Numbers, chances: Numbers, before: float) -> float:
    """The share of a household's pairs that agree in a personal field as one person's do, as far as they have values."""
    one_person, strangers = before * chances[SAME, 1:], (1 - before) * chances[STRANGERS, 1:]
    agreeing = float((seen[1:] * one_person / (one_person + strangers)).sum())
    share = (agreeing + _TWINS * _TWINS_PSEUDO) / (float(seen[1:].sum()) + _TWINS_PSEUDO)
    return min(share, _TWINS_MAX)


def _tied(chances: Numbers, comparison: Comparison, alike: float) -> Numbers:
    """What the classes have in common.

    In what is personal, two people of a household differ as strangers do, twins and namesakes aside; in the rest, those
    who moved out do. Neighbours are strangers in all but the place.
    """
    if comparison.field.kind in _FOR_LIFE:
        chances[SAME] = _limited(chances[SAME], comparison)
    agree, own = (alike, SAME) if comparison.personal else (1 - _MOVED, HOUSEHOLD)
    chances[HOUSEHOLD] = (1 - agree) * chances[STRANGERS] + agree * chances[own]
    if comparison.field.kind not in _PLACES:
        chances[NEIGHBOURS] = chances[STRANGERS]
    chances[HOUSEHOLD, 0] = chances[NEIGHBOURS, 0] = 1.0
    return chances


def _limited(chances: Numbers, comparison: Comparison) -> Numbers:
    """One person's chances, with no more wholly different values than there can be of what people keep for life."""
    limited = chances.copy()
    for block in comparison.blocks():
        numbers = range(block.start, block.stop)
        of = {number: comparison.levels[number - 1].closeness for number in numbers}
        slips = [number for number in numbers if of[number] in ("close", "weak")]
        wholly = [number for number in numbers if of[number] == "different"]
        if comparison.field.kind == "birth_date":
            most = [_DATES_DIFFER_MAX + _DATES_DIFFER_PER_SLIP * float(limited[slips].sum())]
        else:
            most = [_OTHER_NAMES_MAX, _NAMES_DIFFER_MAX]
        allowed = np.minimum(limited[wholly], most)
        rest = 1 - limited[wholly].sum()
        limited[block] *= (1 - allowed.sum()) / max(rest, _FLOOR)
        limited[wholly] = allowed
    return limited
