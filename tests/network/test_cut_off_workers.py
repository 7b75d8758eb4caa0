"""Workers that are cut off from PostgreSQL lose their partitions to others, and never two commit for one partition.

The judge stands in the database: a trigger writes down who moved an offset, and whose the partition was by then.
"""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, contextmanager

import msgspec
import psycopg
import pytest
from bench.postgres import execute
from tests import database, workbench
from tests.faults import figures
from tests.faults.scale import scaled
from tests.network import postgres
from tests.network.proxy import DOWN, UP
from tests.network.test_silent_postgres import reached

from onefold.adapters.postgres import leases
from onefold.adapters.postgres.connections import schema_of
from onefold.errors import ConflictError, LeaseLostError, UnavailableError
from onefold.pipelines.stream import process, processor
from onefold.pipelines.stream.processor import Processor

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.timeout(900)]

PARTITIONS = 4
CUTS = [(direction, count) for direction in (UP, DOWN) for count in (1, 700, 3_000, 9_000)]
"""Where a worker is cut off: in which direction, after how many bytes."""
_JUDGE = """
CREATE TABLE {schema}.moved (
    number bigserial, log_partition integer, before bigint, after bigint, writer text, holder text, epoch bigint
);
GRANT INSERT ON {schema}.moved TO {worker};
GRANT USAGE ON SEQUENCE {schema}.moved_number_seq TO {worker};
CREATE FUNCTION {schema}.write_down() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO {schema}.moved (log_partition, before, after, writer, holder, epoch)
    SELECT NEW.log_partition, CASE TG_OP WHEN 'UPDATE' THEN OLD.log_offset ELSE 0 END, NEW.log_offset,
        current_setting('application_name'), l.worker, l.epoch
    FROM {schema}.lease l WHERE l.log_partition = NEW.log_partition;
    RETURN NEW;
END $$;
CREATE TRIGGER write_down AFTER INSERT OR UPDATE ON {schema}.consumer
    FOR EACH ROW EXECUTE FUNCTION {schema}.write_down();
"""


class Moved(msgspec.Struct, frozen=True):
    """An offset that a commit moved, in the order of the commits."""

    partition: int
    before: int
    after: int
    writer: str
    holder: str
    epoch: int


def judged_workspace():
    name = database.workspace()
    for statement in _JUDGE.format(schema=schema_of(name), worker=database.WORKER).split(";\n\n"):
        execute(statement)
    return name


def moves(workspace):
    with psycopg.connect(database.server()) as connection:
        rows = connection.execute(
            psycopg.sql.SQL(
                "SELECT log_partition, before, after, writer, holder, epoch FROM {} ORDER BY number"
            ).format(psycopg.sql.Identifier(schema_of(workspace), "moved"))
        )
        return [Moved(*row) for row in rows]


def trespasses(found):
    """What in these moves shows two workers on one partition; nothing, if every one was its holder's."""
    wrong = [f"{m.writer} wrote in {m.holder}'s partition" for m in found if m.writer != m.holder]
    at, epochs, owners = {}, {}, {}
    for m in found:
        if m.before != at.get(m.partition, 0) or m.after <= m.before:
            wrong.append(f"{m.writer} went from {m.before} to {m.after}, where {at.get(m.partition, 0)} was reached")
        if m.epoch < epochs.get(m.partition, 0):
            wrong.append(f"{m.writer} wrote under an epoch that was over")
        if owners.setdefault((m.partition, m.epoch), m.writer) != m.writer:
            wrong.append(f"two workers in one epoch of partition {m.partition}")
        at[m.partition], epochs[m.partition] = m.after, m.epoch
    return wrong


@contextmanager
def worker(name, workspace, log, proxy):
    """A processor by way of a proxy."""
    store = postgres.store_through(proxy, workspace, application_name=name)
    made = Processor(
        workbench.context(log=log, store=store), leases=store.leases, worker=name, monotonic=time.monotonic
    )
    made.start()
    try:
        yield made
    finally:
        made.stop()
        store.close()


