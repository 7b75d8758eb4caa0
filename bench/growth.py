"""What an event costs as the number of people grows, on the same store.

Three times: for events that each bring a new person, on the way from the size before; for events of a crowd of 10,000
people, another one for each batch; and for events of people drawn from all there are. The first two are the same work at
each size. The third is not: at 10,000 people a batch meets everybody more than once, and reads, folds and seals each of
them once; at half a million nearly every event is of another person.

Beside the last two stands what the same draws cost on bare tables of SQLite with as many rows (`tables`): what grows there
too is the price of SQLite's pages, read, logged and written back. `beyond_bare_us` is the difference.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from bench.tables import Tables
from onefold import bootstrap
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.pipelines.context import Context
from onefold.pipelines.stream import process
from onefold.pipelines.stream.process import BATCH_ENTRIES

SIZES = (10_000, 50_000, 200_000)
SIZES_FULL = (10_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
CROWD = 10_000
WARM_UP = 2
"""Batches."""
PROBE = 4


def run(full: bool) -> Iterator[Figure]:
    """Grow the store to each size (two nodes a person), then time events about people in it.

    Some events go ahead untimed, for a server does not begin with empty caches either. Beside the time stands what does
    not depend on who else uses the machine: pages of the profile store written an event.
    """
    first: dict[str, tuple[int, float]] = {}

    def figure(metric: str, size: int, value: float, unit: str) -> Figure:
        at, then = first.setdefault(metric, (size, value))
        return Figure(
            bench="growth",
            metric=f"{metric}_at_{size}",
            value=value,
            unit=unit,
            beside=f"at {at:,} people",
            beside_value=then,
        )

    with ground() as here, contextlib.closing(Tables(here.directory / "tables.db")) as tables:
        grown = 0
        for size in SIZES_FULL if full else SIZES:
            # One identifying event for each new person.
            fill(here.directory, _newcomers(grown, size))
            with bootstrap.opened(here.directory, None) as workspace:
                cost, pages = _timed(workspace.context)
            if grown:  # before that it is less than a batch, and nothing of it is done beside anything
                yield figure("newcomer_event_us", size, cost, "µs/event")
                yield figure("newcomer_pages", size, pages, "pages/event")
            grown = size
            tables.grow(size)
            for prefix, draws in (("", _of_all), ("crowd_", _of_crowds)):
                fill(here.directory, _events(f"{prefix}{size}", draws(size)))
                os.sync()  # what growing the store left to be written back is not part of what an event costs
                _read_through(*here.directory.rglob("profiles.db"), here.directory / "tables.db")
                with bootstrap.opened(here.directory, None) as workspace:
                    cost, pages = _probed(workspace.context)
                bare = tables.event_us(draws(size), WARM_UP)
                yield Figure(
                    bench="growth", metric=f"{prefix}event_us_at_{size}", value=cost, unit="µs/event",
                    beside="bare SQLite", beside_value=bare,
                )  # fmt: skip
                yield figure(f"{prefix}beyond_bare_us", size, cost - bare, "µs/event")
                yield figure(f"{prefix}pages", size, pages, "pages/event")


def _read_through(*files: Path) -> None:
    """Bring files into the kernel's page cache, where a server's would be; some machines empty it after seconds."""
    for file in files:
        with file.open("rb") as content:
            while content.read(1 << 20):
                pass


def _probed(context: Context) -> tuple[float, float]:
    """Microseconds and pages written an event, after the warm-up."""
    warm = 0
    while warm < WARM_UP * BATCH_ENTRIES:
        warm += process.advance(context).read
    return _timed(context)


def _timed(context: Context) -> tuple[float, float]:
    """Microseconds and pages written an event, of all that waits in the log."""
    store = context.store
    assert isinstance(store, SqliteProfileStore)
    before = store.pages_written()
    started = time.perf_counter()
    done = process.drain(context)
    seconds = time.perf_counter() - started
    return seconds / done.read * 1e6, (store.pages_written() - before) / done.read


def _of_all(people: int) -> Iterator[list[int]]:
    """Batches of people, each drawn afresh from all."""
    draw = random.Random(people)
    for _ in range(WARM_UP + PROBE):
        yield [draw.randrange(people) for _ in range(BATCH_ENTRIES)]


def _of_crowds(people: int) -> Iterator[list[int]]:
    """Batches of people, each drawn from a crowd of its own."""
    draw = random.Random(people)
    for _ in range(WARM_UP + PROBE):
        yield draw.choices(draw.sample(range(people), CROWD), k=BATCH_ENTRIES)


def _events(name: str, batches: Iterable[list[int]]) -> Iterator[bytes]:
    """Events of known people."""
    for n, person in enumerate(itertools.chain.from_iterable(batches)):
        yield (
            f'{{"type":"track","event":"Story Read","userId":"user-{person:08d}","anonymousId":"cookie-{person:08d}-0",'
            f'"messageId":"{name}-{n}","timestamp":"2026-02-01T00:00:00Z","properties":{{"story":"{n % 500}"}}}}'
        ).encode()


def _newcomers(start: int, end: int) -> Iterator[bytes]:
    for n in range(start, end):
        yield (
            f'{{"type":"identify","userId":"user-{n:08d}","anonymousId":"cookie-{n:08d}-0","messageId":"new-{n}",'
            f'"timestamp":"2026-01-01T00:00:00Z","traits":{{"plan":"guest"}}}}'
        ).encode()
