"""Questions to the warehouse of a project: queries as people type them, what relations there are, exports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sqlglot import exp

from onefold.bootstrap.readers import Readers
from onefold.bootstrap.warehousing import past_warehouse, require_extra, warehouse_of
from onefold.bootstrap.workspace import HERE, opened
from onefold.errors import NotFoundError, UsageError, nearest
from onefold.model import Relation
from onefold.pipelines.reading.analysis import ReaderWarehouse
from onefold.ports import ProfileStore
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse import dbt, question
from onefold.warehouse.as_of import Moment
from onefold.warehouse.masking import Role
from onefold.warehouse.query import parse, read_by

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

EXPORT_MB = 8_192
"""Room for the result of an export."""


class RelationFacts(msgspec.Struct, frozen=True):
    """A relation, and how much there is of it.

    Attributes:
        relation: Which.
        rows: How many rows it has, those not loaded yet included; None for a view that was not counted.
        bytes: Of its segment files; None for a view.
        fresh_us: When its latest row was committed, microseconds UTC; None where rows do not tell.
    """

    relation: Relation
    rows: int | None
    bytes: int | None
    fresh_us: int | None


class Exported(msgspec.Struct, frozen=True):
    """What an export wrote."""

    path: str
    rows: int
    bytes: int


class Asker:
    """Asks the warehouse of one workspace."""

    def __init__(self, warehouse: ReaderWarehouse, store: ProfileStore) -> None:
        """Over an open warehouse, which whoever opened it closes; its role is whoever asks."""
        self._warehouse = warehouse
        self._store = store

    def ask(
        self,
        text: str,
        limits: QueryLimits | None = None,
        *,
        limit: int | None = None,
        moment: Moment | None = None,
    ) -> pa.Table:
        """The rows of a query, `limit` at most, as of a `moment` or now, as the role sees them.

        Raises:
            UsageError: It cannot be run as stated; the message tells the place and the nearest name.
            ExpensiveError: It took more than the limits allow, and was ended.
        """
        relations = self._warehouse.relations()
        query = question.asked(text, relations, limit=limit)
        try:
            return self._warehouse.run(query, limits, moment)
        except UsageError as error:
            raise question.explained(error, text, query, relations) from None

    def run(self, query: exp.Query, *, limit: int | None = None, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query of ours, `limit` at most.

        Raises:
            ExpensiveError: It took more than the limits allow, and was ended.
        """
        return self._warehouse.run(query if limit is None else query.limit(limit), limits)

    def relation(self, name: str) -> Relation:
        """The relation of a name, with its schema or without.

        Raises:
            NotFoundError: There is none; the message has the nearest.
        """
        found = {relation.full_name: relation for relation in self._warehouse.relations()}
        schema, _, bare = name.rpartition(".")
        query = exp.select("*").from_(exp.table_(bare, db=schema or None, quoted=True))
        try:
            named = list(read_by(query, found))
        except UsageError:
            named = []
        # The catalog reads every relation, and names of its own none.
        if len(named) != 1:
            near = nearest(name, [*found, *(relation.name for relation in found.values())])
            raise NotFoundError(f"There is no relation `{name}`{near or '; `onefold tables` lists them.'}")
        return found[named[0]]

    def sample(self, relation: Relation, rows: int) -> pa.Table:
        """Some rows of a relation."""
        return self._warehouse.run(_all_of(relation).limit(rows))

    def export(
        self,
        what: str | Relation,
        to: Path,
        kind: str,
        *,
        limits: QueryLimits | None = None,
        force: bool = False,
        spreadsheet: bool = False,
        progress: Callable[[int], None] = lambda _: None,
    ) -> Exported:
        """Write the rows of a query or a relation to a file; see `connectors.exports`.

        Raises:
            ConfigurationError: The format needs a library that is not installed.
            UnavailableError: It cannot be written; nothing was changed.
            UsageError: It is there already, or the query cannot be run as stated.
        """
        from onefold.connectors.exports import delta, file  # noqa: PLC0415  only where the extra is

        (delta if kind == "delta" else file).require(to, force=force)
        limits = limits or QueryLimits(seconds=3600.0, memory_mb=2048, result_mb=EXPORT_MB)
        rows = self._warehouse.run(_all_of(what), limits) if isinstance(what, Relation) else self.ask(what, limits)
        if kind == "delta":
            return Exported(str(to), rows.num_rows, delta.write(rows, to, force=force))
        size = file.write(rows, to, kind, force=force, spreadsheet=spreadsheet, progress=progress)
        return Exported(str(to), rows.num_rows, size)

    def dbt(self, folder: Path, *, limits: QueryLimits | None = None, force: bool = False) -> list[Exported]:
        """Write a dbt project over the golden relations, and these as Parquet files beside it.

        Raises:
            UnavailableError: It cannot be written; what was written stays.
            UsageError: A file of it is there already, and is not to be replaced.
        """
        golden = [relation for relation in self._warehouse.relations() if relation.schema == "golden"]
        files = dbt.project(golden)
        for name in files:
            if (folder / name).exists() and not force:
                raise UsageError(f"{folder / name} is there already; --force replaces it.")
        (folder / dbt.DATA).mkdir(mode=0o700, parents=True, exist_ok=True)
        done = [
            self.export(relation, folder / dbt.DATA / f"{relation.name}.parquet", "parquet", limits=limits, force=force)
            for relation in golden
        ]
        for name, text in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        return done

    def tables(self, schema: str | None = None, *, count: bool = False) -> list[RelationFacts]:
        """What relations there are, by name; of one schema, if given.

        Args:
            schema: Which schema.
            count: Whether the rows of views are counted, too, which takes as long as reading them.

        Raises:
            NotFoundError: There is no such schema.
        """
        relations = self._warehouse.relations()
        schemas = sorted({relation.schema for relation in relations})
        if schema is not None and schema not in schemas:
            near = nearest(schema, schemas) or "."
            raise NotFoundError(f"There is no schema `{schema}`{near} There are: {', '.join(schemas)}.")
        wanted = [relation for relation in relations if schema in {None, relation.schema}]
        sizes: dict[str, int] = {}
        with self._store.snapshot() as snapshot:
            for segment in snapshot.segments():
                sizes[segment.relation] = sizes.get(segment.relation, 0) + segment.size
        counted = [relation for relation in wanted if count or relation.kind != "view"]
        figures = self._counts(counted) if counted else {}
        found = []
        for relation in wanted:
            rows, fresh_us = figures.get(relation.full_name, (None, None))
            size = None if relation.kind == "view" else sizes.get(relation.full_name, 0)
            found.append(RelationFacts(relation, rows, size, fresh_us))
        return found

    def facts(self, relation: Relation, limits: QueryLimits | None = None) -> RelationFacts:
        """How much there is of one relation, counted if it is a view, too; the bytes of its files are not told.

        Raises:
            ExpensiveError: Counting took more than the limits allow.
        """
        rows, fresh_us = self._counts([relation], limits)[relation.full_name]
        return RelationFacts(relation, rows, None, fresh_us)

    def _counts(
        self, relations: list[Relation], limits: QueryLimits | None = None
    ) -> dict[str, tuple[int, int | None]]:
        """Rows and the latest commit of each, all in one query, so of one moment."""
        parts = []
        for relation in relations:
            latest = "max(known_at)" if relation.column("known_at") is not None else "NULL"
            parts.append(
                f"SELECT '{relation.full_name}' AS name, count(*) AS many, {latest}::TIMESTAMP AS latest "  # noqa: S608  our own names
                f'FROM "{relation.schema}"."{relation.name}"'
            )
        found = self._warehouse.run(parse(" UNION ALL ".join(parts)), limits)
        return {row["name"]: (row["many"], _micros(row["latest"])) for row in found.to_pylist()}


@contextmanager
def asking(directory: Path = HERE, workspace: str | None = None, *, role: str | Role | None = None) -> Iterator[Asker]:
    """Ask a project's warehouse for the block, beside a running server or without one. Nothing is begun or changed.

    Args:
        directory: The project, whose views can be asked like other relations.
        workspace: Which of its workspaces; None for the only one.
        role: A role, or the name of one in `privacy.yaml`; what it may not see is masked. None for all there is.

    Raises:
        ConfigurationError: The extra is not installed, or the project or one of its models cannot be read.
        NotFoundError: Nothing was processed yet.
        UsageError: There is no such role.
    """
    require_extra()
    readers = Readers(directory)
    readers.require(role)
    with opened(directory, workspace, start=False) as found:
        warehouse = readers.warehouse(warehouse_of(found), role, partial(past_warehouse, found))
        try:
            yield Asker(warehouse, found.context.store)
        finally:
            warehouse.close()


def _all_of(relation: Relation) -> exp.Select:
    return exp.select("*").from_(exp.table_(relation.name, db=relation.schema, quoted=True))


def _micros(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return int(moment.replace(tzinfo=UTC).timestamp()) * 1_000_000 + moment.microsecond
