"""The contract of queries on PostgreSQL, and what only a real server shows."""

import pytest
from sqlglot import exp
from tests import engines, workbench
from tests.contracts.answers import Answers, receive_people
from tests.contracts.warehouse_queries import GIFT, gifts
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.errors import ExpensiveError, UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.query import parse


@pytest.fixture(scope="module")
def queries():
    process = QueryProcess()
    yield process
    process.close()


@pytest.fixture(scope="module")
def make_engine(queries):
    with engines.postgres_engines(queries) as make:
        yield make


@pytest.fixture(scope="module")
def both(make_engine, queries, tmp_path_factory):
    """The embedded warehouse and its copy on PostgreSQL."""
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    receive_people(yard)
    yard.warehouse.replace(GIFT, gifts())
    engine = make_engine()
    engines.copy(yard, engine)
    return yard.warehouse, engine


class TestAnswers(Answers):
    """PostgreSQL's."""


@pytest.mark.parametrize(
    "query",
    [
        "SELECT amuont FROM marts.gift",
        "SELECT * FROM marts.gfit",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT * FROM pg_shadow",
        "SELECT nextval('x')",
        "SELECT * FROM read_csv('/etc/passwd')",
    ],
)
def test_a_query_that_cannot_be_run_is_refused_in_the_same_words(both, query):
    """Bound before it is translated, it reaches no function and no relation that DuckDB has not."""
    embedded, engine = both
    with pytest.raises(UsageError) as one:
        embedded.run(parse(query))
    with pytest.raises(UsageError) as other:
        engine.run(parse(query))
    assert str(one.value) == str(other.value)


def test_a_query_that_takes_too_long_is_ended(both):
    """Time is bounded; the engine answers the next one."""
    joined = exp.select("a.name").from_("marts.gift AS a")
    for name in "bcdefgh":
        joined = joined.join(f"marts.gift AS {name}", join_type="cross")
    with pytest.raises(ExpensiveError, match="ended after"):
        both[1].run(exp.select("count(*)").from_(joined.subquery("s")), QueryLimits(seconds=0.2))
    assert both[1].run(parse("SELECT 1 AS n")).to_pylist() == [{"n": 1}]
