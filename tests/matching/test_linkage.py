"""Average linkage over numbers is the solver's over nodes."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from onefold.identity.groups import Groups
from onefold.identity.linkage import join_scored
from onefold.identity.settings import IdentitySettings
from onefold.matching import linkage
from onefold.model import Edge, Member

PAIRS = st.dictionaries(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda pair: pair[0] < pair[1]),
    st.integers(-20, 12).map(float),
    max_size=28,
)


def partition(groups):
    """The sets of members, whatever they are called."""
    sets = {}
    for member, group in groups.items():
        sets.setdefault(group, set()).add(member)
    return {frozenset(each) for each in sets.values()}


def ours(scores, **options):
    clipped = {pair: int(linkage.clipped(np.array([score]))[0]) for pair, score in scores.items()}
    return partition(linkage.agglomerate(range(8), clipped, **options))


def node(number):
    return number.to_bytes(16, "big")


def solvers(scores):
    groups = Groups([Member(node(n), f"crm{n}.id", 1, node(n), node(n)) for n in range(8)], IdentitySettings())
    edges = [
        Edge(node(a), node(b), "scored", 50, 1, node(100 + n), "s", "r", score)
        for n, ((a, b), score) in enumerate(scores.items())
    ]
    join_scored(groups, edges)
    return partition({n: groups.root(node(n)) for n in range(8)})


@given(PAIRS)
def test_the_solver_joins_the_same(scores):
    """One rule, two implementations, one answer."""
    assert ours(scores) == solvers(scores)


@given(PAIRS, st.randoms())
def test_the_order_of_pairs_does_not_matter(scores, random_):
    """The same pairs in any order give the same groups."""
    shuffled = list(scores.items())
    random_.shuffle(shuffled)
    assert ours(dict(shuffled)) == ours(scores)


@given(PAIRS, st.integers(0, 7), st.integers(0, 7))
def test_what_is_said_to_be_one_is_one(scores, one, other):
    """No score parts two records that somebody joined."""
    found = ours(scores, same=[(one, other)])
    assert any({one, other} <= group for group in found)


@given(PAIRS, st.integers(0, 7), st.integers(0, 7))
def test_what_is_said_to_be_two_is_two(scores, one, other):
    """No score joins two records that somebody parted."""
    if one == other:
        return
    pair = {one, other}
    found = ours(scores, apart=lambda a, b: bool(a & pair) and bool(b & pair))
    assert not any(pair <= group for group in found)


def test_negative_evidence_outweighs():
    """Control: single linkage would join all three, by the chain of two good pairs."""
    assert ours({(0, 1): 6.0, (1, 2): 5.0, (0, 2): -12.0}) == {
        frozenset({0, 1}),
        *(frozenset({n}) for n in range(2, 8)),
    }


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=30))
def test_components(pairs):
    """Each record's label is the smallest record that it is connected with."""
    a = np.array([pair[0] for pair in pairs], np.int64)
    b = np.array([pair[1] for pair in pairs], np.int64)
    expected = list(range(21))
    for _ in range(21):
        for one, other in pairs:
            expected[one] = expected[other] = min(expected[one], expected[other])
    assert linkage.components(21, a, b).tolist() == expected
    assert sum(Counter(expected).values()) == 21
