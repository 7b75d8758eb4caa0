"""Envelopes: what an API puts around its records is taken off, and a record that holds a list stays a record."""

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import dialect, document, envelope, table
from onefold.connectors.sources.notes import Notes
from onefold.errors import UsageError

texts = st.text(alphabet='ab"\\{}[],: \né', max_size=12)
values = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
records = st.lists(st.dictionaries(texts, values, max_size=4), min_size=1, max_size=5)
beside = st.dictionaries(
    st.sampled_from(["has_more", "paging", "totalSize", "done", "@odata.context", "_links", "meta"]), values, max_size=4
)


def pieces(text, size):
    return [text[at : at + size] for at in range(0, len(text), size)]


@settings(max_examples=100)
@given(records, beside, beside, st.sampled_from(["data", "records", "results", "items", "value", "members", 'a"b']),
       st.sampled_from([None, 1]), st.integers(1, 40))  # fmt: skip
def test_the_records_are_those_of_the_list_alone(rows, before, after, key, indent, size):
    """Wherever it stands, however it is printed and in whatever pieces it is read; lines are those of the file."""
    around = {name: held for name, held in {**before, **after}.items() if not _rows(held)}
    whole = {**{n: around[n] for n in before if n in around}, key: rows, **around}
    text = json.dumps(whole, indent=indent, ensure_ascii=False)
    found = envelope.envelope(text)
    assert json.loads(f'"{found}"') == key
    taken = list(document.elements(iter(envelope.opened(pieces(text, size), found, "a.json")), "a.json"))
    assert [json.loads(element) for _, element in taken] == rows
    lines = text.split("\n")
    assert all(element.split("\n", 1)[0].strip() in lines[line - 1] for line, element in taken)


def _rows(held):
    return isinstance(held, list) and bool(held) and isinstance(held[0], dict)


@given(records, st.dictionaries(st.sampled_from(["id", "email", "first_name", "amount"]), texts, min_size=1))
def test_a_record_with_a_list_in_it_stays_whole(rows, own):
    """Keys of its own show that the list is part of it."""
    assert envelope.envelope(json.dumps({**own, "items": rows})) == ""


def test_two_lists_are_no_envelope():
    """Which of them are the records is not for us to say."""
    assert envelope.envelope('{"contacts": [{"id": 1}], "deals": [{"id": 2}]}') == ""


@given(records, st.integers(1, 60))
def test_a_start_that_is_cut_anywhere_says_the_same_or_nothing(rows, cut):
    """Only the start of a file is looked at."""
    text = json.dumps({"object": "list", "data": rows, "has_more": False})
    assume(cut < len(text))
    assert envelope.envelope(text[:cut]) in ("", "data")


def test_pages_that_follow_each_other_are_all_read():
    """As somebody saves them who asks for one after the other."""
    page = '{"results": [{"id": %d}],\n "paging": {"next": "[{"}}\n'
    text = page % 1 + page % 2
    found = list(document.elements(iter(envelope.opened([text], "results", "a.json")), "a.json"))
    assert found == [(1, '{"id": 1}'), (3, '{"id": 2}')]


def test_a_text_without_end_is_told(monkeypatch):
    """And not kept in memory for ever."""
    monkeypatch.setattr(envelope, "_STRING_CHARACTERS_MAX", 1 << 16)
    with pytest.raises(UsageError, match="not closed"):
        list(envelope.opened(['{"data": [{"a": "'] + ["x" * (1 << 12)] * 17, "data", "a.json"))


@pytest.mark.parametrize(("key", "file"), [("data", "one line"), ("records", "several lines")])
def test_a_wrapped_file_is_read_and_said_so(read, key, file):
    """Through the reader, whatever the name."""
    rows = [{"Id": "1", "Name": "Ann"}, {"Id": "2", "Name": "Bob"}]
    text = json.dumps({"total": 2, key: rows, "done": True}, indent=None if file == "one line" else 2)
    good, bad = read(text.encode(), "identifiers: {crm_id: Id}\ntraits: {name: Name}\n")
    assert not bad
    assert [row["traits"]["name"] for row in good] == ["Ann", "Bob"]


@pytest.mark.parametrize(
    ("around", "more"),
    [
        ('{"data": %s, "has_more": true}', True),
        ('{"has_more": false, "data": %s, "url": "/v1"}', False),
        ('{"totalSize": 3000, "done": false, "nextRecordsUrl": "/x", "records": %s}', True),
        ('{"records": %s, "done": true}', False),
        ('{"results": %s, "paging": {"next": {"after": "2"}}}', True),
        ('{"results": %s, "next": null}', False),
        ('{"value": %s, "@odata.nextLink": "https://x.example"}', True),
        ('{"data": %s, "has_more": true}\n{"data": [{"id": 2}], "has_more": false}', False),
    ],
)
def test_one_page_of_several_is_told(around, more, tmp_path):
    """Else a part would pass for the whole; a record that says `has_more` says nothing of the file."""
    path = tmp_path / "page.json"
    path.write_text(around % '[{"id": 1, "has_more": "true", "next": "x"}]')
    notes = Notes()
    found = list(table.read(path, dialect.sniff(path), notes))
    assert len(found) == around.count("id") + 1
    assert notes.one_page is more
