"""Merging rows into a relation by key: which of its segment files have to be written anew, and what is in the new one.

A file is read whole only if one of its rows is replaced or removed; of the others no more than keys. So that files do not
become many, the new one also takes in those that are at most twice as large: each that is left is then twice the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import msgspec
import pyarrow as pa

from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.model import Relation
from onefold.ports.warehouse import Segment

_ABSORBED_TIMES = 2


@dataclass(frozen=True, slots=True)
class Merged:
    """What a merge comes to.

    Attributes:
        rows: Of the new file.
        replaced: Files in whose place it is.
    """

    rows: pa.Table
    replaced: list[Segment]


def merged(
    relation: Relation, files: SegmentFiles, before: Sequence[Segment], rows: pa.Table, gone: pa.Table | None
) -> Merged:
    """Merge rows, which have the relation's columns, into those of its files; `gone` is as in the port."""
    leaving = None if gone is None else conformed(_part(relation, gone.column_names), gone)
    with _database(rows, leaving) as database:
        conditions = [relation.key, *([] if leaving is None else [leaving.column_names])]
        needed = _part(relation, {name for condition in conditions for name in condition})
        touched, whole = list[Segment](), list[Segment]()
        for segment in before:
            keys = conformed(needed, files.read(segment, [column.name for column in needed.columns]))
            (touched if _agrees(database, keys, conditions) else whole).append(segment)
        many = rows.num_rows + sum(segment.rows for segment in touched)
        for segment in sorted(whole, key=lambda segment: segment.rows):
            if segment.rows > _ABSORBED_TIMES * many:
                break
            touched.append(segment)
            many += segment.rows
        there = [conformed(relation, files.read(segment)) for segment in touched]
        return Merged(_joined(database, relation, there, rows, conditions), touched)


@contextmanager
def _database(rows: pa.Table, leaving: pa.Table | None) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as database:
        database.execute("SET temp_directory = ''")
        database.register("other0", rows)
        if leaving is not None:
            database.register("other1", leaving)
        yield database


def _agrees(database: duckdb.DuckDBPyConnection, keys: pa.Table, conditions: Sequence[Sequence[str]]) -> bool:
    """Whether a row agrees with one of those that come in the key, or with one of those that go in their columns."""
    database.register("there", keys)
    for number, names in enumerate(conditions):
        query = f"SELECT 1 FROM there SEMI JOIN other{number} USING ({_quoted(names)}) LIMIT 1"  # noqa: S608  quoted names
        if database.execute(query).fetchall():
            return True
    return False


def _joined(
    database: duckdb.DuckDBPyConnection,
    relation: Relation,
    there: Sequence[pa.Table],
    rows: pa.Table,
    conditions: Sequence[Sequence[str]],
) -> pa.Table:
    if not there:
        return rows
    database.register("there", pa.concat_tables(there))
    apart = [f"ANTI JOIN other{number} USING ({_quoted(names)})" for number, names in enumerate(conditions)]
    query = " ".join(["SELECT * FROM there", *apart])
    return pa.concat_tables([conformed(relation, database.sql(query).to_arrow_table()), rows])


def _part(relation: Relation, names: Iterable[str]) -> Relation:
    wanted = set(names)
    columns = tuple(column for column in relation.columns if column.name in wanted)
    return msgspec.structs.replace(relation, columns=columns)


def _quoted(names: Iterable[str]) -> str:
    return ", ".join('"' + name.replace('"', '""') + '"' for name in names)
