"""Relations of the warehouse as the service answers them: what there is, of which columns, and what comes from what."""

from __future__ import annotations

from typing import Any, Literal

from onefold.model.relation import ColumnType, PersonalClass, RelationKind
from onefold.model.results.result import Result


class Table(Result, frozen=True, kw_only=True):
    """A relation, and how much there is of it.

    Attributes:
        name: With its schema, such as `golden.profile`.
        kind: How its rows come to be: `view`, `log` or `table`.
        columns: How many it has.
        personal: The classes of personal data in it, the least first; `none` is not told.
        rows: How many it has; null for a view that was not counted.
        bytes: Of its files; null for a view.
        fresh_at: When its latest row was committed; null where rows do not tell.
    """

    name: str
    schema: str
    kind: RelationKind
    description: str
    columns: int
    personal: tuple[PersonalClass, ...]
    rows: int | None
    bytes: int | None
    fresh_at: str | None


class Tables(Result, frozen=True, kw_only=True):
    """The relations of the warehouse, by name."""

    tables: tuple[Table, ...]


class TableColumn(Result, frozen=True, kw_only=True):
    """A column.

    Attributes:
        required: Whether it is never null.
        personal: The class of personal data of its values; of JSON, the highest of its members.
        seen: How whoever asks sees the class: `show`, `shorten` or `hide`.
    """

    name: str
    type: ColumnType
    required: bool
    personal: PersonalClass
    seen: Literal["show", "hide", "shorten"]
    description: str


class TableDescription(Result, frozen=True, kw_only=True):
    """A relation with its columns; `key` tells one row from all others, and `rows` is null where counting took too long."""

    name: str
    schema: str
    kind: RelationKind
    description: str
    key: tuple[str, ...]
    columns: tuple[TableColumn, ...]
    rows: int | None
    fresh_at: str | None


class LineageNode(Result, frozen=True, kw_only=True):
    """A column, or `*` for which rows there are; `distance` is negative for what the column asked about comes from."""

    relation: str
    column: str
    distance: int


class LineageLink(Result, frozen=True, kw_only=True):
    """That one column comes from another; both as `relation.column`.

    Attributes:
        use: What counts of the origin: its `value`, its `presence`, or which `rows` there are.
    """

    origin: str
    target: str
    use: Literal["value", "presence", "rows"]


class Lineage(Result, frozen=True, kw_only=True):
    """What a column comes from, back to fields of sources, and what comes from it, down to marts."""

    column: str
    nodes: tuple[LineageNode, ...]
    links: tuple[LineageLink, ...]


class TableRows(Result, frozen=True, kw_only=True):
    """Rows of a relation, as whoever asks may see them; decimals are texts, times ISO 8601 in UTC.

    Attributes:
        more: Whether there are more rows after these.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool
