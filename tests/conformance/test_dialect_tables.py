"""Every row of the tables of support, sent to a running server: what they say becomes of it does.

Each row has one case, in `dialects/`; a row without one, or a case without a row, fails.
"""

from __future__ import annotations

import pytest
from tests.conformance.dialects import amplitude, mixpanel, posthog, segment
from tests.conformance.dialects.speaker import CASES, Speaker
from tests.running import running
from tools.dialects_reference import TABLES

pytestmark = pytest.mark.xdist_group("server")
VENDORS = (segment, posthog, mixpanel, amplitude)
"""Importing them states their cases."""
ROWS = [(table.vendor, row.name) for table in TABLES for row in table.rows]


def test_every_row_has_a_case_and_every_case_a_row():
    """A table that says more or less than what is sent here fails."""
    assert set(CASES) == set(ROWS)


@pytest.fixture(scope="module")
def sent():
    """A server to which every case has sent what it sends, and which has caught up."""
    with running() as server:
        cases = {}
        for number, (vendor, name) in enumerate(ROWS):
            case = cases[vendor, name] = CASES[vendor, name](Speaker(server, vendor, number))
            next(case)
        server.account()
        yield cases


@pytest.mark.parametrize(("vendor", "name"), ROWS)
def test_what_the_table_says_becomes_of_it(sent, vendor, name):
    """The case's own assertions hold once the server has caught up."""
    with pytest.raises(StopIteration):
        next(sent[vendor, name])
