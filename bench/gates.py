"""`gates`: ten checks over a million rows, beside pandera's own rules over the same rows in Polars.

The rows are in the embedded warehouse of a project, sealed; what is measured is all that a run of checks does there.
`pandera[polars]` is no dependency: where it is not installed there is no figure beside, and a line on standard error says so.
With ONEFOLD_GX_PYTHON (see `make test-engines`) Great Expectations runs what of the checks it can say over the same rows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import duckdb
import polars as pl

from bench.report import Figure
from onefold import bootstrap
from onefold.governance import checks
from onefold.governance.checks import Check, Tolerance
from onefold.governance.checks.definition import (
    Distribution,
    Freshness,
    Kind,
    NotNull,
    OneOf,
    Pattern,
    Range,
    Reference,
    RowCount,
    Rule,
    Unique,
)
from onefold.governance.checks.expectations import suite
from onefold.model import Column, Relation
from onefold.pipelines.batch.checks import LIMITS
from onefold.rules import parse

ROWS = 1_000_000
TARGET_S = 1.5
AT_US = 1_790_000_000_000_000
EVENT = Relation(
    "marts",
    "event",
    (
        Column("id", "bigint"),
        Column("person", "text"),
        Column("amount", "decimal"),
        Column("plan", "text"),
        Column("event_at", "timestamp"),
        Column("email", "text"),
    ),
)
PERSON = Relation("marts", "person", (Column("person", "text"),))
_MAKE = """
CREATE TABLE event AS SELECT i AS id, 'p' || (i % 200000) AS person,
    CASE WHEN i % 97 = 0 THEN NULL ELSE (i % 1000)::DECIMAL(38, 9) / 10 END::DECIMAL(38, 9) AS amount,
    CASE i % 3 WHEN 0 THEN 'pro' WHEN 1 THEN 'free' ELSE 'team' END AS plan,
    TIMESTAMP '2026-09-01' + to_seconds(i) AS event_at, (i % 50000) || '@example.org' AS email FROM range({rows}) r(i);
