import random

import phonenumbers

from onefold.synthetic import variants


def test_every_way_to_write_a_phone_is_the_same_number():
    """Formats differ, the number does not."""
    draw = random.Random(1)
    ways = {variants.phone(draw, "3125550123") for _ in range(200)}
    parsed = {phonenumbers.parse(way, "US").national_number for way in ways}
    assert (len(ways), parsed) == (7, {3125550123})


def test_an_old_code_page_gets_letters_it_has():
    """What cp1252 lacks loses its accent; what it has stays."""
    assert variants.western("Wiśniewski Müller Dvořák Stanisław") == "Wisniewski Müller Dvorák Stanislaw"


def test_a_typo_is_one_slip():
    """Never more than one letter more or less, and short names are left alone."""
    draw = random.Random(1)
    assert all(abs(len(variants.typo(draw, "Margaret")) - 8) <= 1 for _ in range(100))
    assert variants.typo(draw, "Bo") == "Bo"
