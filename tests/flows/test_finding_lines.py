"""After a load the report names the lines on which findings stand, also of what only processing finds; never a value."""

import json
import subprocess
import sys

import pytest
from tests.running import project

ROWS = """Contact ID,Email,Phone,Name
42.0,Ann <ann@mail.example>,'+447700900123,Ann
43.0,null,'+447700900124,Bob
44,cid@mail.example,123,Cid
45,"dee@mail.example; dee@work.example",+447700900125,Dee
"""


def load(here, *options):
    (here.directory / "people.csv").write_text(ROWS)
    command = [sys.executable, "-m", "onefold", "load", "people.csv", "--source", "crm", "--yes", *options]
    done = subprocess.run(command, cwd=here.directory, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture(scope="module")
def told():
    with project() as here:
        first = json.loads(load(here, "--json"))
        again = json.loads(load(here, "--json"))
        yield first["files"][0]["findings"], again


def test_what_identifiers_were_read_as_is_told_by_line(told):
    """By its type where gate and naming found it, by its column where the reader did."""
    found, _ = told
    seen = {code: (tally["count"], tally["lines"], tally["where"]) for code, tally in found.items()}
    assert seen["identifier_blocked"] == (1, [3], ["email"])
    assert seen["phone_impossible"] == (1, [4], ["phone"])
    assert seen["decimal_id"] == (2, [2, 3], [])
    assert list(found["decimal_id"]["columns"]) == ["Contact ID"]
    assert seen["identifier_unwrapped"] == (2, [2, 3], ["email"])
    assert list(found["identifier_unwrapped"]["columns"]) == ["Phone"]


def test_a_file_that_is_loaded_again_finds_nothing_new(told):
    """What it states is known; the reader's own findings are about the file and are said again."""
    _, again = told
    assert again["findings"] == {}
    assert set(again["files"][0]["findings"]) == {"decimal_id", "identifier_unwrapped"}


def test_no_value_is_shown():
    """Lines and names only."""
    with project() as here:
        text = load(here)
    assert "1 with identifier_blocked, line 3, email." in text
    assert not any(value in text for value in ("ann@", "447700", "dee@", "Cid"))
