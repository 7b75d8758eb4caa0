"""Scoring: what the latest run of an RFM definition leaves for the rules of segments, which score people one by one."""

from __future__ import annotations

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.definition import Definition
from onefold.audiences.progress import Scan, Scores
from onefold.pipelines.context import Context
from onefold.ports.audiences import Settlement
from onefold.rfm.fields import FIELD
from onefold.rfm.outcome import Run, written
from onefold.rules.tree import Field, walk


def publish(context: Context, run: Run) -> bool:
    """Score people by the cut points of this run from now on; whether everybody is evaluated again for it.

    A run of an earlier moment than the one that holds changes nothing, as it leaves everybody's scores in the warehouse.

    Raises:
        ConflictError: Somebody settled meanwhile. Nothing was changed.
    """
    with context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
        progress = states.decode(state.body)
        before = progress.scores.get(run.rfm)
        if before is not None and before.as_of_us > run.as_of_us:
            return False
        holding = states.holding(snapshot.definitions(), progress)
    read = any(_reads(definition, run.rfm) for definition in holding.values())
    scores = Scores(run.definition, run.as_of_us, written(run.cut_points))
    following = msgspec.structs.replace(
        progress,
        generation=progress.generation + read,
        scan=Scan() if read else progress.scan,
        scores={**progress.scores, run.rfm: scores},
    )
    with context.store.transaction() as transaction:
        transaction.settle(Settlement(before=state.sequence, body=states.encode(following)))
    return read


def _reads(definition: Definition, name: str) -> bool:
    """Whether a segment's rule reads scores of an RFM definition."""
    expr = definition.expr()
    fields = [] if expr is None else [part.name for part in walk(expr) if isinstance(part, Field)]
    return any(field.startswith(f"{FIELD}{name}.") for field in fields)
