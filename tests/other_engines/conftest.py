"""The engines of these suites: each with a server of its own, which is started once."""

from __future__ import annotations

import itertools

import pytest
from tests.other_engines import servers

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.sql_engines.engine import MarkedEngine

_numbers = itertools.count()


@pytest.fixture(scope="session")
def queries():
    process = QueryProcess()
    yield process
    process.close()


@pytest.fixture(scope="session", params=servers.ENGINES)
def make_engine(request, queries):
    """Makes engines of one kind, each in schemas of its own."""
    with servers.running(request.param) as open_session:
        kind, session = open_session()

        def make(within=lambda session: session):
            return MarkedEngine(kind, within(session), queries, prefix=f"e{next(_numbers)}_")

        make.name = request.param
        yield make
        session.close()


@pytest.fixture
def engine(make_engine):
    return make_engine()
