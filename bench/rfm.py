"""How soon two million people are scored by RFM."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import duckdb
from sqlglot import exp

from bench.ground import ground
from bench.report import Figure
from onefold import bootstrap
from onefold.model import Column, Relation
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.rfm import Definition, Method
from onefold.rfm.query import MEASURES, scored

PEOPLE = 2_000_000
ROUNDS = 3
LIMITS = QueryLimits(seconds=600, memory_mb=4_096, result_mb=2_048)
_VALUED = Relation(
    "marts",
    "valued",
    (Column("person", "uuid"), Column("recency_days", "integer"), Column("frequency", "bigint"),
     Column("monetary", "decimal")),
)  # fmt: skip
# Half of all bought once, amounts to the cent: as measured on the public purchase data.
_ROWS = f"""SELECT md5(range::VARCHAR)::UUID AS person, (hash(range) % 365)::INTEGER AS recency_days,
    greatest(1, hash(range + 7) % 20 * (hash(range + 3) % 2))::BIGINT AS frequency,
    ((hash(range + 1) % 200000) / 100)::DECIMAL(38, 9) AS monetary FROM range({PEOPLE})"""  # noqa: S608  our own number


def run(full: bool) -> Iterator[Figure]:
    """Scores of two million people, counted by combination, beside the same written by hand; with --full by `ntile`, too."""
    with duckdb.connect(":memory:") as connection:
        people = connection.sql(_ROWS).to_arrow_table()
    with ground() as here, bootstrap.opened(here.directory, None) as workspace:
        warehouse = bootstrap.warehouse_of(workspace)
        try:
            warehouse.append(_VALUED, people)
            yield _figure(warehouse, "quantiles", "two_million_people_s")
            if full:
                yield _figure(warehouse, "ntile", "two_million_people_ntile_s")
        finally:
            warehouse.close()


def _figure(warehouse: Warehouse, method: Method, metric: str) -> Figure:
    query = _over(scored(Definition(name="bench", events=("Order Completed",), method=method)))
    ours = _best(lambda: warehouse.run(query, LIMITS).num_rows)
    return Figure(
        bench="rfm", metric=metric, value=ours, unit="s", beside="hand-written DuckDB", beside_value=_by_hand(method)
    )


def _over(query: exp.Select) -> exp.Select:
    """People by combination of scores, of the people of `marts.valued`, which is read once."""
    stated = query.args.pop("with_", None)
    counted = exp.select("r", "f", "m", "count(*) AS people").from_(query.subquery("scored")).group_by("r", "f", "m")
    counted = counted.with_("valued", as_=exp.select("*").from_("marts.valued"))
    if stated is not None:
        counted.args["with_"].expressions.extend(stated.expressions)
    return counted


def _by_hand(method: Method) -> float:
    """The same of a table in memory, nothing sealed, no process of its own."""
    if method == "ntile":
        scores = ", ".join(f"ntile(5) OVER (ORDER BY {name}, person) AS {score}" for name, score in MEASURES.items())
        text = f"SELECT r, f, m, count(*) FROM (SELECT {scores} FROM valued) GROUP BY ALL"  # noqa: S608  our own names
    else:
        cuts = ", ".join(f"quantile_disc({name}, [0.2, 0.4, 0.6, 0.8]) AS {score}" for name, score in MEASURES.items())
        scores = ", ".join(
            "1 + " + " + ".join(f"({name} > c.{score}[{n}])::INT" for n in (1, 2, 3, 4)) + f" AS {score}"
            for name, score in MEASURES.items()
        )
        text = (
            f"WITH c AS (SELECT {cuts} FROM valued) "  # noqa: S608  our own names
            f"SELECT r, f, m, count(*) FROM (SELECT {scores} FROM valued, c) GROUP BY ALL"
        )
    with duckdb.connect(":memory:", config={"threads": 2}) as connection:
        connection.execute(f"CREATE TABLE valued AS {_ROWS}")
        return _best(lambda: len(connection.execute(text).fetchall()))


def _best(work: Callable[[], int]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        assert work() > 1
        times.append(time.perf_counter() - began)
    return min(times)
