"""What rules read of one person between runs is what a run over everybody says, as of the same moment."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.rfm.test_run import AMOUNTS, AS_OF_US, BINS, DAY_US, NAMES
from tests.warehouse.yard import Yard

from onefold.audiences import progress
from onefold.audiences.definition import Definition as Segment
from onefold.audiences.definition import Top
from onefold.audiences.ruleset import ruleset
from onefold.model import Identifier, format_profile_id
from onefold.pipelines.audiences import applying, scoring
from onefold.pipelines.audiences.evaluator import Evaluator
from onefold.pipelines.audiences.reconcile import reconcile
from onefold.pipelines.audiences.rules import bound, held
from onefold.pipelines.audiences.scoring import publish
from onefold.pipelines.batch import rfm
from onefold.pipelines.reading.profile_rows import people
from onefold.pipelines.reading.profiles import profile
from onefold.profiles.lifecycle import FIELDS, Stage, compiled
from onefold.profiles.settings import ProfileSettings
from onefold.rfm import CutPoint, CutPoints, Definition, score
from onefold.rfm import fields as fields_of_rfm
from onefold.rfm.fields import score_fields
from onefold.rfm.outcome import outcome
from onefold.rfm.query import whole
from onefold.rules import Aggregate, RuleError, Window, parse
from onefold.rules.tree import Literal

PARTS = ("r", "f", "m", "segment")
BACK_US = st.sampled_from([0, 1, 2, 8, 9, 10, 30]).flatmap(
    lambda days: st.integers(0, 23).map(
        lambda hour: (AS_OF_US // DAY_US - days) * DAY_US + min(hour, 13) * 3_600_000_000
    )
)
WHO = st.sampled_from([{"userId": f"u{n}"} for n in range(6)] + [{"anonymousId": f"a{n}"} for n in range(5)] + [
    {"userId": f"u{n}", "anonymousId": f"a{n}"} for n in range(4)])  # fmt: skip
PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "total": AMOUNTS,
        "a b": AMOUNTS,
        "currency": st.sampled_from(["USD", "usd ", "EUR", "", None, "?", 7, " u sd", ["USD"]]),
    },
)
GIVEN = Definition(name="tried", events=NAMES[:1], amount=("total",), lookback_days=10)
EVENTS = st.lists(st.tuples(WHO, st.sampled_from(NAMES), BACK_US, PROPERTIES), max_size=40)


def definitions():
    """Definitions of every kind that rules can read."""
    return st.builds(
        lambda events, amount, lookback, method, currency: Definition(
            name="tried", events=events, amount=amount, lookback_days=lookback, method=method, currency=currency,
            bins=BINS if method == "bins" else None,
        ),
        st.sampled_from([NAMES[:1], NAMES[:2]]), st.sampled_from([(), ("total",), ("a b", "total")]),
        st.sampled_from([None, 1, 10]), st.sampled_from(["quantiles", "bins"]), st.sampled_from(["USD", "EUR"]),
    )  # fmt: skip


def person_of(row) -> str:
    """The person of a row, as hexadecimal digits."""
    return str(row["person"]).replace("-", "")


class Scored:
    """A workspace with a warehouse, a clock, and a segment for each segment of an RFM definition."""

    def __init__(self, directory, queries, definition: Definition, stages=()) -> None:
        self.definition = definition
        self.now_us = AS_OF_US
        bare = replace(workbench.context(), rfm=(definition,), clock_us=lambda: self.now_us)
        names = dict.fromkeys(rule.name for rule in definition.segments)
        self.slugs = {f"s{n}": name for n, name in enumerate(names)}
        self.segments = [Segment(slug=slug, rule=f"rfm.tried.segment = '{n}'") for slug, n in self.slugs.items()]
        scores = tuple(score_fields([definition]).items())
        said = {"profiles": ProfileSettings(stages=stages, scores=scores)}
        held_stages = tuple((stage.name, stage.rule) for stage in stages)
        counted = bound(replace(bare, **said), self.segments, held_stages).settings
        self.yard = Yard(replace(bare, profiles=counted), directory, queries)
        self.context = self.yard.context
        self.evaluator = Evaluator(self.context)
        applying.apply(self.context, self.segments, held_stages)

    def receive(self, events) -> None:
        bodies = [
            {"type": "track", "event": name, "messageId": f"{self.now_us}-{n}", "properties": properties, **who,
             "timestamp": (datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at)).isoformat()}
            for n, (who, name, at, properties) in enumerate(events)
        ]  # fmt: skip
        self.yard.receive(*bodies)
        self.yard.load()

    def run(self):
        found = rfm.run(self.yard.warehouse, self.definition, as_of_us=self.now_us, now_us=self.now_us)
        publish(self.context, found)
        return found

    def batch(self):
        """Person → scores, of golden.rfm."""
        rows = self.yard.rows("SELECT person, r, f, m, segment FROM golden.rfm")
        return {person_of(row): tuple(row[part] for part in PARTS) for row in rows}

    def timed(self):
        """Person → what rules read."""
        with self.context.store.snapshot() as snapshot:
            rules = held(self.context, snapshot, progress.decode(snapshot.evaluation().body))
            ids = snapshot.people(after=b"", limit=1_000)
            asking = replace(self.context, profiles=rules.settings)
            rows = {profile.id.hex(): profile.row for profile in people(asking, snapshot, ids)}
        return {
            person: {part: row.get(f"rfm.tried.{part}") for part in PARTS} for person, row in rows.items()
        }  # fmt: skip

    def online(self):
        """Person → scores now; of those who have any."""
        found = {
            person: tuple(None if one is None else one.at(self.now_us) for one in row.values())
            for person, row in self.timed().items()
        }
        return {person: scores for person, scores in found.items() if scores != (None,) * 4}

    def members(self):
        """Person → segment by memberships."""
        with self.context.store.snapshot() as snapshot:
            return {
                member.person.hex(): name
                for slug, name in self.slugs.items()
                for member in snapshot.audience(slug, after=b"", limit=1_000)
            }


def agree(world: Scored) -> None:
    """Rules, memberships and golden.rfm say the same of everybody."""
    batch = world.batch()
    assert world.online() == batch
    assert world.members() == {person: scores[3] for person, scores in batch.items()}


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(EVENTS, definitions(), st.sets(st.integers(1, 40), max_size=2))
def test_rules_read_what_a_run_of_the_same_moment_says(queries, tmp_path_factory, events, definition, later):
    """Ties, currencies, merges, ends of days; later on what the run's cut points give, and no change before it is told."""
    world = Scored(tmp_path_factory.mktemp("rfm"), queries, definition)
    world.receive(events)
    world.evaluator.drain()
    assert world.online() == world.members() == {}
    run = world.run()
    world.evaluator.drain()
    agree(world)
    began_us, timed = world.now_us, world.timed()
    for days in sorted(later):
        world.now_us = at_us = began_us + days * DAY_US
        rows = outcome(definition, world.yard.warehouse.run(whole(definition, at_us)), at_us, at_us)[1].to_pylist()
        wanted = {
            person_of(row): score(definition, run.cut_points, row["recency_days"], row["frequency"], row["monetary"])
            for row in rows
        }
        assert world.online() == wanted
        for one in (one for row in timed.values() for one in row.values() if one is not None):
            told = one.next_change(began_us)
            assert (told is not None and told <= at_us) or one.at(at_us) == one.at(began_us)
        world.evaluator.drain()
        assert world.members() == {person: scores.segment for person, scores in wanted.items()}
        assert reconcile(world.context).differing == 0


