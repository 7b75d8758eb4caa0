"""Computed traits of a project: their values for everybody from the warehouse, and filling in what is new."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from onefold.bootstrap.warehousing import require_extra, warehouse_of
from onefold.bootstrap.workspace import HERE, Workspace, opened
from onefold.errors import NotFoundError, nearest
from onefold.model import results
from onefold.pipelines.batch import traits as batch
from onefold.pipelines.reading import traits as reading
from onefold.profiles.computed.trait import Trait
from onefold.warehouse.as_of import Moment, moment_us

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

    from onefold.adapters.duckdb.warehouse import DuckDbWarehouse


class TraitDesk:
    """Works out traits of one workspace from its warehouse."""

    def __init__(self, workspace: Workspace, warehouse: DuckDbWarehouse) -> None:
        """Over an open workspace and its warehouse, which whoever opened them closes."""
        self._workspace = workspace
        self._warehouse = warehouse

    def definitions(self) -> list[results.TraitDefinition]:
        """The traits as they are configured."""
        return reading.traits(self._workspace.context)

    def values(self, names: Sequence[str] = (), *, moment: Moment | None = None) -> pa.Table:
        """A row a person: id, and a column a trait; of these traits, or of all.

        Args:
            names: Which traits.
            moment: As of when; None for now.

        Raises:
            NotFoundError: There is no such trait.
        """
        import pyarrow as pa  # noqa: PLC0415  only where the extra is

        traits = self._named(names)
        _, worked = self._worked(traits, moment)
        found = worked.values
        ids = [batch.profile_id(person) for person in found]
        columns = {trait.name: batch.column(trait, found.values()) for trait in traits}
        return pa.table({"id": pa.array(ids, pa.string())} | columns)

    def preview(self, name: str, *, moment: Moment | None = None) -> results.TraitPreview:
        """How the values of a trait are distributed.

        Raises:
            NotFoundError: There is no such trait.
        """
        (trait,) = self._named([name])
        as_of_us, worked = self._worked([trait], moment)
        return batch.preview(trait, worked, as_of_us)

    def _worked(self, traits: Sequence[Trait], moment: Moment | None) -> tuple[int, batch.Worked]:
        context = self._workspace.context
        as_of_us = moment_us(moment, context.clock_us())
        return as_of_us, batch.values_of(self._warehouse, traits, context.profiles, as_of_us, moment)

    def _named(self, names: Sequence[str]) -> list[Trait]:
        known = {trait.name: trait for trait in self._workspace.context.profiles.traits}
        for name in names:
            if name not in known:
                near = nearest(name, known) or "; `onefold traits` lists them."
                raise NotFoundError(f"There is no trait `{name}`{near}")
        return [known[name] for name in names or known]


@contextmanager
def trait_desk(directory: Path = HERE, workspace: str | None = None) -> Iterator[TraitDesk]:
    """A project's traits for the block, beside a running server or without one. Nothing is begun or changed.

    Raises:
        ConfigurationError: The extra is not installed.
        NotFoundError: Nothing was processed yet.
    """
    require_extra()
    with opened(directory, workspace, start=False) as found:
        warehouse = warehouse_of(found)
        try:
            yield TraitDesk(found, warehouse)
        finally:
            warehouse.close()
