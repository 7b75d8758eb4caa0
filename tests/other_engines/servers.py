"""Servers of engines for tests, each from an environment of its own that `make test-engines` makes."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build"
HERE = Path(__file__).parent
ENGINES = ("clickhouse",)


def python(name: str) -> Path:
    """The Python of an environment; its absence fails the test that needs it."""
    found = BUILD / name / "bin" / "python"
    assert found.exists(), f"{found} is missing: run `make test-engines`"
    return found


@contextmanager
def running(name: str) -> Iterator:
    """A server; what the block gets opens a session with it, and tells the engine's kind."""
    with {"clickhouse": clickhouse}[name]() as opening:
        yield opening


@contextmanager
def clickhouse() -> Iterator:
    """ClickHouse in a process, behind its HTTP interface."""
    from onefold.adapters.sql_engines.clickhouse import KIND, ClickHouseSession

    with (
        tempfile.TemporaryDirectory(prefix="onefold-ch-") as folder,
        child("clickhouse", "chdb_server.py", folder) as port,
    ):
        yield lambda: (KIND, ClickHouseSession(f"http://127.0.0.1:{port}"))


@contextmanager
def child(environment: str, script: str, *arguments: str) -> Iterator[int]:
    """A script of ours in an environment, which prints its port and ends with its standard input."""
    command = [python(environment), HERE / script, *arguments]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()
