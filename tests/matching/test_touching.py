"""Blocking around some records finds what blocking of all finds with them, and sees which pairs are not found any more."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matching.people import rows, table

from onefold import bootstrap
from onefold.matching import blocking, keys, screening
from onefold.matching.settings import MatchSettings


@pytest.fixture(scope="module")
def small():
    """Records, their keys, and a scheme with small blocks that asks for some evidence."""
    found = bootstrap.match_table(table(rows(people=50, seed=3)), MatchSettings(), ignored=("cluster",))
    rules = tuple(blocking.Rule(rule.keys, min(rule.largest, 5)) for rule in found.scheme.rules)
    scheme = msgspec.structs.replace(found.scheme, rules=rules, least=4 * screening.UNITS)
    return found.records, scheme, tuple(keys.key(found.records, name) for name in scheme.keys)


@settings(max_examples=20)
@given(st.sets(st.integers(0, 149)))
def test_some_records_have_the_pairs_that_they_have_among_all(small, some):
    """Whichever they are."""
    records, scheme, known = small
    touching = np.zeros(records.count, np.bool_)
    touching[sorted(some)] = True
    whole = blocking.candidates(records, scheme, known)
    wanted = whole[touching[whole // records.count] | touching[whole % records.count]]
    assert np.array_equal(blocking.candidates(records, scheme, known, touching), wanted)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 149 * 150), unique=True))
def test_pairs_are_still_found_that_blocking_finds(small, some):
    """Pairs of blocks that have grown too large are not."""
    records, scheme, known = small
    whole = blocking.candidates(records, scheme, known)
    asked = np.union1d(whole, np.array([n for n in some if n // records.count < n % records.count], np.int64))
    assert np.array_equal(asked[blocking.still(asked, records, scheme, known)], whole)
    grown = msgspec.structs.replace(scheme, rules=tuple(msgspec.structs.replace(r, largest=2) for r in scheme.rules))
    fewer = blocking.candidates(records, grown, known)
    assert len(fewer) < len(whole)
    assert np.array_equal(whole[blocking.still(whole, records, grown, known)], fewer)
