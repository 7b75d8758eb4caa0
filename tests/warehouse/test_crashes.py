"""kill -9 at random moments of processing, loading, compacting and sweeping: nothing is lost, doubled or left over."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pyarrow as pa
import pytest
from tests.faults.scale import scaled
from tests.running import project

from onefold.adapters.duckdb.segments import SegmentFiles
from onefold.errors import IntegrityError, UnavailableError
from onefold.model import Column, Relation

ROUNDS = scaled(14, 300)


def killed(directory, rounds, *more):
    """What is wrong after each round, in words."""
    command = [sys.executable, "-m", "tests.warehouse.crashing", str(directory), str(rounds), "7", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + 20 * rounds)
    lines = done.stdout.splitlines()
    assert len(lines) == rounds, done.stderr
    assert {line.split()[0] for line in lines} == {"-9"}, done.stdout
    return [line.partition(" ")[2] for line in lines]


def test_a_killed_workspace_goes_on_with_every_row_once():
    """After each kill the rows of segments and feed are those that were fed, each once, and no file is without a name."""
    with project() as here:
        assert set(killed(here.directory, ROUNDS)) == {"ok"}


def test_whatever_fails_meanwhile_nothing_is_lost_and_readers_are_right():
    """The reader is killed as well, the disk gets full, and the segment files are gone for a while."""
    with project() as here:
        assert set(killed(here.directory, scaled(6, 300), "harsh")) == {"ok"}
        readings = (here.directory / "readings.txt").read_text().splitlines()
        assert readings
        assert {reading.split()[0] for reading in readings} == {"ok"}


def test_a_load_in_two_halves_is_found_out():
    """The negative control: when the feed is deleted in one transaction and the files are named in the next, rows go."""
    with project() as here:
        assert any("rows were fed" in told for told in killed(here.directory, 14, "torn"))


def test_files_that_are_away_are_waited_for(yard):
    """Nothing is written where they should be, or it would be hidden when they are back; then all goes on."""
    away = mounted_later(yard)
    with pytest.raises(UnavailableError, match="not mounted"):
        yard.load()
    with pytest.raises(UnavailableError, match="not mounted"):
        yard.warehouse.replace(TABLE, pa.table({"x": [1]}))
    assert not yard.files.directory.exists()
    away.rename(yard.files.directory)
    yard.load()
    assert yard.rows("SELECT count(*) AS n FROM staging.event") == [{"n": 2}]


def test_files_written_beside_those_that_are_away_are_lost(yard, monkeypatch):
    """The negative control: who does not look for them loads into a folder that is not theirs."""
    monkeypatch.setattr(SegmentFiles, "require", lambda *_: None)
    away = mounted_later(yard)
    yard.loader.load(profiles=False)
    shutil.rmtree(yard.files.directory)
    away.rename(yard.files.directory)
    with pytest.raises(IntegrityError):
        yard.rows("SELECT count(*) AS n FROM staging.event")


TABLE = Relation("marts", "x", (Column("x", "bigint"),))


def mounted_later(yard):
    """A workspace with an event in a file and one in the feed, whose files are moved away; where to."""
    for number in range(2):
        yard.receive({"type": "track", "event": "X", "userId": "u", "messageId": str(number)})
        if not number:
            yard.load()
    return yard.files.directory.rename(yard.files.directory.with_suffix(".away"))
