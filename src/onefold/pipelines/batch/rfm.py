"""Running RFM: a definition over the warehouse; scores are published as `golden.rfm`, the run is kept in `golden.rfm_run`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from onefold.model import Relation, results
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.profiles.profile import iso
from onefold.rfm.definition import Definition
from onefold.rfm.outcome import Run, outcome, read, row, segment_sizes
from onefold.rfm.query import whole
from onefold.rfm.relations import RFM, RFM_RUN
from onefold.rfm.scoring import CutPoint

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

LIMITS = QueryLimits(seconds=3_600, memory_mb=4_096, result_mb=4_096)


def run(warehouse: Warehouse, definition: Definition, *, as_of_us: int, now_us: int, keep: bool = True) -> Run:
    """Score everybody who acted within the lookback.

    Args:
        warehouse: Where the events are, and where the outcome goes.
        definition: What counts.
        as_of_us: The moment; events after it are left out.
        now_us: When this is.
        keep: Whether the outcome is kept. A run of an earlier moment than the latest is kept as history, and leaves
            everybody's scores as they are.

    Raises:
        ExpensiveError: It took more than a run may.
    """
    warehouse.fence()
    found, rows = outcome(definition, warehouse.run(whole(definition, as_of_us), LIMITS), as_of_us, now_us)
    if keep:
        _keep(warehouse, found, rows)
    return found


def runs(stored: Iterable[Mapping[str, Any]]) -> dict[str, list[Run]]:
    """Rows of `golden.rfm_run` as runs, by definition, the latest moment of each first."""
    found: dict[str, list[Run]] = {}
    for one in sorted(map(read, stored), key=lambda run: (run.rfm, -run.as_of_us)):
        found.setdefault(one.rfm, []).append(one)
    return found


def kept_runs(warehouse: Warehouse) -> dict[str, list[Run]]:
    """All runs that the warehouse has."""
    if RFM_RUN.full_name not in {relation.full_name for relation in warehouse.relations()}:
        return {}
    return runs(warehouse.run(exp.select("*").from_(exp.table_(RFM_RUN.name, db=RFM_RUN.schema))).to_pylist())


def result(found: Run) -> results.RfmRun:
    """A run as HTTP, the command line and Python give it."""
    cuts = found.cut_points
    return results.RfmRun(
        rfm=found.rfm,
        as_of=iso(found.as_of_us) or "",
        ran_at=iso(found.ran_at_us) or "",
        method=found.method,
        currency=found.currency,
        lookback_days=found.lookback_days,
        people=found.people,
        events=found.events,
        without_amount=found.without_amount,
        other_currency=found.other_currency,
        definition=found.definition,
        content=found.content,
        cut_points=results.RfmCutPoints(
            recency=_points(cuts.recency), frequency=_points(cuts.frequency), monetary=_points(cuts.monetary)
        ),
        segments=tuple(results.RfmSegment(name=name, people=many) for name, many in segment_sizes(found).items()),
        cells=tuple(
            results.RfmCell(r=r, f=f, m=m, segment=segment, people=people)
            for (r, f, m), (segment, people) in found.cells.items()
        ),
    )


def _points(cuts: Iterable[CutPoint]) -> tuple[results.RfmCutPoint, ...]:
    return tuple(results.RfmCutPoint(value=f"{Decimal(cut.value):f}", person=cut.person) for cut in cuts)


def _keep(warehouse: Warehouse, found: Run, rows: pa.Table) -> None:
    import pyarrow as pa  # noqa: PLC0415  only for who has the extra installed

    others = kept_runs(warehouse)
    latest = max((one.as_of_us for one in others.get(found.rfm, ())), default=found.as_of_us)
    # Scores first: killed in between, a run is done again, and nobody was told of scores that are not there.
    if found.as_of_us >= latest:
        if others.keys() <= {found.rfm}:
            warehouse.replace(RFM, rows)
        else:
            warehouse.merge(RFM, rows, gone=pa.table({"rfm": [found.rfm]}))
    warehouse.merge(RFM_RUN, _table(RFM_RUN, row(found)))


def _table(relation: Relation, values: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415  only for who has the extra installed

    return pa.table({column.name: [values[column.name]] for column in relation.columns})
