"""Building models: each in its order, whole or the keys that changed, and a record of how it went.

The record, `marts.model_run`, has a row a model: what the model was, how far the changes were taken in, and a fingerprint
of what was written. A model is built anew as a whole when its statement changed, or when something it reads that does not
tell its changes key by key is not what it was.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from sqlglot import exp

from onefold.errors import ConflictError, UsageError
from onefold.model import Column, Relation
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.warehouse.models import graph, increment, statement, types
from onefold.warehouse.models.binding import BoundModel, BoundModels
from onefold.warehouse.models.expansion import expand
from onefold.warehouse.models.increment import Increment, Tracked

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

How = Literal["checked", "built", "unchanged", "increment"]
"""A view was found to work; a table was built whole; it was built and is what it was; changed keys were built."""

_TRIES = 5
LIMITS = QueryLimits(seconds=3_600, memory_mb=4_096, result_mb=4_096)

RUNS = Relation(
    "marts",
    "model_run",
    (
        Column("model", "text", description="The model.", required=True),
        Column("definition", "text", description="Fingerprint of its statement and its columns.", required=True),
        Column("inputs", "json", description="Fingerprints of what it reads that does not tell its changes."),
        Column("watermark", "bigint", description="Up to which sequence changes are taken in; of increments only."),
        Column("content", "text", description="Fingerprint of what was written.", required=True),
        Column("how", "text", description="checked, built, unchanged or increment.", required=True),
        Column("rows", "bigint", description="Rows that were written.", required=True),
        Column("ran_at", "timestamp", description="The moment of the run.", required=True),
        Column("seconds", "double", description="How long it took.", required=True),
    ),
    "table",
    "The latest run of each model.",
    ("model",),
)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """How a model was built: a row of `marts.model_run`, and of an increment how many keys had changed."""

    model: str
    definition: str
    inputs: Mapping[str, str]
    watermark: int | None = None
    content: str
    how: How
    rows: int = 0
    ran_at: datetime
    seconds: float = 0.0
    keys: int | None = None


class Seed(msgspec.Struct, frozen=True):
    """A relation that the project's files hold.

    Attributes:
        content: Something that differs where the rows do.
        rows: Makes them.
    """

    relation: Relation
    content: str
    rows: Callable[[], pa.Table]


def run(
    warehouse: Warehouse,
    models: BoundModels,
    wanted: Iterable[str],
    *,
    tracked: Tracked,
    moment: datetime,
    seeds: Iterable[Seed] = (),
    whole: bool = False,
    starting: Callable[[str], None] = lambda _name: None,
) -> Iterator[Run]:
    """Build the models that selections mean, each after those it reads; yields each once it is written.

    Args:
        warehouse: Where they are built.
        models: All models of the project.
        wanted: Selections (`graph.select`); none for all.
        tracked: Columns whose changes can be seen.
        moment: What `as_of()` is, with its time zone.
        seeds: Relations to write before, each where it is not what it was.
        whole: Whether incremental models are built anew.
        starting: Called with each model's name before it is built.

    Raises:
        ModelError: An incremental model cannot be built by increments.
        ConflictError: People are erased all the time.
        UsageError: A selection means no model, or a statement cannot be run.
        ExpensiveError: A statement took more than a run allows.
    """
    chosen = models.select(list(wanted))
    plans = increment.plans(models, tracked)
    known = {relation for relation, _ in tracked} | plans.keys()
    seeds = list(seeds)
    warehouse.fence()
    for attempt in range(_TRIES):
        try:
            yield from _once(warehouse, chosen, models, plans, known, moment, seeds, whole=whole, starting=starting)
        except (ConflictError, UsageError):
            # When somebody was erased, what was built before is gone with them, and all of it is built anew.
            if warehouse.fence() or attempt == _TRIES - 1:
                raise
            continue
        return


def _once(
    warehouse: Warehouse,
    chosen: Sequence[BoundModel],
    models: BoundModels,
    plans: Mapping[str, Increment],
    known: set[str],
    moment: datetime,
    seeds: Sequence[Seed],
    *,
    whole: bool,
    starting: Callable[[str], None],
) -> Iterator[Run]:
    runs = _runs(warehouse)

    def record(made: Run) -> Run:
        runs[made.model] = made
        warehouse.merge(RUNS, _table_of(made))
        return made

    for seed in seeds:
        if (sown := _sow(warehouse, seed, runs.get(seed.relation.full_name), moment)) is not None:
            yield record(sown)
    for bound in chosen:
        starting(bound.name)
        began = time.monotonic()
        builder = _Builder(warehouse, bound, expand(bound.tree, models.views()), moment, known, runs)
        made = builder.build(None if whole else runs.get(bound.name), plans.get(bound.name))
        yield record(msgspec.structs.replace(made, seconds=time.monotonic() - began))


def _sow(warehouse: Warehouse, seed: Seed, before: Run | None, moment: datetime) -> Run | None:
    """Write a seed that is not what it was."""
    content = hashlib.sha256(f"{seed.relation}\n{seed.content}".encode()).hexdigest()
    if before is not None and before.content == content:
        return None
    began, rows = time.monotonic(), seed.rows()
    warehouse.replace(seed.relation, rows)
    return Run(
        model=seed.relation.full_name,
        definition=content,
        inputs={},
        content=content,
        how="built",
        rows=rows.num_rows,
        ran_at=moment,
        seconds=time.monotonic() - began,
    )


class _Builder:
    """Builds one model."""

    def __init__(
        self,
        warehouse: Warehouse,
        bound: BoundModel,
        expanded: exp.Query,
        moment: datetime,
        known: set[str],
        runs: Mapping[str, Run],
    ) -> None:
        self._warehouse = warehouse
        self._relation = bound.relation
        self._tree = statement.as_of(expanded, moment)
        self._reads = graph.reads(expanded)
        self._runs = runs
        self._begun = Run(
            model=bound.name,
            definition=_definition(bound, expanded),
            # Of what tells its changes key by key, the changes are followed; of all else, whether it is what it was.
            inputs={read: runs[read].content for read in sorted(self._reads - known) if read in runs},
            content="",
            how="checked",
            ran_at=moment,
        )

    def build(self, before: Run | None, plan: Increment | None) -> Run:
        """Build it, given how it was built last."""
        begun = self._begun
        if self._relation.kind == "view":
            self._warehouse.run(_selected(self._tree, "*").limit(0), LIMITS)
            return msgspec.structs.replace(begun, content=begun.definition)
        same = before is not None and (before.definition, before.inputs) == (begun.definition, begun.inputs)
        if plan is not None and same and before is not None and before.watermark is not None:
            return self._increment(plan, before, before.watermark)
        return self._whole(before, plan)

    def _whole(self, before: Run | None, plan: Increment | None) -> Run:
        relation, begun = self._relation, self._begun
        watermark = None if plan is None else self._watermark(plan)
        # In an order of their own, so that equal rows have equal fingerprints.
        order = [exp.column(name, quoted=True) for name in relation.key or [c.name for c in relation.columns]]
        rows = self._warehouse.run(_typed(self._tree, relation.columns).order_by(*order), LIMITS)
        content = _fingerprint(rows)
        same = before is not None and (before.definition, before.content) == (begun.definition, content)
        if plan is not None or not same:
            self._warehouse.replace(relation, rows)
        return msgspec.structs.replace(
            begun,
            content=content,
            watermark=watermark,
            how="unchanged" if plan is None and same else "built",
            rows=rows.num_rows,
        )

    def _increment(self, plan: Increment, before: Run, after: int) -> Run:
        relation = self._relation
        # Read before the rows are: what is committed in between is taken in now and once more by the next run.
        watermark = self._watermark(plan)
        kind = next(column for column in relation.columns if column.name == plan.column)
        extra = (msgspec.structs.replace(kind, name=increment.KEY), Column(increment.PRESENT, "boolean"))
        query = increment.restricted(self._tree, plan, after)
        found = self._warehouse.run(_typed(query, (*extra, *relation.columns)), LIMITS)
        rows = found.filter(found[increment.PRESENT]).select([column.name for column in relation.columns])
        keys = found.select([increment.KEY]).rename_columns([plan.column]).group_by(plan.column).aggregate([])
        content = before.content
        if keys.num_rows:
            self._warehouse.merge(relation, rows, gone=keys)
            content = hashlib.sha256((content + _fingerprint(rows)).encode()).hexdigest()
        return msgspec.structs.replace(
            self._begun, content=content, watermark=watermark, how="increment", rows=rows.num_rows, keys=keys.num_rows
        )

    def _watermark(self, plan: Increment) -> int:
        """The last sequence of the changes; no further than the models that are read have taken them in."""
        changes = plan.changes
        schema, _, name = changes.relation.partition(".")
        latest = exp.alias_(exp.Max(this=exp.column(changes.sequence)), "latest")
        (row,) = self._warehouse.run(exp.select(latest).from_(exp.table_(name, db=schema))).to_pylist()
        upstream = (self._runs[read].watermark for read in self._reads if read in self._runs)
        return min([row["latest"] or 0, *(mark for mark in upstream if mark is not None)])


def _definition(bound: BoundModel, expanded: exp.Query) -> str:
    """A fingerprint of all that decides what a model is."""
    columns = [f"{column.name} {column.type} {column.personal}" for column in bound.relation.columns]
    parts = [expanded.sql(statement.DIALECT), bound.model.materialized, *bound.model.key, *columns]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _selected(tree: exp.Query, *columns: str | exp.Expr) -> exp.Select:
    """These columns of a statement, with its WITH clauses where every engine takes them: at the front."""
    bare = tree.copy()
    stated = bare.args.get("with_")
    bare.set("with_", None)
    made = exp.select(*columns).from_(bare.subquery("made"))
    made.set("with_", stated)
    return made


def _typed(tree: exp.Query, columns: Iterable[Column]) -> exp.Select:
    """A statement with these columns, each of exactly its type; JSON as the text it is."""
    cast = [
        exp.alias_(
            exp.cast(exp.column(c.name, quoted=True), "TEXT" if c.type == "json" else types.SQL[c.type]),
            c.name,
            quoted=True,
        )
        for c in columns
    ]
    return _selected(tree, *cast)


def _fingerprint(rows: pa.Table) -> str:
    digest = hashlib.sha256(str(rows.schema).encode())
    for batch in rows.combine_chunks().to_batches():
        digest.update(batch.serialize())
    return digest.hexdigest()


def _runs(warehouse: Warehouse) -> dict[str, Run]:
    if RUNS.full_name not in {relation.full_name for relation in warehouse.relations()}:
        return {}
    columns = [column.name for column in RUNS.columns]
    rows: list[dict[str, Any]] = warehouse.run(
        exp.select(*columns).from_(exp.table_(RUNS.name, db=RUNS.schema))
    ).to_pylist()
    return {
        row["model"]: Run(
            **row | {"inputs": msgspec.json.decode(row["inputs"]), "ran_at": row["ran_at"].replace(tzinfo=UTC)}
        )
        for row in rows
    }


def _table_of(run: Run) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415  only for who has the extra installed

    values = msgspec.structs.asdict(run) | {
        "inputs": msgspec.json.encode(run.inputs, order="sorted").decode(),
        "ran_at": run.ran_at.astimezone(UTC).replace(tzinfo=None),
    }
    return pa.table({column.name: [values[column.name]] for column in RUNS.columns})
