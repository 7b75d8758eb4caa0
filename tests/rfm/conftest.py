"""Warehouses for tests of RFM."""

import pytest
from tests import workbench
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
