"""The evaluator: the law of memberships on every store, and mistakes planted in it that the law has to notice."""

import msgspec
import pytest
from tests import database
from tests.audience_world import DAY_US, USERS, World, live
from tests.contracts.test_profile_store import sqlite_store

from onefold.audiences.definition import Definition, Top
from onefold.audiences.progress import Scan
from onefold.errors import ConflictError
from onefold.model import Identifier
from onefold.pipelines.audiences import applying, evaluator, reconcile
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.reading.profiles import profile
from onefold.pipelines.stream import marking
from onefold.ports.audiences import Settlement
from onefold.profiles.profile import iso

STORES = {"sqlite": sqlite_store, "postgres": lambda _: database.store()}


@pytest.mark.parametrize("kind", STORES)
def test_memberships_agree_on_every_store(kind, tmp_path):
    """What happens in memory happens in files and in PostgreSQL."""
    store = STORES[kind](tmp_path)
    try:
        live(World(store), seed=11, steps=45)
    finally:
        store.close()


def _forget(name):
    """A mark without a part of what it should say."""

    def plant(patch):
        whole = marking.Concerned.take

        def take(self, body):
            whole(self, body)
            getattr(self, name).clear()

        patch.setattr(marking.Concerned, "take", take)

    return plant


def _never_due(patch):
    work = evaluator._work

    def blind(snapshot, *rest):
        snapshot.due = lambda **_: []
        return work(snapshot, *rest)

    patch.setattr(evaluator, "_work", blind)


def _members_stay(patch):
    change = evaluator._Findings._change

    def lazy(self, person, members, current, *rest):
        change(self, person, members | current.keys(), current, *rest)

    patch.setattr(evaluator._Findings, "_change", lazy)


def _marks_of_later(patch):
    """Marks are dealt with that came after the snapshot was taken."""
    settlement = evaluator._Findings.settlement

    def greedy(self, before, work):
        found = settlement(self, before, work)
        return msgspec.structs.replace(found, marks=range(1_000_000)) if found.marks else found

    patch.setattr(evaluator._Findings, "settlement", greedy)


MISTAKES = {
    "profile ids that nobody has any more are not looked at": _forget("people"),
    "whom consent concerns beside the person is not looked at": _forget("linked"),
    "nobody is looked at when time has come": _never_due,
    "whoever entered stays": _members_stay,
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_law_notices(mistake, monkeypatch):
    """Each of these is caught within a few lives."""
    MISTAKES[mistake](monkeypatch)
    with pytest.raises(AssertionError):
        for seed in range(60):
            live(World(), seed, 40)


def test_a_commit_between_reading_and_settling_is_looked_at_next(monkeypatch):
    """An event that comes while a round is being worked out is not lost; with marks of later cleared, it is."""

    def interrupted() -> World:
        world = World()
        world.apply()
        world.settle()
        world.happen({"userId": "u1"}, "Story Read")
        world.process()
        look = evaluator._Findings.look

        def then_more(self, work):
            look(self, work)
            world.happen({"userId": "u1"}, "Order Completed")
            world.process()

        with monkeypatch.context() as patch:
            patch.setattr(evaluator._Findings, "look", then_more)
            world.evaluator.advance()
        world.settle()
        return world

    world = interrupted()
    assert world.memberships() == world.expected() != set()
    _marks_of_later(monkeypatch)
    world = interrupted()
    assert world.memberships() != world.expected()


def test_of_two_evaluators_one_is_refused_and_nothing_is_told_twice():
    """Two that began with the same state: the slower one changes nothing, and tells nothing."""
    world = World()
    world.apply()
    for number in range(30):
        world.happen({"userId": f"u{number % 5}"}, "Order Completed")
    world.process()
    both = [Evaluator(world.context), Evaluator(world.context)]
    look = evaluator._Findings.look
    refused = 0

    def race(self, work):
        look(self, work)
        if both:
            both.pop().drain()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluator._Findings, "look", race)
        while True:
            try:
                Evaluator(world.context).drain()
            except ConflictError:
                refused += 1
                continue
            break
    assert refused
    assert world.memberships() == world.told() == world.expected()


def test_exits_come_on_time_without_events_and_after_a_restart():
    """400 people leave at midnight of the day on which their time is over: nothing happens, and the process is another."""
    world = World()
    world.apply()
    for number in range(400):
        world.happen({"userId": f"user-{number}"}, "Order Completed")
    world.settle()
    world.now_us += 8 * DAY_US - 1
    world.settle()
    assert not any(name == "lapsed" for name, _ in world.memberships())
    world.now_us += 1
    world.evaluator = Evaluator(world.context)
    worked = world.evaluator.drain()
    assert worked.people == 400
    assert sum(name == "lapsed" for name, _ in world.memberships()) == 400
    assert world.memberships() == world.told() == world.expected()


def test_what_happened_while_nobody_evaluated_is_told_in_its_order():
    """Down for ten days: who was to enter on the third and to leave on the sixth did both, at those moments."""
    world = World()
    world.apply()
    world.happen({"userId": "u1"}, "Story Read")
    world.settle()
    begin = world.now_us
    world.now_us += 10 * DAY_US
    world.evaluator.drain()
    with world.context.store.snapshot() as snapshot:
        told = [
            (m.topic, body["at"]) for m in snapshot.outbox(after=0, limit=99)
            if m.topic.startswith("segment") and (body := msgspec.json.decode(m.body))["segment"] == "between"
        ]  # fmt: skip
    assert told == [("segment.entered", iso(begin + 3 * DAY_US)), ("segment.exited", iso(begin + 6 * DAY_US))]


