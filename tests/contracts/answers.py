"""The contract of queries: the same query gives the same Arrow table, whatever the engine.

Whoever runs it has the fixtures `both`, the embedded warehouse and its copy, and `make_engine`, which tells by `controls`
of which rewrites the suite has to be red when they are missing.
"""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from tests import engines
from tests.contracts.warehouse_queries import QUERIES, REFUSED

from onefold.errors import ExpensiveError, UsageError
from onefold.ports.warehouse import QueryLimits
from onefold.warehouse.dialects import translation
from onefold.warehouse.query import parse


def receive_people(yard):
    """Some people, what they did and what they consented to."""
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


class Answers:
    """What holds for every engine."""

    @pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
    def test_the_same_query_gives_the_same_table(self, both, query):
        """Columns, types, order, nulls, exact money, microseconds, all letters."""
        embedded, engine = both
        wanted, found = embedded.run(parse(query)), engine.run(parse(query))
        told = [(a, b) for a, b in zip(wanted.to_pylist(), found.to_pylist(), strict=False) if a != b]
        assert alike(wanted, found), f"{told}\n{wanted.schema}\n{found.schema}"

    @pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
    def test_what_engines_mean_differently_is_refused(self, both, query):
        """A part without a tried equivalent is named; it is not passed on to mean something else."""
        with pytest.raises(UsageError, match=r"\w+: .* no tried equivalent"):
            both[1].run(parse(query))

    def test_every_primitive_is_executed(self, make_engine):
        """No entry of the table is there that no query runs, but for what is looked at inside of others."""
        used = {type(part) for query in QUERIES.values() for part in parse(query).walk()}
        used |= {type(part) for tree in engines.views() for part in tree.walk()}
        assert {kind.__name__ for kind in make_engine.parts.keys() - used} == set()

    def test_without_its_rewrite_a_primitive_means_something_else(self, both, make_engine, monkeypatch):
        """The suite is red for a table that leaves a part as sqlglot writes it, so green means something."""
        embedded, engine = both
        kinds = {kind.__name__.lower(): kind for kind in make_engine.parts}

        def differs(query):
            try:
                return not alike(embedded.run(query), engine.run(query))
            except (UsageError, pa.ArrowException, ValueError):
                return True

        translate, same = translation.translate, []
        for name in make_engine.controls:
            parts = {**make_engine.parts, kinds[name]: None}

            def plainly(query, dialect, *more, parts=parts):
                plain = translation.Dialect(dialect.name, dialect.sqlglot, parts, dialect.entry)
                return translate(query, plain, *more)

            monkeypatch.setattr(translation, "translate", plainly)
            if not any(differs(parse(query)) for query in QUERIES.values() if parse(query).find(kinds[name])):
                same.append(name)
        assert same == []

    def test_a_query_that_takes_too_much_is_ended(self, both):
        """The size of the answer is bounded; the engine answers the next one."""
        query = " CROSS JOIN ".join(
            ["SELECT a.name FROM marts.gift AS a", *(f"marts.gift AS {name}" for name in "bcdefg")]
        )
        with pytest.raises(ExpensiveError, match="more than 1 MB"):
            both[1].run(parse(query), QueryLimits(result_mb=1))
        assert both[1].run(parse("SELECT 1 AS n")).to_pylist() == [{"n": 1}]

    def test_of_no_rows_counts_are_zero_and_other_aggregates_null(self, both):
        """Whatever an engine's own `count_if` gives; in groups, windows and filters, too."""
        text = (
            "SELECT count_if(kept) AS a, count_if(kept) FILTER (WHERE many > 1) AS b, count(name) AS c,"
            " count(DISTINCT id) AS d, sum(many) AS e, bool_and(kept) AS f, max(name) AS g, median(many) AS h"
            " FROM marts.gift WHERE id < 0"
        )
        for warehouse in both:
            (row,) = warehouse.run(parse(text)).to_pylist()
            assert list(row.values()) == [0, 0, 0, 0, None, None, None, None]
            found = warehouse.run(
                parse("SELECT id, count_if(kept) OVER (PARTITION BY id) AS n FROM marts.gift ORDER BY id")
            )
            assert set(found["n"].to_pylist()) == {0, 1}
