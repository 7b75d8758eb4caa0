"""Laws of the score: it equals brute force over pairs and items, and a naive resolver does badly on our people."""

from datetime import date
from itertools import combinations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import files, mapping
from onefold.synthetic.population import people
from onefold.synthetic.score import score
from onefold.synthetic.systems import write

CLUSTERINGS = st.integers(0, 12).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(0, 4), min_size=n, max_size=n)] * 2)
)


def brute_force(predicted: list[int], truth: list[int]) -> tuple[float, ...]:
    """Definitions word for word: over all pairs, and over all items."""
    items = range(len(truth))
    together = {(a, b) for a, b in combinations(items, 2) if predicted[a] == predicted[b]}
    belong = {(a, b) for a, b in combinations(items, 2) if truth[a] == truth[b]}
    both = len(together & belong)
    precisions, recalls = [], []
    for a in items:
        mates = {b for b in items if predicted[b] == predicted[a]}
        kin = {b for b in items if truth[b] == truth[a]}
        precisions.append(len(mates & kin) / len(mates))
        recalls.append(len(mates & kin) / len(kin))
    return (
        both / len(together) if together else 1.0,
        both / len(belong) if belong else 1.0,
        sum(precisions) / len(precisions) if precisions else 1.0,
        sum(recalls) / len(recalls) if recalls else 1.0,
    )


@given(CLUSTERINGS)
@settings(max_examples=200, deadline=None)
def test_the_score_equals_brute_force(pair):
    """Counting cells gives what comparing every pair and every item gives."""
    predicted, truth = pair
    found = score(dict(enumerate(predicted)), dict(enumerate(truth)))
    shares = (found.pair_precision, found.pair_recall, found.bcubed_precision, found.bcubed_recall)
    assert shares == pytest.approx(brute_force(predicted, truth))


@given(CLUSTERINGS)
@settings(max_examples=100, deadline=None)
def test_truth_and_prediction_mirror_each_other(pair):
    """Exchanging the two exchanges precision and recall."""
    one, other = (dict(enumerate(labels)) for labels in pair)
    there, back = score(one, other), score(other, one)
    assert (there.pair_precision, there.bcubed_precision) == (back.pair_recall, pytest.approx(back.bcubed_recall))


def components(events, ignored=frozenset()) -> dict[tuple[str, str], tuple[str, str]]:
    """Join all that ever stood in one event: what a naive resolver does."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def find(node):
        parent.setdefault(node, node)
        while parent[node] != node:
            parent[node] = node = parent[parent[node]]
        return node

    for event in events:
        nodes = [(i["type"], i["value"].strip().lower()) for i in event["identifiers"]]
        nodes = [node for node in nodes if node[1] not in ignored]
        for node in nodes:
            parent[find(node)] = find(nodes[0])
    return {node: find(node) for node in parent}


def test_our_people_trip_a_naive_resolver(tmp_path):
    """Joining on every equal value makes one giant of strangers; leaving placeholders out helps, yet families stay."""
    done = write(tmp_path, people(3, 2000), seed=3, as_of=date(2026, 1, 1))
    events = []
    for path in done.files.values():
        found = files.rows(path, mapping.load(path.with_suffix(".yaml")))
        events += [msgspec.json.decode(row.body) for row in found if isinstance(row, files.Row)]
    lines = [line.split(",") for line in done.truth.read_text(encoding="utf-8").splitlines()[1:]]
    truth = {(kind, value.lower()): person for _, kind, value, person in lines}
    blocked = {"test@test.com", "null", "none@none.com", "n/a", "noemail@noemail.com"} | {
        "0000000000", "9999999999", "000-000-0000",
    }  # fmt: skip
    naive = score(components(events), truth)
    careful = score(components(events, blocked), truth)
    assert naive.pair_precision < 0.5
    assert naive.largest > 20
    assert naive.pair_precision < careful.pair_precision < 0.98
    assert careful.bcubed_f1 > 0.7