def test_a_reason_names_the_condition_that_changed_and_the_entry_that_did_it():
    """`purchases is at least 1` became true, by the entry of the order."""
    world = World()
    world.apply()
    world.happen({"userId": "u1"}, "Story Read")
    world.settle()
    world.happen({"userId": "u1"}, "Order Completed")
    world.settle()
    with world.context.store.snapshot() as snapshot:
        (message,) = [m for m in snapshot.outbox(after=0, limit=99) if m.topic == "segment.entered"]
    body = msgspec.json.decode(message.body)
    assert body["segment"] == "buyers"
    assert body["reason"] == {
        "because": "event",
        "conditions": [{"condition": "purchases is at least 1", "before": "false", "now": "true"}],
        "partition": 0,
        "offset": 2,
    }


def test_the_top_of_a_segment_never_parts_equals():
    """The top half of four people of whom two have the same: three are in it; it is worked out at its intervals."""
    world = World()
    best = Definition(slug="best", kind="scheduled", rule="purchases >= 1", top=Top(50, "revenue"))
    world.apply((best,), ())
    for user, orders in (("u1", 3), ("u2", 2), ("u3", 2), ("u4", 1)):
        for _ in range(orders):
            world.happen({"userId": user}, "Order Completed")
    world.process()
    world.evaluator.drain()
    assert len(world.memberships()) == 3
    for _ in range(9):
        world.happen({"userId": "u4"}, "Order Completed")
    world.settle()
    assert len(world.memberships()) == 3
    world.now_us += DAY_US
    world.evaluator.drain()
    assert world.memberships() == world.told()
    assert len(world.memberships()) == 2


def test_a_profile_tells_its_segments_and_until_when():
    """As memberships are kept; the moment is the one at which the evaluator looks again, and then the person leaves."""
    world = World()
    world.apply()
    world.happen({"userId": "u1"}, "Order Completed", ago_us=4 * DAY_US)
    world.settle()

    def shown():
        return profile(world.context, Identifier("user_id", "u1")).segments

    found = shown()
    assert found.keys() == {"buyers", "between", "stage.customer"}
    assert {(one.since, one.because) for one in found.values()} == {(iso(world.now_us), "event")}
    (until,) = {one.until for one in found.values()}
    assert until == iso(world.now_us + 2 * DAY_US)
    world.now_us += 2 * DAY_US - 1
    world.settle()
    assert shown() == found
    world.now_us += 1
    world.settle()
    assert shown().keys() == {"buyers", "stage.customer"}
    assert {one.until for one in shown().values()} == {iso(world.now_us + 2 * DAY_US)}  # lapsed begins


def test_reconciling_explains_who_waits_and_finds_who_was_tampered_with():
    """Before the evaluator comes, people wait; after it nobody differs; a membership that nobody settled is found."""
    world = World()
    world.apply()
    world.happen({"userId": "u1"}, "Order Completed")
    world.process()
    found = reconcile.reconcile(world.context)
    assert (found.differing, found.waiting) == (0, 1)
    world.settle()
    found = reconcile.reconcile(world.context)
    assert (found.differing, found.waiting) == (0, 0)
    with world.context.store.snapshot() as snapshot:
        sequence, (person, *_) = snapshot.evaluation().sequence, snapshot.people(after=b"", limit=1)
    with world.context.store.transaction() as transaction:
        transaction.settle(Settlement(before=sequence, left=[("buyers", person)]))
    found = reconcile.reconcile(world.context)
    assert found.differing == 1
    (buyers,) = [one for one in found.segments if one.audience == "buyers"]
    assert [(one.member, one.evaluated) for one in buyers.people] == [(False, True)]


def test_without_segments_the_stream_marks_nobody(monkeypatch):
    """Nothing is gathered, nothing written, nothing evaluated."""
    world = World()
    monkeypatch.setattr(marking, "marks", None)
    world.happen({"userId": "u1"}, "Order Completed")
    world.settle()
    with world.context.store.snapshot() as snapshot:
        assert snapshot.marks(limit=1) == []
        assert snapshot.evaluation().sequence == 0


def test_a_list_is_whoever_has_the_identifier_now_or_later():
    """An address that nobody has yet is on it; whoever turns up with it is a member."""
    world = World()
    world.apply()
    world.upload("vip", [Identifier("email", "p1@mail.example")])
    world.settle()
    assert world.memberships() == set()
    world.happen({"userId": "u1", "email": "p1@mail.example"}, "Story Read")
    world.settle()
    assert {name for name, _ in world.memberships()} == {"vip", "stage.known"}
    assert world.memberships() == world.expected()


@pytest.mark.parametrize("forgetful", [False, True])
def test_a_definition_that_is_edited_while_everybody_is_evaluated(forgetful, monkeypatch):
    """A scheduled run that is under way ends for the segments that stay, and the edited one holds for everybody.

    Negative control: where the run is forgotten, whom it had not come to are members of what is no longer true of them.
    """
    if forgetful:
        monkeypatch.setattr(applying, "anew", lambda _scan, _keep: Scan())
    world = World()
    daily = Definition(slug="daily", kind="scheduled", rule="days_since(last_active) <= 3")
    edited = Definition(slug="any", rule="events >= 1")
    world.apply((daily, edited), ())
    for user in USERS:
        world.happen({"userId": user}, "Story Read")
    world.settle()
    assert len(world.memberships()) == 2 * len(USERS)
    world.now_us += 10 * DAY_US
    while len(world.memberships()) == 2 * len(USERS):
        assert world.evaluator.advance(people_max=2).more  # the run of the day begins
    assert len(world.memberships()) > len(USERS)
    world.apply((daily, msgspec.structs.replace(edited, rule="events >= 2")), ())
    Evaluator(world.context).drain()  # of a process that begins where another was killed
    assert {one[0] for one in world.memberships()} == ({"daily"} if forgetful else set())
