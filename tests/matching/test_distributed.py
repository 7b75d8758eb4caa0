"""On a cluster the same model finds the same pairs with the same scores, and the same people, as in this process."""

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.matching.local_cluster import LocalCluster
from tests.matching.people import kin, rows, table

from onefold.bootstrap import matching as door
from onefold.errors import NotFoundError, UsageError
from onefold.matching import distributed, outcome, records, screening
from onefold.matching.settings import Decision, MatchSettings
from onefold.matching.trained import Known, of_match

KEY = b"a key of the tests"


def learned(data, **stated):
    """A model of a table."""
    return Known(of_match(door.match_table(data, MatchSettings(**stated), ignored=("cluster",)), KEY), KEY)


@pytest.fixture(scope="module")
def homes():
    """Spouses, and others with slips and gaps: a table, and a model of it."""
    made = [{"dob": None, "phone": None, "city": None, "street": None} | each for each in kin("spouses", homes=40)]
    data = table([*rows(people=90), *made])
    return data, learned(data)


def both(data, known, stated=None, decisions=(), rows_of_batch=400):
    """What the matcher finds here, and on a cluster: pairs with their scores, people, and how much was compared."""
    stated = stated or MatchSettings()
    here = door.match_table(data, stated, decisions=decisions, known=known)
    cluster = LocalCluster({"people_there": data}, rows_of_batch)
    there = distributed.match(cluster, "people_there", known, stated, decisions=decisions)
    return (of(outcome.scored(here), outcome.people(here)) | {"looked_at": here.looked_at}), (
        of(cluster.fetch("SELECT * FROM pairs"), cluster.fetch("SELECT * FROM people"))
        | {"looked_at": there.matched.looked_at}
    )


def of(pairs, people):
    """By name, in one order, scores to a billionth."""
    rounded = [each | {"score": round(each["score"], 9), "probability": round(each["probability"], 9)}
               for each in pairs.to_pylist()]  # fmt: skip
    kept = people.drop_columns([name for name in ("household",) if name in people.column_names]).to_pylist()
    return {
        "pairs": rounded,
        "people": sorted(
            (each | {"probability": each["probability"] and round(each["probability"], 9)} for each in kept),
            key=lambda each: each["record"],
        ),
    }


def test_pairs_scores_levels_and_people_are_the_same(homes):
    """Of spouses and slips; rows are read and pairs compared in several batches."""
    here, there = both(*homes, rows_of_batch=150)
    assert there == here
    assert len(here["pairs"]) > 200


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10_000), batch=st.sampled_from([30, 200, 1_000]), data=st.data())
def test_rows_in_any_order_and_batches_of_any_size_give_the_same(homes, seed, batch, data):
    """Of tables that the model has not seen: with copies, values missing, other letters, sources and decisions."""
    made = rows(people=25, copies=2, seed=seed)
    made += [each | {"id": each["id"] + "-copy"} for each in made[: data.draw(st.integers(0, 20))]]
    made += [{"id": f"t{n}", **dict.fromkeys(list(made[0])[1:])} | data.draw(_VALUES) for n in range(6)]
    order = np.random.default_rng(seed).permutation(len(made))
    stated = table(made).take(pa.array(order)).append_column("street", pa.nulls(len(made), pa.string()))
    one, other = made[0]["id"], made[1]["id"]
    decisions = data.draw(
        st.sampled_from([(), (Decision(one, made[5]["id"], "same"), Decision(one, other, "different"))])
    )
    here, there = both(stated, homes[1], decisions=decisions, rows_of_batch=batch)
    assert there == here


_TEXT = st.sampled_from(
    ["mary", "Ma\0ry", "Märy", "Жанна", "m", "", " ", "O'Neill", "van der Berg", "vander Berg", "x" * 70]
)
_VALUES = st.fixed_dictionaries({"first_name": _TEXT, "last_name": _TEXT, "city": _TEXT})


@pytest.mark.parametrize("stricter", [{"least": 4_000}, {"least": 14_000}, {"chance": 0.02}], ids=str)
def test_a_model_that_looks_at_less_does_so_there(homes, stricter):
    """Large tables have a least evidence, beside which copies are looked at, and less coincidence."""
    data, known = homes
    scheme = msgspec.structs.replace(known.trained.scheme, **stricter)
    here, there = both(data, Known(msgspec.structs.replace(known.trained, scheme=scheme), KEY))
    assert there == here
    assert here["looked_at"] < door.match_table(data, MatchSettings(), known=known).looked_at


