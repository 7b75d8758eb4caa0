"""How fast the log becomes committed profiles, how soon an event is visible, and how much memory that holds."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import client, naive, postgres
from bench.broker import broker, project_on
from bench.ground import Ground, ground, quantile
from bench.report import Figure
from onefold import bootstrap
from onefold.model import LogEntry
from onefold.pipelines.reading import balances
from onefold.synthetic.stream import items

RATE = 2_000
TARGET = "target"
PARTITIONS = 16


def run(full: bool) -> Iterator[Figure]:
    """Throughput in one process, then freshness and memory of a server under a steady 2,000 events a second."""
    events, people = (1_000_000, 200_000) if full else (150_000, 30_000)
    with ground() as here:
        fill(here.directory, items(1, events, people))
        peer = naive.events_per_s(here.directory / "naive.db", items(1, events, people))
        rate, resident = _process(here)
        yield Figure(
            bench="stream", metric="sqlite_events_per_s", value=rate, unit="events/s",
            beside="naive loop, nothing sealed or resolved, same run", beside_value=peer,
        )  # fmt: skip
        yield Figure(bench="stream", metric="resident_mb", value=resident, unit="MB", beside=TARGET, beside_value=500.0)
    yield from _postgres(events, people)
    yield from _kafka(events, people)
    with ground() as here:
        ages = visible(here, seconds=30 if full else 12)
        yield Figure(
            bench="stream", metric="visible_ms_p99", value=quantile(ages, 0.99), unit="ms", beside=TARGET,
            beside_value=1000.0,
        )  # fmt: skip


def _postgres(events: int, people: int) -> Iterator[Figure]:
    """The same work on PostgreSQL, by one worker and by two; the server and its workers share the cores."""
    rates = []
    for workers in (1, 2):
        with ground(more=f"log: {{partitions: {PARTITIONS}}}") as here:
            bootstrap.migrate_postgres(postgres.url(postgres.OWNER), ("bench",), role=postgres.WORKER)
            fill(here.directory, items(1, events, people))
            rates.append(events / _shift(here, workers))
        postgres.forget("onefold_bench")
    yield Figure(
        bench="stream", metric="postgres_events_per_s", value=rates[0], unit="events/s", beside=TARGET,
        beside_value=5_000.0,
    )  # fmt: skip
    yield Figure(
        bench="stream", metric="postgres_two_workers_events_per_s", value=rates[1], unit="events/s",
        beside="one worker", beside_value=rates[0],
    )  # fmt: skip


def _shift(here: Ground, workers: int) -> float:
    """Seconds that so many workers take together for all that waits, from the word go."""
    program = (
        "import sys, time; from pathlib import Path; from onefold import bootstrap\n"
        "from onefold.bootstrap.workspace import worker_name\n"
        "from onefold.errors import ConflictError, LeaseLostError; from onefold.pipelines.stream.processor import Work\n"
        "with bootstrap.opened(Path(sys.argv[1]), None) as w:\n"
        "    work = Work(w.context, w.context.store.leases, worker_name(), time.monotonic)\n"
        "    work.renew()\n"
        "    print('ready', flush=True); sys.stdin.readline(); work.renew(); again = 0\n"
        "    while bootstrap.pending(w):\n"
        "        try: work.advance().read or time.sleep(0.02)\n"
        "        except (ConflictError, LeaseLostError): again += 1\n"
        "    print(again)"
    )
    environment = {**os.environ, "ONEFOLD_STORE": postgres.url(postgres.WORKER)}
    crew = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(here.directory)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=environment,
        )
        for _ in range(workers)
    ]  # fmt: skip
    for process in crew:
        assert process.stdout is not None
        process.stdout.readline()
    began = time.perf_counter()
    for process in crew:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    for process in crew:
        process.wait()
        assert process.returncode == 0
    return time.perf_counter() - began


def _kafka(events: int, people: int) -> Iterator[Figure]:
    """End to end over Kafka: appended and confirmed by the broker, then read, processed and committed to SQLite."""
    with broker() as started, ground(more=project_on(started, partitions=PARTITIONS, batches=True)) as here:
        began, busy = time.perf_counter(), time.process_time()
        fill(here.directory, items(1, events, people))
        appending, cpu = time.perf_counter() - began, time.process_time() - busy
        _settle(here)
        rate, _ = _process(here)
        waiting = _waiting(here)
    if waiting:
        raise RuntimeError(f"{waiting} events were not processed")
    yield Figure(
        bench="stream", metric="kafka_events_per_s", value=1 / (appending / events + 1 / rate), unit="events/s",
        beside=TARGET, beside_value=5_000.0,
    )  # fmt: skip
    yield Figure(
        bench="stream", metric="kafka_append_cpu_us", value=cpu / events * 1e6, unit="µs/event",
        beside="processing it, wall", beside_value=1e6 / rate,
    )  # fmt: skip


def _settle(here: Ground) -> None:
    """Single records, so that the wheel's broker knows where every partition ends (see `bench.broker`)."""
    with bootstrap.opened(here.directory, None) as workspace:
        log = workspace.context.log
        reached: set[int] = set()
        for number in range(10_000):
            if len(reached) == PARTITIONS:
                return
            body = b'{"type":"track","event":"end","userId":"end-%d"}' % number
            reached.add(log.append([LogEntry("segment", "end", bootstrap.clock_us(), 0, body)])[0][0])
        raise RuntimeError("some partition was never reached")


