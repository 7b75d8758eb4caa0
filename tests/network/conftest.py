"""Tests of the network; those that pull a real cable need a machine that lets namespaces be made."""

from tests.network import cable

collect_ignore = [] if cable.possible() else ["test_pulled_cable.py"]


def pytest_report_header():
    """Say so where they are left out."""
    return "network namespaces cannot be made here: no test pulls a cable" if collect_ignore else None
