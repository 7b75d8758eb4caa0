"""`onefold match --engine` says what it needs before anything is asked of a server."""

import sys

import pytest
from tests.matching.people import rows, table
from typer.testing import CliRunner

import onefold
from onefold import bootstrap, cli
from onefold.bootstrap import matching as door
from onefold.errors import ConfigurationError, UsageError
from onefold.matching.settings import MatchSettings


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The file of a model."""
    path = tmp_path_factory.mktemp("model") / "people.json"
    bootstrap.save_model(door.match_table(table(rows(people=20)), MatchSettings()), path, path.with_suffix(".key"))
    return str(path)


def said(*words):
    """What stands in the way of a command."""
    done = CliRunner().invoke(cli.app, ["match", *words])
    assert isinstance(done.exception, UsageError | ConfigurationError), done.exception
    return str(done.exception)


def test_what_is_missing_is_said(model, tmp_path, monkeypatch):
    """And what to do about it."""
    address = "sc://127.0.0.1:1"
    assert "--save-model" in said("crm.people", "--engine", address)
    assert "--report needs the records here" in said("crm.people", "--engine", address, "--report", str(tmp_path / "r"))
    assert "--engine env:NAME" in said("crm.people", "--engine", f"{address}/;token=x", "--model", model)
    monkeypatch.delenv("NOWHERE", raising=False)
    assert "env:NOWHERE" in said("crm.people", "--engine", "env:NOWHERE", "--model", model)
    assert "--engine" in said(str(tmp_path / "nothing.csv"))
    monkeypatch.setitem(sys.modules, "onefold.adapters.sql_engines.spark_cluster", None)
    assert "pip install 'onefold[matching,spark]'" in said("crm.people", "--engine", address, "--model", model)


def test_a_program_is_told_the_same():
    """By `onefold.match`."""
    with pytest.raises(UsageError, match="model"):
        onefold.match("crm.people", engine="sc://127.0.0.1:1")
    with pytest.raises(UsageError, match="name of a table"):
        onefold.match(table(rows(people=2)), engine="sc://127.0.0.1:1")


def test_a_program_matches_by_a_model():
    """What was learned before counts: by it a few records of one person are one, of which nothing could be learned."""
    data = table(rows(people=60)).drop_columns(["cluster"])
    learned = onefold.match(data)
    few = onefold.match(data.slice(0, 3), model=learned.model(b"a key of the tests"))
    assert repr(few) == "<Match(records=3, people=1)>"
