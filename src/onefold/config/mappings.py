"""Mapping files: which keys they know, and what each key means. `connectors.sources.mapping` reads them."""

from __future__ import annotations

from onefold.config.kinds import Boolean, Either, Field, Integer, ListOf, MapOf, Record, Scalar, Text

_NAMES = Either(scalar=Scalar(), sequence=ListOf(Scalar(), 1))
_CONDITION = Record(
    {
        "column": Field(_NAMES, "The column; of several names the first that the file has.", required=True),
        "is": Field(_NAMES, "Its cell is one of these words, whatever their case; `*` is any word."),
        "is_not": Field(_NAMES, "Its cell is none of these words; a blank cell is none."),
        "starts": Field(_NAMES, "Its cell begins with one of these."),
        "contains": Field(_NAMES, "One of these stands in its cell."),
        "lacks": Field(_NAMES, "None of these stands in its cell."),
        "blank": Field(Boolean(), "Its cell is blank, or with `false` is not."),
        "above": Field(Scalar(), "Its cell is a number above this."),
        "below": Field(Scalar(), "Its cell is a number below this."),
    }
)
_WHEN = Either(sequence=ListOf(_CONDITION, 1), mapping=_CONDITION)
_FIELD = Record(
    {
        "column": Field(_NAMES, "The column; of several names the first that the file has."),
        "join": Field(ListOf(_NAMES, 1), "Several columns as one text with blanks between (a date and its time)."),
        "value": Field(Scalar(), "A constant instead of a column. Of consent: `granted` or `denied`."),
        "as": Field(
            Text(("text", "integer", "decimal", "date", "datetime", "boolean")), "How to read it; `text` when left out."
        ),
        "formats": Field(
            _NAMES,
            "Forms of dates and times: `auto` (any common one), `iso`, `epoch`, `epoch_ms`, or as strptime has them.",
        ),
        "decimal_mark": Field(Text((".", ",")), "The mark before decimals; `.` when left out."),
        "prefix": Field(Scalar(), "Put before the value of an identifier."),
        "split": Field(Text(), "The character between several identifiers of one cell."),
        "optional": Field(Boolean(), "Whether a file without the column is fine."),
        "when": Field(_WHEN, "Take the value only where this holds of the row; of a list all must hold."),
        "unknown": Field(_NAMES, "Words that say as little as a blank cell does."),
        "unreadable": Field(
            Text(("reject", "omit")),
            "A cell that cannot be read as `as` says: `reject` makes the row a dead letter, `omit` leaves the value out, "
            "keeps the text and notes a finding. `reject` when left out.",
        ),
        "reads": Field(
            Text(("opt_in", "opt_out")),
            "Of consent: read the usual words of a column that says yes to something, or no to it.",
        ),
        "granted": Field(_NAMES, "Of consent: words that mean yes; they go before `reads`."),
        "denied": Field(_NAMES, "Of consent: words that mean no; `*` is any word."),
    }
)
_FIELDS = MapOf(Either(scalar=Scalar(), sequence=ListOf(Either(scalar=Scalar(), mapping=_FIELD), 1), mapping=_FIELD))
_ONE = Either(scalar=Scalar(), sequence=ListOf(Scalar(), 1), mapping=_FIELD)

_STATEMENT = {
    "type": Field(Text(("record", "track")), "`record` states attributes, `track` that something happened."),
    "event": Field(Text(), "Name of what happened; `track` needs it."),
    "when": Field(_WHEN, "A row states this only where this holds; of a list all must hold."),
    "id": Field(
        Either(scalar=Scalar(), sequence=ListOf(_NAMES, 1)),
        "Columns that make the event's id; without, a hash of the row.",
    ),
    "timestamp": Field(_ONE, "When it happened or was stated; without, the time of the load."),
    "timezone": Field(Text(), "Zone of times without an offset, such as `America/Chicago`; UTC when left out."),
    "identifiers": Field(
        _FIELDS,
        "Identifier types and where they stand. A type that begins with a dot is the source's own: `.contact_id` of the "
        "source `crm` is `crm.contact_id`. Of a list of fields each counts.",
    ),
    "traits": Field(_FIELDS, "Attributes of the person. Of a list of fields the first that is not blank counts."),
    "properties": Field(_FIELDS, "Attributes of the event."),
    "consent": Field(_FIELDS, "Purposes and the columns that grant or deny them. Of a list of fields a no counts."),
    "others": Field(
        Text(("drop", "traits", "properties")), "What columns become that nothing else names; `drop` when left out."
    ),
    "version": Field(Scalar(), "Raise it to have unchanged rows count as new statements."),
}

MAPPING = Record(
    {
        **_STATEMENT,
        "statements": Field(
            ListOf(Record(_STATEMENT), 1),
            "Several things that each row states. The keys above hold for each of them where they stand beside it.",
        ),
        "skip": Field(
            ListOf(
                Record(
                    {
                        "when": Field(_WHEN, "What holds of the rows; of a list all must hold.", required=True),
                        "because": Field(Text(), "The reason under which they are counted.", required=True),
                    }
                ),
                1,
            ),
            "Rows that state nothing. They are counted after the load.",
        ),
        "optional": Field(Boolean(), "Whether the file may lack any of the columns; false when left out."),
        "skip_lines": Field(Integer(0, 9_999), "Lines above the header; found out when left out."),
        "header": Field(
            Text(("first", "none")),
            "`none`: the file has no header, and its columns are `Column 1`, `Column 2` and so on.",
        ),
        "format": Field(
            Text(("csv", "jsonl", "json", "whitespace", "parquet")), "Of the file; found out when left out."
        ),
        "encoding": Field(Text(), "Of the file, as Python names it; found out when left out."),
        "delimiter": Field(Text(), "One character, or `tab`; found out when left out."),
        "system": Field(Text(), "What the file is an export of; printed after a load."),
        "recognise": Field(
            ListOf(_NAMES, 1), "Of a preset that comes with Onefold: columns by which it knows its files."
        ),
    }
)
