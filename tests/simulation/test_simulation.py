"""Whatever the interleaving, the spine ends where brute force does; and a spine with a bug in it does not."""

import os
import re
import subprocess
import sys

import pytest
from tests.simulation import simulator
from tests.simulation.__main__ import ROOT
from tests.simulation.planted import CONTROLS

# Half a minute of a processor each; a machine that has much else to do takes ten times as long.
pytestmark = pytest.mark.timeout(900)
SCHEDULES, PART = 4_000, 2_000
"""`make laws` has a million."""


def simulation(*arguments):
    """The command line, in a process whose sets have one order."""
    command = [sys.executable, "-m", "tests.simulation", *map(str, arguments)]
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", range(0, SCHEDULES, PART))
def test_every_schedule_ends_where_brute_force_does(first):
    """Partition, survivorship, counters, consent and accounts; 4,000 schedules in all."""
    ran = simulation("--from", first, "--schedules", PART)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{PART} schedules from {first}: 0 mismatches" in ran.stdout


@pytest.mark.parametrize("name", CONTROLS)
def test_a_planted_bug_is_caught(name):
    """The controls: each rule of the store or the process, taken out, is missed within so many schedules."""
    control = CONTROLS[name]
    ran = simulation("--schedules", control.within, "--planted", name, "--stop")
    found = re.search(r"✗ ([a-z ]+): ", ran.stdout)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert found is not None
    assert found[1] in control.kinds


def test_a_failing_seed_replays_exactly():
    """The command printed beside a failure shows the same failure, and step by step the same way there, each time."""
    name = "counters added up when merging"
    failed = simulation("--schedules", CONTROLS[name].within, "--planted", name, "--stop")
    seed = re.search(r"python -m tests.simulation (\d+) --planted", failed.stdout)[1]
    once, again = (simulation(seed, "--planted", name) for _ in range(2))
    assert (once.returncode, again.returncode) == (1, 1)
    assert "✗ counters: expected" in once.stdout
    assert once.stdout == again.stdout


def test_a_schedule_is_the_same_every_time():
    """Two processes with one seed write one trace, with deaths, clocks and lost connections in it."""
    traces = [simulation(seed).stdout for seed in (4, 4, 11, 11)]
    assert traces[0] == traces[1] != traces[2] == traces[3]
    assert "✗" in traces[0] + traces[2]


def test_schedules_hold_what_they_are_meant_to():
    """None of what makes it hard is absent: a simulator that is too kind finds nothing."""
    counts, failed = simulator.run_many(range(1_000))
    assert failed == []
    wanted = (
        "deaths", "merged", "split", "renamed", "shared", "contested", "judgements", "stored", "duplicate", "rejected",
        "mended", "internal_error", "rebuilt", "given up (another worker has taken a partition of this batch over)",
        "given up (another worker has met the same identifiers for the first time)",
        "given up (a component was joined with another while it was waited for)",
        "given up (another worker has processed the same entries)", "given up (another worker is at these people)",
        "given up (somebody has judged an identifier before it was met)", "given up (connection lost)",
    )  # fmt: skip
    assert {what: counts[what] for what in wanted if counts[what] < 3} == {}