def _waiting(here: Ground) -> int:
    """Events appended that did not become stored ones."""
    with bootstrap.opened(here.directory, None) as workspace:
        return sum(account.pending + account.rejected for account in balances.sources(workspace.context))


def fill(directory: Path, bodies: Iterator[bytes], *, source: str = "web") -> int:
    """Append raw items to the log as the collector would; return how many."""
    count = 0
    with bootstrap.opened(directory, None) as workspace:
        batch: list[LogEntry] = []
        for body in bodies:
            batch.append(LogEntry("segment", source, bootstrap.clock_us(), count, body, request_id="bench"))
            count += 1
            if len(batch) == 10_000:
                workspace.context.log.append(batch)
                batch = []
        if batch:
            workspace.context.log.append(batch)
    return count


def _process(here: Ground) -> tuple[float, float]:
    """Events a second of one process that drains the log, and its resident memory at the end."""
    program = (
        "import sys, time; from pathlib import Path; from onefold import bootstrap; from bench.ground import resident_mb;"
        "import os\n"
        "with bootstrap.opened(Path(sys.argv[1]), None) as w:\n"
        "    t = time.perf_counter(); n = sum(bootstrap.work_off(w)); t = time.perf_counter() - t\n"
        "    print(n / t, resident_mb(os.getpid()))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", program, str(here.directory)], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    return float(printed[0]), float(printed[1])


def load_2000(here: Ground, folder: Path, seconds: float, *, batch: int = 20) -> client.Client:
    """Send 2,000 events a second."""
    return steady(here, folder, seconds, rate=RATE, batch=batch)


def steady(here: Ground, folder: Path, seconds: float, *, rate: int, batch: int = 20) -> client.Client:
    """Send so many events a second in small batches, as SDKs on servers do."""
    events = list(items(7, int(rate * seconds * 1.2), 5_000))
    headers = {"Authorization": f"Bearer {here.write_key}"}
    bodies = (b'{"batch":[' + b",".join(events[n : n + batch]) + b"]}" for n in range(0, len(events), batch))
    file = folder / "steady"
    client.write_requests(file, (client.request("POST", "/v1/batch", b, headers) for b in bodies))
    return client.start(port=here.port, requests=file, connections=10, seconds=seconds, rate=rate / batch)


def visible(here: Ground, *, seconds: float) -> list[float]:
    """Milliseconds from sending an event to a profile that shows it, ascending, under a steady load."""
    ages: list[float] = []
    with here.server():
        load = load_2000(here, here.directory, seconds)
        time.sleep(1.0)
        until = time.monotonic() + seconds - 2
        connection = http.client.HTTPConnection("127.0.0.1", here.port)
        headers = {"Authorization": f"Bearer {here.read_key}"}
        number = 0
        while time.monotonic() < until:
            number += 1
            who = f"fresh-{number}"
            body = json.dumps({"type": "identify", "userId": who, "messageId": who, "traits": {"n": number}})
            sent = time.perf_counter()
            connection.request("POST", "/v1/identify", body, {"Authorization": f"Bearer {here.write_key}"})
            connection.getresponse().read()
            while True:
                connection.request("GET", f"/api/v1/profiles/user_id:{who}", headers=headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 200:
                    break
                time.sleep(0.002)
            ages.append((time.perf_counter() - sent) * 1e3)
        client.finish(load)
    return sorted(ages)
