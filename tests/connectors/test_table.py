"""Forms of tables: what spreadsheets, data frames and databases write around and into their rows."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.connectors.sources import cells, delimited, files, mapping, notes
from onefold.errors import ConfigurationError

PEOPLE = "identifiers: {donor_id: Donor Id, email: Email}\ntraits: {name: First Name}\n"


@pytest.fixture
def told(tmp_path):
    """Read bytes with a mapping: (events, bad rows, notes)."""

    def run(content, yaml=PEOPLE, name="people.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        known = notes.Notes()
        found = list(files.rows(path, mapping.read(yaml), known))
        events = [json.loads(row.body) for row in found if isinstance(row, files.Row)]
        return events, [row for row in found if isinstance(row, files.BadRow)], known

    return run


def ids(events):
    return [[i["value"] for i in event["identifiers"]] for event in events]


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\r\n', "SEP=;\n", "\ufeffsep=;\r\n", "sep=;\r"])
def test_excels_sep_line_states_the_delimiter(told, line):
    """It is no header, and lines are counted from the file's first."""
    end = line[-2:] if line.endswith("\r\n") else line[-1]
    events, bad, known = told(line + end.join(("Donor Id;Email;First Name", "1;a@b.test;Ann,e", "")))
    assert (ids(events), bad) == ([["1", "a@b.test"]], [])
    assert events[0]["traits"] == {"name": "Ann,e"}
    assert (known.dialect.delimiter, events[0]["context"]["line"]) == (";", 3)


def test_the_text_of_a_formula_is_meant(told):
    """Quoted again or not, and with a delimiter in it."""
    events, bad, _ = told('Donor Id,Email,First Name\n="00042",a@b.test,"=""A ""B"""\n="1,5",c@d.test,="x"\n')
    assert not bad
    assert ids(events) == [["00042", "a@b.test"], ["1,5", "c@d.test"]]
    assert [event["traits"]["name"] for event in events] == ['A "B', "x"]


cell = st.text(alphabet="ab=\";,\n\r'é0", max_size=8)


@given(st.lists(st.lists(cell, min_size=3, max_size=3), min_size=1, max_size=8), st.sampled_from(",;\t|"))
def test_quoted_rows_come_back_as_they_were_written(rows, delimiter):
    """Whatever stands in a cell, except the formula by which a text is kept a text."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    read = [fields for _, fields, _ in delimited.records(iter(out.getvalue().splitlines(keepends=True)), delimiter)]
    assert read[1:] == [
        [c[2:-1].replace('""', '"') if c.startswith('="') and c.endswith('"') and len(c) > 2 else c for c in row]
        for row in rows
    ]


def test_fields_left_out_at_the_end_are_blank_and_told(told):
    """A row may leave out blank fields; a nameless column at the header's end is no fault."""
    events, bad, known = told("Donor Id,Email,First Name,\n1,a@b.test,Ann\n2,b@b.test\n3,c@b.test,Cy,\n")
    assert (ids(events), bad) == ([["1", "a@b.test"], ["2", "b@b.test"], ["3", "c@b.test"]], [])
    assert events[1]["findings"] == [{"code": "short_row", "where": ""}]
    assert known.findings["short_row"].lines == [2, 3]


def test_a_row_cut_in_two_is_no_row(told):
    """A line break that nobody quoted: what stands behind it does not become an id, nor does a footer."""
    rows = "".join(f"{n},p{n}@b.test,Ann\n" for n in range(1, 20))
    content = f"Donor Id,Email,First Name\n{rows}20,q@b.test,Mary\nJane\n21\nTotal: 21\nsmith,x\n"
    events, bad, _ = told(content)
    assert ids(events)[-2:] == [["20", "q@b.test"], ["21"]]
    assert [(row.reason, row.line) for row in bad] == [("wrong_column_count", line) for line in (22, 24, 25)]


def test_blank_rows_and_headers_that_come_again_are_passed_over(told):
    """Files that were put together repeat their header; neither is a person nor a dead letter, and both are told."""
    one = "Donor Id,Email,First Name\n1,a@b.test,Ann\n,,\n"
    events, bad, known = told(one + one.replace("1,", "2,"))
    assert (ids(events), bad) == ([["1", "a@b.test"], ["2", "a@b.test"]], [])
    assert {what: tally.lines for what, tally in known.passed.items()} == {"blank_row": [3, 6], "repeated_header": [4]}


