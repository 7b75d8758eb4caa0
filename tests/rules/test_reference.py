"""The reference page of the rule language: its examples are rules, and it names all there is."""

from __future__ import annotations

import msgspec
import pytest
from tests.docs.pages import ROOT, blocks
from tests.rules.engines import engine
from tests.rules.people import People

from onefold.profiles.lifecycle import FIELDS
from onefold.rules import FUNCTIONS, aggregate, fit, from_json, parse, to_json, to_text
from onefold.rules.document import MAX_BYTES, MAX_CONDITIONS, OPERATORS
from onefold.rules.text import MAX_CHARACTERS, MAX_DEPTH

PAGE = ROOT / "docs/reference/rules.md"
TEXT = PAGE.read_text("utf-8")


def _blocks(language):
    return [block.text for block in blocks(PAGE) if block.language == language]


def test_each_example_fits_a_profile_both_forms_and_the_warehouse():
    """In the text form, one a line; in the JSON form, one a block."""
    rules = [line for text in _blocks("sql") for line in text.splitlines()]
    documents = [msgspec.json.decode(text) for text in _blocks("json")]
    assert (len(rules), len(documents)) == (5, 1)
    people, duck = People(1, 20), engine("duckdb")
    duck.load(people)
    for written in (*rules, *documents):
        tree = fit(written, FIELDS).expr
        assert parse(to_text(tree)) == tree
        assert from_json(to_json(tree)) == tree
        assert {p: row["rule"] for p, row in duck.answers({"rule": tree}).items()} == people.answers(tree)


@pytest.mark.parametrize("word", [*FUNCTIONS, *aggregate.FUNCTIONS, *OPERATORS])
def test_each_word_of_the_language_is_on_the_page(word):
    """A function that is added is documented."""
    assert f"`{word}`" in TEXT or f"`{word}(" in TEXT


def test_limits_are_those_of_the_readers():
    """As they are in the code."""
    for limit in (MAX_CHARACTERS, MAX_BYTES, MAX_CONDITIONS, MAX_DEPTH):
        assert f"{limit:,}" in TEXT
