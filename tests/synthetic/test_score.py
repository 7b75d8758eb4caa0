import pytest

from onefold.synthetic.score import score


def test_a_perfect_answer_scores_one():
    """Names of clusters do not matter, only who is together."""
    found = score({1: "a", 2: "a", 3: "b"}, {1: "p", 2: "p", 3: "q"})
    assert (found.pair_f1, found.bcubed_f1, found.largest) == (1.0, 1.0, 2)


def test_the_worked_example():
    """Four items, truth {1,2,3}{4}, predicted {1,2}{3,4}: counted by hand."""
    found = score({1: 0, 2: 0, 3: 1, 4: 1}, {1: "p", 2: "p", 3: "p", 4: "q"})
    assert (found.pair_precision, found.pair_recall) == (0.5, pytest.approx(1 / 3))
    assert found.bcubed_precision == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert found.bcubed_recall == pytest.approx((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4)


def test_an_item_that_was_not_placed_stands_alone():
    """It costs recall, not precision, and joins no other missing item; unknown items are left out."""
    found = score({9: "a"}, {1: "p", 2: "p"})
    assert (found.clusters, found.pair_precision, found.pair_recall, found.items) == (2, 1.0, 0.0, 2)


def test_nothing_to_be_wrong_about_scores_one():
    """An empty truth is no division by zero."""
    assert score({}, {}).bcubed_f1 == 1.0
