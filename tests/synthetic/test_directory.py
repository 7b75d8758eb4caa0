"""A directory of made records is the same for a seed, and has what trips a matcher."""

from collections import Counter

from onefold.synthetic import directory


def test_a_seed_gives_the_same_records():
    """As often as it is asked, and other ones for another seed; fewer records are the first of more."""
    rows = list(directory.rows(1, 500))
    assert rows == list(directory.rows(1, 500))
    assert rows[:200] == list(directory.rows(1, 200))
    assert rows != list(directory.rows(2, 500))
    assert len({row[0] for row in rows}) == 500


def test_households_share_and_people_repeat():
    """Family mailboxes, sons of their fathers' names, people of twenty records, gaps in every system."""
    columns = directory.columns(3, 4_000)
    people = Counter(columns["cluster"])
    assert max(people.values()) == 20
    users = {}
    for email, person in zip(columns["email"], columns["cluster"], strict=True):
        if email and "family" in email.casefold():
            users.setdefault(email.strip().casefold(), set()).add(person)
    assert any(len(shared) > 1 for shared in users.values())
    assert "Jr" in columns["suffix"]
    for name in ("first_name", "email", "phone", "street", "dob", "loyalty_id"):
        assert 0 < columns[name].count(None) < 4_000
