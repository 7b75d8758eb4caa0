"""Models are built in order; what is built by increments is what a complete run would have built."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.warehouse.memory import MemoryWarehouse
from tests.warehouse.statements import model

from onefold.model import Column, Relation
from onefold.pipelines.batch import models as batch
from onefold.warehouse.models import increment
from onefold.warehouse.models.binding import bind
from onefold.warehouse.models.increment import Changes
from onefold.warehouse.models.model import ModelError

MOMENT = datetime(2026, 3, 1, tzinfo=UTC)
CHANGE = Relation("golden", "profile_change", (Column("sequence", "bigint"), Column("person", "bigint")), "log")
PROFILE = Relation(
    "golden",
    "profile",
    (Column("person", "bigint"), Column("city", "text"), Column("revenue", "bigint")),
    key=("person",),
)
EVENT = Relation(
    "golden",
    "engagement_event",
    (Column("event_id", "bigint"), Column("person", "bigint"), Column("name", "text"), Column("amount", "bigint")),
    key=("event_id",),
)
CITY = Relation("dimensions", "city", (Column("city", "text"), Column("region", "text")), key=("city",))
RELATIONS = (CHANGE, PROFILE, EVENT, CITY)
FOLLOWED = Changes("golden.profile_change", "sequence", "person")
TRACKED = {("golden.profile", "person"): FOLLOWED, ("golden.engagement_event", "person"): FOLLOWED}

INCREMENTAL = {
    "gifts": "SELECT person, count(*) AS n, sum(amount) AS total FROM golden.engagement_event GROUP BY person",
    "joined": """SELECT p.person, p.city, coalesce(e.n, 0) AS n FROM golden.profile AS p LEFT JOIN
        (SELECT person, count(*) AS n FROM golden.engagement_event WHERE name = 'gift' GROUP BY person) AS e
        ON e.person = p.person""",
    "most": """WITH g AS (SELECT person, max(amount) AS most FROM golden.engagement_event GROUP BY ALL)
        SELECT p.person, p.revenue, g.most FROM golden.profile p JOIN g USING (person) WHERE p.revenue > 3""",
    "region": """SELECT p.person, c.region FROM golden.profile p LEFT JOIN dimensions.city c ON c.city = p.city""",
    "kinds": "SELECT person, 'p' AS kind FROM golden.profile UNION SELECT person, name FROM golden.engagement_event",
    "ranked": """SELECT person, event_id, row_number() OVER (PARTITION BY person ORDER BY event_id) AS n
        FROM golden.engagement_event""",
    "monthly": "SELECT person, name, sum(amount) AS total FROM golden.engagement_event GROUP BY person, name",
}
KEYS = {"kinds": ("person", "kind"), "ranked": ("event_id", "person"), "monthly": ("person", "name")}
REFUSED = {
    "no key": ("SELECT city, count(*) AS n FROM golden.profile GROUP BY city", "none of whose|something other"),
    "share": ("SELECT person, revenue / sum(revenue) OVER () AS share FROM golden.profile", "window over all keys"),
    "limit": ("SELECT person FROM golden.profile ORDER BY revenue LIMIT 3", "LIMIT"),
    "cross": ("SELECT a.person, b.person AS other FROM golden.profile a, golden.profile b", "other than the key"),
    "subquery": ("SELECT person FROM golden.profile WHERE revenue > (SELECT avg(revenue) FROM golden.profile)", "subquery"),
    "shifted": ("SELECT person + 1 AS person FROM golden.profile", "computes its key"),
    "group": ("SELECT any_value(person) AS person FROM golden.profile GROUP BY city", "computes its key"),
    "right": (
        "SELECT p.person FROM golden.profile p RIGHT JOIN golden.engagement_event e ON e.person = p.person", "RIGHT JOIN",
    ),
    "left": (
        "SELECT e.person FROM golden.profile p LEFT JOIN golden.engagement_event e ON e.person = p.person", "LEFT JOIN",
    ),
    "clock": ("SELECT person, as_of() AS at FROM golden.profile", "as_of"),
    "unkeyed join": (
        "SELECT p.person, x.n FROM golden.profile p, (SELECT count(*) AS n FROM golden.engagement_event) AS x", "`x`",
    ),
}  # fmt: skip


def _models(name=None, materialized="incremental", sql=None):
    chosen = {name: sql or INCREMENTAL[name]} if name else INCREMENTAL
    key = KEYS.get(name, ("person",))
    return bind(
        [
            model(n.replace(" ", "_"), s, materialized=materialized, key=KEYS.get(n, key))
            for n, s in chosen.items()
        ],
        RELATIONS,
    )  # fmt: skip


def _run(warehouse, models, *wanted, **options):
    return list(batch.run(warehouse, models, wanted, tracked=TRACKED, moment=MOMENT, **options))


def _rows(warehouse, name):
    found = warehouse.run(sqlglot.parse_one(f"SELECT * FROM {name}")).to_pylist()  # noqa: S608
    return sorted(map(repr, found))


person = st.integers(0, 5)
Step = st.one_of(
    st.tuples(st.just("event"), person, st.sampled_from(["gift", "visit"]), st.integers(0, 9)),
    st.tuples(st.just("profile"), person, st.sampled_from("abc"), st.integers(0, 9)),
    st.tuples(st.just("merge"), person, person),
    st.tuples(st.just("gone"), person),
    st.tuples(st.just("region"), st.sampled_from("abc"), st.sampled_from("xyz")),
    st.just(("run",)),
)


class World:
    """Profiles, events and the changes of them, as a stream would leave them."""

    def __init__(self) -> None:
        self.warehouse = MemoryWarehouse(*RELATIONS)
        self.profiles: dict[int, tuple[str, int]] = {}
        self.events: list[list] = []
        self.regions: dict[str, str] = {}
        self.sequence = 0

    def do(self, step) -> None:
        """One step of the stream."""
        match step:
            case ("event", who, name, amount):
                self.events.append([len(self.events), who, name, amount])
                self._changed(who)
            case ("profile", who, city, revenue):
                self.profiles[who] = (city, revenue)
                self._changed(who)
            case ("merge", who, into):
                for event in self.events:
                    if event[1] == who:
                        event[1] = into
                self.profiles.pop(who, None)
                self._changed(who)
                self._changed(into)
            case ("gone", who):
                self.profiles.pop(who, None)
                self.events = [event for event in self.events if event[1] != who]
                self._changed(who)
            case ("region", city, region):
                self.regions[city] = region

    def _changed(self, who) -> None:
        self.sequence += 1
        self.warehouse.append(CHANGE, pa.table({"sequence": [self.sequence], "person": [who]}))

    def write(self) -> None:
        """The views of today."""
        rows = [(who, city, revenue) for who, (city, revenue) in self.profiles.items()]
        for relation, found in ((PROFILE, rows), (EVENT, self.events), (CITY, list(self.regions.items()))):
            columns = {c.name: [row[n] for row in found] for n, c in enumerate(relation.columns)}
            types = {"bigint": pa.int64(), "text": pa.string()}
            schema = pa.schema([(c.name, types[c.type]) for c in relation.columns])
            self.warehouse.replace(relation, pa.table(columns, schema=schema))


# The dimension is a model of its own, so that a run sees that it changed.
CITIES = model("cities", "SELECT city, region FROM dimensions.city", materialized="table", key=("city",))
FOLLOWING = [
    CITIES,
    *(
        model(name, sql.replace("dimensions.city", "cities"), materialized="incremental", key=KEYS.get(name, ("person",)))
        for name, sql in INCREMENTAL.items()
    ),
    model("after", "SELECT g.person, g.total, p.city FROM gifts AS g JOIN golden.profile AS p ON p.person = g.person",
          materialized="incremental", key=("person",)),
]  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(st.lists(Step, min_size=1, max_size=25))
def test_increments_give_what_a_complete_run_gives(steps):
    """Whatever the stream does and whenever models run, each incremental model is what it would be if built whole."""
    world = World()
    models = bind(FOLLOWING, RELATIONS)
    for step in (*steps, ("run",)):
        world.do(step)
        if step == ("run",):
            world.write()
            _run(world.warehouse, models)
    built = {name: _rows(world.warehouse, name) for name in models.models}
    _run(world.warehouse, models, whole=True)
    assert built == {name: _rows(world.warehouse, name) for name in models.models}
    world.warehouse.close()


def test_an_increment_that_forgets_keys_that_are_gone_is_caught(monkeypatch):
    """The law above fails when rows of changed keys are only added."""
    world, models = World(), bind(FOLLOWING, RELATIONS)
    merge = world.warehouse.merge
    monkeypatch.setattr(world.warehouse, "merge", lambda relation, rows, **_: merge(relation, rows))
    for step in (("event", 1, "gift", 3), ("run",), ("gone", 1), ("run",)):
        world.do(step)
        world.write()
        _run(world.warehouse, models)
    built = _rows(world.warehouse, "marts.gifts")
    _run(world.warehouse, models, whole=True)
    assert built != _rows(world.warehouse, "marts.gifts")


@pytest.mark.parametrize("name", REFUSED)
def test_a_statement_that_is_not_local_to_its_key_is_refused(name):
    """An incremental model whose rows depend on other keys would go stale unseen."""
    sql, says = REFUSED[name]
    models = bind([model("m", sql, materialized="incremental", key=("person",) if "person" in sql else ("city",),
                         described_in="models/m.yaml", lines={("materialized",): 4})], RELATIONS)  # fmt: skip
    with pytest.raises(ModelError, match=says) as refused:
        increment.plans(models, TRACKED)
    assert str(refused.value).startswith("models/m.yaml:4: `marts.m` ")


def test_only_what_changed_is_worked_out():
    """A run after one change of a hundred people writes one row."""
    world = World()
    for who in range(100):
        world.do(("event", who, "gift", who))
    world.write()
    models = _models("gifts")
    assert [(r.how, r.rows) for r in _run(world.warehouse, models)] == [("built", 100)]
    world.do(("event", 7, "gift", 1))
    world.write()
    (second,) = _run(world.warehouse, models)
    assert (second.how, second.rows, second.keys) == ("increment", 1, 1)
    (third,) = _run(world.warehouse, models)
    assert (third.how, third.rows, third.keys) == ("increment", 0, 0)


def test_a_changed_statement_is_built_whole():
    """A new definition never mixes with rows of the old one."""
    world = World()
    world.do(("event", 1, "gift", 3))
    world.write()
    _run(world.warehouse, _models("gifts"))
    changed = _models("gifts", sql=INCREMENTAL["gifts"].replace("sum", "max"))
    assert [r.how for r in _run(world.warehouse, changed)] == ["built"]


def test_views_are_checked_and_tables_are_written_once():
    """A table that is built again and is what it was is not written again; a view is only tried."""
    world = World()
    world.do(("profile", 1, "a", 3))
    world.write()
    models = bind(
        [
            model("seen", "SELECT person, as_of() AS at, revenue FROM golden.profile"),
            model(
                "kept", "SELECT person, date_diff('day', at, at) AS d FROM seen", materialized="table", key=("person",)
            ),
        ],
        RELATIONS,
    )
    assert [r.how for r in _run(world.warehouse, models)] == ["checked", "built"]
    later = list(batch.run(world.warehouse, models, ["kept"], tracked=TRACKED, moment=MOMENT + timedelta(days=1)))
    assert [(r.model, r.how) for r in later] == [("marts.kept", "unchanged")]
    assert {"marts.kept", "marts.model_run"} <= {r.full_name for r in world.warehouse.relations()}
    assert "marts.seen" not in {r.full_name for r in world.warehouse.relations()}


def test_a_model_that_fails_leaves_what_was_there():
    """What was built before the failure stays; the failing model keeps its rows of the last run."""
    world = World()
    world.do(("profile", 1, "a", 3))
    world.write()
    good = "SELECT person, revenue AS n FROM golden.profile"
    _run(world.warehouse, bind([model("m", good, materialized="table")], RELATIONS))
    bad = "SELECT person, CAST(city AS INT) AS n FROM golden.profile"
    with pytest.raises(Exception, match="Conversion"):
        _run(world.warehouse, bind([model("m", bad, materialized="table")], RELATIONS))
    assert _rows(world.warehouse, "marts.m") == ["{'person': 1, 'n': 3}"]
