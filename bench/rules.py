"""What fifty computed traits and fifty segments cost the stream, how long filling in a past takes, and what segments take."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice

from bench import audiences
from bench.ground import Ground, ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.ports.warehouse import QueryLimits
from onefold.synthetic.stream import items
from onefold.warehouse.query import parse

TARGET = "target"
_EVENTS = ("Page Viewed", "Story Read", "Stream Started", "Newsletter Opened", "Product Viewed", "Product Added")
_FORMS = (
    ("{{count: {0}}}", "count(*) FILTER (WHERE name = '{0}')"),
    ("{{count: {0}, within: 30d}}", "count(*) FILTER (WHERE name = '{0}' AND event_at >= {1} - INTERVAL 30 DAY)"),
    ("{{last: {0}}}", "max(event_at) FILTER (WHERE name = '{0}')"),
    ("{{sum: {0}.seconds}}", "sum((properties ->> '$.seconds')::DECIMAL(38, 12)) FILTER (WHERE name = '{0}')"),
    ("{{unique_count: {0}.section}}", "count(DISTINCT properties ->> '$.section') FILTER (WHERE name = '{0}')"),
    ("{{unique_count: {0}, per: day}}", "count(DISTINCT event_at::DATE) FILTER (WHERE name = '{0}')"),
    ("{{most_frequent: {0}.section}}", "mode(properties ->> '$.section') FILTER (WHERE name = '{0}')"),
    (
        "{{count: {0}, where: seconds > 60, within: 90d}}",
        "count(*) FILTER (WHERE name = '{0}' AND {2} > 60 AND event_at >= {1} - INTERVAL 90 DAY)",
    ),
)
_SECONDS = "(properties ->> '$.seconds')::DOUBLE"
_REVENUE = "((properties ->> '$.revenue')::DECIMAL(38, 12)) FILTER (WHERE name = 'Order Completed')"
_MONEY = (
    ("{sum: Order Completed.revenue}", f"sum{_REVENUE}"),
    ("{max: Order Completed.revenue}", f"max{_REVENUE}"),
)
_NOW = "TIMESTAMP '2026-11-26'"


def traits(many: int = 50) -> tuple[str, list[str]]:
    """So many traits, as the text of a file, and as expressions that somebody would write in SQL."""
    forms = [(yaml, sql) for yaml, sql in _MONEY]
    forms += [(yaml.format(name), sql.format(name, _NOW, _SECONDS)) for yaml, sql in _FORMS for name in _EVENTS]
    chosen = list(islice(forms, many))
    text = "traits:\n" + "".join(f"  t{number}: {yaml}\n" for number, (yaml, _) in enumerate(chosen))
    return text, [sql for _, sql in chosen]


_RULES = (
    "trait.t{0} >= {1}", "trait.t{0} < {1} and has_email", "count('{2}' within {1} days) >= 2",
    "exists('{2}' where seconds > {1}) and consent.email", "days_since(last_active) <= {1} and trait.t{0} > 0",
    "attr.plan = 'sustainer' and trait.t{0} is not null",
)  # fmt: skip


def segments(many: int = 50) -> str:
    """So many segments that read the traits, fields of people, and events, as the text of a file."""
    rules = (
        _RULES[n % len(_RULES)].format(n if n < 2 else 2 + n % 12, 1 + n % 29, _EVENTS[n % len(_EVENTS)])
        for n in range(many)
    )
    return "segments:\n" + "".join(f"  s{number}: {rule}\n" for number, rule in enumerate(rules))


def run(full: bool) -> Iterator[Figure]:
    """The stream with and without fifty traits and segments, in one run; the past of fifty traits; segments."""
    events, people = (500_000, 100_000) if full else (60_000, 12_000)
    found = []
    for many in (0, 50):
        with ground() as here:
            _state(here, many)
            if many:
                audiences.apply(here, segments(many))
            fill(here.directory, items(1, events, people))
            found.append(_process(here))
    (rate_without, cpu_without, _), (rate, cpu, evaluated) = found
    yield Figure(
        bench="rules", metric="stream_events_per_s", value=rate, unit="events/s", beside="without traits and segments",
        beside_value=rate_without,
    )  # fmt: skip
    yield Figure(
        bench="rules", metric="stream_cpu_us_per_event", value=cpu * 1e6, unit="µs/event",
        beside="without traits and segments", beside_value=cpu_without * 1e6,
    )  # fmt: skip
    yield Figure(
        bench="rules", metric="evaluated_people_per_s", value=evaluated, unit="people/s", beside="50 segments of",
        beside_value=float(people),
    )  # fmt: skip
    yield from _backfill(*((5_000_000, 200_000) if full else (100_000, 4_000)))
    yield from audiences.run(full)


def _process(here: Ground) -> tuple[float, float, float]:
    """Events a second of one process that drains the log, its processor seconds an event, and people evaluated a second."""
    program = (
        "import sys, time; from pathlib import Path; from onefold import bootstrap\n"
        "from onefold.pipelines.audiences.evaluator import Evaluator\n"
        "with bootstrap.opened(Path(sys.argv[1]), None) as w:\n"
        "    t, c = time.perf_counter(), time.process_time(); n = sum(bootstrap.work_off(w))\n"
        "    print(n / (time.perf_counter() - t), (time.process_time() - c) / n)\n"
        "    t = time.perf_counter(); done = Evaluator(w.context).drain().people\n"
        "    print(done / (time.perf_counter() - t))"
    )
    command = [sys.executable, "-c", program, str(here.directory)]
    printed = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    return float(printed[0]), float(printed[1]), float(printed[2])


def _state(here: Ground, many: int) -> None:
    if many:
        (here.directory / "traits").mkdir()
        (here.directory / "traits" / "all.yaml").write_text(traits(many)[0])


def _backfill(events: int, people: int) -> Iterator[Figure]:
    with ground() as here:
        fill(here.directory, items(1, events, people))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            bootstrap.load_warehouse(workspace, profiles=False)
        _state(here, 50)
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)  # from here on the stream keeps them
            began = time.perf_counter()
            done = bootstrap.backfill_traits(workspace)
            seconds = time.perf_counter() - began
            assert done.aggregates >= 50
            warehouse = bootstrap.warehouse_of(workspace)
            try:
                began = time.perf_counter()
                query = f"SELECT node, {', '.join(f'{sql} AS t{n}' for n, sql in enumerate(traits()[1]))} FROM staging.event"  # noqa: S608  our own text
                warehouse.run(
                    parse(f"{query} GROUP BY node"), QueryLimits(seconds=600.0, memory_mb=4096, result_mb=4096)
                )
                by_hand = time.perf_counter() - began
            finally:
                warehouse.close()
    yield Figure(
        bench="rules", metric="backfill_us_per_event", value=seconds / events * 1e6, unit="µs/event",
        beside="values by hand in DuckDB, nothing written", beside_value=by_hand / events * 1e6,
    )  # fmt: skip
    yield Figure(bench="rules", metric="backfill_s", value=seconds, unit="s", beside=TARGET, beside_value=10.0)
