"""The product on PostgreSQL, in processes of its own: a server that collects and answers, workers that process."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bench.ground import ground, wait_until
from tests.plain import balances

from bench import postgres
from onefold import bootstrap

pytestmark = [pytest.mark.xdist_group("server"), pytest.mark.timeout(200)]
EVENTS = 3_000


@pytest.fixture
def here():
    """A project with four partitions, and its schema."""
    with ground(more="log: {partitions: 4}\n") as found:
        run(found, "migrate", "--grant", postgres.WORKER, role=postgres.OWNER)
        yield found
        postgres.forget("onefold_bench")


def command(here, *words):
    return [sys.executable, "-m", "onefold", *words, "--project", str(here.directory)]


def environment(role=postgres.WORKER):
    return {**os.environ, "ONEFOLD_STORE": postgres.url(role)}


def run(here, *words, role=postgres.WORKER):
    return subprocess.run(command(here, *words), env=environment(role), capture_output=True, text=True, check=False)


def start(here, *words):
    return subprocess.Popen(
        command(here, *words), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def send(here):
    """Events of few people, in batches; each is sent twice, and the second time counts nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=20)
    for first in (*range(0, EVENTS, 100), *range(0, EVENTS, 300)):
        batch = [
            {"type": "identify" if n % 9 == 0 else "track", "event": "Read", "messageId": f"m{n}",
             "anonymousId": f"cookie-{n % 211}", "timestamp": f"2026-03-{1 + n % 28:02d}T00:00:00Z",
             **({"userId": f"u{n % 50}"} if n % 3 == 0 else {})}
            for n in range(first, first + 100)
        ]  # fmt: skip
        connection.request(
            "POST", "/v1/batch", json.dumps({"batch": batch}), {"Authorization": f"Bearer {here.write_key}"}
        )
        assert connection.getresponse().read()
    connection.close()


def children(process):
    """Processes that `process` has started."""
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(process.pid)], capture_output=True, text=True, check=False
    )
    return [int(pid) for pid in listed.stdout.split()]


def settled(here, monkeypatch):
    """The account of the source once nothing waits, and whether the store is what the log implies."""
    monkeypatch.setenv("ONEFOLD_STORE", postgres.url(postgres.WORKER))
    with bootstrap.opened(here.directory, None) as workspace:
        until = time.monotonic() + 90
        while bootstrap.pending(workspace) and time.monotonic() < until:
            time.sleep(0.1)
        (account,) = balances.sources(workspace.context)
        return account, bootstrap.verify(workspace)


def test_workers_process_what_a_server_collects_though_they_are_killed(here, monkeypatch):
    """Two workers, one killed twice while it works: nothing is lost, nothing counted twice, all stores agree."""
    server = start(here, "serve", "--no-processing")
    workers = start(here, "process", "--workers", "2")
    try:
        wait_until(f"http://127.0.0.1:{here.port}/readyz")
        send(here)
        for _ in range(2):
            time.sleep(0.7)
            victims = children(workers)
            if victims:
                os.kill(victims[0], signal.SIGKILL)
        send(here)
        account, verified = settled(here, monkeypatch)
        assert here.get("/api/v1/profiles/user_id:u3")["counters"]["events"] > 0
    finally:
        for process in (workers, server):
            process.terminate()
        codes = [process.wait(40) for process in (workers, server)]
    assert account["stored"] == EVENTS
    assert account["balanced"]
    assert account["received"] == account["stored"] + account["duplicate"]
    # The store was PostgreSQL's; verify has recomputed it in SQLite.
    assert verified.equal
    assert codes[0] == 0
    assert not children(workers)


def test_a_database_that_crashes_loses_nothing(here, monkeypatch):
    """The server's own `immediate` stop, its kill -9, in the middle of the work; the workers wait and go on."""
    server = start(here, "serve")
    try:
        wait_until(f"http://127.0.0.1:{here.port}/readyz")
        send(here)
        postgres.crash()
        send(here)
        account, verified = settled(here, monkeypatch)
    finally:
        server.terminate()
        server.wait(40)
    assert account["stored"] == EVENTS
    assert account["balanced"]
    assert verified.equal


def test_verify_sees_one_altered_row(here, monkeypatch):
    """The negative control of `verify` across stores."""
    monkeypatch.setenv("ONEFOLD_STORE", postgres.url(postgres.WORKER))
    from bench.stream import fill

    fill(here.directory, (b'{"type":"identify","userId":"u%d","messageId":"m%d"}' % (n, n) for n in range(50)))
    with bootstrap.opened(here.directory, None) as workspace:
        assert bootstrap.catch_up(workspace)
        assert bootstrap.verify(workspace).equal
    postgres.execute(
        "UPDATE onefold_bench.node SET first_seen_us = first_seen_us + 1"
        " WHERE id = (SELECT min(id) FROM onefold_bench.node)"
    )
    with bootstrap.opened(here.directory, None) as workspace:
        assert not bootstrap.verify(workspace).equal


def test_the_embedded_store_has_one_worker_and_says_so():
    with ground() as plain:
        refused = subprocess.run(
            command(plain, "process", "--workers", "2"), capture_output=True, text=True, check=False
        )
    assert refused.returncode == 2
    assert "Several need PostgreSQL" in refused.stderr


def test_migrate_says_what_it_did_and_repeats_without_harm(here):
    again = run(here, "migrate", role=postgres.OWNER)
    assert (again.returncode, again.stdout.strip()) == (0, "bench: up to date")
    other = subprocess.run(command(here, "migrate"), capture_output=True, text=True, check=False)
    assert (other.returncode, other.stdout.strip()) == (0, "The files are up to date.")


@pytest.mark.parametrize(
    ("verb", "instruction"),
    [
        ("backup", "copy it with `pg_dump`, and this workspace's folder after it"),
        ("rebuild", "stop the workers, drop the workspace's schema, run `onefold migrate`, start the workers"),
        ("restore", "put this workspace's folder back, then its schema with `pg_restore`"),
    ],
)
def test_what_is_not_done_on_postgres_says_what_to_do_instead(here, tmp_path, verb, instruction):
    refused = run(here, verb, *([] if verb == "rebuild" else [str(tmp_path)]))
    assert refused.returncode == 2
    said = " ".join(refused.stderr.split())
    assert instruction in said
    for named in re.findall(r"docs/[\w/.-]+\.md", said):
        assert (Path(__file__).parents[2] / named).is_file()
