"""The report on a file that was loaded: what it names, by line, and that it shows nobody."""

import gzip

import msgspec

from onefold.bootstrap import file_report
from onefold.connectors.sources import files, mapping, notes

MAPPING = """
identifiers: {donor_id: Donor Id, email: Email}
traits: {first_name: First Name}
timestamp: When
skip: [{when: {column: Donor Id, is: [test]}, because: a test}]
"""
TABLE = """Donor Id;Email;First Name;When;Email
1;a@b.test;Zoë;25/12/2025;
2;b@b.test;Al;03/04/2025
;;;;
3;c@b.test;Cy;soon;x
test;t@b.test;Te;25/12/2025;x
4;"oops;x;y;z
Donor Id;Email;First Name;When;Email
5;e@b.test;="007";2025-01-01;
"""


def report_on(tmp_path, content, name="people.csv", yaml=MAPPING):
    path = tmp_path / name
    path.write_bytes(content)
    known = notes.Notes()
    for row in files.rows(path, mapping.read(yaml), known):
        if isinstance(row, files.SkippedRow):
            known.skipped[row.because] += 1
        else:
            known.rows += 1
    return "\n".join(file_report.sentences(msgspec.to_builtins(known)))


def test_a_report_names_form_dates_rejections_findings_and_lines(tmp_path):
    """And says what to do where the encoding is not certain."""
    told = report_on(tmp_path, gzip.compress(TABLE.encode("mac_roman")), "people.csv.gz")
    for words in (
        "people.csv.gz: 5 rows, delimited, divided by semicolon, encoding mac_roman, unpacked from gz.",
        "The encoding is not certain: it may be",
        "state `encoding:` in the mapping",
        "Dates in 'When': day first (DD/MM/YYYY), ISO 8601.",
        "The header states 'Email' twice; the second column is 'Email (2)'.",
        "1 rejected, bad_quotes, line 7.",
        "1 with encoding_unsure, line 2.",
        "1 with short_row, line 3.",
        "1 with value_unreadable, line 5, column 'When'.",
        "1 blank rows passed over, line 4.",
        "1 headers that came again passed over, line 8.",
        "1 rows skipped: a test.",
    ):
        assert words in told
    assert not any(value in told for value in ("b.test", "Zo", "oops", "soon", "007"))


def test_a_report_on_a_plain_file_is_one_line(tmp_path):
    """Nothing to be told but its form; many rejections show their first lines."""
    plain = "Donor Id,Email,First Name,When\n" + "".join(f"{n},p{n}@b.test,Al,\n" for n in range(9))
    assert report_on(tmp_path, plain.encode()) == ("people.csv: 9 rows, delimited, divided by comma, encoding UTF-8.")
    broken = report_on(tmp_path, (plain + 'x,"y\n' * 9).encode())
    assert "9 rejected, bad_quotes, lines 11, 12, 13, 14, 15, …." in broken


def test_a_header_in_another_place_is_told(tmp_path):
    """Or that there is none."""
    assert "header in line 2" in report_on(tmp_path, b"sep=,\nDonor Id,Email,First Name,When\n1,a@b.test,Al,\n")
    yaml = "header: none\nidentifiers: {donor_id: Column 1}\n"
    assert "no header" in report_on(tmp_path, b"1,a@b.test\n", yaml=yaml)
