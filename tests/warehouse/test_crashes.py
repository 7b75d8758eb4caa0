"""kill -9 at random moments of processing, loading, compacting and sweeping: nothing is lost, doubled or left over."""

from __future__ import annotations

import subprocess
import sys

from tests.running import project

ROUNDS = 14


def killed(directory, rounds, *more):
    """What is wrong after each round, in words."""
    command = [sys.executable, "-m", "tests.warehouse.crashing", str(directory), str(rounds), "7", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=280)
    lines = done.stdout.splitlines()
    assert len(lines) == rounds, done.stderr
    assert {line.split()[0] for line in lines} == {"-9"}, done.stdout
    return [line.partition(" ")[2] for line in lines]


def test_a_killed_workspace_goes_on_with_every_row_once():
    """After each kill the rows of segments and feed are those that were fed, each once, and no file is without a name."""
    with project() as here:
        assert set(killed(here.directory, ROUNDS)) == {"ok"}


def test_a_load_in_two_halves_is_found_out():
    """The negative control: when the feed is deleted in one transaction and the files are named in the next, rows go."""
    with project() as here:
        assert any("rows were fed" in told for told in killed(here.directory, ROUNDS, "torn"))
