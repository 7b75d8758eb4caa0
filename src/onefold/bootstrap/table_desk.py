"""The table desk: where a server is asked what relations a workspace's warehouse has, and for their rows."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onefold.bootstrap.asking import Asker, RelationFacts
from onefold.bootstrap.lineage import lineage
from onefold.bootstrap.query_desk import QueryDesk
from onefold.bootstrap.readers import Readers
from onefold.errors import ConfigurationError, ExpensiveError, UnavailableError, UsageError
from onefold.model import PersonalClass, results
from onefold.ports.warehouse import Cancellation, QueryLimits
from onefold.profiles.profile import iso
from onefold.warehouse import browsing
from onefold.warehouse.browsing import Browse
from onefold.warehouse.masking import Role
from onefold.warehouse.models.lineage import Tree
from onefold.warehouse.personal import CLASSES

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

_COUNTING = QueryLimits(seconds=5.0, memory_mb=512, result_mb=16)
_BROWSING = QueryLimits(seconds=20.0, memory_mb=512, result_mb=64)
LINEAGE_MAX = 200
"""Columns that a lineage shows; the nearest come first."""


class TableDesk:
    """The relations of one workspace's warehouse. Safe for threads."""

    def __init__(self, desk: QueryDesk, readers: Readers, directory: Path) -> None:
        """Of a workspace whose warehouse is asked at `desk`, in the project of a folder."""
        self._desk = desk
        self._readers = readers
        self._directory = directory

    def tables(self) -> results.Tables:
        """All relations, by name; views are not counted.

        Raises:
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here.
        """
        return results.Tables(tables=tuple(_table(one) for one in self._desk.using(Asker.tables)))

    def table(self, name: str, role: str | Role | None, *, count: bool = True) -> results.TableDescription:
        """One relation with its columns, and how a role sees them; its rows are counted if `count`.

        Raises:
            NotFoundError: There is none of that name; the message has the nearest.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here.
            UsageError: There is no such role.
        """

        def look(asker: Asker) -> RelationFacts:
            relation = asker.relation(name)
            if not count:
                return RelationFacts(relation, None, None, None)
            try:
                return asker.facts(relation, _COUNTING)
            except ExpensiveError:
                return RelationFacts(relation, None, None, None)
            except UsageError:  # a model that is not built yet
                return RelationFacts(relation, None, None, None)

        facts = self._desk.using(look)
        seen = self._role(role)
        relation = facts.relation
        return results.TableDescription(
            name=relation.full_name,
            schema=relation.schema,
            kind=relation.kind,
            description=relation.description,
            key=relation.key,
            columns=tuple(
                results.TableColumn(
                    name=column.name,
                    type=column.type,
                    required=column.required,
                    personal=column.personal,
                    seen="show" if seen is None else seen.mask(column.personal),
                    description=column.description,
                )
                for column in relation.columns
            ),
            rows=facts.rows,
            fresh_at=iso(facts.fresh_us),
        )

    def rows(
        self, name: str, browse: Browse, *, limit: int, role: str | Role | None, cancellation: Cancellation
    ) -> pa.Table:
        """Rows of a relation, `limit` at most, as a role sees them.

        Raises:
            ExpensiveError: It took too long, and was ended.
            NotFoundError: There is no such relation.
            OverloadedError: Too many queries run.
            UnavailableError: There is no warehouse here, or the query was cancelled.
            UsageError: There is no such column, or no such role.
        """

        def read(asker: Asker) -> pa.Table:
            return asker.run(browsing.rows(asker.relation(name), browse), limit=limit, limits=_BROWSING)

        return self._desk.using(read, role, cancellation)

    def lineage(self, name: str, column: str) -> results.Lineage:
        """What a column comes from, and what comes from it, the nearest `LINEAGE_MAX` of them.

        Raises:
            UnavailableError: The project's files cannot be read.
            UsageError: There is no such column.
        """
        try:
            up, down = lineage(self._directory, f"{name}.{column}")
        except ConfigurationError as error:
            raise UnavailableError(str(error)) from None
        nodes: dict[str, results.LineageNode] = {}
        links: dict[tuple[str, str], results.LineageLink] = {}
        for tree, step in ((up, -1), (down, 1)):
            level = [tree]
            distance = 0
            while level and len(nodes) < LINEAGE_MAX:
                for one in level:
                    node = results.LineageNode(relation=one.relation, column=one.column, distance=distance)
                    nodes.setdefault(_full(one), node)
                    for below in one.beneath:
                        origin, target = (below, one) if step < 0 else (one, below)
                        link = results.LineageLink(origin=_full(origin), target=_full(target), use=below.use)
                        links.setdefault((link.origin, link.target), link)
                level = [below for one in level for below in one.beneath]
                distance += step
        kept = [link for link in links.values() if link.origin in nodes and link.target in nodes]
        return results.Lineage(column=_full(up), nodes=tuple(nodes.values()), links=tuple(kept))

    def _role(self, role: str | Role | None) -> Role | None:
        try:
            return self._readers.require(role)
        except ConfigurationError as error:
            raise UnavailableError(str(error)) from None


def _table(facts: RelationFacts) -> results.Table:
    relation = facts.relation
    held: set[PersonalClass] = {column.personal for column in relation.columns}
    return results.Table(
        name=relation.full_name,
        schema=relation.schema,
        kind=relation.kind,
        description=relation.description,
        columns=len(relation.columns),
        personal=tuple(one for one in CLASSES if one in held and one != "none"),
        rows=facts.rows,
        bytes=facts.bytes,
        fresh_at=iso(facts.fresh_us),
    )


def _full(tree: Tree) -> str:
    return f"{tree.relation}.{tree.column}"
