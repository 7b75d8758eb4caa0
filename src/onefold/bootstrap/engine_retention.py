"""Retention of copies: what is older than it is kept leaves an engine with the load after it left the segment files.

An engine remembers, as the files of `quality.retention`, those of that relation and those of logs that have lost values.
Where they are others now, rows that no file has any more are removed, and rows of files that lost values since are replaced.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from onefold.ports.engine import Engine, EngineState
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import relations
from onefold.warehouse.query import parse
from onefold.warehouse.retention import TIMES
from onefold.warehouse.upkeep import RETENTION

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.adapters.duckdb.changes import PinnedSegments

_LIMITS = QueryLimits(seconds=3600.0, result_mb=4096)
"""Of the keys of all rows before a time: few once this was done, but for the first time."""


def files(segments: PinnedSegments) -> set[str]:
    """What an engine that carried all retention out remembers."""
    return {segment.name for segment in (*segments.of(RETENTION.full_name), *segments.cleared())}


def is_late(segments: PinnedSegments, state: EngineState) -> bool:
    """Whether retention took something out of the files that the engine may have."""
    return set(state.tables.get(RETENTION.full_name, ())) != files(segments)


def carry(engine: Engine, segments: PinnedSegments, state: EngineState) -> int:
    """Take out of an engine what the files have not any more; how many rows were removed.

    Raises:
        ConflictError: Somebody else loads it at the same time.
    """
    known = set(state.tables.get(RETENTION.full_name, ()))
    cleared = [segment for segment in segments.cleared() if segment.name not in known]
    before = {row["relation"]: row["rows_before"] for rows in segments.rows(RETENTION) for row in rows.to_pylist()}
    removed = 0
    for log in relations.LOGS:
        if log.full_name not in TIMES:
            continue
        gone = segments.outlived(log, engine.run(parse(_older(log.full_name, before.get(log.full_name))), _LIMITS))
        anew = [segment for segment in cleared if segment.relation == log.full_name]
        if gone.num_rows or anew:
            engine.trim(log, gone, map(segments.whole, anew))
            removed += gone.num_rows
    return removed


def _older(log: str, before: datetime | None) -> str:
    """The query for the keys of a log's rows before a time; without one for none."""
    keys = ", ".join(relations.row_key(next(one for one in relations.LOGS if one.full_name == log)))
    condition = "1 = 0" if before is None else f"{TIMES[log]} < TIMESTAMP '{before.isoformat(sep=' ')}'"
    return f"SELECT {keys} FROM {log} WHERE {condition}"  # noqa: S608  our names, and a time
