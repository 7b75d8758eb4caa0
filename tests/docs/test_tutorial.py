"""The tutorial's commands, run as they stand."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def commands(page: Path) -> list[str]:
    """The lines after a prompt, in order."""
    lines = [line for block in BLOCK.findall(page.read_text("utf-8")) for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-ec", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_tutorial_runs_as_it_stands(tmp_path):
    """Each command of the tutorial succeeds, and shows what the text says it shows."""
    shown = {}
    for command in commands(ROOT / "docs" / "tutorial.md"):
        done = run(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        if command.startswith("onefold"):
            shown.setdefault(" ".join(shlex.split(command)[:2]), []).append(done.stdout)
    assert "Robert" in shown["onefold profile"][0]
    assert "Bob" in shown["onefold profile"][0]
    assert "00042" in shown["onefold profile"][1]
    assert "same person" in shown["onefold explain"][0]
    assert "his father's address" in shown["onefold history"][0]
    assert "is what the log implies" in shown["onefold verify"][0]


def test_a_command_that_fails_is_noticed(tmp_path):
    """Control: the runner of the tutorial sees a wrong command."""
    assert run("onefold profile nonsense", tmp_path).returncode != 0


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page):
    """Every relative link of a page is a file of the documentation."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_every_command_has_an_example():
    """`--help` of every command that is listed shows how it is used."""
    from typer.main import get_command

    from onefold.cli import app

    def leaves(command, path=()):
        subs = getattr(command, "commands", None)
        if not subs:
            yield " ".join(path), command
            return
        for name, sub in subs.items():
            if not sub.hidden:
                yield from leaves(sub, (*path, name))

    lacking = [name for name, command in leaves(get_command(app)) if "Example:" not in (command.help or "")]
    assert lacking == []
