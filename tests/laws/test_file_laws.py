"""Laws of files as a source: what a writer wrote is read, damage stays where it is, equal rows all count."""

import csv
import io
import random
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onefold.connectors.sources import delimited, files, mapping
from onefold.connectors.sources.occurrences import Occurrences

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
LATIN = st.text(st.sampled_from("aZ09 ,;|\t\"\n\r'éüß€"), max_size=20)
YAML = "traits: {a: a, b: b, c: c}\n"


def read(content: bytes, yaml: str) -> list[files.Row | files.BadRow]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        path.write_bytes(content)
        return list(files.rows(path, mapping.read(yaml)))


def written(rows, delimiter: str, encoding: str, end: str) -> bytes:
    buffer = io.StringIO()
    # The writer forgets to quote a lone carriage return, so it is told to quote all where one occurs.
    quoting = csv.QUOTE_ALL if any("\r" in value for row in rows for value in row) else csv.QUOTE_MINIMAL
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerows([("a", "b", "c"), *rows])
    return buffer.getvalue().encode(encoding)


def traits(row) -> dict[str, str]:
    return msgspec.json.decode(row.body)["traits"]


@given(
    rows=st.lists(st.tuples(LATIN, LATIN, LATIN), max_size=8) | st.lists(st.tuples(TEXT, TEXT, TEXT), max_size=5),
    delimiter=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=200, deadline=None)
def test_what_a_csv_writer_wrote_is_read(rows, delimiter, encoding, end):
    """Whatever stands in the fields, the same values come out, blanks around them aside."""
    # What a spreadsheet puts before a value or around it is taken off, and has tests of its own.
    assume(not any(value.strip().startswith(("'", "=")) for row in rows for value in row))
    plan = YAML + f"delimiter: {'tab' if delimiter == chr(9) else repr(delimiter)}\nformat: csv\n"
    found = read(written(rows, delimiter, encoding, end), plan)
    expected = [{name: value.strip() for name, value in zip("abc", row, strict=True) if value.strip()} for row in rows]
    # A blank row states nothing, whether it comes out or not.
    assert [stated for row in found if (stated := traits(row))] == [row for row in expected if row]


@given(
    rows=st.lists(st.tuples(*[st.text("abc é,", max_size=5)] * 3), min_size=1, max_size=20),
    spoiled=st.lists(
        st.sampled_from([b'1,"open,2\n', b'1,"x"y,2\n', b"1,2,3,4\n", b"1,\xff\xfe,2\n", b"1,\0,2\n"]),
        max_size=4,
    ),
    seed=st.integers(0, 2**32),
)
@settings(max_examples=200, deadline=None)
def test_bad_rows_cost_only_themselves(rows, spoiled, seed):
    """However many there are and wherever they stand, each comes out once and every good row is read, in order."""
    lines = [written([row], ",", "utf-8", "\n").split(b"\n", 1)[1] for row in rows]
    draw = random.Random(seed)
    for row in spoiled:
        lines.insert(draw.randrange(len(lines) + 1), row)
    found = read(b"a,b,c\n" + b"".join(lines), YAML + "delimiter: ','\nencoding: utf-8\nformat: csv\n")
    assert Counter(row.raw + b"\n" for row in found if isinstance(row, files.BadRow)) == Counter(spoiled)
    good = [traits(row) for row in found if isinstance(row, files.Row)]
    stated = [{n: v.strip() for n, v in zip("abc", row, strict=True) if v.strip()} for row in rows]
    assert [row for row in good if row] == [row for row in stated if row]


@given(st.lists(st.sampled_from(["x", "y", "z"]), max_size=30), st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_equal_rows_all_count_and_ids_do_not_depend_on_their_neighbours(values, cut):
    """Ids are unique in a file, and those of any shorter export, in any order, are among those of the whole."""

    def ids(some):
        content = "a,b,c\n" + "".join(f"{value},1,2\n" for value in some)
        return [msgspec.json.decode(row.body)["messageId"] for row in read(content.encode(), YAML)]

    whole = ids(values)
    assert len(set(whole)) == len(values)
    assert set(ids(sorted(values[:cut]))) <= set(whole)
    assert set(ids(values[::-1])) == set(whole)


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3), max_size=300), st.integers(0, 12_000))
@settings(max_examples=50, deadline=None)
def test_occurrences_equal_a_counter(words, more):
    """The compact table numbers as a dictionary would, beyond its growth and whatever the hashes are."""
    table, seen = Occurrences(), Counter()
    draw = random.Random(more)
    for word in (*words, *(draw.getrandbits(64) for _ in range(more)), *words):
        word = word or 1  # noqa: PLW2901 - the table takes 0 for 1: the chance of either is 2^-63
        assert table.number(word.to_bytes(8, "little")) == seen[word]
        seen[word] += 1


ESCAPED = st.text(st.sampled_from("aN09 ,;\"\\\\\n'é"), max_size=12)


@given(st.lists(st.tuples(ESCAPED, ESCAPED), max_size=6), st.sampled_from(",;\t"))
def test_marks_and_backslashes_that_a_database_escaped_are_read(rows, delimiter):
    """As MySQL and its kin write them: a backslash before quotation marks and backslashes, every field in marks."""
    buffer = io.StringIO()
    writer = csv.writer(
        buffer, delimiter=delimiter, lineterminator="\n", quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\"
    )
    writer.writerows([("a", "b"), *rows])
    lines = iter(buffer.getvalue().splitlines(keepends=True))
    found = [fields for _, fields, _ in delimited.records(lines, delimiter, escaped=True)]
    assert found == [["a", "b"], *(list(row) for row in rows)]


def test_a_file_with_escaped_marks_is_told_from_one_that_ends_in_a_backslash():
    """By which way more of its lines can be read."""
    escaped = b'a,b,c\n"said \\"no\\", then",1,2\n"C:\\\\x",\\N,3\n'
    (first, second) = (traits(row) for row in read(escaped, YAML))
    assert first == {"a": 'said "no", then', "b": "1", "c": "2"}
    assert second == {"a": "C:\\x", "b": "\\N", "c": "3"}
    (plain,) = (traits(row) for row in read(b'a,b,c\n"C:\\dir\\","x",y\n', YAML))
    assert plain == {"a": "C:\\dir\\", "b": "x", "c": "y"}
