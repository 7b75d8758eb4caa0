"""Analysis: the warehouse as a reader sees it, with the project's views, and masked by the reader's role."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.errors import SqlglotError

from onefold.errors import UsageError
from onefold.model import PersonalClass, Relation
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.rules import Aggregate
from onefold.warehouse import traits as computing
from onefold.warehouse import views as stream
from onefold.warehouse.as_of import Moment, as_of, moment_us
from onefold.warehouse.classes import completed
from onefold.warehouse.masking import Role, analyst_views, classified, masked
from onefold.warehouse.models import graph, statement
from onefold.warehouse.models.binding import BoundModels, settle
from onefold.warehouse.models.expansion import expand
from onefold.warehouse.personal import Source
from onefold.warehouse.query import closure, tables
from onefold.warehouse.relations import PROFILE_CHANGE
from onefold.warehouse.views import ENGAGEMENT_EVENT

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa


Past = Callable[[datetime], AbstractContextManager[Warehouse]]
"""Opens the warehouse as it would be had nothing been received that happened after a moment, UTC."""


class ReaderWarehouse(Warehouse):
    """Another warehouse with the project's views written into each query, and what the role may not see left out.

    Its computed traits are a view, too, worked out as of the moment that a query asks about.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        models: BoundModels,
        classes: Mapping[Source, PersonalClass],
        moment: datetime,
        role: Role | None = None,
        past: Past | None = None,
        traits: Mapping[str, Aggregate] = MappingProxyType({}),
    ) -> None:
        self._warehouse = warehouse
        self._past = past
        self._role = role
        self.dialect = warehouse.dialect
        self.capabilities = warehouse.capabilities
        stored = {relation.full_name: relation for relation in warehouse.relations()}
        views = {name: models.relations[name] for name in models.views()}
        described = {name: models.relations.get(name, relation) for name, relation in stored.items()}
        self._classes = completed(described | views, classes)
        self._moment, self._traits = moment, traits
        computed = computing.relation(traits, self._classes)
        if computed is not None:
            views[computed.full_name] = computed
        analyst = analyst_views([*described.values(), *views.values()], self._classes)
        self._relations = described | views | {name: relation for name, (relation, _) in analyst.items()}
        trees = models.views() | {name: tree for name, (_, tree) in analyst.items()}
        self._views = {name: statement.as_of(tree, moment) for name, tree in trees.items()}
        self._reads = {name: graph.reads(tree) for name, tree in self._views.items()}
        if computed is not None:
            self._reads[computed.full_name] = frozenset({ENGAGEMENT_EVENT.full_name})
        self._unbuilt = frozenset(models.relations) - stored.keys() - views.keys()

    def relations(self) -> list[Relation]:
        """All relations with their columns, the project's views and the views for analysts among them.

        Views of models that are not built yet are left out.
        """
        return [
            classified(self._relations[name], self._classes)
            for name in sorted(self._relations)
            if not self._missing({name})
        ]

    def _missing(self, names: Collection[str]) -> set[str]:
        """Models that these relations read, directly or through views, and that are not built yet."""
        return (graph.reachable(self._reads, names) | set(names)) & self._unbuilt

    def run(self, query: exp.Query, limits: QueryLimits | None = None, moment: Moment | None = None) -> pa.Table:
        """The rows of a query, as the role sees them, as of a `moment` or now.

        Profiles by the time of events are worked out from the log again, which takes as long as a rebuild does.

        Raises:
            UsageError: As the port says; and a role's query could reach behind the mask; or a model that is read is not
                built yet; or something that is read has no past.
        """
        try:
            tree = self._written(query, moment)
            if moment is not None and moment.happened_by is not None and self._past and _reads_profiles(tree):
                with self._past(moment.happened_by) as then:
                    return then.run(tree, limits)
            # Last, so that what is masked is what is said of the relation that was named, and not of the logs below it.
            tree = tree if moment is None else as_of(tree, moment)
        except (SqlglotError, RecursionError):
            raise UsageError("The query cannot be read; it may be nested too deeply.") from None
        return self._warehouse.run(tree, limits)

    def _written(self, query: exp.Query, moment: Moment | None) -> exp.Query:
        tree = query.copy()
        settle(tree, self._relations.keys())
        if missing := self._missing(graph.reads(tree)):
            raise UsageError(
                f"{', '.join(sorted(missing))} is not built yet; `onefold run` builds the project's models."
            )
        if self._role is not None:
            tree = masked(tree, self._relations, self._classes, self._role)
        views = self._views
        read = graph.reads(tree)
        if self._traits and computing.NAME in graph.reachable(self._reads, read) | read:
            now_us = int(self._moment.timestamp()) * 1_000_000 + self._moment.microsecond
            views = {computing.NAME: computing.query(self._traits, moment_us(moment, now_us)), **views}
        return expand(tree, views)

    def fence(self) -> bool:
        """Refuse to write once something is erased after this; see the port."""
        return self._warehouse.fence()

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


def _reads_profiles(tree: exp.Query) -> bool:
    """Whether a query reads profiles, directly or through views of the stream."""
    named = {f"{table.db}.{table.name}".lower() for table in tables(tree)} & stream.RELATIONS.keys()
    return PROFILE_CHANGE.full_name in closure(named, stream.queries(), stream.RELATIONS)
