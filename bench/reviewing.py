"""The review loop of `bench match`: somebody answers the pairs that a match is least sure of, and it is matched again.

The reviewer knows the truth and errs once in twenty. Pairs are asked in the order of the review queue: by how much an answer
teaches and how many records it touches, two people once.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np

from onefold.bootstrap import match_table
from onefold.identity.review import Candidate, uncertainty, weight
from onefold.matching.accuracy import Accuracy
from onefold.matching.matcher import Matched, truth_of
from onefold.matching.settings import Decision, MatchSettings

ASKED = (0, 50, 200)
"""After so many answers the people are measured."""
ERRS = 0.05
_SEED = 7


def accuracies(table: Any, truth: list[Any], ignored: tuple[str, ...]) -> Iterator[tuple[int, Accuracy, int]]:
    """How many answers there were, how good the people are then, and how many answers were wrong."""
    draw = random.Random(_SEED)
    said: dict[tuple[str, str], Decision] = {}
    wrong = 0
    matched = match_table(table, MatchSettings(), ignored=ignored)
    for upto in ASKED:
        people = truth_of(matched.records, truth)
        for a, b in _asked(matched) if len(said) < upto else ():
            if len(said) == upto:
                break
            name = (matched.records.ids[a], matched.records.ids[b])
            errs = draw.random() < ERRS
            wrong += errs
            said[name] = Decision(*name, "same" if (people[a] == people[b]) != errs else "different")
        if said:
            matched = match_table(table, MatchSettings(), ignored=ignored, decisions=_without_contradictions(said))
        yield upto, matched.accuracy(truth), wrong


def _asked(matched: Matched) -> Iterator[tuple[int, int]]:
    """Pairs of two people, the most telling first."""
    scored, person = matched.scored, matched.person
    records = np.bincount(person, minlength=matched.records.count)
    a, b = person[scored.a], person[scored.b]
    priority = [
        uncertainty(Candidate((b"", b""), "scored", score)) * weight(int(many), 0.0)
        for score, many in zip(scored.score.tolist(), (records[a] + records[b]).tolist(), strict=True)
    ]
    seen: set[tuple[int, int]] = set()
    for number in np.argsort(-np.array(priority), kind="stable").tolist():
        two = (min(int(a[number]), int(b[number])), max(int(a[number]), int(b[number])))
        if two[0] != two[1] and two not in seen:
            seen.add(two)
            yield int(scored.a[number]), int(scored.b[number])


def _without_contradictions(said: dict[tuple[str, str], Decision]) -> list[Decision]:
    """All that was said, without those who are said to be two and, by way of others, to be one: somebody erred."""
    root: dict[str, str] = {}

    def find(name: str) -> str:
        while root.get(name, name) != name:
            name = root[name]
        return name

    for decision in said.values():
        if decision.verdict == "same":
            root[find(decision.record_a)] = find(decision.record_b)
    return [
        decision
        for decision in said.values()
        if decision.verdict == "same" or find(decision.record_a) != find(decision.record_b)
    ]
