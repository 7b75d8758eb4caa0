"""Queries are locked up: whatever a statement says, it is refused or bounded, and reaches nothing but the relations."""

from __future__ import annotations

import socket
import time
from pathlib import Path

import duckdb
import pytest
from tests.warehouse import hostile

from onefold.adapters.duckdb.query_client import QueryProcess
from onefold.errors import ExpensiveError, IntegrityError, OnefoldError, UsageError
from onefold.warehouse.query import parse

SECRET = "the-secret-of-another-file"


@pytest.fixture
def prey(yard, tmp_path):
    """A workspace with something in it, a file beside it that no query may see, and a port that none may reach."""
    yard.receive({"type": "track", "event": "X", "anonymousId": "a", "messageId": "1"})
    yard.load()
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "secret.txt").write_text(SECRET)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield yard, folder, server


def contents(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_two_hundred_hostile_statements_are_refused_or_bounded(prey):
    """None reads or writes a file, reaches a port, changes a setting, or takes more than it is allowed."""
    yard, folder, server = prey
    segment = next(yard.files.directory.iterdir()).name
    texts = hostile.statements(
        file=folder / "secret.txt", folder=folder, name="other" + segment, port=server.getsockname()[1]
    )
    assert len(texts) >= 200
    before, answered = contents(folder.parent), []
    for text in texts:
        started = time.monotonic()
        try:
            found = yard.rows(text, seconds=0.3, memory_mb=128, result_mb=4)
        except (UsageError, ExpensiveError) as error:
            assert SECRET not in str(error), text  # noqa: PT017  one of several fair ends
        except IntegrityError as error:  # DuckDB failed by itself, which is told without what it says
            assert str(error).endswith("while a query ran."), text  # noqa: PT017  one of several fair ends
        else:
            assert SECRET not in repr(found), text
            answered.append(text)
        assert time.monotonic() - started < 60, text
    assert contents(folder.parent) == before
    with pytest.raises(BlockingIOError):
        server.accept()
    assert not [text for text in answered if text in hostile.FILES or text in hostile.NETWORKS]
    assert yard.rows("SELECT count(*) AS n FROM staging.event") == [{"n": 1}]


def test_without_the_lock_a_query_reads_the_file(prey):
    """The negative control: it is the lock that holds, so the test above can fail."""
    _, folder, _ = prey
    with duckdb.connect(":memory:") as connection:
        text = parse(hostile.FILES[4].replace("{file}", str(folder / "secret.txt"))).sql(dialect="duckdb")
        # The file's time has a zone, for which Python's rows would want one more library.
        assert connection.sql(text).project("content").fetchall() == [(SECRET.encode(),)]


def test_an_error_about_a_value_does_not_tell_the_value(yard):
    """What DuckDB quotes of a value that it could not convert may be somebody's address."""
    yard.receive({"type": "identify", "userId": "u", "traits": {"email": "ann@mail.example"}, "messageId": "1"})
    with pytest.raises(UsageError) as caught:
        yard.rows("SELECT CAST(value AS INTEGER) FROM golden.identity WHERE type = 'email'")
    assert "mail.example" not in str(caught.value)
    with pytest.raises(OnefoldError) as caught:
        yard.rows("SELECT error(value) FROM golden.identity WHERE type = 'email'")
    assert "mail.example" not in str(caught.value)


def test_the_environment_of_queries_holds_no_secret(yard, monkeypatch):
    """A key in the environment of the server is not in the environment of the process that runs queries."""
    monkeypatch.setenv("ONEFOLD_ROOT_KEY", SECRET)
    process = QueryProcess()
    yard.warehouse._process = process
    try:
        assert yard.rows("SELECT 1 AS n") == [{"n": 1}]
        pid = process._process.pid
        assert SECRET.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert [line.split()[3] for line in limits.splitlines() if line.startswith("Max file size")] == ["0"]
    finally:
        process.close()
    assert not Path(f"/proc/{pid}").exists()
