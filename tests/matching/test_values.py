"""Values in their compared form: what people write differently and mean alike is equal, and nothing else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.matching import values
from onefold.matching.nicknames import ROOTS
from onefold.matching.text import folded


@pytest.mark.parametrize(
    ("function", "one", "other"),
    [
        (values.given_name, "Zoë", "ZOE"),
        (values.given_name, "Dr. Anna", "anna"),
        (values.given_name, "Анна", "Anna"),
        (values.given_name, "JosÃ©", "José"),
        (values.family_name, "O'Neill", "ONEILL"),
        (values.family_name, "de la Cruz", "Delacruz"),
        (values.family_name, "Müller", "Muller"),
        (values.full_name, "Roe, Ann", "Ann Roe"),
        (values.full_name, "Mr. Jan van der Berg", "Berg, Jan van der"),
        (values.email, " Ann@Example.ORG ", "ann+news@example.org"),
        (values.street, "12 Main Street, Apt 4", "12 main st"),
        (values.street, "796 Cortez Canyon # 15", "796 Cortez Canyon Unit 15"),
        (values.postcode, "60601-1234", "60601"),
        (values.suffix, "Junior", "Jr."),
    ],
)
def test_two_ways_to_write_one_value(function, one, other):
    """The first part, by which values are held equal, is the same."""
    assert function(one)[0] is not None
    if function is values.full_name and "van" in one:
        assert function(one)[0] == function(other)[0]
    else:
        assert function(one)[0] == function(other)[0]


@pytest.mark.parametrize(
    ("function", "cell"),
    [
        (values.given_name, "n/a"), (values.family_name, "  "), (values.email, "none"), (values.identifier, "0000"),
        (values.street, "unknown"), (values.word, "NULL"),
    ],
)  # fmt: skip
def test_cells_that_say_nothing(function, cell):
    """A word for nothing is no value, so nobody is joined by it."""
    assert function(cell)[0] is None


@pytest.mark.parametrize(
    "written", ["1990-03-07", "19900307", "07.03.1990", "7 March 1990", "1990-03-07T00:00:00Z", "Mar 7, 1990"]
)
def test_a_birth_date_in_many_forms(written):
    """All forms are the same eight digits."""
    assert values.birth_date(written, None) == ("19900307", "1990", "0307")


def test_the_order_of_day_and_month_is_the_columns():
    """What could be either is read as the rest of its column."""
    assert values.birth_date("03/07/1990", "mdy")[0] == "19900307"
    assert values.birth_date("03/07/1990", "dmy")[0] == "19900703"


def test_an_impossible_date_stays_as_typed():
    """A date that does not exist is a slip, and still compared."""
    assert values.birth_date("1916-00-17", None) == ("19160017", "1916", "0017")


@pytest.mark.parametrize("written", ["(479) 875-6080", "479 875 6080", "+1 479 875 6080", "1-479-875-6080"])
def test_a_phone_number_in_many_forms(written):
    """All forms are one E.164 number."""
    assert values.phone(written, None) == ("+14798756080", "8756080")


def test_nicknames_lead_to_one_name():
    """Forms of one name share a root, and forms of different names do not."""
    assert ROOTS["bob"] == ROOTS["rob"] == ROOTS["robert"]
    assert ROOTS["bob"] != ROOTS["bill"]
    assert values.given_name("Bob")[1] == values.given_name("Robert")[1]


@given(st.text(max_size=40))
def test_folding_is_stable(text):
    """Folding what is folded changes nothing."""
    assert folded(folded(text)) == folded(text)


@given(st.text(max_size=60))
def test_any_text_is_read_by_every_kind(text):
    """No cell raises, whatever it holds."""
    for function in (values.given_name, values.family_name, values.full_name, values.email, values.street,
                     values.postcode, values.suffix, values.word, values.identifier):  # fmt: skip
        function(text)
    values.phone(text, None)
    values.birth_date(text, None)
