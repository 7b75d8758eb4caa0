"""What the language of mappings can say, each by what the rows then state."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold.connectors.sources import files, mapping
from onefold.connectors.sources.language import for_source
from onefold.connectors.sources.preamble import lines_above


@pytest.fixture
def skipped(tmp_path):
    """Read text with a mapping: the reasons of rows that were left out."""

    def run(content: str, yaml: str):
        path = tmp_path / "rows.csv"
        path.write_text(content)
        return [row.because for row in files.rows(path, mapping.read(yaml)) if isinstance(row, files.SkippedRow)]

    return run


def identifiers(event):
    return [(i["type"], i["value"]) for i in event["identifiers"]]


def test_one_row_can_state_two_people(read):
    """Buyer and attendee stand in one row and are two events; what stands beside the statements holds for both."""
    rows = b"Order,Attendee,Buyer,Paid\n7,zoe@one.test,mark@one.test,75.00\n"
    good, bad = read(
        rows,
        """
        properties: {order: Order}
        statements:
        - {type: track, event: Ticket Purchased, identifiers: {email: Attendee}}
        - {identifiers: {email: Buyer}, traits: {buys: {value: tickets}}}
        """,
    )
    assert not bad
    assert [identifiers(event) for event in good] == [[("email", "zoe@one.test")], [("email", "mark@one.test")]]
    assert [event["properties"] for event in good] == [{"order": "7"}] * 2
    assert len({event["messageId"] for event in good}) == 2


def test_a_phone_slot_takes_its_kind_from_another_column(read):
    """A slot whose kind says Email holds an address; the same column is a phone in the next row."""
    rows = b"Kind,Number\nHome,(207) 555-0131\nEmail,edith@one.test\nFax,(207) 555-0199\n"
    good, _ = read(
        rows,
        """
        identifiers:
          phone: {column: Number, when: {column: Kind, is: [Home, Cell]}}
          email: {column: Number, when: {column: Kind, is: email}}
        """,
    )
    assert [identifiers(event) for event in good] == [
        [("phone", "(207) 555-0131")],
        [("email", "edith@one.test")],
        [],
    ]


def test_rows_are_left_out_with_a_reason(skipped):
    """The first entry that holds gives the reason; a row that no statement takes is counted, too."""
    yaml = """
        skip:
        - {when: {column: Name, starts: points}, because: a heading}
        - {when: [{column: Kind, is_not: Gift}, {column: Gross, below: 0}], because: money that left}
        statements:
        - {identifiers: {email: Mail}, when: {column: Mail, blank: false}}
        """
    content = 'Name,Kind,Gross,Mail\nPoints Possible,,,\nA,Fee,"-1.250,00",a@b.test\nB,Gift,-1,b@b.test\nC,Fee,x,\n'
    assert skipped(content, yaml) == ["a heading", "money that left", "no statement of the mapping holds"]


def test_of_two_refusal_columns_either_refuses(read):
    """Two columns for one purpose: a yes in one never hides the no in the other."""
    rows = b"Id,Opt in,No mail\n1,yes,0\n2,yes,1\n3,,1\n4,,\n5,perhaps,0\n"
    good, _ = read(
        rows,
        """
        identifiers: {email: {value: a@b.test}}
        consent:
          email:
          - {column: Opt in, granted: [yes], unknown: [unknown]}
          - {column: No mail, denied: ["1"], unknown: ["0"]}
        """,
    )
    said = [event["context"].get("consent", {}).get("categoryPreferences") for event in good]
    assert said == [{"email": True}, {"email": False}, {"email": False}, None, {"email": False}]
    assert [event.get("findings") for event in good][-1] == [{"code": "consent_unreadable", "where": "Opt in"}]


def test_a_word_that_means_unknown_states_nothing(read):
    """The default of a form is no value, whatever its case."""
    good, _ = read(b"Sex\nUnspecified\nFemale\n", "traits: {gender: {column: Sex, unknown: [unspecified]}}")
    assert [event["traits"] for event in good] == [{}, {"gender": "Female"}]


def test_a_value_that_cannot_be_read_is_left_out_and_told(read):
    """With `omit` the row is kept, the text too, and the finding names the column, never the value."""
    yaml = "traits: {birthday: {column: Born, as: date, formats: ['%m/%d/%Y'], unreadable: omit}}"
    good, bad = read(b"Born\n1971\n3/9/1948\n", yaml)
    assert not bad
    assert [event["traits"] for event in good] == [{}, {"birthday": "1948-03-09"}]
    assert good[0]["findings"] == [{"code": "value_unreadable", "where": "Born"}]
    assert good[0]["context"]["unread"] == {"Born": "1971"}
    assert "findings" not in good[1]


def test_cells_can_hold_several_identifiers_and_be_joined(read):
    """`split` takes a cell apart, `join` puts cells together; of several fields of a trait the first filled counts."""
    rows = b"Mail,Day,Time,Home,Work\nA@b.test; c@d.test,15/01/2024,14:30,,9 Rd\n"
    good, _ = read(
        rows,
        """
        timestamp: {join: [Day, Time], formats: ["%d/%m/%Y %H:%M"]}
        identifiers: {email: {column: Mail, split: ";"}}
        traits: {street: [{column: Home}, {column: Work}]}
        """,
    )
    assert identifiers(good[0]) == [("email", "A@b.test"), ("email", "c@d.test")]
    assert good[0]["timestamp"] == "2024-01-15T14:30:00.000Z"
    assert good[0]["traits"] == {"street": "9 Rd"}


def test_the_other_columns_come_along_but_name_nobody(read):
    """`others` keeps what is not mapped; a column called Email is no identifier for that."""
    good, _ = read(b"Id,Shoe Size,Email,Consent\n1,42,x@y.test,yes\n", "others: traits\nidentifiers: {.crm_id: Id}")
    assert good[0]["traits"] == {"shoe_size": "42", "email_text": "x@y.test", "consent_text": "yes"}


def test_an_id_is_its_sources_own():
    """A type that begins with a dot is put under the source's name, in every statement."""
    plan = for_source(mapping.read("statements:\n- identifiers: {.contact_id: Id, email: Mail}"), "crm")
    assert [name for name, _ in plan.stated[0].identifiers] == ["crm.contact_id", "email"]


@given(
    st.lists(
        st.sampled_from(["Notes:", "", "Report of gifts", '"Made, by hand, for you"', "Until,2024-01-01,,,,"]),
        max_size=6,
    ),
    st.integers(3, 8),
    st.integers(2, 5),
)
def test_lines_above_the_header_are_passed_over(above, width, rows):
    """However many titles, notes and blank lines: the header is the first full row."""
    above = [line for line in above if line.count(",") < width] if width < 6 else above
    header = ",".join(f"Column{n}" for n in range(width))
    text = "\n".join([*above, header, *[",".join(f"v{n}" for n in range(width))] * rows]) + "\n"
    assert lines_above(text, ",") == len(above)


@given(st.integers(1, 6), st.lists(st.lists(st.sampled_from(["", "a", "b c"]), min_size=1, max_size=6), max_size=6))
def test_a_full_first_row_is_the_header(width, rows):
    """Whatever stands below: a file that begins with its header loses no row to the search for titles."""
    header = ",".join(f"Column{n}" for n in range(width))
    text = "\n".join([header, *[",".join(row[:width]) for row in rows]]) + "\n"
    assert lines_above(text, ",") == 0
