"""Asking the warehouse from the command line, over a project."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.running import gone
from typer.testing import CliRunner

from onefold import bootstrap, cli
from onefold.bootstrap import warehousing
from onefold.errors import ConfigurationError, ExpensiveError, NotFoundError, UsageError

PEOPLE = "donor_id,email,first_name\n00042,ann@example.org,Ann\n00043,bo@example.org,=Bo\n"
LONG = "SELECT count(*) FROM range(100000) a, range(100000) b, range(100) c"


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ask")
    bootstrap.init(directory, "media")
    (directory / "people.csv").write_text(PEOPLE)
    done = CliRunner().invoke(
        cli.app, ["load", str(directory / "people.csv"), "-s", "crm", "--yes", "-p", str(directory)]
    )
    assert done.exit_code == 0, done.output
    return directory


def run(project, command, *arguments, given=None):
    done = CliRunner().invoke(cli.app, [command, *arguments, "--project", str(project)], input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


QUERY = "SELECT value, sequence FROM golden.identity WHERE type = 'email' ORDER BY value"


def test_rows_as_a_table_as_json_and_as_csv(project):
    """The same rows each way; a line is a row for programs."""
    assert "ann@example.org" in run(project, "sql", QUERY)
    documents = [json.loads(line) for line in run(project, "sql", QUERY, "--json").splitlines()]
    assert [document["value"] for document in documents] == ["ann@example.org", "bo@example.org"]
    lines = list(csv.DictReader(io.StringIO(run(project, "sql", QUERY, "--csv"))))
    assert [{**line, "sequence": int(line["sequence"])} for line in lines] == documents


def test_a_query_comes_from_a_file_or_standard_input(project, tmp_path):
    """Or as an argument; both at once is a mistake."""
    file = tmp_path / "query.sql"
    file.write_text(QUERY)
    as_argument = run(project, "sql", QUERY, "--json")
    assert run(project, "sql", "--file", str(file), "--json") == as_argument
    assert run(project, "sql", "-", "--json", given=QUERY) == as_argument
    with pytest.raises(UsageError, match="not both"):
        run(project, "sql", QUERY, "--file", str(file))


def test_limits_hold(project):
    """Rows, and time."""
    assert len(run(project, "sql", QUERY, "--json", "--limit", "1").splitlines()) == 1
    began = time.monotonic()
    with pytest.raises(ExpensiveError, match="took too long"):
        run(project, "sql", LONG, "--timeout", "0.5")
    assert time.monotonic() - began < 30


def test_the_past_is_asked_of(project):
    """Before anything was there, nothing was."""
    count = "SELECT count(*) AS n FROM golden.profile"
    assert json.loads(run(project, "sql", count, "--json", "--as-of", "2020-01-01")) == {"n": 0}
    assert json.loads(run(project, "sql", count, "--json", "--as-of", "2999-01-01T00:00:00Z")) == {"n": 2}
    assert json.loads(run(project, "sql", count, "--json", "--as-of", "2020-01-01", "--by", "event")) == {"n": 0}
    assert json.loads(run(project, "sql", count, "--json", "--as-of", "2999-01-01", "--by", "event")) == {"n": 2}


def test_nothing_is_changed_and_no_file_is_read(project):
    """Control of what the engine's own tests show in full."""
    for text in ("DROP TABLE golden.profile", "COPY (SELECT 1) TO '/tmp/x'", "INSERT INTO golden.profile SELECT 1"):
        with pytest.raises(UsageError):
            run(project, "sql", text)
    with pytest.raises(UsageError):
        run(project, "sql", "SELECT * FROM read_text('/etc/passwd')")


def test_ctrl_c_cancels(project):
    """The process of the query ends with it."""
    with subprocess.Popen(
        [sys.executable, "-m", "onefold", "sql", LONG, "-p", str(project), "--timeout", "300"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        until = time.monotonic() + 60
        while not (children := _children(process.pid)):
            assert time.monotonic() < until
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Cancelled." in said
    assert "Traceback" not in said
    assert gone(children, 60)


def _children(pid):
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def test_relations_are_listed(project):
    """With rows, bytes and freshness; of one schema, if one is named."""
    found = {line["relation"]: line for line in map(json.loads, run(project, "tables", "--json").splitlines())}
    assert found["staging.event"]["rows"] == 2
    assert found["staging.event"]["fresh_at"]
    assert found["golden.profile"]["rows"] is None
    counted = [json.loads(line) for line in run(project, "tables", "golden", "--count", "--json").splitlines()]
    assert {line["relation"].partition(".")[0] for line in counted} == {"golden"}
    assert next(line["rows"] for line in counted if line["relation"] == "golden.profile") == 2
    with pytest.raises(NotFoundError, match="did you mean `golden`"):
        run(project, "tables", "golde")
    with bootstrap.opened(project, None) as workspace:
        assert bootstrap.load_warehouse(workspace)
    after = {line["relation"]: line for line in map(json.loads, run(project, "tables", "--json").splitlines())}
    assert after["staging.event"]["bytes"] > 0
    assert after["staging.event"]["rows"] == 2


def test_personal_data_are_masked_in_a_description(project):
    """Unless they are asked for: then, as a control, they are there."""
    masked = run(project, "describe", "profile", "--json")
    assert "example.org" not in masked
    assert "Ann" not in masked
    assert "ann@example.org" in run(project, "describe", "golden.profile", "--show", "--json")
    assert "example.org" not in run(project, "describe", "golden.identity")
    told = json.loads(masked)
    assert {column["name"]: column["personal"] for column in told["columns"]}["attributes"] == "sensitive"
    assert len(told["sample"]) == 2
    assert told["sample"][0]["person"]
    with pytest.raises(NotFoundError, match=r"did you mean `golden\.profile`"):
        run(project, "describe", "golden.profil")


def test_exports(project, tmp_path):
    """A relation, and a query; an unknown ending and a file that is there are refused."""
    parquet, lines = tmp_path / "profiles.parquet", tmp_path / "emails.csv"
    run(project, "export", "golden.profile", "--to", str(parquet))
    exported = pq.read_table(parquet)
    assert exported.num_rows == 2
    assert str(exported.schema.field("revenue").type) == "decimal128(38, 9)"
    assert str(exported.schema.field("known_at").type) == "timestamp[us]"
    run(project, "export", "--query", QUERY, "--to", str(lines))
    assert lines.read_text().splitlines()[1].startswith("ann@example.org,")
    with pytest.raises(UsageError, match="--force"):
        run(project, "export", "--query", QUERY, "--to", str(lines))
    with pytest.raises(UsageError, match="tells no format"):
        run(project, "export", "golden.profile", "--to", str(tmp_path / "x.xls"))


def test_without_the_extra_it_is_said_what_to_install(project, monkeypatch):
    """Each command alike."""
    monkeypatch.setattr(warehousing, "find_spec", lambda name: None)
    for command in (("sql", "SELECT 1"), ("tables",), ("describe", "profile"), ("export", "profile", "--to", "x.csv")):
        with pytest.raises(ConfigurationError, match=r"pip install 'onefold\[warehouse\]'"):
            run(project, *command)
