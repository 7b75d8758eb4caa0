"""What an event costs as the number of people grows, on the same store.

Twice: for events of people drawn from all there are, and for events of a crowd of 10,000 people, another one for each
batch. The second is the same work at each size. The first is not: at 10,000 people a batch meets everybody more than
once, and reads, folds and seals each of them once; at half a million nearly every event is of another person.
"""

from __future__ import annotations

import os
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
from onefold.pipelines.stream import BATCH_ENTRIES

SIZES = (10_000, 50_000, 200_000)
SIZES_FULL = (10_000, 100_000, 500_000, 1_000_000, 2_000_000, 5_000_000)
CROWD = 10_000
WARM_UP = 2 * BATCH_ENTRIES
PROBE = 4 * BATCH_ENTRIES


def run(full: bool) -> Iterator[Figure]:
    """Grow the store to each size (two nodes a person), then time events about people in it.

    Some events go ahead untimed, for a server does not begin with empty caches either. Beside the time stands what does
    not depend on who else uses the machine: pages of the profile store written an event.
    """
    first: dict[str, float] = {}
    with ground() as here:
        grown = 0
        for size in SIZES_FULL if full else SIZES:
            # One identifying event for each new person.
            fill(here.directory, _newcomers(grown, size))
            grown = size
            with bootstrap.opened(here.directory, None) as workspace:
                for _ in bootstrap.work_off(workspace):
                    pass
            for prefix, events in (("", _of_all(size)), ("crowd_", _of_crowds(size))):
                fill(here.directory, events)
                os.sync()  # what growing the store left to be written back is not part of what an event costs
                with bootstrap.opened(here.directory, None) as workspace:
                    cost, pages = _probed(workspace.parts)
                for metric, value, unit in (("event_us", cost, "µs/event"), ("pages", pages, "pages/event")):
                    yield Figure(
                        bench="growth", metric=f"{prefix}{metric}_at_{size}", value=value, unit=unit,
                        beside=f"at {SIZES[0]:,} people", beside_value=first.setdefault(prefix + metric, value),
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


def _of_all(people: int) -> Iterator[bytes]:
    """Events of known people, each drawn afresh from all."""
    draw = random.Random(people)
    return (_event(f"all-{people}", n, draw.randrange(people)) for n in range(WARM_UP + PROBE))


def _of_crowds(people: int) -> Iterator[bytes]:
    """Events of known people, each batch's drawn from a crowd of its own."""
    draw = random.Random(people)
    crowd: list[int] = []
    for n in range(WARM_UP + PROBE):
        if n % BATCH_ENTRIES == 0:
            crowd = draw.sample(range(people), CROWD)
        yield _event(f"crowd-{people}", n, draw.choice(crowd))


def _event(name: str, n: int, person: int) -> bytes:
    return (
        f'{{"type":"track","event":"Story Read","userId":"user-{person:08d}","anonymousId":"cookie-{person:08d}-0",'
        f'"messageId":"{name}-{n}","timestamp":"2026-02-01T00:00:00Z","properties":{{"story":"{n % 500}"}}}}'
    ).encode()


def _newcomers(start: int, end: int) -> Iterator[bytes]:
    for n in range(start, end):
        yield (
            f'{{"type":"identify","userId":"user-{n:08d}","anonymousId":"cookie-{n:08d}-0","messageId":"new-{n}",'
            f'"timestamp":"2026-01-01T00:00:00Z","traits":{{"plan":"guest"}}}}'
        ).encode()
