"""Whatever an operator does beside whatever runs, nothing acknowledged is lost; and the suite finds the bugs it is for."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.scale import RELEASE, scaled
from tests.operations.planted import PLANTS

ROOT = Path(__file__).parents[2]
SCHEDULES = scaled(60, 5_000)
PARTS = 2
WITHIN = 150
"""Schedules within which each planted bug is found; most are within ten."""

pytestmark = pytest.mark.timeout(0 if RELEASE else 900)


def operations(*arguments):
    command = [sys.executable, "-m", "tests.operations", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("part", range(PARTS))
def test_nothing_acknowledged_is_lost_in_any_schedule(part):
    """Commands, starts, kills, configuration edits, backups, copies, restores and vanished disks, in any order."""
    size = SCHEDULES // PARTS
    ran = operations("--from", part * size, "--schedules", size)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"{size} schedules from {part * size}: 0 broken promises" in ran.stdout


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_planted_bug_is_found(name):
    """The controls: without locks, without the appender's look, without the comparison, without the registry."""
    ran = operations("--schedules", WITHIN, "--planted", name)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert f"--planted {name}" in ran.stdout
    assert "✗ " in ran.stdout
