"""Onefold in a Python program: light to import, exact, beside a running server."""

import subprocess
import sys
import time
from decimal import Decimal

import pytest
from tests.running import running

import onefold
from onefold import bootstrap
from onefold.errors import ConfigurationError, ExpensiveError, NotFoundError, UsageError

pytestmark = pytest.mark.xdist_group("server")


@pytest.fixture(scope="module")
def directory():
    """A project with a running server."""
    with running() as server:
        batch = [
            {"type": "identify", "userId": "ann", "messageId": "1", "traits": {"last_name": "<b>Lovelace"}},
            {"type": "track", "event": "Order Completed", "userId": "ann", "messageId": "2", "properties": {"revenue": 12.3}},
        ]  # fmt: skip
        assert server.post("/v1/batch", {"batch": batch}) == 200
        server.account()
        yield server.here.directory


def test_importing_it_loads_nothing():
    """The package alone is light; a program that wants a word of it does not wait for a server's libraries."""
    said = "import sys, onefold; onefold.open; print([m for m in sys.modules if m.startswith('onefold.') or m in "
    said += "{'pyarrow', 'duckdb', 'fastapi', 'rich', 'typer', 'sqlglot', 'pathlib'} - {'pathlib'}])"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_rows_in_every_form(directory):
    """Arrow, Polars, dictionaries, words; money stays Decimal, times microseconds."""
    with onefold.open(directory) as project:
        found = project.sql("SELECT person, revenue, first_seen_at FROM golden.profile")
        assert len(found) == 1
        assert found.columns == ["person", "revenue", "first_seen_at"]
        (row,) = found
        assert row["revenue"] == Decimal("12.3")
        assert str(found.arrow().schema.field("first_seen_at").type) == "timestamp[us]"
        frame = found.polars()
        assert frame["revenue"].to_list() == [Decimal("12.3")]
        assert "12.3" in repr(found)
        assert repr(found).endswith("1 row")
        assert project.tables("golden")
        html = project.sql("SELECT traits FROM staging.event")._repr_html_()
        assert "&lt;b&gt;Lovelace" in html
        assert "<b>" not in html


def test_members_of_a_segment_in_every_form(directory):
    """By the segment's slug: Arrow, Polars, and why somebody is in it; an unknown slug is a KeyError."""
    folder = directory / "segments"
    folder.mkdir(exist_ok=True)
    (folder / "buyers.yaml").write_text("segments: {buyers: purchases >= 1}\n")
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
    until = time.monotonic() + 60
    with onefold.open(directory) as project:
        while not (found := project.segments["buyers"].members()) and time.monotonic() < until:
            time.sleep(0.05)
        assert [(row["identifier"], row["because"]) for row in found] == [("ann", "definition")]
        assert found.polars()["identifier_type"].to_list() == ["user_id"]
        assert found.arrow().num_rows == 1
        assert project.segments["buyers"].info.members == 1
        assert project.segments["buyers"].why("user_id:ann").member
        assert next(iter(project.segments)) == "buyers"
        with pytest.raises(KeyError):
            project.segments["buyer"]


def test_pandas_is_asked_for_where_it_is_not(directory, monkeypatch):
    """The message says what to install."""
    monkeypatch.setitem(sys.modules, "pandas", None)
    with onefold.open(directory) as project, pytest.raises(ConfigurationError, match="pip install pandas"):
        project.sql("SELECT 1").pandas()


def test_profiles_and_limits(directory):
    """A profile by any identifier; queries that cannot be, and those that take too long."""
    with onefold.open(directory) as project:
        one = project.profile("user_id:ann")
        assert project.profile(one.id).id == one.id
        with pytest.raises(NotFoundError):
            project.profile("user_id:nobody")
        with pytest.raises(UsageError, match="did you mean"):
            project.sql("SELECT * FROM golden.profle")
        with pytest.raises(ExpensiveError):
            project.sql("SELECT count(*) FROM range(100000) a, range(100000) b, range(100) c", seconds=0.3)
        assert project.sql("SELECT x FROM range(9) t(x)", limit=2).arrow()["x"].to_pylist() == [0, 1]


def test_a_closed_project_says_so(directory):
    """And closing it twice is nothing."""
    project = onefold.open(str(directory))
    project.close()
    project.close()
    assert "closed" in repr(project)
    with pytest.raises(UsageError, match="open it again"):
        project.sql("SELECT 1")
