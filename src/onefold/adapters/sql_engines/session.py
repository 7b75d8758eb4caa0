"""A session with an engine, and how one engine's statements differ from another's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from onefold.model import ColumnType
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects.translation import Dialect

OfIds = Callable[[str], str]
"""A part of a statement that names ids, from what their list is called there."""


class Session(Protocol):
    """A connection to an engine. Errors come as ours; their messages quote no rows."""

    def execute(self, statement: str) -> None:
        """Run a statement to its end."""
        ...

    def fetch(self, query: str, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query."""
        ...

    def insert(self, table: str, rows: pa.Table) -> None:
        """Add rows to a table, whose columns they name; all of one call or none."""
        ...

    def show(self, rows: pa.Table) -> str | None:  # noqa: ARG002  for those that can
        """Have statements read rows that are in no table; what they call them, until `hide`. None where none can."""
        return None

    def hide(self, name: str) -> None:
        """Have no statement read rows any more that were shown."""
        raise LookupError(name)

    def tables(self, schema: str) -> Collection[str]:
        """Names of the tables in a schema; of a schema that is missing, none."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What an engine calls things.

    Attributes:
        dialect: How queries are translated.
        types: Its column types; ids are texts with hyphens, lists of ids are lists of such texts.
        quote: Letter around names.
        escape: What a text's letters become in a literal.
        table: Statement that makes a table, from its name, its columns and its key.
        delete: Statement that removes rows, from a table and a condition.
        ids: The ids in the column `id` of a table, as one list within a query.
        among: Whether a list of ids has an id, from the list and the column.
        overlaps: Whether two lists of ids have one in common, from one and a column.
        without: A list of ids without those of another, from the other and a column.
        named: Whether a text holds one of some ids without their hyphens, from their list and the column.
        update_some: Statement that changes rows, from a table, assignments, a condition, and the table of the ids in both.
        delete_some: Statement that removes rows, from a table, a condition, and the table of the ids in it.
        delete_named: Statement that removes the rows whose text is an id, from a table, the text, and the table of the ids.
        schema: Statement that makes a schema that is missing.
        settings: What is put after the query of a view, so that it means there what it says here.
        deduplicates: Whether rows of the same key become one by themselves, read through `rows`.
        rows: What a table is read as.
        rewrite: Statements after which no file of a table holds a deleted row.
    """

    dialect: Dialect
    types: Mapping[ColumnType, str]
    quote: str
    escape: Callable[[str], str]
    table: Callable[[str, str, Sequence[str]], str]
    delete: Callable[[str, str], str]
    ids: Callable[[str], str]
    among: Callable[[str, str], str]
    overlaps: Callable[[str, str], str]
    without: Callable[[str, str], str]
    named: Callable[[str, str], str]
    update_some: Callable[[str, OfIds, OfIds, str], str]
    delete_some: Callable[[str, OfIds, str], str]
    delete_named: Callable[[str, str, str], str]
    schema: Callable[[str], str]
    rewrite: Callable[[str], Sequence[str]]
    settings: str = ""
    deduplicates: bool = False
    rows: Callable[[str], str] = field(default=lambda table: table)

    def name(self, *parts: str) -> str:
        """A quoted name."""
        return ".".join(self.quote + part.replace(self.quote, self.quote * 2) + self.quote for part in parts)

    def literal(self, value: str | int | None) -> str:
        """A literal."""
        if value is None:
            return "NULL"
        return str(value) if isinstance(value, int) else f"'{self.escape(value)}'"
