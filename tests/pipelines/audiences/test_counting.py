"""Counting: the warehouse's one statement finds whom an evaluation of everybody finds; mistakes planted in it show."""

import random
from contextlib import contextmanager
from dataclasses import replace

import msgspec
import pytest
from tests.audience_world import DAY_US, SEGMENTS, STAGES, USERS, World, step
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.audiences.definition import Definition, Top
from onefold.model import Identifier
from onefold.pipelines.audiences import inquiry, reconcile, verdicts
from onefold.pipelines.audiences.counting import NO_WAREHOUSE, count
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.audiences.planning import plan, preview
from onefold.pipelines.audiences.rules import bound
from onefold.ports import Changes
from onefold.ports.audiences import Settlement
from onefold.profiles.computed import begun, values
from onefold.profiles.computed.plan import base_of
from onefold.rules import RuleError, aggregates, parse
from onefold.warehouse.derived import Derived
from onefold.warehouse.people import asked

ATOMS = (
    "purchases >= 1", "revenue > 15", "has_email", "has_user_id", "days_since(last_active) > 7", "attr.country = 'FR'",
    "consent.email", "lifecycle_stage = 'churned'", "lifecycle_stage <> 'known'", "lifecycle_stage is null",
    "in_segment.target", "in_segment.lapsed", "in_segment.vip", "in_segment.churned_usa", "in_segment.no_contact",
    "count('Story Read') >= 2", "exists('Order Completed' within 8 days)", "sum('Order Completed'.revenue) > 10",
    "exists('Story Read' then not 'Order Completed' within 2 days)",
)  # fmt: skip


@pytest.fixture(scope="module")
def queries():
    process = QueryProcess()
    yield process
    process.close()


def lived(tmp_path, queries, seed, steps=60):
    """A world with a warehouse, in which things happened; what the rules ask of events is counted."""
    world = World()
    yard = Yard(world.context, tmp_path, queries)
    settings = bound(world.context, world_asks(), STAGES).settings
    world.context = replace(yard.context, profiles=settings)
    world.evaluator = Evaluator(world.context)
    draw = random.Random(seed)
    world.apply()
    for _ in range(steps):
        step(world, draw)
        if draw.random() < 0.3:
            world.settle()
    for user in USERS[:3]:
        world.happen({"userId": user}, "Order Completed", ago_us=draw.choice([0, 9, 30]) * DAY_US)
    world.upload("vip", [Identifier("user_id", "u1")])
    world.settle()
    if draw.random() < 0.5:
        yard.load()
    world.now_us += draw.choice([0, 3, 8]) * DAY_US  # people are due whom nobody evaluated
    world.happen({"userId": "u2"}, "Story Read")
    world.process()
    return world, opener(yard.warehouse)


def opener(warehouse):
    @contextmanager
    def opened():
        yield warehouse

    return opened


def rule_of(draw, depth=2):
    if not depth or draw.random() < 0.3:
        return draw.choice(ATOMS)
    parts = [f"({rule_of(draw, depth - 1)})" for _ in range(draw.choice([1, 2, 2]))]
    joined = f" {draw.choice(['and', 'or'])} ".join(parts)
    return f"not ({joined})" if draw.random() < 0.3 else joined


def _with(rules):
    new = [Definition(slug=f"r{n}", rule=rule, exclude=("vip",) if n % 5 == 0 else ()) for n, rule in enumerate(rules)]
    return [*SEGMENTS, *new]


def asked_twice(world, warehouse, rules):
    """What the statement finds of all these rules, of the segments that hold and of stages, and what an evaluation does."""
    held = bound(world.context, _with(rules), STAGES)
    names = [*held.rules.slugs, *(f"stage.{name}" for name, _ in STAGES), "stage.gone", "removed"]
    found = count(world.context, held, names, warehouse=warehouse)
    assert found.way == "warehouse", found.because
    expected = count(world.context, held, names)
    assert (expected.way, expected.because) == ("evaluation", NO_WAREHOUSE)
    return found, expected


