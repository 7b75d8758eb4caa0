"""The tutorial's commands, run as they stand, and links between pages."""

import re
import shlex

import pytest
from tests.docs.pages import PAGES, ROOT, blocks, name_of
from tests.docs.shell import Shell


def test_the_tutorial_runs_as_it_stands(tmp_path):
    """Each command of the tutorial succeeds, and shows what the text says it shows."""
    shell, shown = Shell(tmp_path), {}
    for command in [command for block in blocks(ROOT / "docs" / "tutorial.md") for command in block.commands]:
        printed = shell.run(command)
        if command.startswith("onefold"):
            shown.setdefault(" ".join(shlex.split(command)[:2]), []).append(printed)
    assert "Robert" in shown["onefold profile"][0]
    assert "Bob" in shown["onefold profile"][0]
    assert "00042" in shown["onefold profile"][1]
    assert "same person" in shown["onefold explain"][0]
    assert "his father's address" in shown["onefold history"][0]
    assert "is what the log implies" in shown["onefold verify"][0]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    """Every relative link of a page is a file of the repository."""
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target
