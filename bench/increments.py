"""What a change costs on the way from staging to golden and on to a model, by how many people it is about; bytes an event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.bootstrap.warehousing import FOLDER
from onefold.synthetic.stream import items

SHARES = (100, 10, 1)
"""Per cent of the people who have a new event; 100 first, beside which the others stand."""
_MODEL = """\
SELECT person, count(*) AS orders, max(event_at) AS last_order_at, sum(TRY_CAST(properties ->> '$.revenue' AS DECIMAL(18, 2)))
    AS revenue
FROM golden.engagement_event WHERE name = 'Order Completed' GROUP BY person
"""
_STATED = "models:\n  orders:\n    materialized: incremental\n    key: [person]\n"
_ORDER = (
    '{"messageId":"%d-%d","userId":"increment-%d","type":"track","event":"Order Completed",'
    '"timestamp":"2026-06-0%dT12:00:00Z","properties":{"order_id":"%d-%d","revenue":%d.5,"currency":"USD"}}'
)


def run(full: bool) -> Iterator[Figure]:
    """Orders of all people, of a tenth and of a hundredth: profiles worked out, and a model built by increments."""
    people = 100_000 if full else 10_000
    with ground() as here:
        models = here.directory / "models"
        models.mkdir()
        (models / "orders.sql").write_text(_MODEL)
        (models / "models.yaml").write_text(_STATED)
        _receive(here.directory, 1, people)
        list(bootstrap.run_models(here.directory, None, ()))
        whole: dict[str, float] = {}
        for number, share in enumerate(SHARES, 2):
            _receive(here.directory, number, people * share // 100)
            for metric, seconds in (("golden", _golden(here.directory)), ("model", _model(here.directory))):
                in_proportion = whole.setdefault(metric, seconds) * share / 100
                yield Figure(
                    bench="warehouse", metric=f"{metric}_of_{share}_percent_s", value=seconds, unit="s",
                    beside=f"{share} % of what 100 % takes", beside_value=in_proportion,
                )  # fmt: skip
    yield from _sizes(300_000 if full else 60_000)


def _receive(directory: Path, number: int, people: int) -> None:
    """An order of each of so many people, received and processed."""
    fill(directory, ((_ORDER % (number, n, n, number, number, n, n % 90)).encode() for n in range(people)))
    with bootstrap.opened(directory, None) as workspace:
        bootstrap.catch_up(workspace)


def _golden(directory: Path) -> float:
    with bootstrap.opened(directory, None) as workspace:
        began = time.perf_counter()
        bootstrap.load_warehouse(workspace)
        return time.perf_counter() - began


def _model(directory: Path) -> float:
    return sum(run.seconds for run in bootstrap.run_models(directory, None, ()))


def _sizes(events: int) -> Iterator[Figure]:
    """What an event takes in each of the three places, all of it loaded."""
    with ground() as here:
        fill(here.directory, items(1, events, events // 5))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            bootstrap.load_warehouse(workspace)
            folder = workspace.directory
        for metric, names in (("log", "log.db*"), ("store", "profiles.db*"), ("warehouse", f"{FOLDER}/*")):
            size = sum(path.stat().st_size for path in folder.glob(names))
            yield Figure(bench="warehouse", metric=f"{metric}_bytes_per_event", value=size / events, unit="bytes")
