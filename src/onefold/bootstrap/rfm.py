"""RFM of a project: definitions run over a workspace's warehouse, and the runs that were kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlglot import exp

from onefold import config
from onefold.bootstrap.asking import Asker
from onefold.bootstrap.warehousing import load_warehouse, require_extra, segment_files, warehouse_of
from onefold.bootstrap.workspace import Workspace, catch_up
from onefold.bootstrap.workspace import opened as opened_workspace
from onefold.charts import GridCell
from onefold.errors import NotFoundError, UsageError, nearest
from onefold.model import results
from onefold.pipelines.audiences.service import Audiences
from onefold.pipelines.batch import rfm
from onefold.ports.warehouse import Warehouse
from onefold.rfm import Definition
from onefold.rfm.outcome import Run
from onefold.rfm.relations import RFM_RUN
from onefold.rfm.segments import SCORES, mean
from onefold.warehouse.query import parse

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

    from onefold.adapters.duckdb.warehouse import DuckDbWarehouse


def rfm_definitions(directory: Path, names: Sequence[str] = ()) -> list[Definition]:
    """The RFM definitions of a project, those of these names or all.

    Raises:
        ConfigurationError: The project cannot be read.
        UsageError: There is none of a name.
    """
    known = {definition.name: definition for definition in config.read_project(directory).rfm}
    for name in names:
        if name not in known:
            there = f"There are: {', '.join(known)}." if known else "The project has none; they stand in rfm/*.yaml."
            raise UsageError(f"There is no RFM definition `{name}`{nearest(name, known) or '.'} {there}")
    return [known[name] for name in dict.fromkeys(names or known)]


def run_rfm(
    directory: Path,
    workspace: str | None,
    names: Sequence[str] = (),
    *,
    as_of_us: int | None = None,
    keep: bool = True,
) -> Iterator[results.RfmRun]:
    """Run RFM definitions; yields each run as soon as it is done.

    Args:
        directory: The project.
        workspace: Which of its workspaces; None for the only one.
        names: Which definitions; all when empty.
        as_of_us: The moment; None for the one that a definition states, or now.
        keep: Whether outcomes are kept.

    Raises:
        ConfigurationError: The project cannot be read, or the extra is not installed.
        UsageError: There is no definition of a name.
    """
    definitions = rfm_definitions(directory, names)
    if not definitions:
        return
    require_extra()
    with opened_workspace(directory, workspace) as found, _loaded(found) as warehouse:
        for definition in definitions:
            run, read = run_definition(found, warehouse, definition, as_of_us=as_of_us, keep=keep)
            if read:
                catch_up(found)
            yield rfm.result(run)


def run_definition(
    workspace: Workspace,
    warehouse: Warehouse,
    definition: Definition,
    *,
    as_of_us: int | None = None,
    keep: bool = True,
) -> tuple[Run, bool]:
    """Run a definition over an open warehouse; and whether rules read its scores, so that everybody is evaluated again."""
    now_us = workspace.context.clock_us()
    moment = next(at for at in (as_of_us, definition.as_of_us, now_us) if at is not None)
    run = rfm.run(warehouse, definition, as_of_us=moment, now_us=now_us, keep=keep)
    return run, keep and Audiences(workspace.context).score(run)


@contextmanager
def _loaded(workspace: Workspace) -> Iterator[DuckDbWarehouse]:
    """The warehouse of a workspace with all that waits processed and loaded, for the block."""
    catch_up(workspace)
    load_warehouse(workspace)
    warehouse = warehouse_of(workspace)
    try:
        yield warehouse
    finally:
        warehouse.close()


def rfm_runs(directory: Path, workspace: str | None) -> Mapping[str, Sequence[results.RfmRun]]:
    """The runs that were kept, by definition, the latest moment of each first.

    Raises:
        NotFoundError: Nothing was processed yet.
    """
    with opened_workspace(directory, workspace, start=False) as found:
        return RfmRuns(found).runs()


def rfm_runs_of(directory: Path, workspace: str | None, name: str | None) -> Sequence[results.RfmRun]:
    """The runs of one definition, the latest moment first; without a name, of the only one that ran.

    Raises:
        NotFoundError: It never ran; the message has the nearest.
        UsageError: Several ran and none was named.
    """
    known = rfm_runs(directory, workspace)
    if name is None:
        if len(known) > 1:
            raise UsageError(f"Say which: {', '.join(known)}.")
        if not known:
            raise NotFoundError("No RFM definition ran yet; `onefold rfm run` runs them.")
        name = next(iter(known))
    if name not in known:
        raise NotFoundError(f"No RFM run of `{name}`{nearest(name, known) or '; `onefold rfm run` makes one.'}")
    return known[name]


def rfm_grid(run: results.RfmRun) -> list[GridCell]:
    """A run by recency and by the mean of frequency and money, all 25 squares; segments the largest first."""
    found: dict[tuple[int, int], dict[str, int]] = {(r, fm): {} for r in SCORES for fm in SCORES}
    for cell in run.cells:
        names = found[cell.r, mean(cell.f, cell.m)]
        names[cell.segment] = names.get(cell.segment, 0) + cell.people
    return [
        GridCell(r, fm, sum(names.values()), tuple(sorted(names, key=lambda name: (-names[name], name))))
        for (r, fm), names in found.items()
    ]


def rfm_people(asker: Asker, run: results.RfmRun, segment: str | None = None, *, limit: int | None = None) -> pa.Table:
    """People with their scores by the latest run of a definition, the most valuable first, under their ids of now.

    Args:
        asker: Asks the warehouse.
        run: A run of the definition.
        segment: Only of this segment.
        limit: Most people; None for all.

    Raises:
        NotFoundError: The run has no such segment; the message has the nearest.
    """
    known = [part.name for part in run.segments]
    if segment is not None and segment not in known:
        raise NotFoundError(
            f"Nobody is in a segment `{segment}`{nearest(segment, known) or '.'} There are: {', '.join(known)}."
        )
    # Who was merged since is found under the id of the person they are part of now.
    query = parse(
        "SELECT i.person, s.segment, s.r, s.f, s.m, s.recency_days, s.frequency, s.monetary, s.currency "
        "FROM golden.rfm AS s JOIN golden.identity AS i ON i.node = s.person "
        "ORDER BY s.monetary DESC, s.frequency DESC, s.recency_days, s.person"
    )
    chosen = [exp.EQ(this=exp.column("rfm", "s"), expression=exp.Literal.string(run.rfm))]
    if segment is not None:
        chosen.append(exp.EQ(this=exp.column("segment", "s"), expression=exp.Literal.string(segment)))
    assert isinstance(query, exp.Select)  # noqa: S101  our own text
    return asker.run(query.where(*chosen), limit=limit)


class RfmRuns:
    """Runs of a workspace, from the warehouse's own files, without a query; read again only when there are others."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._names: tuple[str, ...] = ()
        self._known: dict[str, list[results.RfmRun]] = {}

    def runs(self) -> dict[str, list[results.RfmRun]]:
        """By definition, the latest moment of each first; none where there is no warehouse."""
        context = self._workspace.context
        if context.feed is None:
            return {}
        with context.store.snapshot() as snapshot:
            segments = [s for s in snapshot.segments() if s.relation == RFM_RUN.full_name]
        names = tuple(segment.name for segment in segments)
        if names != self._names:
            files = segment_files(self._workspace)
            rows = [row for segment in segments for row in files.read(segment).to_pylist()]
            known = {name: [rfm.result(run) for run in runs] for name, runs in rfm.runs(rows).items()}
            self._names, self._known = names, known
        return self._known
