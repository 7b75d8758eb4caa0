"""A command loads what it needs, and not the server beside it."""

import subprocess
import sys

import pytest

from onefold import cli

LOADED = "import sys, onefold.cli as c; c.command_line(*c._wanted({words!r})); print(*sys.modules)"


def loaded(*words):
    """The modules that are there once the command line of these words is built."""
    return subprocess.run(
        [sys.executable, "-c", LOADED.format(words=list(words))],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    ).stdout.split()


@pytest.mark.parametrize("words", [["--version"], ["profile", "user_id:u"], ["sql", "SELECT 1"]], ids=" ".join)
def test_a_command_does_not_load_the_server(words):
    """Importing it costs as much as all else that a look-up does."""
    assert "fastapi" not in loaded(*words)


def test_the_demo_loads_it():
    """Negative control: what starts the server in its own process has the module that the others must not."""
    assert "fastapi" in loaded("demo")


@pytest.mark.parametrize("words", [[], ["--help"], ["profil"], ["--version", "profile"]], ids=str)
def test_help_and_misspelt_words_see_all_commands(words):
    """A misspelt command is answered with the nearest of all."""
    assert cli._wanted(words) == list(cli._COMMANDS)
