from decimal import Decimal

import msgspec
import pytest

from onefold.connectors.sources import files, mapping
from onefold.connectors.sources.occurrences import Occurrences
from onefold.errors import ConfigurationError, UsageError

PEOPLE = "identifiers: {crm_id: Id}\ntraits: {name: Name, zip: Zip}\n"
TABLE = "Id,Name,Zip\n007,Zoë Müller,02134\n008,Al,60614\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encoding_and_delimiter_are_found(read, encoding, delimiter):
    """The same people come out of every common encoding and delimiter, leading zeros kept."""
    good, bad = read(TABLE.replace(",", delimiter).encode(encoding), PEOPLE)
    assert not bad
    assert [row["traits"] for row in good] == [{"name": "Zoë Müller", "zip": "02134"}, {"name": "Al", "zip": "60614"}]
    assert good[0]["identifiers"] == [{"type": "crm_id", "value": "007"}]


def test_headers_match_whatever_their_spelling(read):
    """Case, blanks, hyphens and underscores in a header do not matter."""
    good, _ = read(b"CONSTITUENT_ID;E-Mail\n1;a@b.example\n", "identifiers: {crm_id: Constituent Id, email: email}")
    assert [i["value"] for i in good[0]["identifiers"]] == ["1", "a@b.example"]


def test_of_several_columns_the_first_that_is_there_counts(read):
    """A list of names takes the first that the file has."""
    good, _ = read(b"Id,Mail\n1,x@y.example\n", "identifiers: {email: [E-mail Address, Mail]}")
    assert good[0]["identifiers"] == [{"type": "email", "value": "x@y.example"}]


def test_duplicate_headers_stay_apart(read):
    """The second column of a name is reached by its number."""
    good, _ = read(b"Id,Phone,Phone\n1,11,22\n", 'traits: {one: Phone, two: "Phone (2)"}')
    assert good[0]["traits"] == {"one": "11", "two": "22"}


def test_a_quoted_field_may_hold_delimiters_quotes_and_lines(read):
    """What the CSV writer of any spreadsheet quotes comes back as it was."""
    good, bad = read(b'Id,Name,Zip\r\n1,"Ann ""A"", Smith\r\nSecond line",1\r\n2,B,2\r\n', PEOPLE)
    assert not bad
    assert good[0]["traits"]["name"] == 'Ann "A", Smith\r\nSecond line'
    assert [row["context"]["line"] for row in good] == [2, 4]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'9,"Bob,1\n', "bad_quotes"),
        (b'9,"Bob"by,1\n', "bad_quotes"),
        (b"9,Bob,1,2\n", "wrong_column_count"),
        (b"9,B\xffob,1\n", "bad_bytes"),
        (b"9,B\0ob,1\n", "embedded_nul"),
        (b"9," + b"x" * 200_000 + b",1\n", "field_too_long"),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bad_row_costs_nothing_but_itself(read, row, reason, place):
    """Wherever it stands, it comes out with its line, its bytes and a reason, and all others are read."""
    lines = ["1,Zoë,1\n".encode(), b'2,"Al, Jr",2\n']
    lines.insert(place, row)
    good, bad = read(b"Id,Name,Zip\n" + b"".join(lines), PEOPLE + "encoding: utf-8\n")
    assert [entry["identifiers"][0]["value"] for entry in good] == ["1", "2"]
    assert [(b.line, b.reason, b.raw) for b in bad] == [(place + 2, reason, row.rstrip(b"\n"))]


def test_an_open_quote_does_not_swallow_the_file(read):
    """A thousand good rows after a stray quotation mark are all read."""
    good, bad = read(b'Id,Name,Zip\n0,"oops,1\n' + b"".join(b"%d,N,1\n" % n for n in range(1, 1001)), PEOPLE)
    assert len(good) == 1000
    assert [b.reason for b in bad] == ["bad_quotes"]


def test_empty_lines_and_empty_surplus_fields_are_no_faults(read):
    """Blank lines are no rows; a delimiter at the end of a line means nothing."""
    good, bad = read(b"Id,Name,Zip\n\n1,A,1,,\n\n", PEOPLE)
    assert (len(good), bad) == (1, [])


@pytest.mark.parametrize(
    ("cast", "value"),
    [("integer", "1.5"), ("decimal", "ten"), ("date", "2024-02-30"), ("datetime", "soon"), ("boolean", "maybe")],
)
def test_a_failed_cast_makes_a_bad_row(read, cast, value):
    """The message names the column and the type, not the value."""
    good, bad = read(f"Id,When\n1,{value}\n2,\n".encode(), f"traits: {{x: {{column: When, as: {cast}}}}}")
    assert [row["traits"] for row in good] == [{}]
    assert bad[0].detail == f"column 'When' cannot be read as {cast}"


