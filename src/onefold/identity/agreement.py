"""Agreement: how far people who judged the same pairs independently say the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec


class Agreement(msgspec.Struct, frozen=True, gc=False):
    """How far two answers to each of several pairs agree.

    Attributes:
        pairs: Pairs with two answers.
        agreeing: Those of which both answers are the same.
        kappa: Cohen's kappa: 1 where all agree, 0 where they agree as often as chance would have it; None where there are
            no pairs, or chance alone would make all of them agree.
    """

    pairs: int
    agreeing: int
    kappa: float | None


def agreement(answers: Iterable[tuple[str, str]]) -> Agreement:
    """The agreement of the first with the second answer to each pair."""
    table = Counter(answers)
    total = table.total()
    agreeing = sum(count for (one, other), count in table.items() if one == other)
    if not total:
        return Agreement(0, 0, None)
    first: Counter[str] = Counter()
    second: Counter[str] = Counter()
    for (one, other), count in table.items():
        first[one] += count
        second[other] += count
    # In whole numbers, so that agreement by chance alone is met exactly.
    chance = sum(first[word] * second[word] for word in first)
    if chance == total * total:
        return Agreement(total, agreeing, None)
    return Agreement(total, agreeing, (agreeing * total - chance) / (total * total - chance))


def by_reviewers(answered: Iterable[Mapping[str, str]]) -> dict[tuple[str, str], Agreement]:
    """For each two reviewers, in order of name, their agreement on the pairs that both answered."""
    both: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for answers in answered:
        names = sorted(answers)
        for number, one in enumerate(names):
            for other in names[number + 1 :]:
                both.setdefault((one, other), []).append((answers[one], answers[other]))
    return {names: agreement(pairs) for names, pairs in sorted(both.items())}


def first_two(answered: Iterable[Sequence[str]]) -> Agreement:
    """The agreement of the first two answers to each pair, whoever gave them."""
    return agreement((answers[0], answers[1]) for answers in answered if len(answers) > 1)