def test_workers_cut_off_in_turn_hand_over_and_never_share_a_partition(monkeypatch):
    """Each of two is cut off while it works, and healed once the other has taken over: every event counts once."""
    monkeypatch.setattr(processor, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr("onefold.adapters.postgres.store.WRITER_IDLE", "2s")
    monkeypatch.setattr("onefold.adapters.postgres.store.WRITER_LONGEST", "4s")
    workspace, log, sent = judged_workspace(), postgres.log_of(0, partitions=PARTITIONS), 0

    def feed(count=40):
        nonlocal sent
        log.append([postgres.event(n) for n in range(sent, sent + count)])
        sent += count

    def done():
        with watching.snapshot() as seen:
            return seen.offsets() == log.ends()

    watching = database.store(workspace)
    with ExitStack() as opened:
        proxies = [opened.enter_context(postgres.before_postgres()) for _ in range(2)]
        workers = [opened.enter_context(worker(f"w{n}", workspace, log, proxy)) for n, proxy in enumerate(proxies)]
        feed()
        reached(lambda: len({m.writer for m in moves(workspace)}) == 2 or feed())
        seeded = random.Random(3)
        for number in range(scaled(2, 60)):
            turn = number % 2
            proxies[turn].cut_after(*seeded.choice(CUTS), then="silence")
            reached(lambda turn=turn: proxies[turn].silent or feed())
            feed()
            reached(done)  # the other has everything, without a word from this one
            proxies[turn].heal()
            before = len(moves(workspace))
            back = f"w{turn}"
            reached(lambda before=before, back=back: back in {m.writer for m in moves(workspace)[before:]} or feed())
        reached(done)
        assert [w.failure for w in workers] == [None, None]
    watching.close()
    found = moves(workspace)
    assert trespasses(found) == []
    assert len({(m.partition, m.epoch) for m in found}) >= 2 * PARTITIONS
    figures.note("workers cut off", commits=len(found), epochs=len({(m.partition, m.epoch) for m in found}))
    assert postgres.wrong_with(log, workspace, sent) == []


@pytest.mark.parametrize(("idle", "taken"), [(leases.IDLE, True), ("60s", False)])
def test_a_worker_cut_off_while_it_renews_does_not_keep_others_from_it(monkeypatch, idle, taken):
    """It holds the one lock that all renewals wait for; the control: a server that waits for it as for any other."""
    monkeypatch.setattr(leases, "IDLE", idle)
    workspace = database.workspace()
    with postgres.before_postgres() as cut, postgres.before_postgres() as whole:
        store = postgres.store_through(cut, workspace)
        heir = postgres.store_through(whole, workspace, options="-c lock_timeout=2s")
        cut.when_asked(b"DELETE FROM worker", hold=DOWN)
        with pytest.raises(UnavailableError):
            store.leases.renew("cut off", [0], seconds=0.1)
        if taken:
            assert heir.leases.renew("heir", [0], seconds=60)
        else:
            with pytest.raises(ConflictError):
                heir.leases.renew("heir", [0], seconds=60)
        store.close()
        heir.close()


class Pausing:
    """A log that stops in the middle of a batch, once."""

    def __init__(self, log, pause):
        self._log, self._pause = log, pause

    def __getattr__(self, name):
        return getattr(self._log, name)

    def read(self, partition, after, limit):
        found = self._log.read(partition, after, limit)
        pause, self._pause = self._pause, lambda: None
        pause()
        return found


def zombie(workspace, log, *, heir_works, spoil=lambda store: None):
    """A worker is cut off in the middle of a batch, another takes its partition, and it comes back and commits."""
    heir = database.store(workspace)
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace, application_name="zombie")
        spoil(store)

        def cut_off():
            proxy.silence()
            time.sleep(0.4)  # longer than its lease
            held = heir.leases.renew("onefold", [0], seconds=60)
            assert held
            while heir_works and process.advance(workbench.context(log=log, store=heir), leased=held).read:
                pass
            proxy.heal()

        try:
            held = store.leases.renew("zombie", [0], seconds=0.3)
            process.advance(workbench.context(log=Pausing(log, cut_off), store=store), leased=held)
        finally:
            store.close()
            heir.close()


@pytest.mark.parametrize(("heir_works", "refusal"), [(False, LeaseLostError), (True, ConflictError)])
def test_a_worker_that_comes_back_late_commits_nothing(heir_works, refusal):
    """Not even if the heir has done nothing yet: the epoch is over."""
    workspace, log = judged_workspace(), postgres.log_of(50)
    with pytest.raises(refusal):
        zombie(workspace, log, heir_works=heir_works)
    assert {m.writer for m in moves(workspace)} == ({"onefold"} if heir_works else set())
    assert trespasses(moves(workspace)) == []


@pytest.mark.parametrize("heir_works", [False, True])
def test_without_the_fences_the_judge_sees_the_trespass(heir_works):
    """The negative control: neither epoch nor offset is checked, and the late commit goes through."""

    def spoil(store):
        whole = store.transaction

        @contextmanager
        def transaction():
            with whole() as made:
                commit = made.write

                def unfenced(said):
                    made._offsets = None
                    commit(msgspec.structs.replace(said, epochs={}))

                made.write = unfenced
                yield made

        store.transaction = transaction

    workspace, log = judged_workspace(), postgres.log_of(50)
    zombie(workspace, log, heir_works=heir_works, spoil=spoil)
    assert trespasses(moves(workspace))
    # Where the heir had worked, the entries are in the account twice.
    assert bool(postgres.wrong_with(log, workspace, 50)) == heir_works