def gifts(*days):
    """A gift of each of these people, so many days ago, of as many dollars."""
    today = AS_OF_US // DAY_US * DAY_US
    return [({"userId": f"u{n}"}, NAMES[0], today - back * DAY_US, {"total": n}) for n, back in enumerate(days)]


TRAPS = [
    *gifts(0, 1, 2, 3, 4),
    ({"userId": "u0"}, NAMES[0], AS_OF_US - 10 * DAY_US, {"total": 100}),
    ({"userId": "u1"}, NAMES[0], AS_OF_US, {"total": 100, "currency": "EUR"}),
    ({"userId": "u2"}, NAMES[0], AS_OF_US, {"total": 100, "a b": 1}),
    ({"userId": "u3", "anonymousId": "a0"}, NAMES[0], AS_OF_US, {"total": 2, "currency": "usd "}),
    ({"anonymousId": "a0"}, NAMES[1], AS_OF_US, {"total": 2, "currency": ""}),
]
MISTAKES = {
    "none": {},
    "every currency": {"_in_currency": lambda _: Literal(True)},
    "no default currency": {"_in_currency": lambda _: parse("upper(currency) = 'USD'")},
    "all amounts": {"_unreadable": lambda _: Literal(True)},
    "a day too many": {"Window": lambda tiles, tile_us: Window(tiles + 1, tile_us)},
    "a day too late": {"DAY_US": 2 * DAY_US},
    "ties apart": {"score": lambda definition, cuts, days, *rest: score(definition, cuts, days + 1, *rest)},
    "the first event only": {"Aggregate": lambda function, event, *a, **k: Aggregate(function, NAMES[0], *a, **k)},
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_planted_mistake_is_noticed(queries, tmp_path, monkeypatch, mistake):
    """Of each part of a score, one that is wrong makes rules and the run disagree."""
    for name, wrong in MISTAKES[mistake].items():
        monkeypatch.setattr(fields_of_rfm, name, wrong)
    fields_of_rfm.measures.cache_clear()
    world = Scored(tmp_path, queries, msgspec.structs.replace(GIVEN, events=NAMES[:2], amount=("a b", "total")))
    world.receive(TRAPS)
    world.run()
    same = world.online() == world.batch()
    fields_of_rfm.measures.cache_clear()
    assert same is (mistake == "none")


def test_a_new_run_moves_people_who_did_nothing_and_time_moves_them_on_the_day(queries, tmp_path):
    """Cut points of another run are another rule for everybody; those who are due are told by themselves."""
    world = Scored(tmp_path, queries, GIVEN)
    world.receive(gifts(0, 1, 2, 3, 4))
    world.run()
    world.evaluator.drain()
    before = world.members()
    agree(world)
    world.now_us += 3 * DAY_US
    world.evaluator.drain()
    drifted = world.members()
    assert drifted != before
    world.run()
    world.evaluator.drain()
    agree(world)
    assert world.members() == before


def test_a_change_is_told_for_the_midnight_at_which_it_comes(queries, tmp_path):
    """Recency over a cut point, or an event out of the lookback, whichever comes first; and then nothing more."""
    today, far = AS_OF_US // DAY_US, tuple(CutPoint(days) for days in (3, 20, 21, 22))
    bins = CutPoints(far, BINS.frequency, BINS.monetary)
    world = Scored(tmp_path, queries, msgspec.structs.replace(GIVEN, method="bins", bins=bins))
    first, second = gifts(0, 7)
    world.receive([first, second, ({"userId": "u0"}, NAMES[0], (today - 8) * DAY_US, {"total": 5})])
    world.run()
    told = {}
    for row in world.timed().values():
        moments, at_us = [], AS_OF_US
        while (at_us := row["r"].next_change(at_us)) is not None and at_us < (today + 21) * DAY_US:
            moments.append(at_us // DAY_US - today)
            assert at_us % DAY_US == 0
        told[row["f"].at(AS_OF_US)] = moments
    assert told == {2: [2, 4, 10], 1: [3, 14, 15, 16]}


def test_a_run_of_an_earlier_moment_leaves_scores_as_they_are(queries, tmp_path):
    """As it leaves golden.rfm; and one of a definition that no rule reads evaluates nobody."""
    world = Scored(tmp_path, queries, GIVEN)
    world.receive(gifts(0, 1, 2, 3, 4))
    run = world.run()
    world.evaluator.drain()
    with world.context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
    assert not publish(world.context, msgspec.structs.replace(run, as_of_us=run.as_of_us - 1, cut_points=BINS))
    with world.context.store.snapshot() as snapshot:
        assert snapshot.evaluation() == state
    assert not publish(world.context, msgspec.structs.replace(run, rfm="others"))
    agree(world)


def test_of_a_definition_that_changed_nobody_has_scores_until_it_runs(queries, tmp_path):
    """Cut points of one definition say nothing of another."""
    world = Scored(tmp_path, queries, GIVEN)
    world.receive(gifts(0, 1, 2, 3, 4))
    world.run()
    assert len(world.online()) == 5
    changed = msgspec.structs.replace(GIVEN, method="bins", bins=BINS)
    world.context = replace(world.context, rfm=(changed,))
    assert world.online() == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"method": "ntile"}, "only methods quantiles and bins can be read by rules"),
        ({"as_of_us": 0}, "leave it out"),
        ({"lookback_days": 1_100}, "1,099 days"),
        ({"amount": ("total.net",)}, "`total.net`"),
    ],
)
def test_what_cannot_be_scored_between_runs_is_refused_where_a_rule_reads_it(change, says):
    """With the reason; the definition itself is good, and so are rules that do not read it."""
    known = {**FIELDS, **score_fields([msgspec.structs.replace(GIVEN, **change)])}
    with pytest.raises(RuleError, match=says):
        ruleset([Segment(slug="best", rule="rfm.tried.segment = 'Champions'")], known)
    assert ruleset([Segment(slug="some", rule="purchases > 1")], known).rules


