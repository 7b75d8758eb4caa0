"""Deliveries as networks make them: every event one to five times, shuffled, up to 400 days late, across restarts.

The state is the one that each event delivered once and in order gives, to the last bit, and nothing is counted twice.
"""

import os
import random
import time
from itertools import islice

import pytest
from tests import workbench
from tests.faults import figures
from tests.faults.scale import RELEASE, scaled

from onefold.adapters.sqlite.log import SqliteEventLog
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.adapters.sqlite.transaction import SqliteTransaction
from onefold.governance.encryption import EntrySealer
from onefold.model import LogEntry
from onefold.pipelines.maintenance.rebuild import state_hash
from onefold.pipelines.stream import process, quarantine

pytestmark = [pytest.mark.xdist_group("deliveries"), pytest.mark.timeout(7200 if RELEASE else 280)]
SEALER = EntrySealer(workbench.KEYS, os.urandom)
DAY_US = 86_400_000_000
LATE_DAYS = 400
RESTARTS = 5
MEAN_COPIES = 3
_BODY = (
    b'{"type":"%s","event":"%s","userId":%s,"anonymousId":"c%d","messageId":"m%d","timestamp":"2025-%02d-%02dT%02d:%02d:%02dZ",'
    b'"properties":{"amount":%d,"page":"/p%d"},"traits":{"email":"%s","plan":"p%d"}}'
)


def body(n, people):
    """The n-th event: mostly tracks of a cookie, some with the user, now and then an identify that joins two."""
    draw = random.Random(n)
    who = draw.randrange(people)
    known = draw.random() < 0.3
    kind, name = (b"identify", b"") if known and draw.random() < 0.3 else (b"track", draw.choice((b"Read", b"Bought")))
    # A few use a neighbour's browser. Were it anybody's, all would be one component, and cost would grow with its size.
    whose = who if draw.random() < 0.98 else who - who % 10 + draw.randrange(10)
    cookie = whose * 3 + draw.randrange(3)
    email = b"u%d@mail.example" % who if kind == b"identify" else b""
    return _BODY % (
        kind, name, b'"u%d"' % who if known else b"null", cookie, n, 1 + draw.randrange(12), 1 + draw.randrange(28),
        draw.randrange(24), draw.randrange(60), draw.randrange(60), draw.randrange(500), draw.randrange(50), email,
        draw.randrange(4),
    )  # fmt: skip


def entry(n, people, late_us=0):
    return LogEntry("segment", "web", workbench.NOW_US + late_us, 0, body(n, people))


def deliveries(events, seed):
    """(event, how late) of every copy, shuffled. Each copy comes in its own time, up to 400 days after the first could."""
    draw = random.Random(seed)
    copies = [n for n in range(events) for _ in range(draw.randint(1, 2 * MEAN_COPIES - 1))]
    draw.shuffle(copies)
    return ((n, draw.randrange(LATE_DAYS * DAY_US)) for n in copies), len(copies)


def opened(folder):
    log, store = SqliteEventLog(folder / "log.db", SEALER), SqliteProfileStore(folder / "profiles.db", SEALER)
    return workbench.context(log=log, store=store)


def close(context):
    context.log.close()
    context.store.close()


def once_in_order(folder, events, people):
    """The state hash of each event delivered once, in order."""
    folder.mkdir()
    context = opened(folder)
    for start in range(0, events, 10_000):
        context.log.append([entry(n, people) for n in range(start, min(events, start + 10_000))])
        process.drain(context)
    found = state_hash(context)
    close(context)
    return found


def delivered(folder, events, people):
    """The state hash, counts and number of deliveries after all copies, with restarts in between."""
    folder.mkdir()
    arriving, number = deliveries(events, 11)
    size = max(1, min(10_000, number // 40))
    for _ in range(RESTARTS):
        context = opened(folder)
        for _ in range(40_000 // RESTARTS):
            batch = list(islice(arriving, size))
            if not batch or context.log.ends()[0] >= number * (RESTARTS + 1) / RESTARTS:
                break
            context.log.append([entry(n, people, late) for n, late in batch])
            quarantine.advance(context, batch=size - size // 7)  # batches of the log and of the stream never align
            if context.log.ends()[0] % (number // RESTARTS) < size:
                break
        close(context)
    context = opened(folder)
    while batch := list(islice(arriving, size)):
        context.log.append([entry(n, people, late) for n, late in batch])
        quarantine.advance(context)
    quarantine.drain(context)
    with context.store.snapshot() as snapshot:
        tallies = {t.outcome: t.count for t in snapshot.tallies()}
    found = state_hash(context)
    close(context)
    return found, tallies, number


def test_copies_late_and_shuffled_change_nothing(tmp_path):
    """The same people, profiles and evidence as of single delivery in order; every copy but one is a duplicate."""
    events = scaled(200_000, 5_000_000) // MEAN_COPIES
    people, started = max(50, events // 100), time.monotonic()
    expected = once_in_order(tmp_path / "once", events, people)
    found, tallies, number = delivered(tmp_path / "copies", events, people)
    seconds = time.monotonic() - started
    figures.note("deliveries", deliveries=number, events=events, people=people, tallies=tallies,
                 equal=found == expected, seconds=round(seconds, 1))  # fmt: skip
    assert tallies == {"stored": events, "duplicate": number - events}
    assert found == expected


def test_without_deduplication_the_state_is_another(tmp_path, monkeypatch):
    """Control: the hash and the counts tell of a single event counted twice."""
    expected = once_in_order(tmp_path / "once", 2_000, 50)
    monkeypatch.setattr(SqliteTransaction, "claim", lambda _self, keys: [True] * len(keys))
    found, tallies, _ = delivered(tmp_path / "copies", 2_000, 50)
    assert tallies["stored"] > 2_000
    assert found != expected
