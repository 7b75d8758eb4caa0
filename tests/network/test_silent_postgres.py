"""PostgreSQL that falls silent, hangs up, or says half: an error within five seconds, and nothing lost or counted twice."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests import database, workbench
from tests.faults import figures
from tests.faults.scale import scaled
from tests.network import postgres
from tests.network.proxy import DOWN, UP

from onefold.adapters.postgres import connections, silence
from onefold.errors import ConflictError, UnavailableError
from onefold.pipelines.stream import process
from onefold.pipelines.stream.processor import Processor

pytestmark = [pytest.mark.xdist_group("network"), pytest.mark.timeout(200)]

LIMIT_SECONDS = 5.0
SLACK_SECONDS = 2.0
"""For a machine that does other things as well; the limits in the product add up to 3.5 s."""


def seconds_until_unavailable(action):
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        action()
    return time.monotonic() - started


def look(store):
    with store.snapshot() as seen:
        return seen.offsets()


def idle_then_cut(proxy, workspace):
    """A look-up over a connection that was good until now."""
    store = postgres.store_through(proxy, workspace)
    look(store)
    proxy.silence()
    return store, lambda: look(store)


def answers_lost(proxy, workspace):
    """One direction only: the server hears everything, and nobody hears the server."""
    store = postgres.store_through(proxy, workspace)
    look(store)
    proxy.silence(DOWN)
    return store, lambda: look(store)


def questions_lost(proxy, workspace):
    """The other direction."""
    store = postgres.store_through(proxy, workspace)
    look(store)
    proxy.silence(UP)
    return store, lambda: look(store)


def no_connection(proxy, workspace):
    """A new connection, accepted by something that never answers."""
    store = postgres.store_through(proxy, workspace)
    proxy.reset()
    proxy.silence()
    return store, lambda: look(store)


def renewal(proxy, workspace):
    """A worker that says it lives."""
    store = postgres.store_through(proxy, workspace)
    store.leases.renew("w", [0], seconds=60)
    proxy.silence()
    return store, lambda: store.leases.renew("w", [0], seconds=60)


def batch_under_way(proxy, workspace):
    """In the middle of a batch: the locks are held, and the answer to a write never comes."""
    store = postgres.store_through(proxy, workspace)

    def work():
        with store.transaction() as transaction:
            transaction.claim([b"k" * 16])
            proxy.silence(DOWN)
            transaction.claim([b"l" * 16])

    return store, work


def commit_swallowed(proxy, workspace):
    """The word to commit never gets there."""
    store = postgres.store_through(proxy, workspace)
    context = workbench.context(log=postgres.log_of(50), store=store)
    proxy.when_asked(b"COMMIT\0", hold=UP)
    return store, lambda: process.advance(context)


def commit_answer_lost(proxy, workspace):
    """It gets there and is carried out, and nobody is told."""
    store = postgres.store_through(proxy, workspace)
    context = workbench.context(log=postgres.log_of(50), store=store)
    proxy.when_asked(b"COMMIT\0", hold=DOWN)
    return store, lambda: process.advance(context)


SCENES = [idle_then_cut, answers_lost, questions_lost, no_connection, renewal, batch_under_way, commit_swallowed,
          commit_answer_lost]  # fmt: skip
TRUSTING = type("Trusting", (psycopg.Connection,), {"pulse": None})
"""A client as it was before: with TCP's own limits, and nobody who asks whether the server lives."""


def played(scene, workspace):
    """Seconds until the error, and what is wrong once the network is healed and the work done again."""
    with postgres.before_postgres() as proxy:
        store, action = scene(proxy, workspace)
        try:
            took = seconds_until_unavailable(action)
            assert proxy.silent
            proxy.heal()
            log = postgres.log_of(50)
            context = workbench.context(log=log, store=store)
            until = time.monotonic() + 40
            while time.monotonic() < until:
                try:
                    if not process.advance(context).read:
                        break
                except UnavailableError:
                    time.sleep(0.2)
        finally:
            store.close()
    return took, postgres.wrong_with(log, workspace, 50)


def unguarded(workspace):
    """How long a client without the guard waits: until somebody heals the network, after more than the limit."""
    with postgres.before_postgres() as proxy:
        store, action = idle_then_cut(proxy, workspace)
        with ThreadPoolExecutor(1) as pool:
            started = time.monotonic()
            asking = pool.submit(action)
            try:
                asking.exception(LIMIT_SECONDS + SLACK_SECONDS)
            except TimeoutError:
                proxy.heal()
            asking.result(30)
        store.close()
    return time.monotonic() - started


