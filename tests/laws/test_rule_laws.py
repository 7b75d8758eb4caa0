"""Rules about people: the evaluator, DuckDB and PostgreSQL say the same of everybody, whatever the rule and the people."""

from __future__ import annotations

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.rules.asking import Asker
from tests.rules.engines import ENGINES, assert_alike
from tests.rules.people import People

RULES, PEOPLE = 50, 30


@settings(max_examples=max(5, settings.default.max_examples // 20), deadline=None, phases=[Phase.generate])
@given(st.integers(0, 2**32))
def test_engines_say_what_the_evaluator_says(seed):
    """Fifty rules and thirty people in one statement: 7,500 answers of each engine in the suite, and fifty times as many."""
    asker = Asker(seed)
    assert_alike({f"r{n}": asker.rule() for n in range(RULES)}, People(seed, PEOPLE), *ENGINES)
