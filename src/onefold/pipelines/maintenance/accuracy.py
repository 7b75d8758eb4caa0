"""Accuracy: people as they are found beside what is known of them, and what probabilities alone let one expect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from onefold.identity.review import Pair, answered
from onefold.model import Edge, Identifier, NodeId, probability, results
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance.supposing import suppose
from onefold.pipelines.reading.people import node_of
from onefold.ports import ProfileSnapshot
from onefold.synthetic.score import score

CURVE = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99)
CURVE_NODES_MAX = 100_000
"""Identifiers up to which other thresholds are tried: each solves everybody again."""
_SIZES = (1, 2, 3, 4, 6, 11, 21, 51, 101)
People = Mapping[NodeId, NodeId]


def accuracy(context: Context, truth: Iterable[tuple[Identifier, str]] | None = None) -> results.IdentityAccuracy:
    """How well people are found: against a truth (identifier and person), else against what reviewers decided.

    Identifiers of the truth that the store does not know are left out.
    """
    named = {node_of(context, who): person for who, person in truth or ()}
    with context.store.snapshot() as snapshot:
        stored = snapshot.nodes(sorted(node for node in named if node is not None))
        known = {node: named[node] for node in stored}
        labels = _labels(snapshot) if truth is None else {}
        now = {row.member.id: row.member.person for row in snapshot.scan()}
        scores = [edge for edge in snapshot.scan_edges() if edge.kind == "scored" and edge.score is not None]
        curve = []
        if (known or labels) and len(now) <= CURVE_NODES_MAX:
            for at in CURVE:
                identity = context.identity
                changed = msgspec.structs.replace(identity, join_from=at, review_from=min(identity.review_from, at))
                after = suppose(context, snapshot, changed).after
                curve.append(_measured({n: m.person for n, m in after.items()}, known, labels, at))
    measured = _measured(now, known, labels, context.identity.join_from) if known or labels else None
    sizes = Counter(now.values())
    precision, recall = _estimated(scores, now)
    return results.IdentityAccuracy(
        basis="truth" if truth is not None else "labels" if labels else "none",
        known=len(known) or len(labels),
        measured=measured,
        curve=tuple(curve),
        estimated_precision=precision,
        estimated_recall=recall,
        scored_pairs=len(scores),
        sizes=tuple(_sizes(sizes)),
        largest=max(sizes.values(), default=0),
    )


def _labels(snapshot: ProfileSnapshot) -> dict[Pair, bool]:
    """Pairs that reviewers decided and none of them disputes, and whether they are one person."""
    judged = [judgement for judgement in snapshot.scan_judgements() if judgement.b is not None]
    return {
        pair: said.standing.verdict == "same"
        for pair, said in answered(judged).items()
        if said.standing is not None and said.status == "decided"
    }


def _measured(
    people: People, known: Mapping[NodeId, str], labels: Mapping[Pair, bool], at: float
) -> results.AccuracyMeasures:
    if not known:
        return _of_labels(people, labels, at)
    found = {node: people[node] for node in known if node in people}
    agreed = score(found, {node: known[node] for node in found})
    true_people: dict[NodeId, set[str]] = {}
    for node, person in found.items():
        true_people.setdefault(person, set()).add(known[node])
    many = Counter(found.values())
    mixed = [many[person] for person, several in true_people.items() if len(several) > 1]
    return results.AccuracyMeasures(
        join_from=at,
        precision=agreed.pair_precision,
        recall=agreed.pair_recall,
        f1=agreed.pair_f1,
        b3=agreed.bcubed_f1,
        people=len(many),
        over_merged=len(mixed),
        largest=max(mixed, default=0),
    )


def _of_labels(people: People, labels: Mapping[Pair, bool], at: float) -> results.AccuracyMeasures:
    """Of the pairs that were decided, which are the hard ones: what is measured by them says nothing of the easy ones."""
    joined = {pair for pair in labels if people.get(pair[0]) == people.get(pair[1])}
    same = {pair for pair, one in labels.items() if one}
    precision = len(joined & same) / len(joined) if joined else 1.0
    recall = len(joined & same) / len(same) if same else 1.0
    return results.AccuracyMeasures(
        join_from=at,
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if precision + recall else 0.0,
        b3=None,
        people=None,
        over_merged=None,
        largest=None,
    )


def _estimated(scores: Iterable[Edge], people: People) -> tuple[float | None, float | None]:
    """Precision and recall among scored pairs, as calibrated probabilities let one expect them."""
    chances = [(probability(e.score or 0.0), people.get(e.a) == people.get(e.b)) for e in scores if e.a in people]
    joined = [chance for chance, one in chances if one]
    expected = sum(chance for chance, _ in chances)
    return sum(joined) / len(joined) if joined else None, sum(joined) / expected if expected else None


def _sizes(sizes: Counter[NodeId]) -> Iterable[results.PersonSizes]:
    by_size = Counter(sizes.values())
    for low, high in zip(_SIZES, (*_SIZES[1:], None), strict=True):
        people = sum(many for size, many in by_size.items() if size >= low and (high is None or size < high))
        if people:
            yield results.PersonSizes(identifiers=low, people=people)