def long_statement(workspace):
    """The server's processes that served a connection before and after a statement of three times the quiet time."""
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace)
        with store.transaction() as transaction:
            ((before,),) = transaction._rows(b"SELECT pg_backend_pid()")
            transaction._rows(b"SELECT pg_sleep(%b::float8) IS NOT NULL", 3 * silence.QUIET_SECONDS)
            ((after,),) = transaction._rows(b"SELECT pg_backend_pid()")
        store.close()
    return before, after


@pytest.fixture(scope="module")
def together():
    """All that waits rather than works, done at the same time."""
    workspaces = [database.workspace() for _ in SCENES]
    long, trusting = database.workspace(), database.workspace()
    with ThreadPoolExecutor(len(SCENES) + 2) as pool, pytest.MonkeyPatch.context() as patched:
        patched.setattr(connections, "Guarded", TRUSTING)
        waiting = pool.submit(unguarded, trusting)
        time.sleep(0.5)  # it has its connection by now
        patched.undo()
        statement = pool.submit(long_statement, long)
        scenes = dict(zip([scene.__name__ for scene in SCENES], pool.map(played, SCENES, workspaces), strict=True))
        return scenes, statement.result(), waiting.result()


def test_a_silent_server_is_an_error_within_five_seconds_whatever_was_under_way(together):
    """Eight ways to be cut off; after each the same store goes on by itself, and every event counts once."""
    scenes, _, _ = together
    figures.note("silent postgres", seconds={name: round(took, 2) for name, (took, _) in scenes.items()})
    assert {name: wrong for name, (_, wrong) in scenes.items() if wrong} == {}
    assert {name: took for name, (took, _) in scenes.items() if took > LIMIT_SECONDS + SLACK_SECONDS} == {}


def test_a_client_without_the_guard_waits_on_and_the_clock_shows_it(together):
    """The negative control: TCP's own limits do not see a peer that is there and says nothing."""
    _, _, waited = together
    assert waited > LIMIT_SECONDS + SLACK_SECONDS


def test_a_long_statement_of_a_server_that_lives_is_waited_for(together):
    """No false verdict: the connection is the same afterwards."""
    _, (before, after), _ = together
    assert before == after


def test_a_server_that_turns_us_away_is_alive():
    """A refusal in words (too many clients, no such role) is an answer; a reset connection is none."""
    pulse = silence.Pulse(database.address("nobody_of_that_name"))
    with psycopg.connect(database.address(database.WORKER)) as connection:
        assert pulse.beats(connection)
    with postgres.before_postgres() as proxy:
        pulse = silence.Pulse(postgres.through(proxy))
        with psycopg.connect(postgres.through(proxy)) as connection:
            proxy.refuse()
            assert not pulse.beats(connection)


def test_who_is_in_line_for_a_silent_server_fails_at_once_and_only_then():
    """A connection that could not be made says nothing of a server that answers others; for a while it does otherwise."""
    store = database.store()
    pulse = store._connections._pulse
    look(store)
    pulse.missed()
    look(store)
    pulse.heard = float("-inf")
    pulse.missed()
    with pytest.raises(UnavailableError, match="for a moment"):
        look(store)
    reached(lambda: look(store) == {})
    store.close()


def test_a_slow_network_is_no_silent_one():
    """Answers that come a few bytes at a time, each after a pause: no error, and all events count once."""
    workspace, log = database.workspace(), postgres.log_of(10)
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace)
        proxy.slow(chunk=400, pause=0.01)
        process.drain(workbench.context(log=log, store=store))
        proxy.slow(pause=0.1)
        look(store)
        store.close()
    assert postgres.wrong_with(log, workspace, 10) == []


def conversation(batch):
    """Bytes by direction that one batch takes."""
    workspace, log = database.workspace(), postgres.log_of(batch)
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace)
        before = dict(proxy.passed)
        process.drain(workbench.context(log=log, store=store))
        store.close()
        return {direction: proxy.passed[direction] - before[direction] for direction in (UP, DOWN)}


def worked_through_cuts(workspace, cuts, *, batch=20, spoil=lambda store: None):
    """Process a log whose every batch is cut once at some byte of the conversation; the log, and how many cuts hit."""
    seeded, length = random.Random(5), conversation(batch)
    log, hits = postgres.log_of(0), 0
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace)
        spoil(store)
        context = workbench.context(log=log, store=store)
        for number in range(cuts):
            log.append([postgres.event(n) for n in range(number * batch, (number + 1) * batch)])
            direction = (UP, DOWN)[number % 2]
            proxy.cut_after(direction, seeded.randrange(length[direction]))
            for _ in range(20):
                try:
                    if not process.advance(context).read:
                        break
                except (UnavailableError, ConflictError):
                    hits += 1
            proxy.heal()
        store.close()
    return log, hits


