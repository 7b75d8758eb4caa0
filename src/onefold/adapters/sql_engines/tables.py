"""The tables of a copy: logs with their mark, relations with what they were made from, and the views that people read."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from onefold.adapters.sql_engines.session import Kind, Session
from onefold.model import Column, Relation
from onefold.warehouse import relations, views
from onefold.warehouse.dialects import translation

OWN = "onefold"
_VERSION = 1
"""Rises with what this module makes there besides relations and views."""
_MARK = Relation(
    OWN,
    "mark",
    (
        Column("epoch", "bigint", required=True),
        Column("sequence", "bigint", required=True),
        Column("workspace", "text", required=True),
        Column("form", "text", required=True),
    ),
)
_ENTRY = Relation(
    OWN,
    "relation",
    (
        Column("version", "bigint", required=True),
        Column("name", "text", required=True),
        Column("definition", "text", required=True),
        Column("files", "text"),
        Column("place", "text", required=True),
        Column("pending", "boolean", required=True),
    ),
)
_CLEARED = tuple(column.name for column in relations.EVENT.columns if column.personal != "none" and not column.required)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Relation).decode


class Mark(msgspec.Struct, frozen=True):
    """Up to which sequence rows of logs are seen. The one with the greatest epoch counts, and of those the furthest."""

    epoch: int
    sequence: int
    workspace: str
    form: str


class Entry(msgspec.Struct, frozen=True):
    """A relation that is no log: its table, and the segment files that its rows are from, where they are from some."""

    relation: Relation
    place: str
    files: list[str] | None


class Tables:
    """The tables of one copy, by the prefix of its schemas."""

    def __init__(self, kind: Kind, session: Session, prefix: str) -> None:
        self._kind = kind
        self._session = session
        self._prefix = prefix
        self._schemas: set[str] = set()

    def set_up(self) -> None:
        """Make schemas, relations and views that are missing, and columns that are."""
        for schema in (OWN, "staging", "golden", "marts", "dimensions", "profiles"):
            self._make_schema(schema)
        for own in (_MARK, _ENTRY):
            self._make(self._own(own.name), own)
        for log in relations.LOGS:
            self._make(self._log(log), log)
            self._make_view(log, self._seen(log))
        for name, tree in views.queries().items():
            made = translation.translate(tree, self._kind.dialect, views.RELATIONS, self._prefix)
            self._make_view(views.RELATIONS[name], translation.sql(made, self._kind.dialect))

    def form(self) -> str:
        """What tells one version's relations and views from another's."""
        made = [
            translation.sql(translation.translate(tree, self._kind.dialect, views.RELATIONS), self._kind.dialect)
            for tree in views.queries().values()
        ]
        columns = [(log.full_name, [(column.name, column.type) for column in log.columns]) for log in relations.LOGS]
        return hashlib.sha256(repr((_VERSION, made, columns)).encode()).hexdigest()

    def mark(self) -> Mark | None:
        """The mark that counts; None where there is no copy."""
        if not self._session.exists(self._prefix + OWN, _MARK.name):
            return None
        found = self._session.fetch(
            f"SELECT epoch, sequence, workspace, form FROM {self._own(_MARK.name)}"
            " ORDER BY epoch DESC, sequence DESC LIMIT 1"
        )
        return next((Mark(*row.values()) for row in _lower(found)), None)

    def set_mark(self, mark: Mark) -> None:
        """Write a mark."""
        self._add_row(_MARK, msgspec.structs.astuple(mark))

    def latest(self) -> tuple[int, int] | None:
        """Sequence and time of commit, in microseconds, of the last row of any log that is seen."""
        found = []
        for log in relations.LOGS:
            rows = self._session.fetch(
                f"SELECT sequence, known_at FROM {self._view(log)} ORDER BY sequence DESC LIMIT 1"
            )
            found += [(row["sequence"], _micros(row["known_at"])) for row in _lower(rows)]
        return max(found, default=None)

    def cut(self, log: Relation, sequence: int) -> None:
        """Remove the rows of a log that are beyond a sequence."""
        beyond = f"sequence > {sequence}"
        if self._count(self._log(log), beyond):
            self._session.execute(self._kind.delete(self._log(log), beyond))

    def add(self, log: Relation, rows: pa.Table) -> None:
        """Add rows to a log; those that it has already are not added again."""
        if self._kind.deduplicates:
            self._session.insert(self._log(log), rows)
            return
        with self.aside(log) as arriving:
            self._session.insert(arriving, rows)
            names = self._names(log.columns)
            same = " AND ".join(f"a.{key} = b.{key}" for key in map(self._kind.name, _unique(log)))
            self._session.execute(
                f"INSERT INTO {self._log(log)} ({names}) SELECT {self._names(log.columns, 'a.')} FROM {arriving} AS a"
                f" LEFT JOIN {self._log(log)} AS b ON {same} WHERE b.{self._kind.name('sequence')} IS NULL"
            )

    def entries(self) -> dict[str, Entry]:
        """Relations that are no logs, by full name."""
        found: dict[str, Entry | None] = {}
        for row in self._rows():
            if not row["pending"]:
                relation = _decode(base64.b64decode(row["definition"]))
                files = None if row["files"] is None else json.loads(row["files"])
                found[row["name"]] = Entry(relation, row["place"], files) if row["place"] else None
        return {name: entry for name, entry in found.items() if entry is not None}

    @contextmanager
    def replacing(self, relation: Relation, files: list[str] | None) -> Iterator[str]:
        """A new table to fill, which the relation is when the block ends; what it was before goes."""
        rows = self._rows()
        version = max((row["version"] for row in rows), default=0) + 1
        place = f"{relation.schema}_{relation.name}_{version}_{os.urandom(4).hex()}".lower()
        definition = base64.b64encode(_encode(relation)).decode()
        kept = None if files is None else json.dumps(files)
        self._add_row(_ENTRY, (version, relation.full_name, definition, kept, place, True))
        self._make_schema(relation.schema)
        table = self._own(place)
        self._session.execute(self._kind.table(table, self._columns(relation.columns), relation.key))
        yield table
        self._make_view(relation, f"SELECT {self._names(relation.columns)} FROM {table}")
        self._add_row(_ENTRY, (version, relation.full_name, definition, kept, place, False))
        self._forget(relation, rows)

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows."""
        rows = [row for row in self._rows() if row["name"] == relation.full_name]
        if rows:
            self._session.execute(f"DROP VIEW IF EXISTS {self._view(relation)}")
            self._forget(relation, rows)

    @contextmanager
    def aside(self, relation: Relation) -> Iterator[str]:
        """A table with a relation's columns, for the block."""
        table = self._own(f"aside_{os.urandom(8).hex()}")
        self._session.execute(self._kind.table(table, self._columns(relation.columns), ()))
        try:
            yield table
        finally:
            self._session.execute(f"DROP TABLE IF EXISTS {table}")

    def carry(
        self,
        before: Entry,
        relation: Relation,
        table: str,
        without: Iterable[tuple[str, Sequence[str]]] = (),
    ) -> None:
        """Put the rows that a relation had into its new table, but for those that agree with a row of others in columns."""
        columns = [column for column in relation.columns if before.relation.column(column.name) is not None]
        joined, conditions = "", []
        for number, (other, keys) in enumerate(without):
            names = [self._kind.name(key.lower()) for key in keys]
            same = " AND ".join(f"t.{name} = o{number}.{name}" for name in names)
            joined += (
                f" LEFT JOIN (SELECT DISTINCT {', '.join(names)}, 1 AS matched FROM {other}) AS o{number} ON {same}"
            )
            conditions.append(f"o{number}.matched IS NULL")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        self._session.execute(
            f"INSERT INTO {table} ({self._names(columns)}) SELECT {self._names(columns, 't.')}"
            f" FROM {self._own(before.place)} AS t{joined}{where}"
        )

    def erase(self, ids: Sequence[str]) -> int:
        """Remove the rows of logs that concern some nodes, and their names from others' events; how many were removed."""
        event = self._log(relations.EVENT)
        literals = [self._kind.literal(each) for each in ids]
        named = (
            f"{self._kind.overlaps(self._kind.name('nodes'), literals)}"
            f" AND NOT {self._kind.name('node')} IN ({', '.join(literals)})"
        )
        if self._count(event, named):
            cleared = [f"{self._kind.name(name)} = NULL" for name in _CLEARED]
            nodes = f"{self._kind.name('nodes')} = {self._kind.without(self._kind.name('nodes'), literals)}"
            self._session.execute(self._kind.update(event, ", ".join([*cleared, nodes]), named))
        many = 0
        for log, condition in self._concerned(ids):
            found = self._count(self._log(log), condition)
            if found:
                self._session.execute(self._kind.delete(self._log(log), condition))
            many += found
        return many

    def count(self, ids: Sequence[str]) -> int:
        """How many rows of the logs concern some nodes, seen or not."""
        named = self._kind.overlaps(self._kind.name("nodes"), [self._kind.literal(each) for each in ids])
        conditions = [*self._concerned(ids), (relations.EVENT, named)]
        return sum(self._count(self._log(log), condition) for log, condition in conditions)

    def compact(self) -> None:
        """Rewrite the logs so that no file of them holds a deleted row, and forget marks that do not count any more."""
        held = self.mark()
        if held is not None:
            mark = self._own(_MARK.name)
            self._session.execute(self._kind.delete(mark, f"epoch < {held.epoch}"))
        for log in relations.LOGS:
            for statement in self._kind.rewrite(self._log(log)):
                self._session.execute(statement)

    def _concerned(self, ids: Sequence[str]) -> list[tuple[Relation, str]]:
        """Which rows of each log concern some nodes; see `adapters.duckdb.erasure`."""
        name, some = self._kind.name, ", ".join(map(self._kind.literal, ids))
        either = f"{name('node_a')} IN ({some}) OR {name('node_b')} IN ({some})"
        texts = [self._kind.literal(each.replace("-", "")) for each in ids]
        held = [self._kind.holds(name("identifiers"), text) for text in texts]
        return [
            (relations.EVENT, f"{name('node')} IN ({some})"),
            (relations.IDENTITY_CHANGE, f"{name('node')} IN ({some})"),
            (relations.EVIDENCE, either),
            (relations.JUDGEMENT, either),
            (relations.PROFILE_CHANGE, " OR ".join([f"{name('person')} IN ({some})", *held])),
        ]

    def _rows(self) -> list[dict[str, Any]]:
        if not self._session.exists(self._prefix + OWN, _ENTRY.name):
            return []
        found = self._session.fetch(
            f"SELECT version, name, definition, files, place, pending FROM {self._own(_ENTRY.name)}"
            " ORDER BY version, pending DESC"
        )
        return _lower(found)

    def _forget(self, relation: Relation, rows: Iterable[dict[str, Any]]) -> None:
        """Remove what stands in the rows about a relation, and these."""
        own = [row for row in rows if row["name"] == relation.full_name]
        for place in {str(row["place"]) for row in own}:
            self._session.execute(f"DROP TABLE IF EXISTS {self._own(place)}")
        if own:
            last = max(int(str(row["version"])) for row in own)
            name = self._kind.literal(relation.full_name)
            condition = f"{self._kind.name('name')} = {name} AND {self._kind.name('version')} <= {last}"
            self._session.execute(self._kind.delete(self._own(_ENTRY.name), condition))

    def _count(self, table: str, condition: str) -> int:
        found = self._session.fetch(f"SELECT count(*) AS n FROM {self._kind.rows(table)} WHERE {condition}")
        return int(_lower(found)[0]["n"])

    def _add_row(self, relation: Relation, values: Sequence[str | int | None]) -> None:
        written = ", ".join(
            ("true" if value else "false") if isinstance(value, bool) else self._kind.literal(value) for value in values
        )
        names = self._names(relation.columns)
        self._session.execute(f"INSERT INTO {self._own(relation.name)} ({names}) VALUES ({written})")

    def _make_schema(self, schema: str) -> None:
        if schema not in self._schemas:
            self._session.execute(self._kind.schema(self._kind.name(self._prefix + schema.lower())))
            self._schemas.add(schema)

    def _make(self, table: str, relation: Relation) -> None:
        schema, name = self._prefix + OWN, table.rpartition(".")[2].strip(self._kind.quote)
        if not self._session.exists(schema, name):
            self._session.execute(self._kind.table(table, self._columns(relation.columns), _unique(relation)))
            return
        there = {column.lower() for column in self._session.fetch(f"SELECT * FROM {table} LIMIT 0").column_names}
        for column in relation.columns:
            if column.name.lower() not in there:
                self._session.execute(f"ALTER TABLE {table} ADD COLUMN {self._columns([column])}")

    def _make_view(self, view: Relation, query: str) -> None:
        self._session.execute(f"CREATE OR REPLACE VIEW {self._view(view)} AS {query}{self._kind.settings}")

    def _seen(self, log: Relation) -> str:
        mark = f"SELECT sequence FROM {self._own(_MARK.name)} ORDER BY epoch DESC, sequence DESC LIMIT 1"
        rows = self._kind.rows(self._log(log))
        return f"SELECT {self._names(log.columns)} FROM {rows} WHERE {self._kind.name('sequence')} <= ({mark})"

    def _own(self, name: str) -> str:
        return self._kind.name(self._prefix + OWN, name)

    def _log(self, log: Relation) -> str:
        return self._own(f"{log.schema}_{log.name}")

    def _view(self, relation: Relation) -> str:
        return self._kind.name(self._prefix + relation.schema.lower(), relation.name.lower())

    def _names(self, columns: Iterable[Column], before: str = "") -> str:
        return ", ".join(before + self._kind.name(column.name.lower()) for column in columns)

    def _columns(self, columns: Iterable[Column]) -> str:
        return ", ".join(
            f"{self._kind.name(column.name.lower())} {self._kind.types[column.type]}" for column in columns
        )


def _unique(relation: Relation) -> list[str]:
    """The columns that tell a row of a log from all others."""
    if relation.kind != "log":
        return []
    return ["sequence", *(name for name in relation.key if name == "person")]


def _lower(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows by column name in lower case, in which no engine changes it."""
    found: list[dict[str, Any]] = rows.rename_columns([name.lower() for name in rows.column_names]).to_pylist()
    return found


def _micros(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001  both are UTC
