"""`onefold check`, as a person or a scheduler runs it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from onefold import bootstrap
from onefold.model import LogEntry

GIFTS = """\
relation: staging.event
owner: Development
key: [log_partition, log_offset]
checks:
  - name: positive
    range: {column: properties.amount, min: 0}
    severity: %s
"""


@pytest.fixture(scope="module")
def station(tmp_path_factory):
    """A project with two gifts, one of them below nothing."""
    directory = tmp_path_factory.mktemp("station")
    bootstrap.init(directory, "media")
    bodies = [
        {
            "type": "track",
            "event": "Donation Completed",
            "userId": f"u{n}",
            "messageId": f"m{n}",
            "properties": {"amount": amount},
        }
        for n, amount in enumerate((10, -5))
    ]
    with bootstrap.opened(directory, None) as opened:
        now = bootstrap.clock_us()
        opened.context.log.append(
            [LogEntry("segment", "website", now, n, json.dumps(body).encode()) for n, body in enumerate(bodies)]
        )
    return directory


def onefold(directory, *words):
    """Exit code, standard output, standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "onefold", *words, "--project", directory], capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def test_a_failing_check_is_told_by_exit_code_doctor_and_dead_letter(station):
    """And a warning is not."""
    file = station / "checks" / "gifts.yaml"
    file.write_text(GIFTS % "warn")
    code, out, _ = onefold(station, "check", "--relation", "staging.event", "--json")
    results = {one["check"]: one for one in map(json.loads, out.splitlines())}
    assert code == 0
    assert (results["positive"]["status"], results["positive"]["failing"], results["positive"]["share"]) == (
        "warned",
        1,
        0.5,
    )
    assert results["positive"]["sample"] == ["0/2"]
    assert results["event_once"]["gate"] == 2

    file.write_text(GIFTS % "error")
    code, out, _ = onefold(station, "check")
    assert code == 1
    assert "1 of 2 rows fail" in out
    assert "1 failed" in out
    code, out, _ = onefold(station, "dlq", "list", "--reason", "check_failed")
    assert "staging.event: positive" in out
    code, out, _ = onefold(station, "check", "history", "--select", "positive", "--json")
    assert [json.loads(line)["status"] for line in out.splitlines()] == ["failed", "warned"]
    code, out, _ = onefold(station, "doctor")
    assert code == 1
    assert "staging.event positive (1 of 2 rows fail)" in out
    assert "-5" not in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("check", "--select", "positiv"), 2, "did you mean `positive`?"),
        (("check", "--relation", "staging.evnt"), 2, "did you mean `staging.event`?"),
        (("check", "--list"), 0, "properties.amount at least 0"),
        (("check", "propose", "staging.evnt"), 2, "did you mean `staging.event`?"),
        (("check", "export", "golden.profile"), 0, "expect_column_values_to_be_unique"),
    ],
)
def test_what_a_command_says(station, words, code, message):
    """With the nearest word where there is none."""
    (station / "checks" / "gifts.yaml").write_text(GIFTS % "error")
    found, out, err = onefold(station, *words)
    assert (found, message in out + err) == (code, True), out + err


def test_a_column_that_is_not_there_is_told_with_file_and_line(station):
    """Exit code 2: the project is wrong, not the data."""
    file = station / "checks" / "gifts.yaml"
    file.write_text(GIFTS.replace("properties.amount", "propertis.amount") % "error")
    code, _, err = onefold(station, "check")
    file.unlink()
    assert code == 2
    assert err.startswith("onefold: checks/gifts.yaml:5: ")
    assert "no column `propertis.amount`" in err
