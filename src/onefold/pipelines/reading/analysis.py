"""Analysis: the warehouse as a reader sees it, with the project's views, and masked by the reader's role."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlglot import exp

from onefold.errors import UsageError, nearest
from onefold.model import PersonalClass, Relation
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.warehouse.masking import Role, analyst_views, masked
from onefold.warehouse.models import graph, statement
from onefold.warehouse.models.binding import BoundModels, settle
from onefold.warehouse.models.expansion import expand
from onefold.warehouse.personal import Source

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


class ReaderWarehouse(Warehouse):
    """Another warehouse with the project's views written into each query, and what the role may not see left out.

    A role's query holds only what models may hold, so that no function can name a relation behind the mask.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        models: BoundModels,
        classes: Mapping[Source, PersonalClass],
        moment: datetime,
        role: Role | None = None,
    ) -> None:
        self._warehouse = warehouse
        self._classes = classes
        self._role = role
        self.dialect = warehouse.dialect
        self.capabilities = warehouse.capabilities
        stored = {relation.full_name: relation for relation in warehouse.relations()}
        views = {name: models.relations[name] for name in models.views()}
        described = {name: models.relations.get(name, relation) for name, relation in stored.items()}
        analyst = analyst_views([*described.values(), *views.values()], classes)
        self._relations = described | views | {name: relation for name, (relation, _) in analyst.items()}
        trees = models.views() | {name: tree for name, (_, tree) in analyst.items()}
        self._views = {name: statement.as_of(tree, moment) for name, tree in trees.items()}
        self._reads = {name: graph.reads(tree) for name, tree in self._views.items()}
        self._unbuilt = frozenset(models.relations) - stored.keys() - views.keys()

    def relations(self) -> list[Relation]:
        """All relations with their columns, the project's views and the views for analysts among them.

        Views of models that are not built yet are left out.
        """
        return [self._relations[name] for name in sorted(self._relations) if not self._missing({name})]

    def _missing(self, names: Collection[str]) -> set[str]:
        """Models that these relations read, directly or through views, and that are not built yet."""
        return (graph.reachable(self._reads, names) | set(names)) & self._unbuilt

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query, as the role sees them.

        Raises:
            UsageError: As the port says; and a role's query holds what models may not hold, or an unknown relation; or a
                model that is read is not built yet.
        """
        tree = query.copy()
        settle(tree, self._relations.keys())
        if missing := self._missing(graph.reads(tree)):
            raise UsageError(
                f"{', '.join(sorted(missing))} is not built yet; `onefold run` builds the project's models."
            )
        if self._role is not None:
            self._require_plain(tree)
            tree = masked(tree, self._relations, self._classes, self._role)
        return self._warehouse.run(expand(tree, self._views), limits)

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows; a role changes nothing."""
        self._writable(relation).append(relation, rows)

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all; a role changes nothing."""
        self._writable(relation).replace(relation, rows)

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with its key; a role changes nothing."""
        self._writable(relation).merge(relation, rows, gone=gone)

    def drop(self, relation: Relation) -> None:
        """Remove a relation; a role changes nothing."""
        self._writable(relation).drop(relation)

    def close(self) -> None:
        """Close the warehouse underneath."""
        self._warehouse.close()

    def _writable(self, relation: Relation) -> Warehouse:
        if self._role is not None or relation.full_name in self._views:
            raise UsageError(f"{relation.full_name} cannot be changed here.")
        return self._warehouse

    def _require_plain(self, tree: exp.Query) -> None:
        for node in tree.walk():
            if refusal := statement.refusal(node):
                raise UsageError(f"A query under a role {refusal}.")
        for name in sorted(graph.reads(tree)):
            if name not in self._relations:
                raise UsageError(f"There is no relation `{name}`{nearest(name, self._relations) or '.'}")
