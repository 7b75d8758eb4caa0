"""Reading `staging.event` to fold it: columns as bytes and microseconds, and conditions on names, in DuckDB's SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_IDS = frozenset({"node", "person", "event_id"})


def columns_of(*columns: str) -> str:
    """These columns, ids as bytes."""
    return ", ".join(_column(column) for column in columns)


def names_in(names: Iterable[str]) -> str:
    """The names as literals of SQL, in order."""
    return ", ".join("'" + name.replace("'", "''") + "'" for name in sorted(names))


def plain(column: Any) -> list[Any]:
    """Values of a column of Arrow; times in microseconds."""
    times = str(column.type).startswith("timestamp")
    found: list[Any] = (column.view("int64") if times else column).to_pylist()
    return found


def _column(column: str) -> str:
    name = column.rpartition(".")[2]
    return f"unhex(replace({column}::VARCHAR, '-', '')) AS {name}" if name in _IDS else column