@pytest.mark.parametrize("seed", range(3))
def test_the_statement_finds_whom_an_evaluation_finds(tmp_path, queries, seed):
    """Members, who enters, who leaves, and the same examples; of random rules, that read segments, lists and stages."""
    world, warehouse = lived(tmp_path, queries, seed)
    draw = random.Random(seed)
    found, expected = asked_twice(world, warehouse, [*ATOMS, *(rule_of(draw) for _ in range(12))])
    different = [name for name in expected.audiences if found.audiences[name] != expected.audiences[name]]
    assert different == []
    assert found.people == expected.people
    assert found.sequence == expected.sequence
    sizes = {one.members for one in found.audiences.values()}
    assert len(sizes) > 3, "else it shows little"
    assert any(one.entering or one.leaving for one in found.audiences.values())


def _unknown_is_known(patch):
    real = Derived.field

    def field(self, name, *rest):
        found = real(self, name, *rest)
        return found if name == "lifecycle_stage" else msgspec.structs.replace(found, value=found.value.this)

    patch.setattr(Derived, "field", field)


def _first_stage_wins(patch):
    real = Derived.field

    def field(self, name, *rest):
        return real(msgspec.structs.replace(self, stages=self.stages[::-1]), name, *rest)

    patch.setattr(Derived, "field", field)


def _stale_stages(patch):
    real = inquiry.asked
    patch.setattr(inquiry, "asked", lambda *given: real(*given[:3], msgspec.structs.replace(given[3], stages=None)))


def _members_forgotten(patch):
    patch.setattr(inquiry, "_stored", lambda names, real=inquiry._stored: real([f"{name}_" for name in names]))


def _lists_empty(patch):
    patch.setattr(inquiry, "_entries", lambda *_: [])


MISTAKES = (_unknown_is_known, _first_stage_wins, _stale_stages, _members_forgotten, _lists_empty)


def test_planted_mistakes_show(tmp_path, queries):
    """Negative controls: each gives others than an evaluation."""
    world, warehouse = lived(tmp_path, queries, 1)
    world.now_us += 30 * DAY_US
    rules = ["lifecycle_stage = 'churned'", "in_segment.vip", "not in_segment.usa", "not in_segment.r1"]
    found, expected = asked_twice(world, warehouse, rules)
    assert found.audiences == expected.audiences
    for mistake in MISTAKES:
        with pytest.MonkeyPatch.context() as patch:
            mistake(patch)
            held = bound(world.context, _with(rules), STAGES)
            assert count(world.context, held, expected.audiences, warehouse=warehouse).audiences != expected.audiences


def test_what_cannot_be_asked_is_evaluated_and_the_answer_says_why(tmp_path, queries):
    """A top, long lists, and rules that SQL cannot say; a warehouse that lacks people is not asked."""
    world, warehouse = lived(tmp_path, queries, 2)
    top = Definition(slug="best", kind="scheduled", rule="purchases >= 1", top=Top(50, "revenue"))
    shown = preview(world.context, top, warehouse=warehouse)
    assert (shown.way, shown.members) == ("evaluation", preview(world.context, top).members)
    assert "`best` is the top" in shown.because
    untold = preview(world.context, Definition(slug="x", rule="attr.a * 2 > 1"), warehouse=warehouse)
    assert "multiply" in untold.because
    plain = Definition(slug="x", rule="purchases >= 1 and not in_segment.vip")
    assert preview(world.context, plain, warehouse=warehouse).way == "warehouse"
    told = []
    assert preview(world.context, plain, progress=lambda *at: told.append(at)).way == "evaluation"

    class Lacking:
        """Without somebody."""

        @contextmanager
        def __call__(self):
            with warehouse() as opened:
                self._run = opened.run
                yield self

        def run(self, query, limits):
            table = self._run(query, limits)
            people = table["people"].to_pylist()[0] - 1
            return table.set_column(0, "people", [[people]])

    assert preview(world.context, plain, warehouse=Lacking()).because.startswith("the warehouse does not hold")


