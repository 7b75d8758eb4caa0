"""What another worker commits while a batch is worked: the batch is given up, never stored on what was true before."""

from __future__ import annotations

import threading

import pytest
from tests import database, workbench

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.postgres.transaction import PostgresTransaction
from onefold.errors import ConflictError
from onefold.model import Identifier, Judgement, Member
from onefold.pipelines import judgements
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process
from onefold.ports import Changes, NodeRow

X = b"x" * 16


@pytest.fixture
def stores():
    """Two workers' stores on one workspace."""
    name = database.workspace()
    opened = [database.store(name) for _ in range(2)]
    yield opened
    for store in opened:
        store.close()


def test_a_node_looked_for_in_vain_and_made_meanwhile_ends_the_batch(stores):
    """Or its first state would be written over the other worker's."""
    for again in ("nodes", "members"):
        with stores[0].transaction() as batch:
            node = again.encode().ljust(16)
            assert batch.nodes([node]) == {}
            made_by_another = Changes(
                offsets={}, nodes=[NodeRow(Member(node, "user_id", 0, node, node), b"k", 1, b"s")]
            )
            with stores[1].transaction() as other:
                other.write(made_by_another)
            with pytest.raises(ConflictError):
                getattr(batch, again)([node])


def test_a_judgement_that_comes_between_two_readings_ends_the_batch(stores):
    """Or the batch would know of it in one place and not in another."""
    with stores[0].transaction() as batch:
        assert batch.judgements([X]) == []
        with stores[1].transaction() as other:
            other.write(Changes(offsets={}, judgements=[Judgement(b"j" * 16, "shared", X, None, 0, "ann")]))
        with pytest.raises(ConflictError):
            batch.judgements([X])


class Race:
    """A judgement on two identifiers in one partition, the event that first names one of them in another."""

    def __init__(self, stores):
        self.log = MemoryEventLog(partitions=2, partition_of=lambda entry: int(entry.shape == "judgement"))
        self.log.append([workbench.entry({"type": "track", "event": "Read", "messageId": "m0", "userId": "u0"})])
        self.event, self.judge = (workbench.context(log=self.log, store=store) for store in stores)
        self.held = stores[0].leases.renew("w", [0, 1], seconds=60)
        self.work(self.event, 0)
        self.log.append([workbench.entry({"type": "track", "event": "Read", "messageId": "m1", "anonymousId": "c1"})])
        judgements.say(self.event, "same", Identifier("user_id", "u0"), Identifier("anonymous_id", "c1"), by="ann")

    def work(self, context, partition):
        """One batch of one partition."""
        return process.advance(context, leased={partition: self.held[partition]})

    def until_done(self):
        """What is left, and the hash of the whole beside that of one worker's work."""
        for _ in range(3):
            self.work(self.event, 0)
            self.work(self.judge, 1)
        alone = workbench.context(log=self.log)
        process.drain(alone)
        return rebuild.state_hash(self.event), rebuild.state_hash(alone)


def judged_before_the_insert(race, monkeypatch):
    """The whole batch of the judgement falls between the event's reading of judgements and its insert."""
    read = PostgresTransaction.judgements

    def read_then_overtaken(transaction, nodes):
        found = read(transaction, nodes)
        monkeypatch.setattr(PostgresTransaction, "judgements", read)
        race.work(race.judge, 1)
        return found

    monkeypatch.setattr(PostgresTransaction, "judgements", read_then_overtaken)
    race.work(race.event, 0)


def judged_after_the_insert(race, monkeypatch):
    """The judgement's batch begins when the event's node is inserted and not yet committed."""
    write, failures = PostgresTransaction._write_edges, []

    def judge():
        try:
            race.work(race.judge, 1)
        except ConflictError as error:
            failures.append(error)

    overtaking = threading.Thread(target=judge)

    def overtaken(transaction, *arguments):
        monkeypatch.setattr(PostgresTransaction, "_write_edges", write)
        overtaking.start()
        overtaking.join(1)  # it waits for this batch if all is well
        return write(transaction, *arguments)

    monkeypatch.setattr(PostgresTransaction, "_write_edges", overtaken)
    race.work(race.event, 0)
    overtaking.join(30)
    if failures:
        raise failures[0]


RACES = [judged_before_the_insert, judged_after_the_insert]


@pytest.mark.parametrize("race", RACES)
def test_a_judgement_on_a_node_that_is_being_made_is_not_missed(race, stores, monkeypatch):
    """Neither worker sees what the other is about to changes, so one of them has to begin again."""
    running = Race(stores)
    with pytest.raises(ConflictError):
        race(running, monkeypatch)
    found, expected = running.until_done()
    assert found == expected


@pytest.mark.parametrize("race", RACES)
def test_without_the_guards_the_judgement_is_missed(race, stores, monkeypatch):
    """The negative control: what was read once is believed until the end."""
    looking = PostgresTransaction._insert_nodes

    def new_only(transaction, rows):
        looking(transaction, [row for row in rows if row.version])

    monkeypatch.setattr(PostgresTransaction, "_insert_nodes", new_only)
    monkeypatch.setattr(PostgresTransaction, "_hear", lambda *_: None)
    running = Race(stores)
    race(running, monkeypatch)
    found, expected = running.until_done()
    assert found != expected
