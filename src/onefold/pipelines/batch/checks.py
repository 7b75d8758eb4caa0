"""Checks over the warehouse: run, kept as rows of `quality.check_result`, and what fails put in quarantine.

The rows that fail stand in `quality.quarantine`, by which models and people leave them out. Those that come from one log
entry become dead letters as well, with the reason `check_failed`: the same list, look and mending as for what gate 1 rejects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlglot import exp

from onefold.governance import checks as checks_
from onefold.governance.checks import Check, CheckResult, FailingRow, Report
from onefold.governance.checks.running import key_text
from onefold.model import Column, Relation
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance.dead_letters import CHECK_FAILED
from onefold.ports import Changes, DeadLetter
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.warehouse.upkeep import old

if TYPE_CHECKING:  # only for who has the extra installed
    import pyarrow as pa

LIMITS = QueryLimits(seconds=600, memory_mb=2_048)
POSITION = ("log_partition", "log_offset")
HISTORY_RUNS = 2
PAGE = 1_000

RESULT = Relation(
    "quality",
    "check_result",
    (
        Column("run_id", "text", description="The run.", required=True),
        Column("ran_at", "timestamp", description="When it began.", required=True),
        Column("relation", "text", description="What was checked.", required=True),
        Column("check_name", "text", description="The check.", required=True),
        Column("kind", "text", description="What it asks, in one word.", required=True),
        Column("gate", "integer", description="The gate it belongs to; null for one that stands alone."),
        Column("severity", "text", description="error or warn.", required=True),
        Column("owner", "text", description="Who answers for it.", required=True),
        Column("status", "text", description="passed, warned or failed.", required=True),
        Column("rows_checked", "bigint", description="Rows looked at.", required=True),
        Column("rows_failing", "bigint", description="Rows that fail; null for a check of the relation as a whole."),
        Column("observed", "double", description="The number held against bounds."),
        Column("expected", "text", description="What the check asks.", required=True),
        Column("detail", "text", description="What was found.", required=True),
        Column("sample", "json", "identifier", "Keys of some failing rows.", required=True),
        Column("bins", "json", "sensitive", "Shares of values, for the next run.", required=True),
    ),
    "table",
    "What each check found in each run.",
    ("run_id", "relation", "check_name"),
)
QUARANTINE = Relation(
    "quality",
    "quarantine",
    (
        Column("relation", "text", description="Where the row is.", required=True),
        Column("row_key", "text", "identifier", "Its key, parts separated by slashes.", required=True),
        Column("log_partition", "integer", description="Partition of its log entry, where its key tells."),
        Column("log_offset", "bigint", description="Offset of its log entry, where its key tells."),
        Column("checks", "json", description="Names of the checks it fails.", required=True),
        Column("run_id", "text", description="The run that found it.", required=True),
    ),
    "table",
    "Rows that fail checks of severity error, as the latest run of those checks found them.",
    ("relation", "row_key"),
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Outcome(msgspec.Struct, frozen=True):
    """What a run did.

    Attributes:
        report: What the checks found.
        missing: Relations of checks that Onefold ships and that are not there, with how many checks were left out.
        held: Log entries that became dead letters.
        released: Dead letters that were closed, because their rows fail nothing any more.
    """

    report: Report
    missing: Mapping[str, int]
    held: int = 0
    released: int = 0


def check(
    context: Context,
    warehouse: Warehouse,
    own: Sequence[Check],
    shipped: Iterable[Check],
    *,
    run_id: str,
    keep: bool = True,
) -> Outcome:
    """Run checks over a warehouse.

    Args:
        context: The workspace.
        warehouse: Its warehouse.
        own: The project's checks; a relation that is not there is an error.
        shipped: Those that Onefold ships; where the relation is not there they are left out, and counted.
        run_id: Names the run.
        keep: Whether results and failing rows are kept.

    Raises:
        ConfigurationError: A check of the project does not fit the relations.
        ConflictError: Somebody was erased meanwhile; run them again.
    """
    warehouse.fence()
    relations = {relation.full_name: checks_.columns(relation) for relation in warehouse.relations()}
    missing: dict[str, int] = {}
    wanted = list(own)
    for one in shipped:
        if one.relation in relations:
            wanted.append(one)
        else:
            missing[one.relation] = missing.get(one.relation, 0) + 1
    before = history(warehouse) if RESULT.full_name in relations else {}
    report = checks_.run(
        wanted, lambda tree: warehouse.run(tree, LIMITS), run_id=run_id, at_us=context.clock_us(), relations=relations,
        history=before,
    )  # fmt: skip
    if not keep or not report.results:
        return Outcome(report, missing)
    at = (_EPOCH + timedelta(microseconds=context.clock_us())).replace(tzinfo=None)
    warehouse.merge(RESULT, _table([_row(result) for result in report.results]), gone=old(warehouse, RESULT, at))
    _quarantine(warehouse, report, run_id, there=QUARANTINE.full_name in relations)
    held, released = _hold(context, report)
    return Outcome(report, missing, held, released)


def history(warehouse: Warehouse, runs: int = HISTORY_RUNS) -> dict[tuple[str, str], list[CheckResult]]:
    """The latest results of each check, the latest first."""
    place = exp.Window(
        this=exp.RowNumber(),
        partition_by=[exp.column("relation"), exp.column("check_name")],
        order=exp.Order(expressions=[exp.Ordered(this=exp.column("ran_at"), desc=True)]),
    )
    ranked = exp.select("*", exp.alias_(place, "place")).from_(_table_of(RESULT)).subquery("ranked")
    query = exp.select("*").from_(ranked).where(exp.LTE(this=exp.column("place"), expression=exp.Literal.number(runs)))
    return checks_.history([_result(row) for row in warehouse.run(query, LIMITS).to_pylist()])


def by_check(rows: Iterable[Mapping[str, Any]]) -> list[list[CheckResult]]:
    """Rows of `quality.check_result` as results, check by check, the latest of each first."""
    return list(checks_.history([_result(row) for row in rows]).values())


def _quarantine(warehouse: Warehouse, report: Report, run_id: str, *, there: bool) -> None:
    """Put what this run found in the place of what earlier ones found with the same checks."""
    rows = {(row["relation"], row["row_key"]): row for row in (_held_row(one, run_id) for one in report.failing)}
    if there:
        ran = {(result.relation, result.check) for result in report.results}
        query = exp.select(*(column.name for column in QUARANTINE.columns)).from_(_table_of(QUARANTINE))
        for before in warehouse.run(query, LIMITS).to_pylist():
            left = [name for name in msgspec.json.decode(before["checks"]) if (before["relation"], name) not in ran]
            if left:
                row = rows.setdefault((before["relation"], before["row_key"]), {**before, "checks": "[]"})
                row["checks"] = msgspec.json.encode([*msgspec.json.decode(row["checks"]), *left]).decode()
    if there or rows:
        warehouse.replace(QUARANTINE, _table(list(rows.values()), QUARANTINE))


def _hold(context: Context, report: Report) -> tuple[int, int]:
    """Open a dead letter for each log entry that fails, and close those that fail none of the checks they fell to."""
    failing: dict[tuple[int, int], list[str]] = {}
    for row in report.failing:
        position = _position(row)
        if position is not None:
            failing.setdefault(position, []).extend(f"{row.relation}: {name}" for name in row.checks)
    entries = {(s.partition, s.offset): s.entry for s in context.log.get(sorted(failing))}
    known = {(letter.partition, letter.offset): letter for letter in _letters(context)}
    letters = [
        DeadLetter(*at, entry.source, CHECK_FAILED, ", ".join(failing[at]), entry.received_at_us)
        for at, entry in entries.items()
        if at not in known
    ]
    # Of what was truncated, not all that fails is known.
    ran = {f"{one.relation}: {one.check}" for one in report.results if one.relation not in report.truncated}
    passed = [
        at
        for at, letter in known.items()
        if letter.status == "open" and at not in failing and set(letter.detail.split(", ")) <= ran
    ]
    if letters or passed:
        with context.store.transaction() as transaction:
            transaction.write(Changes(offsets={}, dead_letters=letters, replayed=passed))
    return len(letters), len(passed)


def _letters(context: Context) -> list[DeadLetter]:
    """All dead letters of checks, open or not."""
    found: list[DeadLetter] = []
    after = (0, 0)
    with context.store.snapshot() as snapshot:
        while page := snapshot.dead_letters(status=None, source=None, after=after, limit=PAGE):
            found += [letter for letter in page if letter.reason == CHECK_FAILED]
            after = (page[-1].partition, page[-1].offset)
    return found


def _position(row: FailingRow) -> tuple[int, int] | None:
    key = dict(row.key)
    return (key["log_partition"], key["log_offset"]) if key.keys() >= set(POSITION) else None


def _held_row(row: FailingRow, run_id: str) -> dict[str, Any]:
    partition, offset = _position(row) or (None, None)
    return {
        "relation": row.relation, "row_key": key_text(tuple(value for _, value in row.key)), "log_partition": partition,
        "log_offset": offset, "checks": msgspec.json.encode(row.checks).decode(), "run_id": run_id,
    }  # fmt: skip


def _row(result: CheckResult) -> dict[str, Any]:
    return {
        "run_id": result.run, "ran_at": (_EPOCH + timedelta(microseconds=result.at_us)).replace(tzinfo=None),
        "relation": result.relation, "check_name": result.check, "kind": result.kind, "gate": result.gate,
        "severity": result.severity, "owner": result.owner, "status": result.status, "rows_checked": result.rows,
        "rows_failing": result.failing, "observed": result.observed, "expected": result.expected, "detail": result.detail,
        "sample": msgspec.json.encode(result.sample).decode(), "bins": msgspec.json.encode(result.bins).decode(),
    }  # fmt: skip


def _result(row: Mapping[str, Any]) -> CheckResult:
    at = row["ran_at"].replace(tzinfo=UTC)
    return CheckResult(
        run=row["run_id"], at_us=(at - _EPOCH) // timedelta(microseconds=1), relation=row["relation"],
        check=row["check_name"], kind=row["kind"], gate=row["gate"], severity=row["severity"], owner=row["owner"],
        status=row["status"], rows=row["rows_checked"], failing=row["rows_failing"], observed=row["observed"],
        expected=row["expected"], detail=row["detail"], sample=tuple(msgspec.json.decode(row["sample"])),
        bins=msgspec.json.decode(row["bins"]),
    )  # fmt: skip


def _table(rows: list[dict[str, Any]], relation: Relation = RESULT) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415  only where there is a warehouse

    types = {
        "text": pa.string(), "json": pa.string(), "bigint": pa.int64(), "integer": pa.int32(), "double": pa.float64(),
        "timestamp": pa.timestamp("us"),
    }  # fmt: skip
    return pa.Table.from_pylist(
        rows, schema=pa.schema([(column.name, types[column.type]) for column in relation.columns])
    )


def _table_of(relation: Relation) -> exp.Table:
    return exp.table_(relation.name, db=relation.schema, quoted=True)