def test_a_file_without_header_is_refused_without_showing_anyone(told):
    """The message says what to write, and names nobody; with it the columns have numbers."""
    content = "1,ann@one.test,Ann\n2,bob@one.test,Bob\n"
    for text in (content, "Ann,Smith,Leeds\nBob,Jones,York\n", "+44 20 7946 0000,Ann,x\n"):
        with pytest.raises(ConfigurationError, match="header: none") as caught:
            told(text)
        assert not any(word in str(caught.value) for word in ("ann", "Ann", "Smith", "Leeds", "7946"))
    events, _, _ = told(content, "header: none\nidentifiers: {donor_id: Column 1, email: Column 2}\n")
    assert ids(events) == [["1", "ann@one.test"], ["2", "bob@one.test"]]


def test_the_columns_of_a_header_are_listed_once_it_is_known_to_be_one(told):
    """One column that the mapping names and that is there proves it."""
    with pytest.raises(ConfigurationError, match=r"no column 'First Name' \(there are: Donor Id, Email, Town\)"):
        told("Donor Id,Email,Town\n1,a@b.test,Leeds\n")


def test_ids_as_data_frames_write_them(told):
    """42.0 is 42 as an identifier, in CSV and JSON, and as the row's own id; other numbers stay as they are."""
    yaml = "type: track\nevent: Gift\nid: g\nidentifiers: {donor_id: d}\ntraits: {score: d}\n"
    rows = [("42.0", "42"), ("1.50", "1.50"), ("00042", "00042"), ("7.00", "7"), ("1.10", "1.10"), ("v1.0", "v1.0")]
    events, _, _ = told("g,d\n" + "".join(f"{a},{a}\n" for a, _ in rows), yaml)
    assert [event["identifiers"][0]["value"] for event in events] == [b for _, b in rows]
    assert [event["messageId"] for event in events] == [f"Gift:{b}" for _, b in rows]
    assert events[0]["traits"]["score"] == "42.0"
    numbers = '{"g":42.0,"d":42.0}\n{"g":1e2,"d":1e2}\n{"g":1.5,"d":1.5}\n{"g":2,"d":1e999999}\n'
    events, _, _ = told(numbers, yaml, "a.jsonl")
    assert [event["identifiers"][0]["value"] for event in events] == ["42", "100", "1.5", "1E+999999"]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("wrap", [list, lambda rows: rows[0]])
def test_json_documents_have_the_rows_of_json_lines(told, indent, wrap):
    """An array, compact or printed over several lines, or one object alone."""
    rows = [{"Donor Id": 7.0, "Email": "a@b.test", "First Name": "Ann"}, {"Donor Id": "8", "home": {"city": "x"}}]
    events, bad, known = told(json.dumps(wrap(rows), indent=indent), name="people.json")
    assert not bad
    assert ids(events) == [["7", "a@b.test"], ["8"]][: len(events)]
    assert len(events) == (1 if wrap is not list else 2)
    assert known.dialect.format == ("jsonl" if indent is None and wrap is not list else "json")


def test_an_element_that_is_no_record_costs_itself_only(told):
    """With the line it begins in."""
    events, bad, _ = told('[{"Donor Id":1},\n 7,\n {"Donor Id":2 oops},\n {"Donor Id":3}]', name="a.json")
    assert ids(events) == [["1"], ["3"]]
    assert [(row.line, row.reason) for row in bad] == [(2, "bad_json"), (3, "bad_json")]


def test_columns_that_look_alike_are_not_guessed(told):
    """The one that is written the same counts; where none is, the candidates are named, and nothing is read."""
    yaml = "identifiers: {email: Email}"
    assert ids(told("E-Mail,Email\nx@b.test,y@b.test\n", yaml)[0]) == [["y@b.test"]]
    assert ids(told("E-Mail,Id\nx@b.test,1\n", yaml)[0]) == [["x@b.test"]]
    with pytest.raises(ConfigurationError, match=r"mapping:1: column 'Email' could be 'E-Mail' and 'e_mail'"):
        told("E-Mail,e_mail\nx@b.test,y@b.test\n", yaml)
    assert ids(told("E-Mail,e_mail\nx@b.test,y@b.test\n", "identifiers: {email: e_mail}")[0]) == [["y@b.test"]]
    assert ids(told("mail,E-mail Address\nx@b.test,y@b.test\n", "identifiers: {email: [Mail, E-mail Address]}")[0]) == [
        ["y@b.test"]
    ]