def differing(found):
    """Who differs, by segment: what the stream, an evaluation and the warehouse say, and why."""
    return {
        one.audience: {(p.member, p.evaluated, p.warehouse, p.because) for p in one.people}
        for one in found.segments if one.people
    }  # fmt: skip


def test_memberships_are_compared_with_the_warehouse_person_by_person(tmp_path, queries, monkeypatch):
    """Nobody differs; who waits is explained; a mistake of either side, and somebody whom the warehouse lacks, show."""
    world, warehouse = lived(tmp_path, queries, 1)
    best = Definition(slug="best", kind="scheduled", rule="purchases >= 1", top=Top(50, "revenue"))
    untold = Definition(slug="odd", rule="attr.a * 2 > 1")
    world.apply([*SEGMENTS, best, untold])
    waiting = reconcile.reconcile(world.context, warehouse)
    assert waiting.differing == 0
    assert waiting.waiting >= 1
    assert {why for people in differing(waiting).values() for *_, why in people} <= set(reconcile.WAITING.values())
    world.settle()
    found = reconcile.reconcile(world.context, warehouse)
    assert (found.differing, found.waiting, differing(found)) == (0, 0, {})
    by_name = {one.audience: one for one in found.segments}
    for name, one in by_name.items():
        assert one.warehouse == (None if name in {"best", "odd"} else one.members), name
    assert by_name["best"].unsaid == verdicts.SCHEDULED
    assert "multiply" in by_name["odd"].unsaid
    assert sum(one.warehouse or 0 for one in found.segments) > 5

    real = verdicts.question
    with monkeypatch.context() as patch:  # a warehouse that gives others than the stream
        patch.setattr(
            verdicts,
            "question",
            lambda held, snapshot, names, now_us: real(held, snapshot, names, now_us + 90 * DAY_US),
        )
        wrong = reconcile.reconcile(world.context, warehouse)
    assert wrong.differing > 0
    assert (False, False, True, reconcile.UNEXPLAINED) in differing(wrong)["lapsed"]

    with world.context.store.snapshot() as snapshot:
        sequence, (member, *_) = snapshot.evaluation().sequence, snapshot.audience("buyers", after=b"", limit=1)
    with world.context.store.transaction() as transaction:  # a stream that lost a membership
        transaction.settle(Settlement(before=sequence, left=[("buyers", member.person)]))
    wrong = reconcile.reconcile(world.context, warehouse)
    assert wrong.differing == 1
    assert differing(wrong) == {"buyers": {(False, True, True, reconcile.UNEXPLAINED)}}
    world.apply([*SEGMENTS, best])
    world.settle()

    kept = verdicts.verdicts
    with monkeypatch.context() as patch:  # a warehouse that began later

        def lacking(*given):
            whole = kept(*given)
            whole.letters.pop(member.person)
            return whole

        patch.setattr(reconcile, "verdicts", lacking)
        late = reconcile.reconcile(world.context, warehouse)
    assert (late.differing, late.waiting) == (0, 1)
    assert differing(late)["buyers"] == {(True, True, False, reconcile.WAITING["loading"])}
    assert {one.unsaid for one in reconcile.reconcile(world.context).segments} == {verdicts.NO_WAREHOUSE}


def test_a_plan_is_the_same_both_ways(tmp_path, queries):
    """Segments that are new, changed, removed and that follow; the stages change, too."""
    world, warehouse = lived(tmp_path, queries, 3)
    kept = [d for d in SEGMENTS if d.slug not in {"between", "churned_usa", "lapsed"}]
    wanted = [
        *kept, Definition(slug="lapsed", rule="purchases >= 1 and days_since(last_active) > 2"),
        Definition(slug="new", rule="in_segment.lapsed or lifecycle_stage = 'known'"),
    ]  # fmt: skip
    stages = (*STAGES[:2], ("churned", "purchases >= 1 and days_since(last_active) > 5"))
    asked, evaluated = (plan(world.context, wanted, stages, warehouse=one) for one in (warehouse, None))
    assert (asked.way, evaluated.way) == ("warehouse", "evaluation"), asked.because
    assert asked.changes == evaluated.changes
    assert {change.what for change in asked.changes} >= {"added", "changed", "removed"}
    again = plan(world.context, SEGMENTS, STAGES, warehouse=warehouse)
    assert (again.changes, again.way, again.sequence) == ((), None, None)


