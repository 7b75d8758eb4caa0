"""A table changed under workers that go on: expand, backfill, contract, killed in the middle, and nobody waits for long."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import psycopg
import pytest
from psycopg import sql
from tests import database, workbench
from tests.network import postgres

from onefold.adapters.postgres import migrations
from onefold.adapters.postgres.connections import schema_of
from onefold.errors import ConflictError
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process

pytestmark = pytest.mark.timeout(200)

# The day on which a node was first seen, kept beside the time. Workers of the version before know nothing of it.
EXPAND = """
ALTER TABLE node ADD COLUMN first_seen_day bigint;
CREATE FUNCTION fill_first_seen_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.first_seen_day := NEW.first_seen_us / 86400000000;
    RETURN NEW;
END $$;
CREATE TRIGGER fill_first_seen_day BEFORE INSERT OR UPDATE ON node
    FOR EACH ROW EXECUTE FUNCTION fill_first_seen_day();
"""
FILL = """
UPDATE node SET first_seen_day = first_seen_us / 86400000000
WHERE id IN (SELECT id FROM node WHERE first_seen_day IS NULL ORDER BY id LIMIT 100 FOR NO KEY UPDATE)
"""
BACKFILL = f"{migrations.BACKFILL} the day of nodes that were there before{FILL}"
CHECK = "ALTER TABLE node ADD CONSTRAINT first_seen_day_known CHECK (first_seen_day IS NOT NULL) NOT VALID"
VALIDATE = "ALTER TABLE node VALIDATE CONSTRAINT first_seen_day_known"
CONTRACT = """
ALTER TABLE node ALTER COLUMN first_seen_day SET NOT NULL;
ALTER TABLE node DROP CONSTRAINT first_seen_day_known;
"""
STEPS = [(9001, EXPAND), (9002, BACKFILL), (9003, CHECK), (9004, VALIDATE), (9005, CONTRACT)]

# A migrator in a process of its own, which says after each batch how far it is.
MIGRATOR = """
import sys
from onefold.adapters.postgres import migrations
dsn, schema, *scripts = sys.argv[1:]
steps = list(zip(map(int, scripts[::2]), scripts[1::2]))
migrations.migrate(dsn, schema, migrations=steps, progress=lambda number, rows: print(rows, flush=True))
"""


def migrate(workspace, steps=STEPS, **more):
    return migrations.migrate(database.address(database.OWNER), schema_of(workspace), migrations=steps, **more)


def counted(workspace, where):
    with psycopg.connect(database.server()) as connection:
        asked = sql.SQL("SELECT count(*) FROM {} WHERE ").format(sql.Identifier(schema_of(workspace), "node"))
        return connection.execute(asked + sql.SQL(where)).fetchone()[0]


def unfilled(workspace):
    return counted(workspace, "first_seen_day IS DISTINCT FROM first_seen_us / 86400000000")


def person(number):
    """An event of somebody nobody else is: a node more for each."""
    body = {"type": "identify", "messageId": f"p{number}", "userId": f"p{number}", "timestamp": workbench.iso(number)}
    return workbench.entry(body, index=number)


def peopled(count):
    """A workspace with so many people, and its log, processed by the code there is, which is the old code here."""
    workspace, log = database.workspace(), postgres.log_of(0)
    log.append([person(n) for n in range(count)])
    store = database.store(workspace)
    process.drain(workbench.context(log=log, store=store))
    store.close()
    return workspace, log


class OldWorker(threading.Thread):
    """Goes on writing with code that does not know the column: new people, and events of those there are."""

    def __init__(self, workspace, log):
        super().__init__(daemon=True)
        self.workspace, self.log, self.sent = workspace, log, 0
        self.done, self.failure = threading.Event(), None

    def run(self):
        store = database.store(self.workspace)
        context = workbench.context(log=self.log, store=store)
        try:
            while not self.done.is_set():
                self.log.append([postgres.event(self.sent + n) for n in range(20)])
                self.sent += 20
                try:
                    process.drain(context)
                except ConflictError:
                    time.sleep(0.01)
        except Exception as error:  # noqa: BLE001  the test reports what ended the thread
            self.failure = error
        finally:
            store.close()

    def send(self, count):
        """Wait until it has written so many events more."""
        goal = self.sent + count
        while self.sent < goal and self.is_alive():
            time.sleep(0.02)
        assert self.failure is None

    def end(self):
        self.done.set()
        self.join(60)
        assert not self.is_alive()
        assert self.failure is None


def test_expand_backfill_contract_while_an_old_worker_goes_on_and_the_migrator_is_killed():
    """A kill -9 in the middle of the backfill and an exception in it later: it goes on there, and nothing is missing."""
    workspace, log = peopled(3_000)
    worker = OldWorker(workspace, log)
    worker.start()
    migrator = subprocess.Popen(
        [sys.executable, "-c", MIGRATOR, database.address(database.OWNER), schema_of(workspace),
         *(str(word) for step in STEPS for word in step)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in migrator.stdout:
        if int(line) >= 500:
            migrator.kill()
            break
    migrator.wait()
    migrator.stdout.close()
    left = unfilled(workspace)
    assert 0 < left < 3_000
    with pytest.raises(StopError):
        migrate(workspace, progress=stop_after_300)
    told = []
    assert migrate(workspace, progress=lambda number, rows: told.append((number, rows))) == [9002, 9003, 9004, 9005]
    assert {number for number, _ in told} == {9002}
    assert 0 < told[-1][1] <= left - 300 + 100
    worker.send(100)  # the old code goes on after the contract too
    worker.end()
    assert unfilled(workspace) == 0
    assert migrate(workspace) == []
    node = sql.Identifier(schema_of(workspace), "node")
    with psycopg.connect(database.server()) as connection, pytest.raises(psycopg.errors.NotNullViolation):
        connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER ALL").format(node))
        connection.execute(sql.SQL("UPDATE {} SET first_seen_day = NULL").format(node))
    store, expected = database.store(workspace), workbench.context(log=log)
    context = workbench.context(log=log, store=store)
    process.drain(context)
    process.drain(expected)
    assert rebuild.state_hash(context) == rebuild.state_hash(expected)
    with store.snapshot() as seen:
        assert seen.counts()["events"] == 3_000 + worker.sent
    store.close()


class StopError(Exception):
    """Somebody stopped the migration."""


def stop_after_300(number, rows):
    if rows >= 300:
        raise StopError


def test_a_backfill_done_once_only_is_refused_by_the_contract():
    """The negative control: the same statement as a plain migration fills one batch, and the check finds the others."""
    workspace, _ = peopled(250)
    once = [(9001, EXPAND), (9002, FILL), (9003, CHECK), (9004, VALIDATE)]
    with pytest.raises(psycopg.errors.CheckViolation):
        migrate(workspace, once)
    assert unfilled(workspace) == 150


def test_without_the_trigger_an_old_worker_leaves_holes_and_they_are_seen():
    """The negative control of the old worker: it does write rows that the backfill has passed."""
    workspace, log = peopled(10)
    migrate(workspace, [(9001, "ALTER TABLE node ADD COLUMN first_seen_day bigint"), (9002, BACKFILL)])
    assert unfilled(workspace) == 0
    worker = OldWorker(workspace, log)
    worker.start()
    worker.send(60)
    worker.end()
    assert unfilled(workspace) > 0


def writes_while_a_reader_holds_the_table(workspace, seconds):
    """A long reader, a migration that needs the table alone, a writer behind both: whether the writer gets through."""
    store, reading = database.store(workspace), database.store(workspace)
    written = threading.Event()

    def write():
        with store.transaction() as transaction:
            transaction.nodes([b"x" * 16])
        written.set()

    with reading.snapshot() as reader:
        next(reader.scan())
        migrating = threading.Thread(target=migrate, args=(workspace, [(9001, EXPAND)]), daemon=True)
        migrating.start()
        time.sleep(0.3)  # it stands in line for the table by now
        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        through = written.wait(seconds)
    migrating.join(60)
    writing.join(60)
    reading.close()
    store.close()
    assert counted(workspace, "first_seen_day IS NULL") == 5
    return through


def test_writers_do_not_wait_behind_a_migration_that_waits():
    """It stands back after a second, lets them through and tries again, until the table is free."""
    assert writes_while_a_reader_holds_the_table(peopled(5)[0], 9)


def test_a_migration_that_waits_for_ever_holds_the_writers_up(monkeypatch):
    """The negative control."""
    monkeypatch.setattr(migrations, "_TABLE_WAIT", "0")
    assert not writes_while_a_reader_holds_the_table(peopled(5)[0], 3)
