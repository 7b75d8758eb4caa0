"""Scoring: which records are worth comparing, and how likely each pair is one person. Values stay in memory.

The solver joins; what it needs are scores for and against. So pairs are told that speak for one person, all others of the
components those make, and those that have an identifier in common, whatever their score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from onefold.identity.linkage import CLIP_AGAINST
from onefold.matching import blocking, clustering, comparisons, learning, matcher, pairs, weighted
from onefold.matching import records as table
from onefold.matching.fields import Field
from onefold.matching.settings import MatchSettings
from onefold.matching.trained import Known, trained_of
from onefold.model import NodeId, PairScore
from onefold.pipelines.matching.records import COLUMNS, Cells, Sources
from onefold.pipelines.matching.run import Scores
from onefold.pipelines.scores import rounded

HOLDERS_MAX = 30
"""Of an identifier that more records have, nothing is learned from comparing all of them: it is a switchboard's."""
RECORD = "record"
FIELDS = (Field(RECORD, "record_id"), *(Field(column, column) for column in COLUMNS))
_MOST = 1e6

Integers = np.ndarray[Any, np.dtype[np.int64]]


class _Records:
    """The records of a workspace as the matcher numbers them."""

    def __init__(self, sources: Sources, region: str | None, known: Known | None = None) -> None:
        names = list(sources.records)
        reading = None if known is None else known.trained.reading
        self.rows = table.read(table_of(sources.records), FIELDS, region, reading)
        self.nodes = [names[int(name)] for name in self.rows.ids]
        self.number = {node: number for number, node in enumerate(self.nodes)}

    def __repr__(self) -> str:
        return f"<_Records(count={self.rows.count})>"

    def numbers(self, a: NodeId, b: NodeId) -> tuple[int, int]:
        """The numbers of two nodes, the smaller first."""
        one, other = self.number[a], self.number[b]
        return (one, other) if one < other else (other, one)

    def pair(self, a: NodeId, b: NodeId) -> int:
        """The number of the pair of two nodes."""
        one, other = self.numbers(a, b)
        return one * self.rows.count + other

    def told(self, chosen: Integers, scores: Any) -> tuple[PairScore, ...]:
        """Pairs by node."""
        found = []
        for pair, value in zip(chosen.tolist(), scores.tolist(), strict=True):
            a, b = sorted((self.nodes[pair // self.rows.count], self.nodes[pair % self.rows.count]))
            found.append(PairScore(a, b, rounded(value)))
        return tuple(found)


def anew(
    sources: Sources, settings: MatchSettings, key: bytes, tell: Callable[[str], None] = lambda _: None
) -> tuple[Scores, Known | None]:
    """Score all records of a workspace as the settings say, and the model that was learned for it, if any."""
    if settings.model == "weighted":
        return score_weighted(sources, settings, tell), None
    known = learn(sources, settings, key, tell)
    return (Scores(settings.model, (), 0) if known is None else score(sources, known, settings, tell=tell)), known


def learn(
    sources: Sources, settings: MatchSettings, key: bytes, tell: Callable[[str], None] = lambda _: None
) -> Known | None:
    """A model of the records of a workspace, and of what was said of them; None where they tell nobody apart.

    Args:
        sources: The records.
        settings: How they are matched.
        key: Under it the model keeps how frequent values are.
        tell: Is told each step.
    """
    records = _Records(sources, settings.region)
    rows = records.rows
    if rows.count < 2 or not rows.fields:
        return None
    compared = comparisons.of_fields(rows.fields)
    chosen = blocking.choose(rows)
    with pairs.engine(rows, compared, memory_mb=settings.memory_mb) as engine:
        tell(f"Learning from {len(chosen.pairs):,} pairs of {rows.count:,} records")
        others = engine.compare(pairs.random_pairs(rows.count, matcher.SAMPLE_PAIRS, chosen.pairs))
        same, different = ([records.numbers(*pair) for pair in said] for said in (sources.same, sources.different))
        labels = matcher.labels_of(engine, rows.count, same, different)
        model = learning.learn(rows, compared, engine.compare(chosen.pairs), others, labels)
    return Known(trained_of(rows, FIELDS, model, chosen.scheme, settings, key), key)


def score(
    sources: Sources,
    known: Known,
    settings: MatchSettings,
    *,
    stored: Mapping[tuple[NodeId, NodeId], float] | None = None,
    changed: Collection[NodeId] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Scores:
    """Score the records of a workspace by a learned model.

    Where scores of the same model are `stored`, only pairs with one of the records that `changed` since, or came, are
    compared; what is told is the same.
    """
    records = _Records(sources, settings.region, known)
    rows, scheme, keys = records.rows, known.trained.scheme, known.keys(records.rows)
    together = _together(sources, records.number, rows.count)
    before = _stored(records, stored or {}, changed)
    if stored is None:
        chosen = np.union1d(blocking.candidates(rows, scheme, keys), together)
    else:
        touching = np.zeros(rows.count, np.bool_)
        touching[[records.number[node] for node in changed]] = True
        kept = before[0][before[1] > 0]
        kept = kept[blocking.still(kept, rows, scheme, keys) | np.isin(kept, together)]
        chosen = np.union1d(np.union1d(blocking.candidates(rows, scheme, keys, touching), together), kept)
    compared = 0
    with pairs.engine(rows, known.comparisons, memory_mb=settings.memory_mb, marks=known.marks(rows)) as engine:

        def scores_of(some: Integers) -> Any:
            nonlocal compared
            found, missing = _looked_up(before, some)
            compared += int(missing.sum())
            again = engine.compare(some[missing])
            found[missing] = _thousandths(known.model.score(again.patterns)[again.pattern])
            return found

        tell(f"Comparing pairs of {rows.count:,} records")
        near = clustering.candidates(rows.count, chosen, scores_of(chosen), scores_of)
        wanted = np.union1d(near.within, together)
        told = records.told(wanted, scores_of(wanted))
    return Scores(model_name(known), told, compared)


def model_name(known: Known) -> str:
    """Name and version of a model, as the log has it."""
    return f"learned:{known.trained.version()}"


def score_weighted(sources: Sources, settings: MatchSettings, tell: Callable[[str], None] = lambda _: None) -> Scores:
    """Score the records of a workspace by the stated weights."""
    version = hashlib.blake2b(msgspec.json.encode(settings.weights), digest_size=4).hexdigest()
    records = _Records(sources, settings.region)
    rows = records.rows
    if rows.count < 2 or not rows.fields:
        return Scores(f"weighted:{version}", (), 0)
    compared = comparisons.of_fields(rows.fields)
    together = _together(sources, records.number, rows.count)
    chosen = np.union1d(blocking.choose(rows).pairs, together)
    with pairs.engine(rows, compared, memory_mb=settings.memory_mb) as engine:

        def scores_of(some: Integers) -> Any:
            return _thousandths(_odds(weighted.confidences(engine, some, compared, settings.weights)))

        tell(f"Comparing {len(chosen):,} pairs of {rows.count:,} records")
        near = clustering.candidates(rows.count, chosen, scores_of(chosen), scores_of)
        wanted = np.union1d(near.within, together)
        told = records.told(wanted, scores_of(wanted))
    return Scores(f"weighted:{version}", told, len(chosen))


def table_of(records: Mapping[NodeId, Cells]) -> Any:
    """Records as an Arrow table, named by their number."""
    rows = list(records.values())
    columns: dict[str, Any] = {RECORD: pa.array([str(number) for number in range(len(rows))])}
    columns.update((kind, pa.array([row.get(kind) for row in rows], pa.string())) for kind in COLUMNS)
    return pa.table(columns)


def _stored(
    records: _Records, stored: Mapping[tuple[NodeId, NodeId], float], changed: Collection[NodeId]
) -> tuple[Integers, Any]:
    """Pairs that are scored already, ascending, and their scores: of records that are as they were."""
    same = records.number.keys() - set(changed)
    found = sorted((records.pair(a, b), score) for (a, b), score in stored.items() if a in same and b in same)
    return np.array([pair for pair, _ in found], np.int64), np.array([score for _, score in found], np.float64)


def _looked_up(before: tuple[Integers, Any], some: Integers) -> tuple[Any, Any]:
    """Scores of those pairs that have one, and which have none."""
    found = np.zeros(len(some))
    if not len(before[0]):
        return found, np.ones(len(some), np.bool_)
    at = np.minimum(np.searchsorted(before[0], some), len(before[0]) - 1)
    present = before[0][at] == some
    found[present] = before[1][at[present]]
    return found, ~present


def _thousandths(scores: Any) -> Any:
    """Scores as the log holds them, so that those that are stored count as those that are worked out."""
    return np.round(np.clip(scores, CLIP_AGAINST, _MOST), 3)


def _odds(confidence: Any) -> Any:
    """A sum of similarities in the place of a probability, in natural-log odds."""
    inside = np.clip(confidence, 1e-6, 1 - 1e-6)
    return np.log(inside / (1 - inside))


def _together(sources: Sources, number: dict[NodeId, int], count: int) -> Integers:
    """Pairs of records that have an identifier in common which may be several people's."""
    found: set[int] = set()
    for holders in sources.holders.values():
        if len(holders) <= HOLDERS_MAX:
            numbers = sorted(number[node] for node in holders)
            found.update(a * count + b for n, a in enumerate(numbers) for b in numbers[n + 1 :])
    return np.array(sorted(found), np.int64)
