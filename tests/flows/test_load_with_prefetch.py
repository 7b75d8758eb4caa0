"""A large file is read in a process of its own while this one resolves, and nothing else is different."""

import json

import pytest
from tests.running import project
from typer.testing import CliRunner

from bench import load as rows_of_a_crm
from onefold import bootstrap, cli
from onefold.cli import loading
from onefold.errors import ConfigurationError
from onefold.pipelines.maintenance import rebuild


def loaded(directory, *arguments):
    """What `onefold load` did: exit code, what it printed, and the hash of the state it led to."""
    done = CliRunner().invoke(
        cli.app, ["load", *map(str, arguments), "--source", "crm", "--project", str(directory), "--json"]
    )
    if isinstance(done.exception, ConfigurationError):
        raise done.exception
    with bootstrap.opened(directory, None) as workspace:
        return done.exit_code, done.stdout, rebuild.state_hash(workspace.context)


def written(directory, rows):
    """A file of a CRM and its mapping."""
    file, mapping = directory / "people.csv", directory / "people.yaml"
    rows_of_a_crm.write(file, rows)
    mapping.write_text(rows_of_a_crm.MAPPING)
    return file, mapping


@pytest.mark.parametrize("apart", [True, False])
def test_every_row_arrives_once(apart, monkeypatch):
    """With one process and with two; a second time adds nothing."""
    monkeypatch.setattr(loading, "_WORTH_A_PROCESS", 0 if apart else 1 << 40)
    started = []
    monkeypatch.setattr(bootstrap, "load_with_prefetch", counting(bootstrap.load_with_prefetch, started))
    with project() as here:
        file, mapping = written(here.directory, 12_000)
        code, printed, first = loaded(here.directory, file, "--mapping", mapping)
        assert (code, json.loads(printed)["rows"]) == (0, 12_000)
        account = json.loads(printed)["account"]
        assert (account["stored"], account["pending"], account["balanced"]) == (12_000, 0, True)
        code, printed, second = loaded(here.directory, file, "--mapping", mapping)
        account = json.loads(printed)["account"]
        assert (account["stored"], account["duplicate"], account["balanced"]) == (12_000, 12_000, True)
    assert first == second
    assert len(started) == 2 * apart


def test_a_mapping_that_does_not_fit_is_refused_before_anything_is_loaded(monkeypatch):
    """In this process, in the words that a small file would get."""
    monkeypatch.setattr(loading, "_WORTH_A_PROCESS", 0)
    with project() as here:
        file, mapping = written(here.directory, 10)
        mapping.write_text(mapping.read_text().replace("crm_id: Id", "crm_id: Idd"))
        with pytest.raises(ConfigurationError, match="Id"):
            loaded(here.directory, file, "--mapping", mapping)
        with bootstrap.opened(here.directory, None) as workspace:
            assert workspace.context.log.received() == {}


def test_the_exit_code_of_the_reading_process_is_ours(monkeypatch):
    """What it could still append is processed, and its failure is not taken for a success."""
    monkeypatch.setattr(loading, "_WORTH_A_PROCESS", 0)
    whole = bootstrap.load_with_prefetch
    monkeypatch.setattr(
        bootstrap,
        "load_with_prefetch",
        lambda opened, command, source: whole(opened, [*command, "--no-such-option"], source),
    )
    with project() as here:
        file, mapping = written(here.directory, 10)
        assert loaded(here.directory, file, "--mapping", mapping)[0] == 2


def counting(call, calls):
    def counted(*args):
        calls.append(args)
        return call(*args)

    return counted
