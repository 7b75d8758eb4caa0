"""Rules about people: the stream, DuckDB and PostgreSQL say the same of everybody, whatever the rule and the people."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.rules.asking import Asker
from tests.rules.engines import ENGINES, assert_alike
from tests.rules.people import People

from onefold.profiles.computed import values
from onefold.rules import parse

RULES, PEOPLE = 40, 10 * 30


@settings(max_examples=max(5, settings.default.max_examples // 20), deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_engines_say_what_the_evaluator_says(seed):
    """Forty rules, each of ten populations of thirty people, in one statement: in the suite 2,000 cases an engine.

    That is 60,000 answers; as a law fifty times as many.
    """
    asker = Asker(seed)
    assert_alike({f"r{n}": asker.rule() for n in range(RULES)}, People(seed, PEOPLE, ahead=seed % 2 * 2), *ENGINES)


@settings(max_examples=max(10, settings.default.max_examples // 5), deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_the_stream_says_what_the_definition_says(seed):
    """States folded at several nodes in any order, and combined; 6,000 cases in the suite."""
    asker = Asker(seed)
    assert_alike({f"r{n}": asker.rule() for n in range(100)}, People(seed, 3, ahead=0))


def test_a_stream_whose_windows_are_short_is_noticed(monkeypatch):
    """Negative control."""
    rules, people = {"r": parse("count('Gift' within 3 days) > 1")}, People(7, 60, ahead=0)
    assert_alike(rules, people)
    real = values.tiles_within
    monkeypatch.setattr(values, "tiles_within", lambda window, as_of_us: real(window, as_of_us)[1:])
    with pytest.raises(AssertionError):
        assert_alike(rules, people)
