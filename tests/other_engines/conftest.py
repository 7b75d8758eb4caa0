"""The engines of these suites: each with a server of its own, which is started once."""

from __future__ import annotations

import itertools

import pytest
from tests import workbench
from tests.other_engines import servers
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.adapters.sql_engines.engine import MarkedEngine

_CONTROLS = {
    "clickhouse": ("like", "case", "round", "cast"),
    "spark": ("like", "cast", "extract", "percentilecont", "timetounix"),
    "bigquery": ("extract", "div", "greatest"),
    "snowflake": ("timetounix", "explode", "arraycontains"),
}
_numbers = itertools.count()


def pytest_collection_modifyitems(items):
    """Tests of one engine run in one process, whose server is started once; all else by file."""
    for item in items:
        if item.path.parent != servers.HERE:
            continue
        callspec = getattr(item, "callspec", None)
        engine = None if callspec is None else callspec.params.get("make_engine")
        item.add_marker(pytest.mark.xdist_group(engine or item.path.stem))


class Engines:
    """Makes engines of one kind, each in schemas of its own; see `tests.contracts`."""

    nul = "\\x00"

    def __init__(self, name, kind, session, queries):
        self.name, self.kind, self.session = name, kind, session
        self.parts, self.controls = kind.dialect.parts, _CONTROLS[name]
        self._queries = queries

    def __call__(self, within=lambda session: session):
        """One more; `within` puts something around its session."""
        return MarkedEngine(self.kind, within(self.session), self._queries, prefix=f"e{next(_numbers)}_")


@pytest.fixture(scope="session")
def queries():
    process = QueryProcess()
    yield process
    process.close()


@pytest.fixture(scope="session", params=servers.ENGINES)
def make_engine(request, queries):
    with servers.running(request.param) as open_session:
        made = Engines(request.param, *open_session(), queries)
        yield made
        made.session.close()


@pytest.fixture
def yard(tmp_path, queries):
    return Yard(workbench.context(), tmp_path, queries)