def test_consent_says_yes_only_for_words_that_mean_yes(read):
    """Any other word is a no, and a blank says nothing."""
    good, _ = read(b"Id,Opt\n1,YES\n2,perhaps\n3, \n", "consent: {email: {column: opt, granted: [Y, yes]}}")
    said = [row["context"].get("consent", {}).get("categoryPreferences") for row in good]
    assert said == [{"email": True}, {"email": False}, None]


def test_local_times_are_read_in_the_files_zone(read):
    """A date without an offset begins at midnight where the file was made."""
    yaml = 'timezone: America/Chicago\ntimestamp: {column: When, formats: ["%m/%d/%Y"]}'
    good, _ = read(b"Id,When\n1,07/04/2025\n2,\n", yaml)
    assert [row.get("timestamp") for row in good] == ["2025-07-04T05:00:00.000Z", None]


def test_equal_rows_all_count_and_a_second_reading_gives_the_same_ids(read):
    """Three equal purchases are three; loading the file again adds none; a longer export keeps the old ids."""
    yaml = "type: track\nevent: Order Completed\nproperties: {revenue: {column: Amt, as: decimal}}"
    rows = b"Id,Amt\n1,5.00\n1,5.00\n2,7.00\n1,5.00\n"
    first = [row["messageId"] for row in read(rows, yaml)[0]]
    assert len(set(first)) == 4
    assert [row["messageId"] for row in read(rows, yaml, "again.csv")[0]] == first
    assert [row["messageId"] for row in read(rows + b"9,1.00\n", yaml)[0]][:4] == first


def test_another_statement_has_another_id(read):
    """The id covers the values, the names of the columns, the event and the mapping's version."""
    ids = {
        read(content, yaml)[0][0]["messageId"]
        for content in (b"Id,Amt\n1,5\n", b"Id,Amt\n1,6\n", b"Id,Sum\n1,5\n")
        for yaml in ("type: record", "version: 2", "type: track\nevent: A", "type: track\nevent: B")
    }
    assert len(ids) == 12


def test_the_check_on_equal_rows_is_sharp(read, monkeypatch):
    """A reader that forgets the occurrence gives equal rows one id, and the check above would see it."""
    monkeypatch.setattr(Occurrences, "number", lambda self, digest: 0)
    good, _ = read(b"Id\n1\n1\n", "traits: {id: Id}")
    assert len({row["messageId"] for row in good}) == 1


def test_id_columns_make_the_message_id(read):
    """A gift is told from others by its own number; a blank one makes the row unreadable."""
    good, bad = read(b"Gift,Amt\nG1,5\n ,6\n", "type: track\nevent: Gift\nid: gift")
    assert [row["messageId"] for row in good] == ["Gift:G1"]
    assert [row.reason for row in bad] == ["missing_id"]


def test_a_missing_column_names_the_nearest(tmp_path):
    """The message says file, line and what the column may be called."""
    (tmp_path / "a.csv").write_text("Constituent ID,Name\n1,A\n")
    plan = mapping.read("type: record\nidentifiers:\n  crm_id: Constituant ID\n", file="crm.yaml")
    with pytest.raises(ConfigurationError, match=r"crm.yaml:3: .*did you mean 'Constituent ID'"):
        list(files.rows(tmp_path / "a.csv", plan))


def test_a_missing_file_is_a_usage_error(tmp_path):
    """It names the file and what the system said."""
    with pytest.raises(UsageError, match=r"gone.csv"):
        list(files.rows(tmp_path / "gone.csv", mapping.read("type: record")))


def test_json_lines_are_read_whatever_keys_each_has(read):
    """Nested keys are reached with dots, numbers stay numbers, and a broken line is a bad row."""
    yaml = "identifiers: {user_id: id}\ntraits: {city: home.city, age: age}\nproperties: {n: {column: n, as: decimal}}"
    content = b'{"id":7,"home":{"city":"Gary"},"age":40}\n[1]\n{"id":\n{"n":12.50,"id":"8"}\n'
    good, bad = read(content, yaml, "a.jsonl")
    assert [row["identifiers"][0]["value"] for row in good] == ["7", "8"]
    assert [row["traits"] for row in good] == [{"city": "Gary", "age": 40}, {}]
    assert good[1]["properties"] == {"n": 12.5}
    assert [(row.line, row.reason) for row in bad] == [(2, "bad_json"), (3, "bad_json")]


@pytest.mark.parametrize("number", [b"1e403333333333333333333", b"-1E-99999999999999999999"])
def test_a_number_no_decimal_holds_is_a_bad_row(read, number):
    """Found by the fuzzer: such an exponent ended the load."""
    good, bad = read(b'{"id":' + number + b'}\n{"id":7}\n', "identifiers: {user_id: id}", "a.jsonl")
    assert [row["identifiers"][0]["value"] for row in good] == ["7"]
    assert [(row.line, row.reason) for row in bad] == [(1, "bad_json")]


