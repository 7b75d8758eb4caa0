"""Dialects without their engines: every query is written or refused; what engines make of it is in `tests/other_engines`."""

import pytest
from tests.contracts.warehouse_queries import QUERIES, REFUSED

from onefold.adapters.sql_engines.clickhouse import ClickHouseSession
from onefold.errors import ConfigurationError, UnavailableError, UsageError
from onefold.warehouse import views
from onefold.warehouse.dialects import bigquery, clickhouse, postgres, snowflake, spark, translation
from onefold.warehouse.query import parse

DIALECTS = {module.NAME: module.DIALECT for module in (postgres, clickhouse, spark, snowflake, bigquery)}
SECRET = "correct-horse"
KNOWN = {*views.RELATIONS, "marts.gift"}


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_queries_and_views_are_written_in_every_dialect(dialect):
    """Each query of the contract and each view becomes a text, the same one every time, and the tree stays as it was."""
    for tree in [*map(parse, QUERIES.values()), *views.queries().values()]:
        before = tree.sql()
        written = {translation.sql(translation.translate(tree, dialect, KNOWN, "p_"), dialect) for _ in range(2)}
        assert len(written) == 1
        assert tree.sql() == before


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
@pytest.mark.parametrize("query", REFUSED.values(), ids=REFUSED)
def test_what_has_no_equivalent_is_refused_by_name(dialect, query):
    """The engine is named, and what it lacks."""
    with pytest.raises(UsageError, match=rf"{dialect.name}: .* no tried equivalent"):
        translation.translate(parse(query), dialect, KNOWN)


def test_an_address_that_is_none_is_told_and_one_that_does_not_answer():
    """The message has no part of the address, which holds a password."""
    with pytest.raises(ConfigurationError, match="https://USER:…@host") as told:
        ClickHouseSession("clickhouse.example.org:8443/" + SECRET)
    assert SECRET not in str(told.value)
    with pytest.raises(UnavailableError) as told:
        ClickHouseSession(f"http://user:{SECRET}@127.0.0.1:1").execute("SELECT 1")
    assert SECRET not in str(told.value)
