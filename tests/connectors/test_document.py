"""JSON documents: arrays and objects over several lines, cut up as a parser would read them."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import document
from onefold.errors import UsageError

texts = st.text(alphabet='ab"\\{}[],: \n\té', max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
records = st.lists(st.dictionaries(texts, values, max_size=4), max_size=6)


def cut(text, size):
    pieces = (text[at : at + size] for at in range(0, len(text), size))
    return list(document.elements(pieces, "people.json"))


@settings(max_examples=60)
@given(records, st.sampled_from([None, 0, 2, "\t"]), st.integers(1, 40), st.sampled_from(["", "\n", "\r\n ", "\ufeff"]))
def test_an_array_is_cut_into_its_elements(rows, indent, size, around):
    """However it is printed, and in whatever pieces it is read."""
    text = around + json.dumps(rows, indent=indent, ensure_ascii=False) + around
    assert [json.loads(element) for _, element in cut(text, size)] == rows


@settings(max_examples=60)
@given(records, st.sampled_from([None, 2]), st.integers(1, 40), st.sampled_from(["\n", "", "\n\n", ","]))
def test_objects_that_follow_each_other_are_told_apart(rows, indent, size, between):
    """One a line, over several lines, or glued together."""
    text = between.join(json.dumps(row, indent=indent) for row in rows)
    assert [json.loads(element) for _, element in cut(text, size)] == rows


@settings(max_examples=60)
@given(records, st.integers(1, 40))
def test_each_element_knows_its_line(rows, size):
    """The line where its first bracket stands."""
    text = json.dumps(rows, indent=1)
    lines = text.split("\n")
    for line, element in cut(text, size):
        assert lines[line - 1].strip(" ,") == element.split("\n", 1)[0].strip()


def test_what_is_no_object_costs_itself_only():
    """Scalars, a broken object and text between are elements too, and all others are read."""
    found = cut('[{"a":1}, 7, "x,y", {"b" oops}, null, [1,2],\n{"a":2}]', 5)
    assert [element for _, element in found] == [
        '{"a":1}', "7", '"x,y"', '{"b" oops}', "null", "[1,2]", '{"a":2}',
    ]  # fmt: skip


def test_a_document_without_end_is_refused(monkeypatch):
    """A quotation mark that is not closed does not fill the memory."""
    monkeypatch.setattr(document, "ELEMENT_CHARACTERS_MAX", 1_000)
    with pytest.raises(UsageError, match=r"people\.json: the JSON from line 2 on"):
        cut('[\n{"a": "' + "x" * 5_000, 100)
    assert len(cut("[" + '{"a": 1},' * 5_000 + "]", 100)) == 5_000


@given(st.text(alphabet='{}[]",:\\ a1\n', max_size=60), st.integers(1, 7))
def test_no_text_breaks_the_cutter(text, size):
    """And in whatever pieces it comes, the same elements come out."""
    assert cut(text, size) == cut(text, 100)
