"""What all tests share: how long Hypothesis looks, and the folder of public data."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shared machine makes single examples slow at random, which says nothing about the code. The suite looks at the same
# examples each time, so that a change is judged by what it changes; new ones are looked for by `make laws`.
settings.register_profile(
    "default", max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("laws", parent=settings.get_profile("default"), max_examples=5_000, derandomize=False)
settings.load_profile("default")

# Whatever starts the suites in the background has them ignore Ctrl-C, and a command that a test starts would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """Mark what needs the public data, so that the fast lane can do without."""
    for item in items:
        if "shared_data" in item.fixturenames:
            item.add_marker("data")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data; its absence fails the test with a clear word."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("ONEFOLD_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.fail("the shared data folder is absent: set ONEFOLD_DATA to it")
    return folder
