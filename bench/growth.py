"""What an event costs as the number of people grows: the same work at each size, on the same store."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

from bench.ground import ground
from bench.report import Figure
from bench.stream import fill
from onefold import bootstrap
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.pipelines import stream
from onefold.pipelines.parts import Parts

SIZES = (10_000, 50_000, 200_000)
SIZES_FULL = (10_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
WARM_UP = 20_000
PROBE = 60_000


def run(full: bool) -> Iterator[Figure]:
    """Grow the store to each size (two nodes a person), then time events about people drawn from all of it.

    Some events go ahead untimed, for a server does not begin with empty caches either. Beside the time stands what does
    not depend on who else uses the machine: pages of the profile store written an event.
    """
    first_cost = first_pages = None
    with ground() as here:
        grown = 0
        for size in SIZES_FULL if full else SIZES:
            # One identifying event for each new person.
            fill(here.directory, _newcomers(grown, size))
            grown = size
            with bootstrap.opened(here.directory, None) as workspace:
                for _ in bootstrap.work_off(workspace):
                    pass
            fill(here.directory, _regulars(size))
            with bootstrap.opened(here.directory, None) as workspace:
                cost, pages = _probed(workspace.parts)
            first_cost, first_pages = first_cost or cost, first_pages or pages
            yield Figure(
                bench="growth", metric=f"event_us_at_{size}", value=cost, unit="µs/event",
                beside=f"at {SIZES[0]:,} people", beside_value=first_cost,
            )  # fmt: skip
            yield Figure(
                bench="growth", metric=f"pages_at_{size}", value=pages, unit="pages/event",
                beside=f"at {SIZES[0]:,} people", beside_value=first_pages,
            )  # fmt: skip


def _probed(parts: Parts) -> tuple[float, float]:
    """Microseconds and pages written an event, after the warm-up."""
    warm = 0
    while warm < WARM_UP:
        warm += stream.advance(parts).read
    store = parts.store
    assert isinstance(store, SqliteProfileStore)
    before = store.pages_written()
    started = time.perf_counter()
    done = stream.drain(parts)
    seconds = time.perf_counter() - started
    return seconds / done.read * 1e6, (store.pages_written() - before) / done.read


def _regulars(people: int) -> Iterator[bytes]:
    """Events of known people, each drawn afresh, so that every size has the same mix of known and new: all known."""
    draw = random.Random(people)
    for n in range(WARM_UP + PROBE):
        person = draw.randrange(people)
        yield (
            f'{{"type":"track","event":"Story Read","userId":"user-{person:08d}","anonymousId":"cookie-{person:08d}-0",'
            f'"messageId":"at-{people}-{n}","timestamp":"2026-02-01T00:00:00Z","properties":{{"story":"{n % 500}"}}}}'
        ).encode()


def _newcomers(start: int, end: int) -> Iterator[bytes]:
    for n in range(start, end):
        yield (
            f'{{"type":"identify","userId":"user-{n:08d}","anonymousId":"cookie-{n:08d}-0","messageId":"new-{n}",'
            f'"timestamp":"2026-01-01T00:00:00Z","traits":{{"plan":"guest"}}}}'
        ).encode()