def test_the_sql_of_screening_says_what_the_screen_says(homes):
    """Of all pairs of some records."""
    data, known = homes
    read = records.read(data.slice(0, 120), door.match_table(data, MatchSettings(), known=known).fields, None,
                        known.trained.reading)  # fmt: skip
    held, total = known.keys(read), known.trained.scheme.total
    a, b = np.triu_indices(read.count, 1)
    ours = screening.Screen(read, held, total).evidence(a * read.count + b)
    cluster = LocalCluster({"r": pa.table({"n": np.arange(read.count), **screening.columns(read, held, total)})})
    evidence = screening.sql([key.name for key in held])
    theirs = cluster.fetch(f"SELECT {evidence} AS e FROM r AS x JOIN r AS y ON x.n < y.n ORDER BY x.n, y.n")  # noqa: S608  our own SQL
    assert theirs["e"].to_pylist() == ours.tolist()
    assert len(set(ours.tolist())) > 20


def test_a_model_reads_phone_numbers_by_its_region(homes):
    """Not by that of the settings, by which it was not learned; control: by which they would be others."""
    data = homes[0].slice(0, 60)
    known = learned(data, region="FR")
    read = door.match_table(data, MatchSettings(), known=known).records.columns["phone", "value"].texts
    fields, reading = known.trained.fields, known.trained.reading
    assert read == records.read(data, fields, "FR", reading).columns["phone", "value"].texts
    assert read != records.read(data, fields, None, reading).columns["phone", "value"].texts


def _with_another_level(known):
    first, *others = known.comparisons
    *levels, weakest = first.levels
    changed = msgspec.structs.replace(levels[-1], sql="false")
    known.comparisons = (msgspec.structs.replace(first, levels=(*levels[:-1], changed, weakest)), *others)


def _without_a_rule(known):
    scheme = known.trained.scheme
    known.trained = msgspec.structs.replace(
        known.trained, scheme=msgspec.structs.replace(scheme, rules=scheme.rules[1:])
    )


def _with_smaller_blocks(known):
    scheme = known.trained.scheme
    fewer = tuple(msgspec.structs.replace(rule, largest=min(rule.largest, 3)) for rule in scheme.rules)
    known.trained = msgspec.structs.replace(known.trained, scheme=msgspec.structs.replace(scheme, rules=fewer))


@pytest.mark.parametrize("change", [_with_another_level, _without_a_rule, _with_smaller_blocks])
def test_another_level_rule_or_size_of_blocks_is_noticed(homes, change):
    """Control: were something else compared or brought together there, it would show."""
    data, known = homes
    other = Known(known.trained, KEY)
    change(other)
    here = door.match_table(data, MatchSettings(), known=known)
    cluster = LocalCluster({"people_there": data})
    there = distributed.match(cluster, "people_there", other, MatchSettings())
    found = of(cluster.fetch("SELECT * FROM pairs"), cluster.fetch("SELECT * FROM people"))
    assert (found, there.matched.looked_at) != (of(outcome.scored(here), outcome.people(here)), here.looked_at)


def test_unlikely_pairs_and_values_stay_there(homes):
    """What is sent here: counts of patterns, and ids and levels of pairs worth a look."""
    data, known = homes
    cluster = LocalCluster({"people_there": data})
    found = distributed.match(cluster, "people_there", known, MatchSettings())
    assert found.matched.looked_at > 2 * len(found.matched.scored.a)
    values = {value for name in ("first_name", "last_name", "email", "phone") for value in data[name].to_pylist()}
    for sent in cluster.sent_back:
        assert sent.num_rows < found.matched.looked_at
        assert not any(values & set(column.to_pylist()) - {None} for column in sent.columns if sent.num_rows)


def test_what_cannot_be_matched_there_is_said(homes):
    """Before anything is read."""
    data, known = homes
    cluster = LocalCluster(
        {"people_there": data, "short": data.drop_columns(["email"]), "twice": pa.concat_tables([data] * 2)}
    )
    for name, error, said in (
        ("nowhere", NotFoundError, "no such table"),
        ("short", UsageError, "no column `email`"),
        ("twice", UsageError, "each row needs its own id"),
    ):
        with pytest.raises(error, match=said):
            distributed.match(cluster, name, known, MatchSettings())
    with pytest.raises(UsageError, match="weighted"):
        distributed.match(cluster, "people_there", known, MatchSettings(model="weighted"))
    without = learned(data.drop_columns(["id"]))
    with pytest.raises(UsageError, match="record_id"):
        distributed.match(cluster, "people_there", without, MatchSettings())