def test_scores_are_not_for_ranks_and_stages_and_the_nearest_name_is_told():
    """Errors that say what to write instead."""
    known = {**FIELDS, **score_fields([GIVEN])}
    ranked = Segment(slug="top", kind="scheduled", rule="true", top=Top(10, "rfm.tried.m"))
    for segment, says in (
        (ranked, "ask for it in the `rule`"),
        (Segment(slug="a", rule="rfm.tryed.segment = 'Lost'"), "rfm.tried.segment"),
        (Segment(slug="b", rule="rfm.tried.r = 'Lost'"), "number"),
    ):
        with pytest.raises(RuleError, match=says):
            ruleset([segment], known)
    with pytest.raises(RuleError, match="leave it out"):
        compiled(BEST, (), tuple(score_fields([msgspec.structs.replace(GIVEN, as_of_us=0)]).items()))


BEST = (Stage("giver", "true"), Stage("best", "rfm.tried.m >= 4"))


def test_stages_read_scores_and_follow_each_run(queries, tmp_path):
    """What a look-up tells, and the audience that is kept; before the first run nobody is in a stage that asks for scores."""
    world = Scored(tmp_path, queries, GIVEN, BEST)

    def stages():
        with world.context.store.snapshot() as snapshot:
            kept = [m.person for m in snapshot.audience("stage.best", after=b"", limit=99)]
        found = (profile(world.context, Identifier("user_id", f"u{n}")) for n in range(5))
        shown = [one for one in found if one is not None and one.lifecycle.stage == "best"]
        assert sorted(one.id for one in shown) == sorted(map(format_profile_id, kept))
        return {one.identifiers[0].value for one in shown}

    world.receive(gifts(0, 1, 2, 3, 4))
    world.evaluator.drain()
    assert stages() == set()
    world.run()
    world.evaluator.drain()
    assert stages() == {"u3", "u4"}
    world.now_us += 1
    world.receive([({"userId": "u0"}, NAMES[0], AS_OF_US, {"total": 50})])
    world.evaluator.drain()
    assert stages() == {"u0", "u3", "u4"}
    assert reconcile(world.context).differing == 0
    world.run()
    world.evaluator.drain()
    assert stages() == {"u0", "u4"}


def test_a_definition_is_due_when_it_is_new_changed_or_its_time_has_come(queries, tmp_path):
    """One with a moment of its own runs once; nothing is due where nothing happened."""
    world = Scored(tmp_path, queries, GIVEN)

    def due(**changed):
        definition = msgspec.structs.replace(GIVEN, **changed)
        return scoring.due(replace(world.context, rfm=(definition,)), world.now_us) != []

    assert not due()
    world.receive(gifts(0, 1, 2, 3, 4))
    assert due()
    world.run()
    assert not due()
    assert not due(every_us=DAY_US // 2, description="said otherwise")
    assert due(currency="EUR")
    world.now_us += DAY_US
    assert due()
    assert not due(every_us=2 * DAY_US)
    past = msgspec.structs.replace(GIVEN, as_of_us=world.now_us - DAY_US)
    assert due(as_of_us=past.as_of_us)
    found = rfm.run(world.yard.warehouse, past, as_of_us=past.as_of_us, now_us=world.now_us)
    publish(world.context, found)
    world.now_us += 9 * DAY_US
    assert not due(as_of_us=past.as_of_us)