def test_a_field_that_reads_itself_is_refused():
    """Rather than to go on for ever."""
    circle = {"in_segment.a": parse("in_segment.b"), "in_segment.b": parse("not in_segment.a")}
    with pytest.raises(RuleError, match="reads itself"):
        Derived((), circle).levels([parse("in_segment.a")])


def _fill(world, bases, *, live):
    """Let the store say that the past of these aggregates is filled in, or is not."""
    with world.context.store.snapshot() as snapshot:
        known = begun.read(snapshot.kept())
    kept = {base: begun.encode(msgspec.structs.replace(known[base], live=live)) for base in bases}
    with world.context.store.transaction() as transaction:
        transaction.write(Changes(offsets={}, kept=kept))


@pytest.mark.parametrize("seed", range(2))
def test_nobody_knows_what_is_being_filled_in(tmp_path, queries, seed):
    """Law: stream and statement say the same while some aggregates lack their past, and what they said before when none does.

    Negative controls: a statement that knows them, a stream that does, says otherwise.
    """
    world, warehouse = lived(tmp_path, queries, seed)
    draw = random.Random(seed)
    rules = [*ATOMS[-4:], *(f"not ({atom})" for atom in ATOMS[-4:]), *(rule_of(draw, 2) for _ in range(20))]
    segments = _with(rules)
    world.apply(segments)
    world.settle()
    before = world.memberships()
    assert reconcile.reconcile(world.context, warehouse).differing == 0
    filling = sorted(map(base_of, (one for rule in rules[:4] for one in aggregates(parse(rule)))))
    _fill(world, filling, live=False)
    world.settle()
    during = world.memberships()
    assert not {name for name, _ in during} & {f"r{n}" for n in range(8)}
    found = reconcile.reconcile(world.context, warehouse)
    assert (found.differing, found.waiting) == (0, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inquiry, "asked", lambda *given: asked(*given[:4]))
        assert reconcile.reconcile(world.context, warehouse).differing > 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "UNKNOWN", None)
        assert reconcile.reconcile(world.context, warehouse).differing > 0
    _fill(world, filling, live=True)
    assert reconcile.reconcile(world.context).waiting > 0
    world.settle()
    assert world.memberships() == before


def test_what_is_planned_is_read_of_the_warehouse(tmp_path, queries):
    """What the stream has not begun to keep: planned by the whole past, and unknown to the stream until that is there."""
    world, warehouse = lived(tmp_path, queries, 1)
    world.settle()
    rule = "count('Story Read' where revenue is null) >= 1"
    new = Definition(slug="new", rule=rule)
    expected = preview(world.context, new, warehouse=warehouse)
    assert (expected.way, expected.members > 0) == ("warehouse", True)
    # As a command or a server that is started with the files has it.
    said = bound(world.context, [*world_asks(), new], STAGES).settings
    world.context = replace(world.context, profiles=said)
    world.evaluator = Evaluator(world.context)
    assert preview(world.context, new, warehouse=warehouse).members == expected.members
    world.apply([*SEGMENTS, new])
    world.evaluator.drain()
    assert not {name for name, _ in world.memberships()} & {"new"}
    assert reconcile.reconcile(world.context, warehouse).differing == 0


def world_asks():
    """The segments that a world of `lived` counts for."""
    return [*SEGMENTS, *(Definition(slug=f"a{n}", rule=atom) for n, atom in enumerate(ATOMS))]
