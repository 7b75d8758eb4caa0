"""Relations: the tables and views of the warehouse, by their columns. What a column holds of people is said with it."""

from __future__ import annotations

from typing import Literal

import msgspec

ColumnType = Literal[
    "uuid", "bigint", "integer", "double", "boolean", "decimal", "timestamp", "date", "text", "json", "uuids"
]
"""`decimal` has 38 digits, 9 of them after the point; `timestamp` is UTC, to the microsecond; `uuids` is a list of `uuid`."""

PersonalClass = Literal["none", "identifier", "personal", "sensitive"]
"""What a column holds of people: nothing; what tells one from all others; what is about one; what harms when known."""

RelationKind = Literal["log", "table", "view"]
"""Rows are only ever appended, in order of their sequence; rows are put in place of others; worked out when it is read."""


class Column(msgspec.Struct, frozen=True, gc=False):
    """A column. Any value may be null unless `required`."""

    name: str
    type: ColumnType
    personal: PersonalClass = "none"
    description: str = ""
    required: bool = False


class Relation(msgspec.Struct, frozen=True):
    """A table or view of the warehouse.

    Attributes:
        schema: `raw`, `staging`, `golden`, or `marts` for what the project's models make.
        name: Its name in the schema.
        columns: In order. Readers name the columns they want; later versions may add some.
        kind: How its rows come to be.
        description: What a row is.
        key: Columns that together tell one row from all others; empty where there are none.
    """

    schema: str
    name: str
    columns: tuple[Column, ...]
    kind: RelationKind = "table"
    description: str = ""
    key: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """`golden.profile`."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        """The column of that name; None when there is none."""
        return next((column for column in self.columns if column.name == name), None)
