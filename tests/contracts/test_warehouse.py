"""The contract of `Warehouse`: the same query gives the same Arrow table, whatever the engine."""

import math

import pytest
from sqlglot import exp
from tests import engines, workbench
from tests.contracts.warehouse_queries import GIFT, QUERIES, REFUSED, gifts
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.errors import ExpensiveError, UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import postgres, translation
from onefold.warehouse.query import parse


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The embedded warehouse and its copy on PostgreSQL."""
    queries = QueryProcess()
    yard = Yard(workbench.context(), tmp_path_factory.mktemp("yard"), queries)
    for n in range(4):
        consents = {"consent": {"categoryPreferences": {"email": bool(n % 2), "ads": False}}}
        yard.receive(
            {
                "type": "identify",
                "userId": f"u{n % 3}",
                "anonymousId": f"a{n}",
                "messageId": f"i{n}",
                "context": consents,
            },
            {"type": "track", "event": "Read", "anonymousId": f"a{n}", "messageId": f"t{n}"},
        )
    yard.warehouse.replace(GIFT, gifts())
    engine = engines.postgres_engine(queries)
    engines.copy(yard, engine)
    yield yard.warehouse, engine
    engine.close()
    queries.close()


def alike(one, other):
    """Whether two tables are the same; doubles up to the last few bits, which sums in another order may move."""
    if one.schema != other.schema or one.num_rows != other.num_rows:
        return False
    for a, b in zip(one.to_pylist(), other.to_pylist(), strict=True):
        for name, value in a.items():
            same = value == b[name]
            if isinstance(value, float) and isinstance(b[name], float):
                same = math.isclose(value, b[name], rel_tol=1e-14, abs_tol=0)
            if not same:
                return False
    return True


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_same_query_gives_the_same_table(both, query):
    """Columns, types, order, nulls, exact money, microseconds, all letters."""
    embedded, engine = both
    wanted, found = embedded.run(parse(query)), engine.run(parse(query))
    told = [(a, b) for a, b in zip(wanted.to_pylist(), found.to_pylist(), strict=False) if a != b]
    assert alike(wanted, found), f"{told}\n{wanted.schema}\n{found.schema}"


@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
def test_what_engines_mean_differently_is_refused(both, query):
    """A part without a tried equivalent is named; it is not passed on to mean something else."""
    with pytest.raises(UsageError, match=r"\w+: .* no tried equivalent"):
        both[1].run(parse(query))


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


def test_a_query_that_takes_too_long_or_too_much_is_ended(both):
    """Time and the size of the answer are bounded; the engine answers the next one."""
    joined = exp.select("a.name").from_("marts.gift AS a")
    for name in "bcdefgh":
        joined = joined.join(f"marts.gift AS {name}", join_type="cross")
    with pytest.raises(ExpensiveError, match="ended after"):
        both[1].run(exp.select("count(*)").from_(joined.subquery("s")), QueryLimits(seconds=0.2))
    with pytest.raises(ExpensiveError, match="more than 1 MB"):
        both[1].run(joined, QueryLimits(result_mb=1))
    assert both[1].run(parse("SELECT 1 AS n")).to_pylist() == [{"n": 1}]


def test_every_primitive_is_executed():
    """No entry of the table is there that no query runs, but for what is looked at inside of others."""
    used = {type(part) for query in QUERIES.values() for part in parse(query).walk()}
    used |= {type(part) for tree in engines.views() for part in tree.walk()}
    assert {kind.__name__ for kind in postgres.DIALECT.parts.keys() - used} == set()


@pytest.mark.parametrize("kind", [exp.Like, exp.ILike, exp.Lower, exp.ArgMax, exp.Round])
def test_without_its_rewrite_a_primitive_means_something_else(both, monkeypatch, kind):
    """The suite is red for a table that leaves a part as sqlglot writes it, so green means something."""
    embedded, engine = both
    plain = translation.Dialect(
        postgres.NAME, "postgres", {**postgres.DIALECT.parts, kind: None}, postgres.DIALECT.entry
    )
    monkeypatch.setattr(postgres, "DIALECT", plain)
    concerned = [parse(query) for query in QUERIES.values() if parse(query).find(kind)]

    def differs(query):
        try:
            return not alike(embedded.run(query), engine.run(query))
        except UsageError:
            return True

    assert any(map(differs, concerned))


def test_of_no_rows_counts_are_zero_and_other_aggregates_null(both):
    """Whatever an engine's own `count_if` gives; in groups, windows and filters, too."""
    text = (
        "SELECT count_if(kept) AS a, count_if(kept) FILTER (WHERE many > 1) AS b, count(name) AS c, count(DISTINCT id) AS d, "
        "sum(many) AS e, bool_and(kept) AS f, max(name) AS g, median(many) AS h FROM marts.gift WHERE id < 0"
    )
    for warehouse in both:
        (row,) = warehouse.run(parse(text)).to_pylist()
        assert list(row.values()) == [0, 0, 0, 0, None, None, None, None]
        found = warehouse.run(
            parse("SELECT id, count_if(kept) OVER (PARTITION BY id) AS n FROM marts.gift ORDER BY id")
        )
        assert set(found["n"].to_pylist()) == {0, 1}