CREATE TABLE person AS SELECT 'p' || i AS person FROM range(200000) r(i);
"""


def _checks() -> list[Check]:
    kinds: list[tuple[str, Kind, Tolerance]] = [
        ("amount_there", NotNull(("amount",)), Tolerance(share=Decimal("0.02"))),
        ("id_once", Unique(("id",)), Tolerance()),
        ("amount_range", Range("amount", "0", "99.5"), Tolerance(share=Decimal("0.01"))),
        ("plan_known", OneOf("plan", ("pro", "free", "team")), Tolerance()),
        ("email_form", Pattern("email", "^[0-9]+@example[.]org$"), Tolerance()),
        ("person_known", Reference(("person",), "marts.person", ("person",)), Tolerance()),
        ("fresh", Freshness("event_at", 86_400_000_000 * 30), Tolerance()),
        ("steady", RowCount(1, None, Decimal("0.2")), Tolerance()),
        ("mean", Distribution("amount", "mean", low=Decimal(40), high=Decimal(60)), Tolerance()),
        ("free_or_paid", Rule("amount >= 0 or plan = 'free'", parse("amount >= 0 or plan = 'free'")), Tolerance()),
    ]
    return [
        Check(relation="marts.event", name=name, kind=kind, tolerance=tolerance, key=("id",))
        for name, kind, tolerance in kinds
    ]


def run(full: bool) -> Iterator[Figure]:
    """Measure; with `full` over ten million rows as well."""
    for rows in (ROWS, 10 * ROWS) if full else (ROWS,):
        yield from _measure(rows, "million" if rows == ROWS else "ten_million")


def _measure(rows: int, word: str) -> Iterator[Figure]:
    with duckdb.connect() as connection:
        connection.execute(_MAKE.format(rows=rows))
        table = connection.sql("FROM event").to_arrow_table()
        people = connection.sql("FROM person").to_arrow_table()
    relations = {one.full_name: checks.columns(one) for one in (EVENT, PERSON)}
    with tempfile.TemporaryDirectory() as folder:
        bootstrap.init(Path(folder), "shop")
        with bootstrap.open_warehouse(Path(folder)) as warehouse:
            warehouse.append(EVENT, table)
            warehouse.append(PERSON, people)

            def ours() -> None:
                report = checks.run(
                    _checks(),
                    lambda tree: warehouse.run(tree, LIMITS),
                    run_id="bench",
                    at_us=AT_US,
                    relations=relations,
                )
                assert [r.check for r in report.results if r.status != "passed"] == [], "the checks hold of these rows"

            seconds = _seconds(ours)
    yield Figure(
        bench="gates", metric=f"{word}_rows_ten_checks_s", value=seconds, unit="s",
        beside=f"target {TARGET_S}" if word == "million" else "", beside_value=TARGET_S if word == "million" else None,
    )  # fmt: skip
    frame, known = pl.from_arrow(table), pl.from_arrow(people)
    frame = frame.with_columns(pl.col("amount").cast(pl.Float64)) if isinstance(frame, pl.DataFrame) else frame
    assert isinstance(frame, pl.DataFrame)
    assert isinstance(known, pl.DataFrame)
    if find_spec("pandera") is None:
        print("pandera is not installed, so nothing stands beside: pip install 'pandera[polars]'", file=sys.stderr)
    else:
        yield Figure(
            bench="gates", metric=f"{word}_rows_beside_pandera_s", value=seconds, unit="s",
            beside="pandera[polars], nine of them", beside_value=_seconds(_pandera(frame, known)),
        )  # fmt: skip
    python = os.environ.get("ONEFOLD_GX_PYTHON")
    if python is not None and word == "million":
        document, left_out = suite("event", _checks())
        took = _great_expectations(python, document, frame)
        yield Figure(
            bench="gates", metric="million_rows_beside_great_expectations_s", value=seconds, unit="s",
            beside=f"Great Expectations on pandas, {10 - len(left_out)} of them", beside_value=took,
        )  # fmt: skip


def _pandera(frame: pl.DataFrame, people: pl.DataFrame) -> Callable[[], None]:
    """The checks that pandera can say, all of them before it raises; a reference is a set of values to it."""
    import pandera.polars as pa_  # noqa: PLC0415  only where it is installed

    known = people["person"].to_list()
    schema = pa_.DataFrameSchema(
        {
            "id": pa_.Column(int, unique=True),
            "person": pa_.Column(str, pa_.Check.isin(known)),
            "plan": pa_.Column(str, pa_.Check.isin(["pro", "free", "team"])),
            "email": pa_.Column(str, pa_.Check.str_matches("^[0-9]+@example[.]org$")),
            "event_at": pa_.Column(pl.Datetime("us")),
            "amount": pa_.Column(float, pa_.Check.in_range(0, 99.9), nullable=True),
        },
        checks=[
            pa_.Check(lambda data: data.lazyframe.select((pl.col("amount") >= 0) | (pl.col("plan") == "free"))),
            pa_.Check(lambda data: data.lazyframe.select(pl.col("amount").mean().is_between(40, 60))),
            pa_.Check(lambda data: data.lazyframe.select(pl.col("amount").is_null().mean() <= 0.02)),
        ],
    )

    def validate() -> None:
        schema.validate(frame, lazy=True)

    return validate


def _great_expectations(python: str, document: dict[str, object], frame: pl.DataFrame) -> float:
    """Seconds that the library itself says it takes, reading and start left out."""
    with tempfile.TemporaryDirectory() as folder:
        suite_file, rows_file = Path(folder, "suite.json"), Path(folder, "rows.csv")
        suite_file.write_text(json.dumps(document), encoding="utf-8")
        frame.write_csv(rows_file)
        script = """
import json, sys, time, great_expectations as gx, pandas as pd
frame = pd.read_csv(sys.argv[2])
context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("s").add_dataframe_asset("a")
batch = asset.add_batch_definition_whole_dataframe("b").get_batch({"dataframe": frame})
document = json.load(open(sys.argv[1]))
suite = gx.ExpectationSuite(name="s", expectations=document["expectations"])
began = time.perf_counter()
batch.validate(suite)
print(time.perf_counter() - began)
"""
        done = subprocess.run(
            [python, "-c", script, str(suite_file), str(rows_file)], capture_output=True, text=True, check=True,
            env={**os.environ, "GX_ANALYTICS_ENABLED": "false"},
        )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def _seconds(work: Callable[[], None]) -> float:
    """The median of five, after one that warms up."""
    took = []
    for _ in range(6):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return median(took[1:])
