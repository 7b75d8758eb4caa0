"""Promotion: the columns of promoted properties worked out for the rows of a file, in DuckDB, as a query would."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.duckdb.summaries import Summary
from onefold.model import Relation
from onefold.warehouse.promoted import Promoted, extended
from onefold.warehouse.relations import EVENT

_FORMAT = "1"
"""Of the expressions: a column that was made by others is made anew."""


def made(promoted: Sequence[Promoted]) -> dict[str, str]:
    """What a file is to state of its promoted columns: how each was made."""
    return {one.column: f"{one.type}:{_FORMAT}" for one in promoted}


def is_ready(summary: Summary, promoted: Sequence[Promoted]) -> bool:
    """Whether a file has all of these columns, made as they are made now."""
    return made(promoted).items() <= summary.promoted.items()


def with_promoted(rows: pa.Table, promoted: Sequence[Promoted]) -> pa.Table:
    """Rows of `staging.event` with the columns of what is promoted, and no others besides their own."""
    own = rows.select([column.name for column in EVENT.columns])
    if not promoted:
        return own
    columns = ", ".join(f'{one.expression} AS "{one.column}"' for one in promoted)
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
        connection.execute("SET temp_directory = ''")
        connection.register("rows", own.select(["properties"]))
        found = connection.sql(f"SELECT {columns} FROM rows").to_arrow_table()  # noqa: S608  names were checked
    bare = Relation("staging", "promoted", ())
    found = conformed(extended(bare, promoted), found)
    for name in found.column_names:
        own = own.append_column(found.schema.field(name), found[name])
    return own
