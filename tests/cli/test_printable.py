"""Nothing that comes from outside acts on an operator's terminal, whichever command prints it."""

import io
import json
import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onefold import bootstrap, config
from onefold.cli import output, printable
from onefold.model import LogEntry

HOSTILE = "[/b] [red]x[/red] \x1b[2J\x1b]0;owned\x07 \x9b31m \u202egpj.exe \x00 \r over"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def onefold(*arguments, encoding="utf-8"):
    """Run a command; its standard output and error as text, and its exit code."""
    done = subprocess.run(
        [sys.executable, "-m", "onefold", *map(str, arguments)],
        capture_output=True, check=False, timeout=120, env={**os.environ, "PYTHONIOENCODING": encoding, "TERM": "xterm"},
    )  # fmt: skip
    return (done.stdout + done.stderr).decode(encoding, "replace"), done.returncode


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project whose every place that data reaches holds hostile text."""
    directory = tmp_path_factory.mktemp("hostile") / "p"
    bootstrap.init(directory, "media")
    body = {
        "type": "identify", "userId": f"u {HOSTILE}", "messageId": f"m {HOSTILE}",
        "traits": {"name": HOSTILE, f"trait {HOSTILE}": HOSTILE, "tags": [HOSTILE], "visits": 12345},
    }  # fmt: skip
    event = {
        "type": "track",
        "event": f"Read {HOSTILE}",
        "userId": f"u {HOSTILE}",
        "messageId": "2",
        "anonymousId": "a1",
    }
    other = event | {"anonymousId": "a2", "messageId": "3"}
    rejected = {"type": "track", "userId": HOSTILE, "properties": {HOSTILE: HOSTILE}}
    entries = [
        LogEntry("segment", "website", bootstrap.clock_us(), n, json.dumps(one).encode())
        for n, one in enumerate((body, event, rejected, other))
    ]
    with bootstrap.opened(directory, None) as opened:
        opened.context.log.append(entries)
        assert bootstrap.catch_up(opened)
        assert opened.context.store is not None
    assert config.read_project(directory).sources
    return directory


WHO = f"user_id:u {HOSTILE}".replace("\x00", "")
COMMANDS = [
    ("profile", "anonymous_id:a1"), ("explain", "anonymous_id:a1", "anonymous_id:a1"), ("history", "anonymous_id:a1"),
    ("sources",), ("dlq", "list"), ("dlq", "show", "3"), ("tail", "--no-follow", "--reveal"), ("tail", "0:1"),
    ("tail", "0:3"), ("split", "anonymous_id:a2", "--reason", HOSTILE.replace("\x00", "")), ("undo", "anonymous_id:a2", WHO),
    ("keys", "list"), ("doctor",), ("verify",),
]  # fmt: skip


@pytest.mark.parametrize("as_json", [False, True], ids=["text", "json"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_prints_what_acts_on_a_terminal(project, command, as_json):
    """Neither markup that ends in a traceback or vanishes, nor sequences that reach the terminal."""
    told, code = onefold(*command, "--project", project, *(["--json"] if as_json else []))
    assert "Traceback" not in told
    assert code in {0, 1, 2}
    assert not ACTS.search(told), f"{command} prints {ACTS.search(told)!r}"


def test_data_is_shown_as_it_is(project):
    """Markup stays text, and a number of the data has no separators."""
    told, code = onefold("profile", "anonymous_id:a1", "--project", project)
    assert code == 0
    assert "[/b] [red]x[/red]" in told
    assert "12345" in told
    assert r"\x1b[2J" in told


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_an_encoding_that_lacks_a_character_is_no_failure(project, encoding, form):
    """What it lacks is written as an escape, and JSON stays JSON."""
    told, code = onefold("profile", "anonymous_id:a1", "--project", project, *form, encoding=encoding)
    assert code == 0
    if form:
        assert json.loads(told)["attributes"]["name"]["value"] == HOSTILE


@given(st.text())
def test_json_stays_what_it_says(text):
    """Escaping what acts on a terminal changes how a document is written, not what it says."""
    document = printable.printable_json(json.dumps({text: [text]}, ensure_ascii=False))
    assert not ACTS.search(document)
    assert json.loads(document) == {text: [text]}


@given(st.text())
def test_text_keeps_what_is_harmless(text):
    """Every character is there, or its escape; and a text without any that act stays as it is."""
    shown = printable.printable(text)
    assert not ACTS.search(shown)
    assert shown == text or ACTS.search(text) or re.search("[\ud800-\udfff]", text)


def test_a_console_that_takes_markup_is_caught(monkeypatch):
    """Negative control: the same table, printed as consoles print by themselves."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(output, "printable", lambda text: text)
    output.Output(as_json=False).table("t", ["a"], [[HOSTILE]])
    assert ACTS.search(sys.stdout.getvalue())
