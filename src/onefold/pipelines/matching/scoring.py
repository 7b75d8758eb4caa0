"""Scoring: which records are worth comparing, and how likely each pair is one person. Values stay in memory.

The solver joins; what it needs are scores for and against. So pairs are told that speak for one person, all others of the
components those make, and those that have an identifier in common, whatever their score.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from onefold.identity.linkage import CLIP_AGAINST
from onefold.matching import blocking, clustering, comparisons, learning, matcher, pairs, weighted
from onefold.matching import records as table
from onefold.matching import trained as training
from onefold.matching.fields import Field
from onefold.matching.settings import MatchSettings
from onefold.matching.trained import Trained
from onefold.model import NodeId, PairScore
from onefold.pipelines.matching.records import COLUMNS, Cells, Sources
from onefold.pipelines.scores import rounded

HOLDERS_MAX = 30
"""Of an identifier that more records have, nothing is learned from comparing all of them: it is a switchboard's."""
RECORD = "record"
FIELDS = (Field(RECORD, "record_id"), *(Field(column, column) for column in COLUMNS))

Integers = np.ndarray[Any, np.dtype[np.int64]]


class Scores(msgspec.Struct, frozen=True):
    """What a run scored.

    Attributes:
        model: Name and version of the model.
        pairs: All pairs worth telling, the smaller node first.
        compared: How many pairs were compared.
        trained: What was learned, with what it needs of values hashed; None of the weighted model, or without a key.
    """

    model: str
    pairs: tuple[PairScore, ...]
    compared: int
    trained: Trained | None = None


def score(
    sources: Sources, settings: MatchSettings, tell: Callable[[str], None] = lambda _: None, *, key: bytes = b""
) -> Scores:
    """Score the records of a workspace; with a key, what was learned is kept with values hashed under it."""
    names = list(sources.records)
    rows = table.read(table_of(sources.records), FIELDS, settings.region)
    if rows.count < 2 or not rows.fields:
        return Scores(settings.model, (), 0)
    compared = comparisons.of_fields(rows.fields)
    node_of = [names[int(name)] for name in rows.ids]
    scheme, chosen = (found := blocking.choose(rows)).scheme, found.pairs
    with pairs.engine(rows, compared, memory_mb=settings.memory_mb) as engine:
        tell(f"Comparing {len(chosen):,} pairs of {rows.count:,} records")
        scores_of, model, learned = _model(rows, compared, engine, chosen, settings)
        near = clustering.candidates(rows.count, chosen, scores_of(chosen), scores_of)
        together = _together(sources, {node: number for number, node in enumerate(node_of)}, rows.count)
        wanted = np.union1d(near.within, together)
        scored = np.maximum(scores_of(wanted), CLIP_AGAINST)
    told = []
    for pair, value in zip(wanted.tolist(), scored.tolist(), strict=True):
        a, b = sorted((node_of[pair // rows.count], node_of[pair % rows.count]))
        told.append(PairScore(a, b, rounded(value)))
    kept = None
    if learned is not None and key:
        kept = training.of_match(_matched(rows, compared, learned, scheme, settings), key)
    return Scores(model, tuple(told), len(chosen), kept)


def _matched(
    rows: table.Records, compared: Any, learned: learning.Model, scheme: blocking.Scheme, settings: MatchSettings
) -> matcher.Matched:
    """What a model is made of; people are found by the solver, so that nobody is in it."""
    none, numbers = np.empty(0, np.int64), np.empty(0, np.float64)
    return matcher.Matched(
        records=rows, fields=FIELDS, comparisons=compared, model=learned, person=none, probability=numbers,
        scored=matcher.Scored(none, none, numbers, numbers, none), looked_at=0, exclusive=(), scheme=scheme,
        settings=settings, stop=0.0, at={},
    )  # fmt: skip


def table_of(records: Mapping[NodeId, Cells]) -> Any:
    """Records as an Arrow table, named by their number."""
    rows = list(records.values())
    columns: dict[str, Any] = {RECORD: pa.array([str(number) for number in range(len(rows))])}
    columns.update((kind, pa.array([row.get(kind) for row in rows], pa.string())) for kind in COLUMNS)
    return pa.table(columns)


def _model(
    rows: table.Records, compared: Any, engine: pairs.Engine, chosen: Integers, settings: MatchSettings
) -> tuple[Callable[[Integers], Any], str, learning.Model | None]:
    """What scores pairs, in natural-log odds, its name and version, and what was learned."""
    if settings.model == "weighted":
        weights = settings.weights
        version = hashlib.blake2b(msgspec.json.encode(weights), digest_size=4).hexdigest()
        return lambda some: _odds(weighted.confidences(engine, some, compared, weights)), f"weighted:{version}", None
    others = engine.compare(pairs.random_pairs(rows.count, matcher.SAMPLE_PAIRS, chosen))
    model = learning.learn(rows, compared, engine.compare(chosen), others)

    def scores(some: Integers) -> Any:
        again = engine.compare(some)
        return model.score(again.patterns)[again.pattern]

    version = hashlib.blake2b(model.score(others.patterns).tobytes(), digest_size=4).hexdigest()
    return scores, f"learned:{version}", model


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
