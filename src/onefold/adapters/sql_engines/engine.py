"""A copy of the warehouse in an engine whose statements are atomic one by one, and no more than that.

Rows of a change log are added to a table, and become visible by the mark that is written last: relations are views over
the rows up to it. What a killed load left beyond the mark nobody sees, and the next load removes it. A relation that is
replaced gets a new table, and its view is then turned to that one. Marks carry an epoch: who loads while somebody else
does, or erases, begins another, and the mark of whoever was before does not count any more.

One load at a time is meant: a second one is told, and one that was stopped for minutes between two of its statements adds
nothing more. Only a statement that runs in the very moment of an erasure may bring rows back.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pyarrow as pa
from sqlglot import exp

from onefold.adapters.duckdb.binding import bound
from onefold.adapters.duckdb.columns import conformed
from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.sql_engines import erasure
from onefold.adapters.sql_engines.rows import plain, shaped
from onefold.adapters.sql_engines.session import Kind, Session
from onefold.adapters.sql_engines.tables import Mark, Tables
from onefold.errors import ConfigurationError, ConflictError, ExpensiveError, UnavailableError, UsageError
from onefold.model import NodeId, Relation
from onefold.ports.engine import Engine, EngineState, Step
from onefold.ports.warehouse import QueryLimits, WarehouseCapabilities
from onefold.warehouse import views
from onefold.warehouse.dialects import translation


class MarkedEngine(Engine):
    """A copy of one workspace's warehouse. Safe for threads; commands run one after the other."""

    capabilities = WarehouseCapabilities(merge=True, snapshot_reads=False, fresh=False, isolated=True)

    def __init__(self, kind: Kind, session: Session, process: QueryProcess, *, prefix: str = "") -> None:
        """Schemas there are called as here, after `prefix`; `process` binds queries. `close` closes the session."""
        self.dialect = kind.dialect.sqlglot
        self.prefix = prefix
        self._kind = kind
        self._session = session
        self._process = process
        self._tables = Tables(kind, session, prefix)
        self._lock = threading.RLock()
        self._last: Mark | None = None

    def __repr__(self) -> str:
        return f"<MarkedEngine({self._kind.dialect.name}, prefix={self.prefix!r})>"

    def prepare(self, workspace: str) -> None:
        """Make what is missing; see the port."""
        with self._lock:
            held, form = self._tables.mark(), self._tables.form()
            if held is not None and held.workspace != workspace:
                raise ConfigurationError(
                    "this database holds another workspace's copy; state another `prefix` or another database"
                )
            if held is None or held.form != form:
                self._tables.set_up()
                before = held or Mark(0, 0, workspace, "")
                self._tables.set_mark(Mark(before.epoch, before.sequence, workspace, form))

    def state(self) -> EngineState | None:
        """What it holds; see the port."""
        with self._lock:
            held = self._tables.mark()
            if held is None:
                return None
            files = {name: entry.files for name, entry in self._tables.entries().items() if entry.files is not None}
            return EngineState(held.workspace, held.sequence, self._tables.latest(held.sequence), files)

    def load(self, step: Step) -> None:
        """Take in the rows of a step; see the port."""
        with self._lock:
            own, self._last = self._last, None
            # After a step of our own that went well nothing is left behind; whether the epoch is still ours is asked below.
            if own is None or not step.before or own.sequence != step.before:
                held = self._tables.mark()
                if held is None or (step.before and held.sequence != step.before):
                    raise ConflictError("the engine was loaded by somebody else meanwhile; nothing was changed")
                own = self._begin(held, step.before)
            for relation, rows in step.parts:
                with self._lasting(own):
                    self._tables.add(relation, plain(rows), own.epoch)
            self._require(own)
            done = Mark(own.epoch, step.until, own.workspace, own.form)
            self._tables.set_mark(done)
            self._last = done

    def put(self, relation: Relation, rows: Iterable[pa.Table], files: Collection[str]) -> None:
        """Put rows in the place of all that a relation had; see the port."""
        with self._lock, self._tables.replacing(relation, sorted(files)) as table:
            for part in rows:
                self._session.insert(table, plain(part))

    def relations(self) -> list[Relation]:
        """All relations with their columns, by full name."""
        with self._lock:
            known = self._known()
        return [known[name] for name in sorted(known)]

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query; see the port. Memory is the engine's to limit."""
        limits = limits or QueryLimits()
        with self._lock:
            named = {f"{table.db}.{table.name}".lower() for table in query.find_all(exp.Table)}
            known = views.RELATIONS if named <= views.RELATIONS.keys() else self._known()
            schema = bound(self._process, query, known, views.queries())
            made = translation.translate(query, self._kind.dialect, known, self.prefix)
            found = self._session.fetch(translation.sql(made, self._kind.dialect), limits)
        if found.nbytes > limits.result_mb << 20:
            raise ExpensiveError(f"The result has more than {limits.result_mb} MB; narrow the query.")
        return shaped(schema, found)

    def fence(self) -> bool:
        """Nothing is erased while somebody writes here; see the port."""
        return True

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows to a relation; see the port. It is written anew."""
        rows = conformed(_own(relation), rows)
        with self._lock:
            before = self._tables.entries().get(relation.full_name)
            with self._tables.replacing(relation, None) as table:
                if before is not None:
                    self._tables.carry(before, relation, table)
                self._session.insert(table, plain(rows))

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all that the relation had; see the port."""
        rows = conformed(_own(relation), rows)
        with self._lock, self._tables.replacing(relation, None) as table:
            self._session.insert(table, plain(rows))

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with the same key, or add it; see the port. The relation is written anew."""
        if not _own(relation).key:
            raise UsageError(f"{relation.full_name} has no key to merge by.")
        rows = conformed(relation, rows)
        with self._lock:
            before = self._tables.entries().get(relation.full_name)
            with self._tables.replacing(relation, None) as table, self._leaving(relation, gone) as leaving:
                self._session.insert(table, plain(rows))
                if before is not None:
                    self._tables.carry(before, relation, table, without=[(table, relation.key), *leaving])

    @contextmanager
    def _leaving(self, relation: Relation, gone: pa.Table | None) -> Iterator[list[tuple[str, list[str]]]]:
        if gone is None:
            yield []
            return
        part = Relation(
            relation.schema, relation.name, tuple(c for c in relation.columns if c.name in gone.column_names)
        )
        with self._tables.aside(part, plain(conformed(part, gone))) as rows:
            yield [(rows, [column.name for column in part.columns])]

    def drop(self, relation: Relation) -> None:
        """Remove a relation with its rows; no error if it is not there."""
        with self._lock:
            self._tables.drop(_own(relation))

    def erase(self, nodes: Collection[NodeId]) -> int:
        """Remove rows of the logs, and all rows of relations that were computed; see the port."""
        with self._lock:
            held = self._tables.mark()
            if held is None or not nodes:
                return 0
            self._begin(held, held.sequence)  # a load that is under way ends without its mark
            return erasure.erase(self._tables, [str(UUID(bytes=node)) for node in nodes])

    def count(self, nodes: Collection[NodeId]) -> int:
        """How many rows concern these nodes, of the logs and of relations that tell people apart."""
        with self._lock:
            return erasure.count(self._tables, [str(UUID(bytes=node)) for node in nodes]) if nodes else 0

    def trim(self, log: Relation, gone: pa.Table, anew: Iterable[pa.Table]) -> None:
        """Remove rows of a log, and put others in the place of theirs; see the port."""
        with self._lock:
            held = self._tables.mark()
            if held is None:
                return
            own = self._begin(held, held.sequence)
            if gone.num_rows:
                self._tables.remove(log, gone)
            for rows in anew:
                self._tables.remove(log, rows)
                with self._lasting(own):
                    self._tables.add(log, plain(rows), own.epoch)
            self._require(own)

    def compact(self) -> None:
        """Rewrite the logs; see the port. Backups and older versions that the engine keeps are its own matter."""
        with self._lock:
            self._tables.compact()

    def close(self) -> None:
        """Close the session."""
        with self._lock:
            self._session.close()

    def _known(self) -> dict[str, Relation]:
        return dict(views.RELATIONS) | {name: entry.relation for name, entry in self._tables.entries().items()}

    def _begin(self, held: Mark, sequence: int) -> Mark:
        """A new epoch, up to a sequence, without what a killed load or erasure left."""
        own, self._last = Mark(held.epoch + 1, sequence, held.workspace, held.form), None
        self._tables.set_mark(own)
        self._tables.sweep()
        self._tables.cut(sequence)
        return own

    @contextmanager
    def _lasting(self, own: Mark) -> Iterator[None]:
        """Say of what fails in the block that somebody else was here, if that is so: they removed what it was done with."""
        try:
            yield
        except (UsageError, UnavailableError):
            self._require(own)
            raise

    def _require(self, own: Mark) -> None:
        held = self._tables.mark()
        if held is None or held.epoch != own.epoch:
            raise ConflictError(
                "the engine was loaded, or somebody was erased from it, meanwhile; what this load brought is not seen"
            )


def _own(relation: Relation) -> Relation:
    if relation.full_name in views.RELATIONS:
        raise UsageError(f"{relation.full_name} is made by the stream; name another relation.")
    return relation
