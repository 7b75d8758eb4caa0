"""A store that is made anew from the log knows the same audiences, and tells nobody anew."""

from tests.audience_world import DAY_US, World

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.model import Identifier
from onefold.pipelines.audiences import applying
from onefold.pipelines.audiences.carrying import carry_over
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process


def test_a_rebuilt_store_has_definitions_lists_and_memberships():
    """Who was in a segment still is, since when they were; only what differs is told."""
    world = World()
    world.apply()
    for number in range(6):
        world.happen({"userId": f"u{number % 5}", "email": f"p{number % 4}@mail.example"}, "Order Completed")
    world.upload("vip", [Identifier("user_id", "u1"), Identifier("email", "zoe.later@mail.example")])
    world.settle()
    before = world.memberships()
    assert before == world.expected()
    fresh, old = MemoryProfileStore(), world.context.store
    world.context = rebuild.onto(world.context, fresh)
    process.drain(world.context)
    carry_over(old, fresh)
    world.evaluator = Evaluator(world.context)
    world.evaluator.drain()
    assert world.memberships() == before == world.expected()
    assert world.told() == set()
    with fresh.snapshot() as snapshot, old.snapshot() as was:
        assert applying.current(snapshot)[1] == applying.current(was)[1]
        assert snapshot.entries("vip", after=b"", limit=9) == was.entries("vip", after=b"", limit=9)
        assert {m.since_us for m in snapshot.audience("buyers", after=b"", limit=99)} == {
            m.since_us for m in was.audience("buyers", after=b"", limit=99)
        }
    world.now_us += 9 * DAY_US
    world.settle()
    assert world.memberships() == world.expected()


def test_where_nothing_was_applied_nothing_is_carried_over():
    """The new store marks nothing."""
    world, fresh = World(), MemoryProfileStore()
    carry_over(world.context.store, fresh)
    with fresh.snapshot() as snapshot:
        assert not snapshot.evaluation().active
        assert snapshot.evaluation().sequence == 0
