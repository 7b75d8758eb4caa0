"""How soon somebody who did something is in a segment, how fast many leave, and what a segment of very many people costs."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from sqlglot import exp

from bench import client
from bench.ground import Ground, ground, quantile
from bench.report import Figure
from bench.stream import fill, steady
from onefold import bootstrap
from onefold.audiences.definition import Definition
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.audiences.inquiry import question
from onefold.pipelines.audiences.rules import bound
from onefold.pipelines.context import Context
from onefold.ports import ProfileStore
from onefold.ports.warehouse import QueryLimits
from onefold.synthetic.stream import items
from onefold.warehouse.query import parse

TARGET = "target"
RATE = 1_000
_PATIENCE_SECONDS = 60.0
_DAY_US = 86_400_000_000
_EXITS = 10_000
_RULE = "has_email and count('Order Completed' where revenue > 50) >= 1 and attr.plan = 'sustainer'"
_BY_HAND = """
SELECT count(*) AS members FROM golden.profile AS p WHERE p.attributes ->> '$.plan' = 'sustainer'
AND EXISTS (SELECT 1 FROM golden.identity AS i WHERE i.person = p.person AND i.type = 'email')
AND EXISTS (
    SELECT 1 FROM golden.engagement_event AS e
    WHERE e.person = p.person AND e.name = 'Order Completed' AND CAST(e.properties ->> '$.revenue' AS DECIMAL(38, 12)) > 50
)
"""
_LIMITS = QueryLimits(seconds=600.0, memory_mb=4_096, result_mb=1_024)


def run(full: bool) -> Iterator[Figure]:
    """Flips under a steady load; exits that are due at once; a segment and its preview beside a query by hand."""
    yield _flips(30 if full else 10)
    yield from _exits(_EXITS)
    yield from _many(1_000_000 if full else 20_000)


def apply(here: Ground, segments: str) -> None:
    """Let these segments hold, as the text of a file."""
    (here.directory / "segments").mkdir(exist_ok=True)
    (here.directory / "segments" / "all.yaml").write_text(segments)
    with bootstrap.project_segments(here.directory, None, start=True) as found:
        found.apply()


def _flips(seconds: int) -> Figure:
    """From sending an event to the message in the outbox that its person entered a segment."""
    with ground() as here:
        apply(here, "segments: {flipped: attr.flip = 1, buyers: purchases >= 1}\n")
        with here.server(), bootstrap.opened(here.directory, None, start=False) as workspace:
            load = steady(here, here.directory, seconds + 2, rate=RATE)
            time.sleep(1.0)
            ages = list(_ages(here, workspace.context.store, seconds))
            client.finish(load)
    return Figure(
        bench="rules", metric="flip_ms_p99", value=quantile(sorted(ages), 0.99), unit="ms", beside=TARGET,
        beside_value=1_000.0,
    )  # fmt: skip


def _ages(here: Ground, store: ProfileStore, seconds: float) -> Iterator[float]:
    connection = http.client.HTTPConnection("127.0.0.1", here.port)
    after, number, until = 0, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        who = f"flip-{number}"
        body = json.dumps({"type": "identify", "userId": who, "messageId": who, "traits": {"flip": 1}})
        began = time.perf_counter()
        connection.request("POST", "/v1/identify", body, {"Authorization": f"Bearer {here.write_key}"})
        connection.getresponse().read()
        # One at a time flips, so the next message about the segment is this one's.
        while True:
            with store.snapshot() as snapshot:
                page = snapshot.outbox(after=after, limit=10_000)
            after = page[-1].seq if page else after
            if any(m.topic == "segment.entered" and json.loads(m.body)["segment"] == "flipped" for m in page):
                break
            if time.perf_counter() - began > _PATIENCE_SECONDS:
                raise TimeoutError(f"{who} is not in the segment after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(0.002)
        yield (time.perf_counter() - began) * 1e3


def _exits(people: int) -> Iterator[Figure]:
    """People who are due at one moment, at which nothing happens: until the last has left, also if that is killed midway."""
    for metric, leave in (("exits_s", _leave), ("exits_killed_s", _leave_killed)):
        with ground() as here:
            then_us = _due(here, people)
            began = time.perf_counter()
            leave(here.directory, then_us, people)
            seconds = time.perf_counter() - began
            with bootstrap.opened(here.directory, None, start=False) as workspace:
                store = workspace.context.store
                left = [profile for _, profile in _left(store, 0)]
                assert len(left) == len(set(left)) == people, f"{len(left)} exits of {len(set(left))} people"
                with store.snapshot() as snapshot:
                    assert "recent" not in snapshot.audience_sizes()
        yield Figure(
            bench="rules", metric=metric, value=seconds, unit="s", beside=f"target for {people:,} people",
            beside_value=5.0,
        )  # fmt: skip


def _due(here: Ground, people: int) -> int:
    """People in a segment, and the moment by which all of them have left it."""
    events = (b'{"type":"track","event":"Story Read","userId":"u%d","messageId":"m%d"}' % (n, n) for n in range(people))
    fill(here.directory, events)
    apply(here, "segments: {recent: days_since(last_active) <= 1}\n")
    with bootstrap.opened(here.directory, None) as workspace:
        bootstrap.catch_up(workspace)
        with workspace.context.store.snapshot() as snapshot:
            assert snapshot.audience_sizes()["recent"] == people
    return bootstrap.clock_us() + 3 * _DAY_US


def _leave(directory: Path, then_us: int, people: int) -> None:
    with bootstrap.opened(directory, None) as workspace:
        assert Evaluator(replace(workspace.context, clock_us=lambda: then_us)).drain().changes == people


def _leave_killed(directory: Path, then_us: int, people: int) -> None:
    """By a process that is killed once a third has left, and then by another one."""
    program = "import sys; from pathlib import Path; from bench.audiences import _evaluate; _evaluate(*sys.argv[1:])"
    command = [sys.executable, "-c", program, str(directory), str(then_us)]
    with bootstrap.opened(directory, None, start=False) as workspace, subprocess.Popen(command) as process:
        last, gone = 0, 0
        while gone < people // 3:
            assert process.poll() is None, "it was over before it was killed"
            found = list(_left(workspace.context.store, last))
            gone, last = gone + len(found), found[-1][0] if found else last
            time.sleep(0.005)
        process.kill()
    assert gone < people, "it was over before it was killed"
    subprocess.run(command, check=True)


def _evaluate(directory: str, then_us: str) -> None:
    with bootstrap.opened(Path(directory), None) as workspace:
        Evaluator(replace(workspace.context, clock_us=lambda: int(then_us))).drain()


def _left(store: ProfileStore, after: int) -> Iterator[tuple[int, str]]:
    """Who left the segment, with the place of each message in the outbox."""
    with store.snapshot() as snapshot:
        while page := snapshot.outbox(after=after, limit=10_000):
            after = page[-1].seq
            for message in page:
                if message.topic == "segment.exited":
                    yield message.seq, json.loads(message.body)["profile_id"]


def _many(people: int) -> Iterator[Figure]:
    with ground() as here:
        fill(here.directory, items(1, people * 3, people))
        with bootstrap.opened(here.directory, None) as workspace:
            bootstrap.catch_up(workspace)
            bootstrap.load_warehouse(workspace)
        preview, found = _preview(here.directory)
        by_rule, by_hand = _asked(here.directory, found)
    yield Figure(
        bench="rules", metric="segment_million_s", value=by_rule, unit="s", beside="by hand in DuckDB",
        beside_value=by_hand,
    )  # fmt: skip
    yield Figure(bench="rules", metric="preview_s", value=preview, unit="s", beside=TARGET, beside_value=1.0)


def _preview(directory: Path) -> tuple[float, int]:
    """Seconds of a preview, the second of two, with the process that it begins; and the members that it tells."""
    with bootstrap.project_segments(directory, None) as segments:
        for _ in range(2):
            began = time.perf_counter()
            found = segments.audiences.preview(Definition(slug="new", rule=_RULE))
            seconds = time.perf_counter() - began
            assert found.way == "warehouse", found.because
    return seconds, found.members


def _asked(directory: Path, members: int) -> tuple[float, float]:
    """Seconds of the rule's statement and of a query by hand, in one process that runs already; the faster of two each."""
    with bootstrap.opened(directory, None, start=False) as workspace:
        warehouse = bootstrap.warehouse_of(workspace)
        try:
            took = []
            for query in (_statement(workspace.context), parse(_BY_HAND)):
                seconds = []
                for _ in range(2):
                    began = time.perf_counter()
                    (row,) = warehouse.run(query, _LIMITS).to_pylist()
                    seconds.append(time.perf_counter() - began)
                    assert row["members"] == members, (row, members)
                took.append(min(seconds))
        finally:
            warehouse.close()
    return took[0], took[1]


def _statement(context: Context) -> exp.Query:
    held = bound(context, [Definition(slug="new", rule=_RULE)], ())
    with context.store.snapshot() as snapshot:
        people = question(held, snapshot, ["new"], context.clock_us())
    return exp.select("count(*) AS members").from_(people.subquery("people")).where("new")