def test_keys_that_look_alike_cost_their_object_only(told):
    """Of JSON lines the others are read."""
    lines = '{"Email":"a@b.test"}\n{"E-Mail":"x@b.test","e_mail":"y@b.test"}\n{"email":"c@b.test"}\n'
    events, bad, _ = told(lines, "identifiers: {email: Email}", "a.jsonl")
    assert ids(events) == [["a@b.test"], ["c@b.test"]]
    assert [(row.line, row.reason) for row in bad] == [(2, "ambiguous_column")]


def test_a_choice_among_look_alikes_would_be_seen(monkeypatch, told):
    """The negative control: with the first of them taken, no error comes."""
    monkeypatch.setattr(cells, "key", lambda name: name.lower()[0])
    with pytest.raises(ConfigurationError):
        told("E-Mail,e_mail\nx@b.test,y@b.test\n", "identifiers: {email: Email}")
    monkeypatch.setattr(cells.Columns, "find", lambda self, names, line=0: 0)
    assert ids(told("E-Mail,e_mail\nx@b.test,y@b.test\n", "identifiers: {email: Email}")[0]) == [["x@b.test"]]


def test_a_header_that_stands_twice_is_told(told):
    """The second is reached by its number."""
    _, _, known = told("Donor Id,Email,First Name,Email\n1,a@b.test,Ann,z@b.test\n")
    assert known.columns_repeated == ["Email"]


def test_rows_read_in_doubt_carry_a_finding(told):
    """Where another encoding comes near, each row that it would change says so; plain ones do not."""
    content = "Donor Id,Email,First Name\n1,a@b.test,Zoë\n2,b@b.test,Al\n"
    events, _, known = told(content.encode("mac_roman"))
    assert not known.dialect.encoding_sure
    assert [event.get("findings") for event in events] == [[{"code": "encoding_unsure", "where": ""}], None]
    events, _, known = told(content.encode("mac_roman"), PEOPLE + "encoding: mac_roman\n")
    assert (events[0]["traits"]["name"], known.findings) == ("Zoë", {})


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("codec", ["utf-16-le", "utf-32", "cp932", "utf-8"])
def test_every_line_end_in_every_encoding(told, end, codec):
    """Old Macs, Windows and the others."""
    names = ["山田", "太郎", "東京都", "佐藤", "すずき", "タナカ"]
    rows = end.join(f"{n},a{n}@b.test,{name}" for n, name in enumerate(names))
    events, bad, _ = told(f"Donor Id,Email,First Name{end}{rows}{end}".encode(codec))
    assert not bad
    assert [event["traits"]["name"] for event in events] == names


def test_quotation_marks_of_other_kinds(told):
    """Single quotes around every cell, and blanks between delimiter and mark."""
    events, bad, _ = told("'Donor Id','Email','First Name'\n'1','a@b.test','Ann, O''B'\n")
    assert (ids(events), events[0]["traits"], bad) == ([["1", "a@b.test"]], {"name": "Ann, O'B"}, [])
    events, bad, _ = told('Donor Id, Email, First Name\n1, "a@b.test", "Ann, B"\n2, b@b.test, Bo\n')
    assert (ids(events), bad) == ([["1", "a@b.test"], ["2", "b@b.test"]], [])
    assert ids(told("Donor Id,Email,First Name\n'00042,a@b.test,'t Hooft\n")[0]) == [["00042", "a@b.test"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~", "\x01", "\x1f"])
def test_delimiters_of_databases(told, delimiter):
    """Those of Hive and of old mainframes too."""
    content = "Donor Id,Email,First Name\n1,a@b.test,Ann\n2,b@b.test,Bo\n".replace(",", delimiter)
    assert ids(told(content)[0]) == [["1", "a@b.test"], ["2", "b@b.test"]]


def test_a_header_comes_again_in_any_case(told):
    """It is no person all the same."""
    events, _, known = told("Donor Id,Email,First Name\n1,a@b.test,Al\nDONOR ID,EMAIL,FIRST NAME\n2,b@b.test,Bo\n")
    assert (ids(events), known.passed["repeated_header"].lines) == ([["1", "a@b.test"], ["2", "b@b.test"]], [3])


@pytest.mark.parametrize(
    ("name", "garbled"),
    [("Müller", False), ("Ångström", False), ("São", False), ("Ĺukasz", False), ("Ã¼", True), ("MÃ¼ller", True),
     ("Zo\ufffd", True), ("â€™", True)],
)  # fmt: skip
def test_text_that_was_read_wrongly_before_is_told(told, name, garbled):
    """It is kept as it is: what it was cannot be known for sure."""
    events, _, known = told(f"Donor Id,Email,First Name\n1,a@b.test,{name}\n")
    assert events[0]["traits"]["name"] == name
    assert ("text_garbled" in known.findings) == garbled
