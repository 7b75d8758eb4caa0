"""Guesses at what a field tells of people."""

from __future__ import annotations

import pytest

from onefold.warehouse.classify import guess, members


@pytest.mark.parametrize(
    ("name", "values", "personal"),
    [
        ("email", [], "identifier"),
        ("emailAddress", ["a@b.org"], "identifier"),
        ("contact", ["ann@example.org", "bo@example.org"], "identifier"),
        ("misc_1", ["ann@example.org", "bo@example.org", "x"], "identifier"),
        ("misc_2", ["+1 312 555 0100", "(312) 555-0101"], "identifier"),
        ("misc_3", ["4111 1111 1111 1111"], "sensitive"),
        ("misc_4", ["192.168.0.1", "10.0.0.7"], "identifier"),
        ("crm_id", ["17"], "identifier"),
        ("first_name", ["Ann"], "personal"),
        ("postalCode", ["60601"], "personal"),
        ("birthday", ["1980-01-01"], "personal"),
        ("religion", ["none"], "sensitive"),
        ("amount", [12, 30], "none"),
        ("amount", ["ann@example.org"] * 5, "identifier"),
        ("colour", ["red", "blue"] * 40, "none"),
        ("opted", [True, False], "none"),
        ("whatever", ["a long text of which nothing is known"], "personal"),
    ],
)
def test_guesses(name, values, personal):
    """From the name, from the values, and where they disagree from what would harm more."""
    found = guess(name, values)
    assert found.personal == personal
    assert not any(str(value) in found.because for value in values if len(str(value)) > 3)


def test_members_are_gathered_by_name():
    """Fields of many objects, each with some of its values."""
    found = dict(members([{"a": 1, "b": "x"}, {"a": 2}] * 400, values_max=3))
    assert found == {"a": [1, 2, 1], "b": ["x", "x", "x"]}
