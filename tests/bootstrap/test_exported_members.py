"""Members as files: CSV, Parquet and Arrow hold the same people, and other kinds of file are refused."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests import workbench
from typer.testing import CliRunner

from onefold import bootstrap
from onefold.cli import app
from onefold.errors import ConfigurationError
from onefold.pipelines.audiences import export

MANY = 7


def read(file):
    """The rows of a file, as texts and nulls."""
    if file.suffix == ".csv":
        with file.open(newline="") as lines:
            return [{name: value or None for name, value in row.items()} for row in csv.DictReader(lines)]
    if file.suffix == ".parquet":
        return pq.read_table(file).to_pylist()
    with pa.memory_map(str(file)) as source:
        return pa.ipc.open_file(source).read_all().to_pylist()


@pytest.fixture
def project(tmp_path):
    directory = tmp_path / "p"
    bootstrap.init(directory, "shop")
    for file in (directory / "segments").iterdir():
        file.unlink()
    (directory / "segments" / "a.yaml").write_text("segments: {everybody: events >= 1, nobody: events < 0}\n")
    bodies = [{"type": "track", "event": "Read", "userId": f"u{n}", "messageId": f"m{n}"} for n in range(MANY)]
    with bootstrap.opened(directory, None) as workspace:
        workspace.context.log.append([workbench.entry(body, index=n) for n, body in enumerate(bodies)])
        bootstrap.catch_up(workspace)
    with bootstrap.project_segments(directory, None, start=True) as segments:
        segments.apply()
    return directory


def test_each_kind_of_file_has_all_members(project, tmp_path, monkeypatch):
    """Through the command line, page by page; also of a segment without members, with its columns."""
    monkeypatch.setattr(export, "PAGE", 3)
    found = {}
    for kind in ("csv", "parquet", "arrow"):
        file = tmp_path / f"members.{kind}"
        asked = ["segment", "members", "everybody", "--export", str(file), "--project", str(project), "--json"]
        answer = CliRunner().invoke(app, asked)
        assert answer.exit_code == 0, answer.output
        assert json.loads(answer.stdout.splitlines()[-1])["members"] == MANY
        found[kind] = read(file)
    assert found["csv"] == found["parquet"] == found["arrow"]
    assert len({row["profile_id"] for row in found["arrow"]}) == MANY
    empty = tmp_path / "nobody.parquet"
    asked = ["segment", "members", "nobody", "--export", str(empty), "--project", str(project)]
    assert CliRunner().invoke(app, asked).exit_code == 0
    table = pq.read_table(empty)
    assert (table.num_rows, tuple(table.column_names)) == (0, export.COLUMNS)


def test_other_files_are_refused(project, tmp_path):
    """With the kinds that there are; nothing is written."""
    file = tmp_path / "members.xlsx"
    answer = CliRunner().invoke(
        app, ["segment", "members", "everybody", "--export", str(file), "--project", str(project)]
    )
    assert answer.exit_code != 0
    assert not file.exists()


def test_a_trait_that_a_segment_reads_cannot_go(project):
    """The command line refuses the files, with the reader's name, its file and line."""
    (project / "traits" / "more.yaml").write_text("traits: {books: {count: Book Read}}\n")
    (project / "segments" / "b.yaml").write_text("segments:\n  readers: trait.books >= 1\n")
    with bootstrap.project_segments(project, None) as segments:
        assert segments.plan().changes
    (project / "traits" / "more.yaml").unlink()
    for command in (["plan"], ["apply", "--yes"]):
        answer = CliRunner().invoke(app, [*command, "--project", str(project)])
        assert isinstance(answer.exception, ConfigurationError)
        assert "segments/b.yaml:2" in str(answer.exception)
        assert "`readers`" in str(answer.exception)
