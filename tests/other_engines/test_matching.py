"""The matcher on Spark: with one model, 20,000 records have the same pairs, scores and people as in this process."""

import random

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.other_engines import servers

import onefold
from onefold import bootstrap
from onefold.adapters.sql_engines.spark import SparkConnectSession
from onefold.adapters.sql_engines.spark_cluster import SparkCluster
from onefold.bootstrap import matching as door
from onefold.errors import ConfigurationError, NotFoundError, UsageError
from onefold.matching import distributed, outcome
from onefold.matching.settings import MatchSettings
from onefold.matching.trained import Known, of_match
from onefold.synthetic import directory

RECORDS = 20_000
KEY = b"a key of the tests"


@pytest.fixture(scope="module")
def address():
    with servers.spark() as opening:
        _, session = opening()
        yield session._url


@pytest.fixture(scope="module")
def people():
    """Records of a made population, in some order, a model learned from them, and what it finds here."""
    made = pa.table(directory.columns(11, RECORDS))
    order = list(range(made.num_rows))
    random.Random(3).shuffle(order)
    data = made.take(pa.array(order))
    ignored = tuple(name for name in ("cluster", "person") if name in data.column_names)
    model = of_match(door.match_table(data, MatchSettings(), ignored=ignored), KEY)
    known = Known(model, KEY)
    return data, known, door.match_table(data, MatchSettings(), known=known)


def of(pairs, people):
    """What is compared: pairs with levels and scores to a billionth, and people, in one order."""
    edges = {
        (each["record_a"], each["record_b"]): {name: round(value, 9) if isinstance(value, float) else value
                                              for name, value in each.items()}
        for each in pairs.to_pylist()
    }  # fmt: skip
    return edges, dict(zip(people["record"].to_pylist(), people["person"].to_pylist(), strict=True))


def matched(address, folder, data, known):
    """The same of Spark, from files that stand there."""
    pq.write_table(data, folder / "people.parquet")
    cluster = SparkCluster(address)
    try:
        found = distributed.match(cluster, f"parquet.`{folder}`", known, MatchSettings(), tell=print)
        return found, of(cluster.fetch("SELECT * FROM pairs"), cluster.fetch("SELECT * FROM people"))
    finally:
        cluster.close()


def test_pairs_scores_levels_and_people_are_the_same(address, people, tmp_path):
    """Of all records."""
    data, known, here = people
    found, got = matched(address, tmp_path, data, known)
    wanted = of(outcome.scored(here), outcome.people(here))
    assert got == wanted
    assert (found.count, found.matched.looked_at) == (RECORDS, here.looked_at)
    assert found.people == len(set(wanted[1].values()))
    assert len(wanted[0]) > RECORDS / 4


def test_executors_keep_nothing_afterwards(address, people, tmp_path):
    """Control: until the end they do."""
    data, known, _ = people
    pq.write_table(data.slice(0, 100), tmp_path / "people.parquet")
    cluster = SparkCluster(address)
    distributed.match(cluster, f"parquet.`{tmp_path}`", known, MatchSettings())
    kept, end, after = list(cluster._kept), cluster._session.close, []
    assert kept
    assert all(each.storageLevel.useMemory for each in kept)

    def ending():
        after.extend(each.storageLevel.useMemory for each in kept)
        end()

    cluster._session.close = ending
    cluster.close()
    assert after == [False] * len(kept)


def test_executors_without_onefold_are_told_of(address, people, tmp_path):
    """By what to install; nothing of the records is in the message."""
    data, known, _ = people
    pq.write_table(data.slice(0, 10), tmp_path / "people.parquet")
    cluster = SparkCluster(address)
    with cluster._session.asked() as spark:
        spark.conf.set("spark.sql.execution.pyspark.python", str(servers.python("s3")))
    with pytest.raises(ConfigurationError, match=r"install onefold\[matching\]"):
        distributed.match(cluster, f"parquet.`{tmp_path}`", known, MatchSettings())
    cluster.close()


def _with_another_level(known):
    first, *others = known.comparisons
    changed = msgspec.structs.replace(first.levels[-2], sql="false")
    known.comparisons = (
        msgspec.structs.replace(first, levels=(*first.levels[:-2], changed, first.levels[-1])),
        *others,
    )


def _without_a_rule(known):
    scheme = known.trained.scheme
    known.trained = msgspec.structs.replace(
        known.trained, scheme=msgspec.structs.replace(scheme, rules=scheme.rules[1:])
    )


@pytest.mark.parametrize("change", [None, _with_another_level, _without_a_rule])
def test_another_level_or_rule_there_is_noticed(address, people, tmp_path, change):
    """Control, of a part of the records, which are alike where nothing is changed."""
    data, known, _ = people
    part = data.slice(0, 2_000)
    here = door.match_table(part, MatchSettings(), known=known)
    other = Known(known.trained, KEY)
    if change is not None:
        change(other)
    found, got = matched(address, tmp_path, part, other)
    same = (got, found.matched.looked_at) == (of(outcome.scored(here), outcome.people(here)), here.looked_at)
    assert same is (change is None)


def test_a_table_becomes_tables_there_or_files_here(address, people, tmp_path):
    """By the door of the command, from a table of Spark's catalog; what is there already is not replaced."""
    data, known, _ = people
    part = data.slice(0, 600)
    here = outcome.people(door.match_table(part, MatchSettings(), known=known))
    wanted = dict(zip(here["record"].to_pylist(), here["person"].to_pylist(), strict=True))
    session = SparkConnectSession(address)
    with session.asked() as spark:
        spark.createDataFrame(part).writeTo("people").create()
    done = bootstrap.match_on_engine(address, "people", known=known, out="who_is_who")
    assert done.written == ("who_is_who", "who_is_who_pairs")
    table = session.fetch("SELECT record, person FROM who_is_who")
    assert dict(zip(table["record"].to_pylist(), table["person"].to_pylist(), strict=True)) == wanted
    (pairs,) = session.fetch("SELECT count(*) AS n FROM who_is_who_pairs").to_pylist()
    assert pairs["n"] == len(done.found.matched.scored.a) > 0
    with pytest.raises(UsageError, match="already"):
        bootstrap.match_on_engine(address, "people", known=known, out="who_is_who")
    bootstrap.match_on_engine(address, "people", known=known, out=str(tmp_path / "who.parquet"))
    assert pq.read_table(tmp_path / "who.parquet").num_rows == 600
    assert pq.read_table(tmp_path / "who.pairs.parquet").num_rows == pairs["n"]
    program = onefold.match("people", model=known, engine=address)
    assert repr(program) == f"<Match(records=600, people={len(set(wanted.values()))})>"
    assert program.pairs().num_rows == pairs["n"]
    with pytest.raises(UsageError, match="stay there"):
        program.explain(*part["id"].to_pylist()[:2])
    with pytest.raises(NotFoundError, match="no table `nowhere`"):
        bootstrap.match_on_engine(address, "nowhere", known=known)
    session.close()
