"""The tables of a copy: logs with their mark, relations with what they were made from, and the views that people read."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from onefold.adapters.sql_engines.rows import plain
from onefold.adapters.sql_engines.session import Kind, Session
from onefold.model import Column, Relation
from onefold.warehouse import relations, views
from onefold.warehouse.dialects import translation

OWN = "onefold"
_ASIDE = "aside_"
_VERSION = 1
"""Rises with what this module makes there besides relations and views."""
_NEAR = 1_000_000
"""How many sequence numbers before the mark the last row is looked for first."""
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
ID = Relation(OWN, "id", (Column("id", "text", required=True),))
"""Ids of rows or nodes, for as long as a statement takes that has to know them."""
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
        self.kind = kind
        self.session = session
        self._prefix = prefix
        self._schemas: set[str] = set()
        self._seen_there: set[str] = set()
        self._newest = f"{kind.name('epoch')} DESC, {kind.name('sequence')} DESC"

    def set_up(self) -> None:
        """Make schemas, relations and views that are missing, and columns that are."""
        for schema in (OWN, "staging", "golden", "marts", "dimensions", "profiles"):
            self._make_schema(schema)
        there = set(self.session.tables(self._prefix + OWN))
        for own in (_MARK, _ENTRY):
            self._make(own.name, own, there)
        for log in relations.LOGS:
            self._make(_place(log), log, there)
            self._make_view(log, self._seen(log))
        for name, tree in views.queries().items():
            made = translation.translate(tree, self.kind.dialect, views.RELATIONS, self._prefix)
            self._make_view(views.RELATIONS[name], translation.sql(made, self.kind.dialect))

    def form(self) -> str:
        """What tells one version's relations and views from another's."""
        made = [
            translation.sql(translation.translate(tree, self.kind.dialect, views.RELATIONS), self.kind.dialect)
            for tree in views.queries().values()
        ]
        columns = [(log.full_name, [(column.name, column.type) for column in log.columns]) for log in relations.LOGS]
        return hashlib.sha256(repr((_VERSION, made, columns)).encode()).hexdigest()

    def mark(self) -> Mark | None:
        """The mark that counts; None where there is no copy."""
        if not self._there(_MARK.name):
            return None
        found = self.session.fetch(
            f"SELECT {self._names(_MARK.columns)} FROM {self._own(_MARK.name)} ORDER BY {self._newest} LIMIT 1"
        )
        return next((Mark(*row.values()) for row in _lower(found)), None)

    def set_mark(self, mark: Mark) -> None:
        """Write a mark."""
        self._add_row(_MARK, msgspec.structs.astuple(mark))

    def latest(self, until: int) -> tuple[int, int] | None:
        """Sequence and time of commit, in microseconds, of the last row of any log up to a sequence."""
        sequence, known_at = self.kind.name("sequence"), self.kind.name("known_at")
        # The last rows are near, so that an engine need not read the others.
        for after in sorted({max(until - _NEAR, 0), 0}, reverse=True) if until else ():
            within = f"{sequence} > {after} AND {sequence} <= {until}"
            seen = " UNION ALL ".join(
                f"SELECT {sequence}, {known_at} FROM {self.log(log)} WHERE {within}" for log in relations.LOGS
            )
            last = f"SELECT {sequence}, {known_at} FROM ({seen}) AS seen ORDER BY {sequence} DESC LIMIT 1"
            for row in _lower(self.session.fetch(last)):
                return row["sequence"], _micros(row["known_at"])
        return None

    def log(self, log: Relation) -> str:
        """The table of a log."""
        return self._own(_place(log))

    def many(self, asked: Sequence[tuple[str, str]]) -> list[int]:
        """How many rows of tables hold a condition each."""
        logs = {self.log(log): self.kind.rows(self.log(log)) for log in relations.LOGS}
        counts = [
            f"SELECT {n} AS place, count(*) AS n FROM {logs.get(table, table)} WHERE {condition}"
            for n, (table, condition) in enumerate(asked)
        ]
        found = _lower(self.session.fetch(" UNION ALL ".join(counts))) if counts else []
        by_place = {int(row["place"]): int(row["n"]) for row in found}
        return [by_place[n] for n in range(len(asked))]

    def cut(self, sequence: int) -> None:
        """Remove the rows of all logs that are beyond a sequence."""
        beyond = f"{self.kind.name('sequence')} > {sequence}"
        tables = [self.log(log) for log in relations.LOGS]
        for table, found in zip(tables, self.many([(table, beyond) for table in tables]), strict=True):
            if found:
                self.session.execute(self.kind.delete(table, beyond))

    def add(self, log: Relation, rows: pa.Table, epoch: int) -> None:
        """Add rows to a log, if an epoch lasts; those that it has already are not added again."""
        if not rows.num_rows:
            return
        with self.aside(log, rows) as arriving:
            # Asked in the statement itself, so that rows which waited for minutes do not come after an erasure.
            conditions = [f"(SELECT max({self.kind.name('epoch')}) FROM {self._own(_MARK.name)}) = {epoch}"]
            joined = ""
            if not self.kind.deduplicates:
                same = " AND ".join(f"a.{key} = b.{key}" for key in map(self.kind.name, _unique(log)))
                # What is older is not read: loads come in the order of the sequence.
                sequence, first = f"b.{self.kind.name('sequence')}", pc.min(rows["sequence"]).as_py()
                joined = f" LEFT JOIN {self.log(log)} AS b ON {same} AND {sequence} >= {first}"
                conditions.append(f"{sequence} IS NULL")
            self.session.execute(
                f"INSERT INTO {self.log(log)} ({self._names(log.columns)}) SELECT {self._names(log.columns, 'a.')}"
                f" FROM {arriving} AS a{joined} WHERE {' AND '.join(conditions)}"
            )

    def remove(self, log: Relation, rows: pa.Table) -> None:
        """Remove the rows of a log that agree with some in what tells rows apart."""
        keys = plain(rows.select(list(relations.row_key(log))))
        texts = [
            " ".join(map(str, values))
            for values in zip(*(keys[name].to_pylist() for name in keys.column_names), strict=True)
        ]
        named = [f"CAST({self.kind.name(name)} AS {self.kind.types['text']})" for name in keys.column_names]
        between = f", {self.kind.literal(' ')}, "
        text = named[0] if len(named) == 1 else f"CONCAT({between.join(named)})"
        with self.aside(ID, pa.table({"id": pa.array(texts, pa.string())})) as leaving:
            self.session.execute(self.kind.delete_named(self.log(log), text, leaving))

    def entries(self) -> dict[str, Entry]:
        """Relations that are no logs, by full name."""
        return _entries(self._rows())

    def place(self, entry: Entry) -> str:
        """The table of a relation that is no log."""
        return self._own(entry.place)

    def filled(self) -> dict[str, Entry]:
        """Relations that are no logs and have rows, by full name."""
        there = set(self.session.tables(self._prefix + OWN))
        entries = {name: entry for name, entry in self.entries().items() if entry.place in there}
        found = self.many([(self.place(entry), "1 = 1") for entry in entries.values()])
        return {name: entry for (name, entry), many in zip(entries.items(), found, strict=True) if many}

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
        self.session.execute(self.kind.table(table, self._columns(relation.columns), relation.key))
        yield table
        self._turn(relation, table)
        self._add_row(_ENTRY, (version, relation.full_name, definition, kept, place, False))
        self._forget(relation, rows)

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows."""
        rows = [row for row in self._rows() if row["name"] == relation.full_name]
        if rows:
            self.session.execute(f"DROP VIEW IF EXISTS {self._view(relation)}")
            self._forget(relation, rows)

    @contextmanager
    def aside(self, relation: Relation, rows: pa.Table) -> Iterator[str]:
        """Rows of a relation for statements in the block; what these call them."""
        shown = self.session.show(rows)
        if shown is not None:
            try:
                yield shown
            finally:
                self.session.hide(shown)
            return
        table = self._own(f"{_ASIDE}{os.urandom(8).hex()}")
        self.session.execute(self.kind.table(table, self._columns(relation.columns), ()))
        try:
            self.session.insert(table, rows)
            yield table
        finally:
            self.session.execute(f"DROP TABLE IF EXISTS {table}")

    def sweep(self) -> None:
        """Remove tables that a killed load or erasure left: what is in them no other erasure would find."""
        there, rows = set(self.session.tables(self._prefix + OWN)), self._rows()
        entries = _entries(rows)
        places = {str(row["place"]): row for row in rows} | {entry.place: None for entry in entries.values()}
        for place, row in places.items():
            if row is not None and place in there:  # to which the view may have been turned already
                self._turn_back(_decode(base64.b64decode(row["definition"])), entries.get(row["name"]))
        left = {name for name in there if name.startswith(_ASIDE)} | {name for name, row in places.items() if row}
        for name in sorted(left & there):
            self.session.execute(f"DROP TABLE IF EXISTS {self._own(name)}")

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
            names = [self.kind.name(key.lower()) for key in keys]
            same = " AND ".join(f"t.{name} = o{number}.{name}" for name in names)
            joined += (
                f" LEFT JOIN (SELECT DISTINCT {', '.join(names)}, 1 AS matched FROM {other}) AS o{number} ON {same}"
            )
            conditions.append(f"o{number}.matched IS NULL")
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        self.session.execute(
            f"INSERT INTO {table} ({self._names(columns)}) SELECT {self._names(columns, 't.')}"
            f" FROM {self._own(before.place)} AS t{joined}{where}"
        )

    def compact(self) -> None:
        """Rewrite the logs so that no file of them holds a deleted row, and forget marks that do not count any more."""
        held = self.mark()
        if held is not None:
            mark = self._own(_MARK.name)
            self.session.execute(self.kind.delete(mark, f"{self.kind.name('epoch')} < {held.epoch}"))
        for log in relations.LOGS:
            for statement in self.kind.rewrite(self.log(log)):
                self.session.execute(statement)

    def _rows(self) -> list[dict[str, Any]]:
        if not self._there(_ENTRY.name):
            return []
        order = f"{self.kind.name('version')}, {self.kind.name('pending')} DESC"
        found = self.session.fetch(
            f"SELECT {self._names(_ENTRY.columns)} FROM {self._own(_ENTRY.name)} ORDER BY {order}"
        )
        return _lower(found)

    def _forget(self, relation: Relation, rows: Iterable[dict[str, Any]]) -> None:
        """Remove what stands in the rows about a relation, and these."""
        own = [row for row in rows if row["name"] == relation.full_name]
        for place in {str(row["place"]) for row in own}:
            self.session.execute(f"DROP TABLE IF EXISTS {self._own(place)}")
        if own:
            last = max(int(str(row["version"])) for row in own)
            name = self.kind.literal(relation.full_name)
            condition = f"{self.kind.name('name')} = {name} AND {self.kind.name('version')} <= {last}"
            self.session.execute(self.kind.delete(self._own(_ENTRY.name), condition))

    def _add_row(self, relation: Relation, values: Sequence[str | int | None]) -> None:
        written = ", ".join(
            ("true" if value else "false") if isinstance(value, bool) else self.kind.literal(value) for value in values
        )
        names = self._names(relation.columns)
        self.session.execute(f"INSERT INTO {self._own(relation.name)} ({names}) VALUES ({written})")

    def _make_schema(self, schema: str) -> None:
        if schema not in self._schemas:
            self.session.execute(self.kind.schema(self.kind.name(self._prefix + schema.lower())))
            self._schemas.add(schema)

    def _make(self, place: str, relation: Relation, tables: Collection[str]) -> None:
        table = self._own(place)
        if place not in tables:
            self.session.execute(self.kind.table(table, self._columns(relation.columns), _unique(relation)))
            return
        there = {column.lower() for column in self.session.fetch(f"SELECT * FROM {table} LIMIT 0").column_names}
        for column in relation.columns:
            if column.name.lower() not in there:
                self.session.execute(f"ALTER TABLE {table} ADD COLUMN {self._columns([column])}")

    def _turn(self, relation: Relation, table: str) -> None:
        """Have a relation read a table."""
        self._make_view(relation, f"SELECT {self._names(relation.columns)} FROM {table}")

    def _turn_back(self, relation: Relation, before: Entry | None) -> None:
        if before is None:
            self.session.execute(f"DROP VIEW IF EXISTS {self._view(relation)}")
        else:
            self._turn(before.relation, self.place(before))

    def _make_view(self, view: Relation, query: str) -> None:
        self.session.execute(f"CREATE OR REPLACE VIEW {self._view(view)} AS {query}{self.kind.settings}")

    def _seen(self, log: Relation) -> str:
        sequence = self.kind.name("sequence")
        mark = f"SELECT {sequence} FROM {self._own(_MARK.name)} ORDER BY {self._newest} LIMIT 1"
        rows = self.kind.rows(self.log(log))
        return f"SELECT {self._names(log.columns)} FROM {rows} WHERE {sequence} <= ({mark})"

    def _there(self, name: str) -> bool:
        if name not in self._seen_there:
            self._seen_there |= {_MARK.name, _ENTRY.name}.intersection(self.session.tables(self._prefix + OWN))
        return name in self._seen_there

    def _own(self, name: str) -> str:
        return self.kind.name(self._prefix + OWN, name)

    def _view(self, relation: Relation) -> str:
        return self.kind.name(self._prefix + relation.schema.lower(), relation.name.lower())

    def _names(self, columns: Iterable[Column], before: str = "") -> str:
        return ", ".join(before + self.kind.name(column.name.lower()) for column in columns)

    def _columns(self, columns: Iterable[Column]) -> str:
        return ", ".join(f"{self.kind.name(column.name.lower())} {self.kind.types[column.type]}" for column in columns)


def _place(log: Relation) -> str:
    return f"{log.schema}_{log.name}"


def _unique(relation: Relation) -> list[str]:
    """The columns that tell a row of a log from all others."""
    return list(relations.row_key(relation)) if relation.kind == "log" else []


def _entries(rows: Iterable[dict[str, Any]]) -> dict[str, Entry]:
    """Of rows in the order of their versions, what the last that were finished say."""
    found: dict[str, Entry] = {}
    for row in rows:
        if not row["pending"]:
            files = None if row["files"] is None else json.loads(row["files"])
            found[row["name"]] = Entry(_decode(base64.b64decode(row["definition"])), row["place"], files)
    return found


def _lower(rows: pa.Table) -> list[dict[str, Any]]:
    """Rows by column name in lower case, in which no engine changes it."""
    found: list[dict[str, Any]] = rows.rename_columns([name.lower() for name in rows.column_names]).to_pylist()
    return found


def _micros(moment: datetime) -> int:
    return (moment.replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001  both are UTC
