"""Scoring: what the latest run of an RFM definition leaves for rules, which score people one by one."""

from __future__ import annotations

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.progress import Scores, anew
from onefold.pipelines.context import Context
from onefold.ports.audiences import Settlement
from onefold.rfm import Definition
from onefold.rfm.fields import FIELD
from onefold.rfm.outcome import Run, written
from onefold.rules import Expr, parse
from onefold.rules.tree import Field, walk


def due(context: Context, now_us: int) -> list[Definition]:
    """The RFM definitions that it is time to run: every so often; one that is new, or changed since it ran, at once.

    None where nothing was processed yet.
    """
    if not context.rfm:
        return []
    with context.store.snapshot() as snapshot:
        if not snapshot.counts()["events"]:
            return []
        scores = states.decode(snapshot.evaluation().body).scores
    return [definition for definition in context.rfm if _is_due(definition, scores.get(definition.name), now_us)]


def _is_due(definition: Definition, latest: Scores | None, now_us: int) -> bool:
    if latest is None or latest.definition != definition.fingerprint:
        return True
    return definition.as_of_us is None and now_us >= latest.as_of_us + definition.every_us


def publish(context: Context, run: Run) -> bool:
    """Score people by the cut points of this run from now on; whether everybody is evaluated again for it.

    A run of an earlier moment than the one that holds, of the same definition, changes nothing, as it leaves everybody's
    scores in the warehouse.

    Raises:
        ConflictError: Somebody settled meanwhile. Nothing was changed.
    """
    with context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
        progress = states.decode(state.body)
        before = progress.scores.get(run.rfm)
        if before is not None and before.definition == run.definition and before.as_of_us > run.as_of_us:
            return False
        holding = states.holding(snapshot.definitions(), progress)
    exprs = [expr for definition in holding.values() if (expr := definition.expr()) is not None]
    exprs += [parse(rule) for _, rule in progress.stages]
    read = any(_reads(expr, run.rfm) for expr in exprs)
    scores = Scores(run.definition, run.as_of_us, written(run.cut_points))
    following = msgspec.structs.replace(
        progress,
        generation=progress.generation + read,
        scan=anew(progress.scan, progress.runs) if read else progress.scan,
        scores={**progress.scores, run.rfm: scores},
    )
    with context.store.transaction() as transaction:
        transaction.settle(Settlement(before=state.sequence, body=states.encode(following)))
    return read


def _reads(rule: Expr, name: str) -> bool:
    """Whether a rule reads scores of an RFM definition."""
    return any(isinstance(part, Field) and part.name.startswith(f"{FIELD}{name}.") for part in walk(rule))