def test_amounts_keep_every_digit(read):
    """Fifteen digits travel as a number; more would not survive a JSON reader and travel as text."""
    yaml = "properties: {a: {column: a, as: decimal}}"
    good, _ = read(b'a\n"1,234.50"\n($25.00)\n1234567890123456.78\n', yaml)
    assert [row["properties"]["a"] for row in good] == [1234.5, -25.0, "1234567890123456.78"]


def test_entries_carry_rows_and_reasons_in_order(tmp_path):
    """Every row becomes one entry, readable or not, numbered from 0."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"Id\n1\n2,3\n4\n")
    rows = files.rows(path, mapping.read("identifiers: {crm_id: id}"))
    found = list(files.entries(rows, source="crm", received_at_us=5, request_id="r1", file="a.csv"))
    assert [(e.shape, e.index, e.source, e.received_at_us, e.request_id) for e in found] == [
        ("record", 0, "crm", 5, "r1"),
        ("unreadable", 1, "crm", 5, "r1"),
        ("record", 2, "crm", 5, "r1"),
    ]
    assert found[1].body == b"2,3"
    shared = msgspec.json.decode(found[1].shared)
    assert (shared["reason"], shared["context"]) == ("wrong_column_count", {"file": "a.csv", "line": 3})


def test_rows_show_no_values():
    """What may end up in a log line names lines and reasons only."""
    shown = repr(files.Row(3, b'{"email":"a@b.example"}')) + repr(files.BadRow(4, b"a@b.example", "bad_json", "x"))
    assert "a@b.example" not in shown


def test_a_file_without_rows_has_none(read):
    """Neither an empty file nor a bare header is an error."""
    assert read(b"", PEOPLE) == ([], [])
    assert read(b"Id,Name,Zip\n", PEOPLE) == ([], [])


def test_the_purchases_are_all_there_to_the_cent(shared_data):
    """23,570 customers, 69,659 purchases, each with its own id, and the exact sum that the file itself gives."""
    path = shared_data / "purchases" / "cdnow_master.txt"
    decode = msgspec.json.Decoder(float_hook=Decimal).decode
    events = [decode(row.body) for row in files.rows(path, mapping.preset("cdnow"))]
    assert len(events) == 69_659
    assert len({event["identifiers"][0]["value"] for event in events}) == 23_570
    assert len({event["messageId"] for event in events}) == 69_659
    stated = sum(Decimal(line.split()[3]) for line in path.read_text().splitlines()[1:] if line.strip())
    assert sum(Decimal(event["properties"]["revenue"]) for event in events) == stated == Decimal("2500315.63")
    assert (events[0]["timestamp"], events[0]["identifiers"][0]["value"]) == ("1997-01-01T00:00:00.000Z", "00001")


@pytest.mark.parametrize(
    ("file", "preset", "rows"),
    [
        ("subscribers/telco_churn.csv", "telco_churn", 7_043),
        ("students/studentInfo.csv", "oulad_student_info", 32_593),
        ("people/febrl1.parquet", "febrl", 1_000),
        ("people/fake1000.parquet", "fake1000", 1_000),
    ],
)
def test_presets_read_their_files_whole(shared_data, file, preset, rows):
    """Each ready mapping reads every row of its public file, each under its own id."""
    found = list(files.rows(shared_data / file, mapping.preset(preset)))
    assert [type(row) for row in found] == [files.Row] * rows
    assert len({msgspec.json.decode(row.body)["messageId"] for row in found}) == rows


def test_a_file_that_is_no_parquet_is_refused_in_words(tmp_path):
    """It begins like one and is damaged: that is said, by header and by rows, and no library's error comes through."""
    path = tmp_path / "gifts.parquet"
    path.write_bytes(b"PAR1" + bytes(40) + b"PAR1")
    with pytest.raises(UsageError, match="no Parquet file"):
        files.header(path)
    with pytest.raises(UsageError, match="no Parquet file"):
        list(files.rows(path, mapping.read("traits: {a: a}\n")))


def test_utf16_without_a_mark_is_asked_for_its_order_of_bytes(tmp_path):
    """A mapping that says utf-16 of a file that does not say in which order is told what to write instead."""
    path = tmp_path / "people.csv"
    path.write_bytes("a\nx\n".encode("utf-16-le"))
    with pytest.raises(UsageError, match="utf-16-le"):
        list(files.rows(path, mapping.read("traits: {a: a}\nencoding: utf-16\nformat: csv\n")))
    (row,) = files.rows(path, mapping.read("traits: {a: a}\nencoding: utf-16-le\nformat: csv\n"))
    assert isinstance(row, files.Row)
