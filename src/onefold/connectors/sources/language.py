"""The language of mappings: which columns of a file state what about a person.

The language is closed and written in YAML; `docs/reference/mappings.md` describes it. In short:

    type: track                      # or record (the default)
    event: Donation Completed        # for track
    id: Gift ID                      # for facts that never change; without it, a hash of the row
    timestamp: {column: Gift Date, formats: ["%m/%d/%Y"]}
    timezone: America/Chicago        # of times without an offset; UTC by default
    identifiers: {.constituent_id: Constituent ID, email: [Email, E-mail Address]}
    traits: {first_name: First Name}
    properties: {revenue: {column: Gift Amt, as: decimal}, currency: {value: USD}}
    consent: {email: {column: Opt In, granted: [Y, yes, 1]}}
    skip: [{when: {column: Status, is: [Pending]}, because: not paid yet}]

A column is found whatever its case, blanks, hyphens and underscores; of a list the first that the file has is taken.
A `record` that is stated again with other values is a new statement, so records rarely want an `id`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from onefold import errors
from onefold.connectors.sources.casts import CastName
from onefold.connectors.sources.dialect import Format

RecordType = Literal["record", "track"]
Test = Literal["is", "is_not", "starts", "contains", "lacks", "blank", "above", "below"]
TESTS: tuple[Test, ...] = ("is", "is_not", "starts", "contains", "lacks", "blank", "above", "below")
Unreadable = Literal["reject", "omit"]
Reads = Literal["", "opt_in", "opt_out"]
Others = Literal["drop", "traits", "properties"]

ANY = "*"
"""In a list of words: every word."""


class Condition(msgspec.Struct, frozen=True):
    """What must hold of one cell.

    Attributes:
        columns: Names of the column, the first that the file has counts; a column that is missing is blank.
        test: How the cell is looked at; words are compared whatever their case.
        words: For `is`, `is_not`, `starts`, `contains` and `lacks`: one of these. For `blank`: `true` or `false`.
        number: For `above` and `below`; a cell that is no number is neither.
        line: Where it stands in the mapping file, for messages.
    """

    columns: tuple[str, ...]
    test: Test
    words: tuple[str, ...] = ()
    number: Decimal = Decimal(0)
    line: int = 0


class Skip(msgspec.Struct, frozen=True):
    """Rows that state nothing: those for which all of `when` holds, and the reason that is counted."""

    when: tuple[Condition, ...]
    because: str


class Field(msgspec.Struct, frozen=True):
    """Where one value comes from.

    Attributes:
        columns: Names of the column, the first that the file has counts; empty for a constant.
        join: Columns whose cells are put together with a blank between them, in place of `columns`.
        cast: The type its text is read as.
        formats: For dates and times.
        decimal_comma: Whether the comma is the decimal mark.
        value: The constant, when there are no columns.
        prefix: Put before the value, to keep the ids of two systems apart.
        split: The character between several values of one cell (identifiers only).
        optional: Whether a file without the column is fine.
        when: What must hold of the row for the value to be taken.
        unknown: Words that say as little as a blank does.
        unreadable: What becomes of a row whose text cannot be read as `cast`: `reject` makes it a dead letter, `omit`
            leaves the value out, keeps its text in the event's context, and notes the finding `value_unreadable`.
        granted: For consent: the words that mean yes.
        denied: For consent: the words that mean no. A word in no list counts as no.
        reads: For consent: how words in no list are read: `opt_in` and `opt_out` know the usual ones.
        line: Where it stands in the mapping file, for messages.
    """

    columns: tuple[str, ...] = ()
    join: tuple[tuple[str, ...], ...] = ()
    cast: CastName = "text"
    formats: tuple[str, ...] = ("auto",)
    decimal_comma: bool = False
    value: str = ""
    prefix: str = ""
    split: str = ""
    optional: bool = False
    when: tuple[Condition, ...] = ()
    unknown: tuple[str, ...] = ()
    unreadable: Unreadable = "reject"
    granted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    reads: Reads = ""
    line: int = 0

    @property
    def constant(self) -> bool:
        """Whether it reads no column."""
        return not self.columns and not self.join


Fields = tuple[tuple[str, Field], ...]
"""Name and field. A name may stand several times: identifiers and consents all count, of others the first not blank."""


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """What each row of a file states.

    Attributes:
        file: The mapping file's name, for messages.
        system: What the file is an export of (`Salesforce contacts`); empty when unknown.
        recognise: Columns by which a preset knows its files; of each entry one name.
        type: `record` states attributes, `track` that something happened.
        event: The event's name, for `track`.
        when: What must hold of the row for it to state this.
        id: Columns that make the message id; without, a hash of the row and its occurrence.
        timestamp: When it happened or was stated; without, the time of the load.
        timezone: Name of the zone of times that state no offset.
        identifiers: Identifier type and where its value stands; the anchor is chosen by priority, not by this order.
            A type that begins with a dot is the source's own: `.contact_id` of the source `crm` is `crm.contact_id`.
        traits: Attributes of the person.
        properties: Attributes of the event.
        consent: Purpose, and the column that grants or denies it. Of several a refusal counts.
        others: What the columns that are not mapped become.
        statements: Several things that one row states, each a mapping of its own. `skip`, `optional` and what says how
            to read the file count once, at the top.
        skip: Rows that state nothing.
        optional: Whether the file may lack any of the columns.
        skip_lines: Lines above the header; None to find out.
        header: Whether the file has a header; without one the columns are called `Column 1` and so on.
        format: Of the file; None to find out. So for encoding and delimiter.
        encoding: A Python codec name.
        delimiter: One character.
        version: Raise it to have unchanged rows count as new statements after the mapping changed.
    """

    file: str = "mapping"
    system: str = ""
    recognise: tuple[tuple[str, ...], ...] = ()
    type: RecordType = "record"
    event: str = ""
    when: tuple[Condition, ...] = ()
    id: Fields = ()
    timestamp: Field | None = None
    timezone: str = "UTC"
    identifiers: Fields = ()
    traits: Fields = ()
    properties: Fields = ()
    consent: Fields = ()
    others: Others = "drop"
    statements: tuple[Mapping, ...] = ()
    skip: tuple[Skip, ...] = ()
    optional: bool = False
    skip_lines: int | None = None
    header: bool = True
    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    version: str = "1"

    @property
    def stated(self) -> tuple[Mapping, ...]:
        """What one row states: the statements, or the mapping itself when there is one only."""
        return self.statements or (self,)

    def fields(self) -> Iterator[Field]:
        """Every field of this statement."""
        for section in (self.id, self.identifiers, self.traits, self.properties, self.consent):
            yield from (field for _, field in section)
        if self.timestamp is not None:
            yield self.timestamp


def for_source(mapping: Mapping, source: str) -> Mapping:
    """The mapping with the ids that are the source's own under its name: `.contact_id` becomes `crm.contact_id`."""

    def own(identifiers: Fields) -> Fields:
        return tuple((f"{source}{name}" if name.startswith(".") else name, field) for name, field in identifiers)

    return msgspec.structs.replace(
        mapping,
        identifiers=own(mapping.identifiers),
        statements=tuple(msgspec.structs.replace(s, identifiers=own(s.identifiers)) for s in mapping.statements),
    )


def nearest(word: str, words: Sequence[str] | Any) -> str:
    """`; did you mean 'x'?` or, where nothing is near, the words there are."""
    return errors.nearest(word, words) or f" (there are: {', '.join(words)})"
