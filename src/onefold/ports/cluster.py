"""The port of clusters: where a large table stands, and Python is brought to its rows instead of them to Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

OfBatch = Callable[["pa.Table"], "pa.Table"]
"""What becomes of some rows, whichever rows of the whole they are. It is sent to where they are, so it can be pickled."""


class Cluster(Protocol):
    """Relations by name. Queries are SQL of DuckDB, and name relations that were made before.

    Errors come as ours; their messages quote no rows.
    """

    def source(self, name: str, table: str) -> list[str]:
        """Make a relation of a table that stands there, whose name is not SQL of ours; names of its columns.

        Raises:
            NotFoundError: There is no such table.
        """
        ...

    def map(self, name: str, query: str, function: OfBatch, schema: pa.Schema) -> None:
        """Make a relation of what a function makes of the rows of a query. The rows stay where they are."""
        ...

    def keep(self, name: str, query: str) -> None:
        """Make a relation of the rows of a query, which is run once."""
        ...

    def put(self, name: str, rows: pa.Table) -> None:
        """Make a relation of rows that are here."""
        ...

    def fetch(self, query: str) -> pa.Table:
        """The rows of a query."""
        ...

    def free(self, table: str) -> None:
        """See that a table can be made.

        Raises:
            UsageError: There is one of that name.
        """
        ...

    def write(self, table: str, query: str) -> None:
        """Make a table that lasts of the rows of a query.

        Raises:
            UsageError: There is one of that name.
        """
        ...
