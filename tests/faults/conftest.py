"""What fault tests share: the zygote of a test run, and the figures at its end."""

import pytest
from tests.faults import figures, stage


@pytest.fixture(scope="session")
def zygote(tmp_path_factory):
    """The product, imported once; commands are forked from it."""
    with stage.zygote(tmp_path_factory.mktemp("zygote") / "errors") as made:
        yield made


def pytest_sessionstart(session):
    """Begin with no figures."""
    if not hasattr(session.config, "workerinput"):
        figures.FILE.unlink(missing_ok=True)


def pytest_terminal_summary(terminalreporter):
    """Show what was measured."""
    if figures.FILE.exists():
        terminalreporter.section("faults")
        terminalreporter.write(figures.FILE.read_text())
