"""Warehouses for tests."""

import pytest
from tests import engines, workbench
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.query_client import QueryProcess


@pytest.fixture(scope="session")
def queries():
    process = QueryProcess()
    yield process
    process.close()


@pytest.fixture
def yard(tmp_path, queries):
    return Yard(workbench.context(), tmp_path, queries)


@pytest.fixture
def make_engine(queries):
    with engines.postgres_engines(queries) as make:
        yield make
