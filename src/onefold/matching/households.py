"""Households: people who have one family name and one address, where most of their records say so.

A household is a view of people that are found already: it joins nobody, and is gone as soon as an address is another.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from onefold.matching.records import Records

Integers = np.ndarray[Any, np.dtype[np.int64]]

PEOPLE_MAX = 12
"""More people of one name at one address are a house of flats or an institution, where nobody's mail is another's."""


def of_people(person: Integers, family: Integers, address: Integers) -> Integers:
    """The household of each record, named by the smallest record of it.

    Args:
        person: Of each record, the smallest record of its person.
        family: The number of its family name; -1 for none.
        address: The number of its address; -1 for none.

    Returns:
        Who has no address, or shares it with nobody of the name, is a household alone.
    """
    count = len(person)
    name, home = _usual(person, family), _usual(person, address)
    people = np.unique(person)
    settled = people[(name[people] >= 0) & (home[people] >= 0)]
    places = np.stack([name[settled], home[settled]], axis=1)
    _, place, sizes = np.unique(places, axis=0, return_inverse=True, return_counts=True)
    place = place.reshape(-1)
    first = np.full(len(sizes), count, np.int64)
    np.minimum.at(first, place, settled)
    of_person = np.arange(count, dtype=np.int64)
    together = sizes[place] <= PEOPLE_MAX
    of_person[settled[together]] = first[place[together]]
    return of_person[person]


def of_records(records: Records, person: Integers) -> Integers:
    """The household of each record of a table."""
    column: dict[str, str] = {}
    for field in records.fields:
        column.setdefault(field.kind, field.column)

    def codes(kind: str, part: str = "value") -> Integers:
        if kind not in column:
            return np.full(records.count, -1, np.int64)
        return np.asarray(records.columns[column[kind], part].codes, np.int64)

    street, number, area = codes("street"), codes("house_number"), codes("postcode")
    city = codes("city")
    # Where there is no postcode, the city tells.
    place = np.where(area >= 0, area + 1, np.where(city >= 0, -city - 1, 0))
    address = np.stack([street, number, place], axis=1)
    _, numbered = np.unique(address, axis=0, return_inverse=True)
    known = (street >= 0) & (place != 0)
    return of_people(person, codes("family_name", "name"), np.where(known, numbered.reshape(-1), -1))


def _usual(person: Integers, value: Integers) -> Integers:
    """By person, the value that most of its records have, the smallest of several; -1 for none."""
    found = np.full(len(person), -1, np.int64)
    known = np.flatnonzero(value >= 0)
    if not len(known):
        return found
    width = int(value.max()) + 1
    both, times = np.unique(person[known] * width + value[known], return_counts=True)
    of, each = both // width, both % width
    order = np.lexsort((each, -times, of))
    first = order[np.flatnonzero(np.diff(of[order], prepend=-1))]
    found[of[first]] = each[first]
    return found
