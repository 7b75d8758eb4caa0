from collections import Counter

import phonenumbers
import pytest

from onefold.synthetic.population import people


@pytest.fixture(scope="module")
def crowd():
    """Four thousand people."""
    return people(11, 4000)


def test_the_seed_decides_everything():
    """Equal seeds give equal people, other seeds others, and the number is exact."""
    assert people(3, 200) == people(3, 200)
    assert people(3, 200) != people(4, 200)
    assert [len(people(3, n).people) for n in (0, 1, 7, 200)] == [0, 1, 7, 200]


def test_nobody_shares_what_is_their_own(crowd):
    """Truth ids, e-mails and mobiles belong to one person, landlines and family addresses to one household."""
    own = [value for p in crowd.people for value in (p.id, p.mobile, *p.emails) if value]
    shared = [value for h in crowd.households for value in (h.landline, h.email, h.tablet) if value]
    assert max(Counter(own + shared).values()) == 1


def test_everything_that_trips_a_matcher_occurs(crowd):
    """Twins, father and son, families under one roof, moves, shared devices, people without contact details."""
    homes = {}
    for person in crowd.people:
        homes.setdefault(person.household, []).append(person)
    pairs = [(a, b) for family in homes.values() for a in family for b in family if a.id < b.id]
    assert sum(a.birthday == b.birthday for a, b in pairs) > 20
    assert sum(p.suffix == "Jr" for p in crowd.people) > 20
    assert sum(a.last_name == b.last_name for a, b in pairs) > 500
    assert sum(h.former is not None for h in crowd.households) > 100
    assert sum(h.tablet is not None for h in crowd.households) > 100
    assert sum(not p.emails for p in crowd.people) > 100
    assert sum(len(p.emails) > 1 for p in crowd.people) > 500


def test_phones_are_possible_and_mail_reaches_nobody(crowd):
    """Numbers are valid for the country; addresses stand under the reserved domain `.example`."""
    assert all(phonenumbers.is_valid_number(phonenumbers.parse(p.mobile, "US")) for p in crowd.people if p.mobile)
    assert all(email.endswith(".example") and email.isascii() for p in crowd.people for email in p.emails)


def test_a_person_is_shown_by_truth_id_only(crowd):
    """Invented or not, names stay out of logs."""
    assert repr(crowd.people[0]) == "<Person p000001>"
