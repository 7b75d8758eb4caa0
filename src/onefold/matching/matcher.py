"""The matcher: the order in which people are found in a table.

normalise → block → compare → learn → score → cluster
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from onefold.errors import UsageError
from onefold.matching import blocking, clustering, comparisons, learning, linkage, pairs, records, weighted
from onefold.matching.accuracy import Accuracy, measure
from onefold.matching.blocking import Scheme
from onefold.matching.comparisons import Comparison
from onefold.matching.fields import Field
from onefold.matching.learning import Model
from onefold.matching.pairs import Compared, Comparing, Engine, Integers
from onefold.matching.records import Records
from onefold.matching.settings import Decision, MatchSettings

if TYPE_CHECKING:  # a model is made of a match
    from onefold.matching.trained import Known

Numbers = np.ndarray[Any, np.dtype[np.float64]]
Tell = Callable[[str], None]
Decided = tuple[list[tuple[int, int]], list[tuple[int, int]]]
"""Pairs of records that somebody said are one person, and pairs that are not."""

SAMPLE_PAIRS = 200_000
"""Pairs of records drawn at random, to see how strangers differ."""
_OFTEN_WITHIN, _SELDOM_ACROSS = 0.005, 0.1


class Scored(msgspec.Struct, frozen=True):
    """Pairs that are joined or come near it, likeliest first.

    Attributes:
        a: The first record of each, numbered as in `Records`.
        b: The second.
        score: Natural-log odds that they are one person.
        probability: The same as a probability; of the weighted model its sum.
        levels: By pair and comparison, the level.
    """

    a: Integers
    b: Integers
    score: Numbers
    probability: Numbers
    levels: Any


class Matched(msgspec.Struct, frozen=True):
    """What was found.

    Attributes:
        records: The records.
        fields: All columns and what they hold, as guessed or stated.
        comparisons: How they were compared.
        model: What was learned; None of the weighted model.
        person: Of each record, the smallest record of its person.
        probability: Of each record, that it belongs to its person, from the average of its scores with the others; NaN for
            who is alone.
        scored: Pairs worth a look.
        looked_at: How many pairs were compared.
        exclusive: Names of sources that hold each person once.
        scheme: By what records were brought together.
        settings: How it was matched.
        stop: The average of scores that a join had to exceed.
        at: People at other values of the setting `stop`, where asked for.
    """

    records: Records
    fields: tuple[Field, ...]
    comparisons: tuple[Comparison, ...]
    model: Model | None
    person: Integers
    probability: Numbers
    scored: Scored
    looked_at: int
    exclusive: tuple[str, ...]
    scheme: Scheme
    settings: MatchSettings
    stop: float
    at: dict[float, Integers]

    def accuracy(self, truth: Sequence[Any]) -> Accuracy:
        """Against the true person of each row of the table."""
        return measure(self.person, truth_of(self.records, truth))


def match(
    table: Any,
    fields: tuple[Field, ...],
    settings: MatchSettings,
    *,
    decisions: Sequence[Decision] = (),
    also_at: Sequence[float] = (),
    known: Known | None = None,
    tell: Tell = lambda _: None,
) -> Matched:
    """Find the people of an Arrow table.

    Args:
        table: The table.
        fields: What its columns hold.
        settings: How it is matched.
        decisions: What somebody said of pairs of records.
        also_at: Other values of the setting `stop` for which people are wanted, too (of the learned model).
        known: A model that was learned before; nothing is learned then, and `fields` are those of the model.
        tell: Is told each step as it begins.

    Raises:
        UsageError: No column tells people apart; a decision names a record that is not there, or contradicts others.
    """
    tell("Normalising")
    if known is None:
        rows = records.read(table, fields, settings.region)
    else:
        rows = records.read(table, fields, known.trained.region, known.trained.reading)
    if not rows.fields:
        shown = ", ".join(f"{field.column}: {field.kind}" for field in fields) or "there are no columns"
        raise UsageError(
            f"No column tells people apart ({shown}). State what they hold under `fields` of the configuration."
        )
    compared = comparisons.of_fields(rows.fields)
    decided = decided_by(rows, decisions)
    tell("Choosing pairs")
    if known is None:
        choice = blocking.choose(rows)
        chosen, scheme, marks = choice.pairs, choice.scheme, pairs.marks_of(rows)
    else:
        scheme, marks = known.trained.scheme, known.marks(rows)
        chosen = blocking.candidates(rows, scheme, known.keys(rows))
    with pairs.engine(rows, compared, memory_mb=settings.memory_mb, marks=marks) as engine:
        tell(f"Comparing {len(chosen):,} pairs")
        found = engine.compare(chosen)
        if settings.model == "weighted":
            return _weighted(engine, rows, fields, compared, found, settings, scheme, decided)
        if known is None:
            tell("Learning")
            others = engine.compare(pairs.random_pairs(rows.count, SAMPLE_PAIRS, chosen))
            model = learning.learn(rows, compared, found, others, labels_of(engine, rows.count, *decided))
        else:
            model = known.model
        tell("Joining")
        return of_pairs(
            engine,
            rows,
            found,
            model,
            scheme,
            fields=fields,
            settings=settings,
            decided=decided,
            known=known,
            also_at=also_at,
        )


def of_pairs(
    engine: Comparing,
    rows: Records,
    found: Compared,
    model: Model,
    scheme: Scheme,
    *,
    fields: tuple[Field, ...],
    settings: MatchSettings,
    decided: Decided,
    known: Known | None,
    also_at: Sequence[float] = (),
) -> Matched:
    """The people of compared pairs, which are all pairs that blocking found, or those of them that are worth a look."""
    scores = model.score(found.patterns)[found.pattern]
    same, different = decided

    def score(more: Integers) -> Numbers:
        again = engine.compare(more)
        return np.asarray(model.score(again.patterns)[again.pattern])

    exclusive = _exclusive(rows, found, scores, settings, None if known is None else known.trained.exclusive)
    joined = clustering.candidates(rows.count, found.pairs, scores, score, same)

    def at(stop: float) -> Integers:
        return clustering.people(joined, stop=stop, exclusive=exclusive, same=same, different=different)

    usual = clustering.usual_stop(rows.count) if known is None else known.trained.stop
    stop = usual if settings.stop == "auto" else settings.stop
    person = at(stop)
    names = tuple(sorted({rows.source_names[code] for code in set(exclusive.tolist()) - {-1}}))
    return Matched(
        records=rows,
        fields=fields,
        comparisons=model.comparisons,
        model=model,
        person=person,
        probability=_belonging(person, score, rows.count),
        scored=_worth_a_look(rows.count, found, scores, probability_of(scores), settings.review_from),
        looked_at=len(found.pairs),
        exclusive=names,
        scheme=scheme,
        settings=settings,
        stop=stop,
        at={other: at(other) for other in also_at},
    )


def truth_of(rows: Records, truth: Sequence[Any]) -> Integers:
    """The true people as numbers, in the order of the records."""
    number: dict[Any, int] = {}
    return np.asarray(np.array([number.setdefault(each, len(number)) for each in truth], np.int64)[rows.order])


def _weighted(
    engine: Engine,
    rows: Records,
    fields: tuple[Field, ...],
    compared: tuple[Comparison, ...],
    found: Compared,
    settings: MatchSettings,
    scheme: Scheme,
    decided: Decided,
) -> Matched:
    weights, (same, different) = settings.weights, decided

    def score(more: Integers) -> Numbers:
        return weighted.scores(weighted.confidences(engine, more, compared, weights), weights)

    confidence = weighted.confidences(engine, found.pairs, compared, weights)
    scores = weighted.scores(confidence, weights)
    joined = clustering.candidates(rows.count, found.pairs, scores, score, same)
    # The threshold of the weighted model is in its scores.
    stop = 0.0 if settings.stop == "auto" else settings.stop
    person = clustering.people(joined, stop=stop, same=same, different=different)
    return Matched(
        records=rows,
        fields=fields,
        comparisons=compared,
        model=None,
        person=person,
        probability=_belonging(person, score, rows.count),
        scored=_worth_a_look(rows.count, found, scores, confidence, weights.review),
        looked_at=len(found.pairs),
        exclusive=(),
        scheme=scheme,
        settings=settings,
        stop=stop,
        at={},
    )


def probability_of(scores: Numbers) -> Numbers:
    """Natural-log odds as probabilities."""
    return 1 / (1 + np.exp(-np.clip(scores, -700, 700)))


def _worth_a_look(count: int, found: Compared, scores: Numbers, probability: Numbers, least: float) -> Scored:
    kept = np.flatnonzero(probability >= least)
    kept = kept[np.lexsort((found.pairs[kept], -scores[kept]))]
    chosen = found.pairs[kept]
    return Scored(
        a=chosen // count,
        b=chosen % count,
        score=scores[kept],
        probability=probability[kept],
        levels=found.patterns[found.pattern[kept]],
    )


def _belonging(person: Integers, score: Callable[[Integers], Numbers], count: int) -> Numbers:
    """Of each record, the probability of its average score with the others of its person."""
    inside = clustering.all_within(person, count)
    values = linkage.clipped(score(inside)).astype(np.float64) / 1e6
    total, number = np.zeros(count), np.zeros(count)
    for side in (inside // count, inside % count):
        total += np.bincount(side, values, minlength=count)
        number += np.bincount(side, minlength=count)
    return np.where(number > 0, probability_of(total / np.maximum(number, 1)), np.nan)


def labels_of(
    engine: Engine, count: int, same: Sequence[tuple[int, int]], different: Sequence[tuple[int, int]]
) -> learning.Labels | None:
    """The levels of decided pairs; None where nobody decided anything."""
    if not same and not different:
        return None

    def levels(decided: Sequence[tuple[int, int]]) -> Any:
        found = engine.compare(np.array([one * count + other for one, other in decided], np.int64))
        return found.patterns[found.pattern]

    return learning.Labels(levels(same), levels(different))


def _exclusive(
    rows: Records, found: Compared, scores: Numbers, settings: MatchSettings, before: Sequence[str] | None
) -> Any:
    """The source of each record whose source holds each person once; -1 for the others.

    Sources found out `before`, by a model, are not looked into again.
    """
    stated = settings.exclusive_sources
    sources = rows.sources
    if stated == "auto" and before is not None:
        held = np.array([name in before for name in rows.source_names])
        return np.where(held[sources], sources, -1)
    if stated != "auto":
        unknown = set(stated) - set(rows.source_names)
        if unknown:
            raise UsageError(
                f"There is no source `{min(unknown)}` in the table; there are {', '.join(rows.source_names[:20])}."
            )
        held = np.array([name in stated for name in rows.source_names])
        return np.where(held[sources], sources, -1)
    if len(rows.source_names) < 2:
        return np.full(rows.count, -1, np.int32)
    a, b, likely = sources[found.pairs // rows.count], sources[found.pairs % rows.count], probability_of(scores)
    number = len(rows.source_names)
    within = np.bincount(a[a == b], likely[a == b], minlength=number)
    across = np.bincount(a[a != b], likely[a != b], minlength=number)
    across += np.bincount(b[a != b], likely[a != b], minlength=number)
    sizes = np.bincount(sources, minlength=number)
    held = (within <= _OFTEN_WITHIN * sizes) & (across >= _SELDOM_ACROSS * sizes)
    return np.where(held[sources], sources, -1)


def decided_by(rows: Records, decisions: Sequence[Decision]) -> Decided:
    """Decisions by number of record: pairs that are one person, and pairs that are not."""
    number = {name: index for index, name in enumerate(rows.ids)} if decisions else {}
    sorted_out: dict[str, list[tuple[int, int]]] = {"same": [], "different": []}
    for decision in decisions:
        for name in (decision.record_a, decision.record_b):
            if name not in number:
                raise UsageError(f"A decision names the record `{name}`, which is not in the table.")
        one, other = sorted((number[decision.record_a], number[decision.record_b]))
        sorted_out[decision.verdict].append((one, other))
    same, different = sorted(set(sorted_out["same"])), sorted(set(sorted_out["different"]))
    if same and different:
        a, b = (np.array(side, np.int64) for side in zip(*same, strict=True))
        joined = linkage.components(rows.count, a, b)
        for one, other in different:
            if joined[one] == joined[other]:
                raise UsageError(
                    f"Decisions contradict each other: `{rows.ids[one]}` and `{rows.ids[other]}` are said to be different, "
                    "and to be one person."
                )
    return same, different