def test_a_connection_cut_at_any_byte_of_a_batch_loses_and_doubles_nothing():
    """Reset in the middle of questions and of answers, the answer to COMMIT among them."""
    workspace, cuts = database.workspace(), scaled(120, 2_000)
    log, hits = worked_through_cuts(workspace, cuts)
    figures.note("postgres connection cut", cuts=cuts, hits=hits)
    assert hits > cuts / 2
    assert postgres.wrong_with(log, workspace, cuts * 20) == []


def test_a_batch_whose_offset_is_committed_apart_is_caught():
    """The negative control: offsets in a transaction of their own, before the state, lose what the cut takes."""

    def spoil(store):
        whole = store.transaction

        class ProcessPrefetch:
            def __init__(self, transaction):
                self._transaction = transaction

            def __getattr__(self, name):
                return getattr(self._transaction, name)

            def write(self, changes):
                from onefold.ports import Changes

                with whole() as early:
                    early.write(Changes(offsets=changes.offsets))
                self._transaction._offsets = None
                self._transaction.write(changes)

        from contextlib import contextmanager

        @contextmanager
        def transaction():
            with whole() as made:
                yield ProcessPrefetch(made)

        store.transaction = transaction

    workspace = database.workspace()
    log, _ = worked_through_cuts(workspace, 40, spoil=spoil)
    assert postgres.wrong_with(log, workspace, 40 * 20)


def test_a_worker_goes_on_by_itself_when_the_network_is_back():
    """The processor's own loop: it says what is wrong while it is, and nobody has to start it again."""
    workspace, log = database.workspace(), postgres.log_of(300, partitions=2)
    with postgres.before_postgres() as proxy:
        store = postgres.store_through(proxy, workspace)
        context = workbench.context(log=log, store=store)
        processor = Processor(context, leases=store.leases, worker="w", monotonic=time.monotonic)
        proxy.when_asked(b"COMMIT\0", hold=DOWN)
        processor.start()
        reached(lambda: processor.failure is not None)
        log.append([postgres.event(n) for n in range(300, 400)])
        proxy.heal()
        reached(lambda: look(store) == log.ends() and processor.failure is None)
        processor.stop()
        store.close()
    assert postgres.wrong_with(log, workspace, 400) == []


def reached(true, seconds=40.0):
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if true():
                return
        except UnavailableError:
            pass
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_a_transaction_that_fell_silent_lets_others_at_its_people(monkeypatch):
    """A worker cut off in the middle of a batch holds its locks no longer than the server waits for it."""
    monkeypatch.setattr("onefold.adapters.postgres.store.WRITER_IDLE", "1s")
    workspace, log = database.workspace(), postgres.log_of(30)
    slow = database.store(workspace)
    process.drain(workbench.context(log=log, store=slow))
    with slow.snapshot() as seen:
        people = [row.member.id for row in seen.scan()]
    quick = database.store(workspace)
    with pytest.raises(ConflictError), slow.transaction() as held:
        held.nodes(people)
        started = time.monotonic()
        with quick.transaction() as next_one:
            assert next_one.nodes(people)
        waited = time.monotonic() - started
        held.nodes(people)
    assert 0.5 < waited < 8
    look(slow)
    slow.close()
    quick.close()


@pytest.mark.parametrize("longest", ["2s", "0"], ids=["bounded", "control: unbounded"])
def test_a_transaction_cut_off_in_the_midst_of_a_command_lets_others_at_its_people(longest, monkeypatch):
    """To the server such a client is not idle: it reads on. Without the bound on the whole, others wait in vain."""
    monkeypatch.setattr("onefold.adapters.postgres.store.WRITER_LONGEST", longest)
    workspace, log = database.workspace(), postgres.log_of(30)
    quick = database.store(workspace)
    process.drain(workbench.context(log=log, store=quick))
    with quick.snapshot() as seen:
        people = [row.member.id for row in seen.scan()]
    with postgres.before_postgres() as proxy:
        slow = postgres.store_through(proxy, workspace)
        with pytest.raises((UnavailableError, ConflictError)), slow.transaction() as held:
            held.nodes(people)
            held.edges(people)
            proxy.cut_after(UP, 150, then="silence")
            for _ in range(9):
                held.edges(people)
        if longest == "0":
            with pytest.raises(ConflictError), quick.transaction() as next_one:
                next_one.nodes(people)
        else:
            with quick.transaction() as next_one:
                assert next_one.nodes(people)
        proxy.reset()
        slow.close()
    quick.close()
