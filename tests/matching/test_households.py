"""Households are people of one name at one address; they join nobody, and big houses are none."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.matching.people import families

from onefold import bootstrap
from onefold.matching import households, outcome
from onefold.matching.settings import MatchSettings

RECORDS = st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 2), st.integers(-1, 2)), min_size=1, max_size=20)


def of(people):
    """Households of records as (person, family name, address)."""
    first = {}
    for record, (person, _, _) in enumerate(people):
        first.setdefault(person, record)
    persons = np.array([first[person] for person, _, _ in people], np.int64)
    names, homes = (np.array([each[at] for each in people], np.int64) for at in (1, 2))
    return persons, households.of_people(persons, names, homes)


@given(RECORDS)
def test_a_household_holds_whole_people(people):
    """All records of a person are in one household, which is named by its smallest record."""
    persons, found = of(people)
    for person in set(persons.tolist()):
        assert len(set(found[persons == person].tolist())) == 1
    for household in set(found.tolist()):
        assert np.flatnonzero(found == household)[0] == household


@given(RECORDS)
def test_people_of_a_household_have_one_name_and_one_address(people):
    """Two people are together only where some record of each has the same name, and some the same address."""
    persons, found = of(people)
    for one in range(len(people)):
        for other in range(one):
            if found[one] == found[other] and persons[one] != persons[other]:
                mine, theirs = ([people[n] for n in np.flatnonzero(persons == persons[each])] for each in (one, other))
                for at in (1, 2):
                    assert {each[at] for each in mine} & {each[at] for each in theirs} - {-1}


def test_an_address_that_most_records_do_not_have_counts_for_nothing():
    """Who moved out is of the new home; a chain of moves makes no clan."""
    _, found = of([(0, 1, 1), (1, 1, 1), (1, 1, 2), (1, 1, 2), (2, 1, 2)])
    assert found.tolist() == [0, 1, 1, 1, 1]


def test_a_house_of_many_people_is_none():
    """Control of the limit: one person fewer, and they are one."""
    _, many = of([(n, 1, 1) for n in range(households.PEOPLE_MAX + 1)])
    assert len(set(many.tolist())) == households.PEOPLE_MAX + 1
    _, few = of([(n, 1, 1) for n in range(households.PEOPLE_MAX)])
    assert set(few.tolist()) == {0}


def test_families_of_a_table_are_households():
    """Three people who share name and street are one household each of three people, and another town is another."""
    data = families()
    data = data.append_column("city", pa.array(["Leeds"] * data.num_rows))
    data = data.append_column("zip", pa.array([f"9{n // 60:04}" for n in range(data.num_rows)]))
    matched = bootstrap.match_table(data, MatchSettings(), ignored=("cluster",))
    rows = outcome.people(matched).to_pylist()
    found = {}
    for row in rows:
        found.setdefault(row["household"], set()).add(row["person"])
    assert len(found) == 60
    assert {len(people) for people in found.values()} == {3}
