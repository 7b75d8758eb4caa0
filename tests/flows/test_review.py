"""The review queue on the command line: listed, decided with and without a keyboard, taken back, told as labels."""

import itertools
import json

import pytest
from tests import workbench
from typer.testing import CliRunner

from onefold import bootstrap, cli
from onefold.cli import review
from onefold.errors import UsageError
from onefold.model import Identifier, PairScore
from onefold.pipelines import judgements, scores

USERS = ("u1", "u2", "u3")


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Three people of one name, each two of which may be one."""
    directory = tmp_path_factory.mktemp("review")
    bootstrap.init(directory, "media")
    with bootstrap.opened(directory, None) as opened:
        context = opened.context
        bodies = [
            {"type": "identify", "messageId": user, "traits": {"last_name": f"Lee{user}"}}
            | {"context": {"externalIds": [{"type": "contact_id", "id": user}]}}
            for user in USERS
        ]
        context.log.append([workbench.entry(body, source="website", index=n) for n, body in enumerate(bodies)])
        nodes = [judgements.subject(Identifier("contact_id", u), context.identity, context.hasher) for u in USERS]
        pairs = [PairScore(*sorted(two), 1.2) for two in itertools.combinations(nodes, 2)]
        scores.append(context.log, pairs, run="r", model="model/1", at_us=5)
        bootstrap.catch_up(opened)
    return directory


def run(project, *words, given=None):
    done = CliRunner().invoke(cli.app, ["review", *words, "--project", str(project)], input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.stdout


def waiting(project, status="open"):
    return [one["pair"] for one in json.loads(run(project, "list", "--status", status, "--json"))["pairs"]]


def test_pairs_are_decided_and_taken_back_without_a_terminal(project):
    """What is decided leaves the queue and is a label; undone, it is open again."""
    before = waiting(project)
    assert len(before) == 3
    assert "Leeu[1]" in run(project, "list")
    run(project, "decide", "different", before[0], "--reason", "father and son")
    assert waiting(project) == before[1:]
    (label,) = map(json.loads, run(project, "labels").splitlines())
    assert label["verdict"] == "different"
    assert "1 decided" in run(project, "stats")
    run(project, "undo")
    assert waiting(project) == before


def test_pairs_are_decided_with_the_keyboard(project, monkeypatch):
    """Each key does what it says; without a keyboard the command says what to use instead."""
    with pytest.raises(UsageError, match="keyboard"):
        run(project)
    monkeypatch.setattr(review, "has_keyboard", lambda: True)
    before = waiting(project)
    run(project, given="s\nn\n?\n")
    assert waiting(project) == before[:1]
    assert waiting(project, "decided") == before[1:2]
    run(project, given="u\nu\nq\n")
    assert waiting(project) == before
