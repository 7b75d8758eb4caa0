"""The warehouse of a project on disk: private, backed up, rebuilt, reconciled from the command line."""

from __future__ import annotations

import json
import subprocess
import sys

from tests import workbench
from tests.running import project

from onefold import bootstrap
from onefold.warehouse.query import parse

PEOPLE = 250


def planted(person: int) -> list[str]:
    """Values that stand in an event, in every place that it has for them."""
    return [f"planted{person:04d}{place}zq" for place in ("mail", "city", "story", "title")]


def event(person: int) -> dict:
    mail, city, story, title = planted(person)
    return {
        "type": "identify",
        "userId": f"u{person}",
        "messageId": f"m{person}",
        "timestamp": workbench.iso(person),
        "traits": {"email": f"{mail}@mail.example", "city": city},
        "properties": {"story": story},
        "context": {"page": {"title": title}},
    }


def run_command(*words) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onefold", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fill(workspace, first: int, last: int) -> None:
    workspace.context.log.append([workbench.entry(event(n), index=n) for n in range(first, last)])
    bootstrap.catch_up(workspace)


def files_that_hold(directory, values: list[str]) -> list[str]:
    """Files in which a value stands, in UTF-8 or UTF-16."""
    wanted = [
        form for value in values for form in (value.encode(), value.encode("utf-16-le"), value.encode("utf-16-be"))
    ]
    return [
        path.name
        for path in directory.rglob("*")
        if path.is_file() and any(form in content for content in [path.read_bytes()] for form in wanted)
    ]


def asked(directory, query: str):
    with bootstrap.open_warehouse(directory) as warehouse:
        return warehouse.run(parse(query)).to_pylist()


def test_no_file_of_a_project_holds_a_planted_value(tmp_path):
    """Feed, segments, manifest, log and store, while queries run: none of a thousand values is to be found."""
    values = [value for person in range(PEOPLE) for value in planted(person)]
    with project() as here:
        with bootstrap.opened(here.directory, None) as workspace:
            fill(workspace, 0, PEOPLE // 2)
            bootstrap.load_warehouse(workspace)
            fill(workspace, PEOPLE // 2, PEOPLE)
            warehouse = bootstrap.warehouse_of(workspace)
            for query in ("SELECT * FROM golden.profile ORDER BY primary_value", "SELECT * FROM staging.event"):
                assert warehouse.run(parse(query)).num_rows == PEOPLE
            assert files_that_hold(here.directory, values) == []
            warehouse.close()
        assert files_that_hold(here.directory, values) == []
        (here.directory / "data" / "planted.txt").write_text(values[-1])
        assert files_that_hold(here.directory, values) == ["planted.txt"]


def test_a_backup_holds_the_warehouse(tmp_path):
    """Restored, queries say what they said when the backup was taken, whatever was done since."""
    query = "SELECT person, events, attributes FROM golden.profile ORDER BY person"
    with project() as here:
        with bootstrap.opened(here.directory, None) as workspace:
            fill(workspace, 0, 10)
            bootstrap.load_warehouse(workspace)
            fill(workspace, 10, 15)
        before = asked(here.directory, query)
        assert run_command("backup", tmp_path / "copy", "--project", here.directory).returncode == 0
        with bootstrap.opened(here.directory, None) as workspace:
            fill(workspace, 15, 30)
            bootstrap.load_warehouse(workspace)
        assert run_command("restore", tmp_path / "copy", "--project", here.directory).returncode == 0
        assert asked(here.directory, query) == before
        assert len(before) == 15


def test_a_rebuild_makes_the_same_warehouse(tmp_path):
    """Rebuilt from the log, the relations hold the same rows, but for what arrival implies; and nobody differs."""
    queries = (
        "SELECT * EXCLUDE (sequence, known_at) FROM staging.event ORDER BY event_id",
        "SELECT * EXCLUDE (sequence, known_at) FROM golden.profile ORDER BY person",
        "SELECT * EXCLUDE (sequence) FROM golden.identity ORDER BY node",
    )
    with project() as here:
        for first in range(0, 30, 10):
            with bootstrap.opened(here.directory, None) as workspace:
                fill(workspace, first, first + 10)
                bootstrap.load_warehouse(workspace)
        before = [asked(here.directory, query) for query in queries]
        assert run_command("rebuild", "--project", here.directory).returncode == 0
        assert [asked(here.directory, query) for query in queries] == before
        done = run_command("reconcile", "--json", "--project", here.directory)
        assert json.loads(done.stdout.splitlines()[0])["differing"] == 0
        assert run_command("warehouse", "load", "--project", here.directory).returncode == 0
        assert [asked(here.directory, query) for query in queries] == before
