"""The reference page of the command line is the one that the commands give."""

from typing import Annotated

import pytest
import typer
from tools.cli_reference import PAGE, UndocumentedError, reference_text


def test_the_reference_page_is_current():
    """`make cli-reference` has been run since a command last changed."""
    assert PAGE.read_text(encoding="utf-8") == reference_text(), "run `make cli-reference`"


def undocumented():
    pass


def without_an_example():
    """Do something."""


def with_a_bare_argument(offset: int):
    """Do something.

    Example: onefold planted 1
    """


def with_a_bare_option(port: Annotated[int, typer.Option()] = 1):
    """Do something.

    Example: onefold planted --port 1
    """


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (undocumented, "no help"),
        (without_an_example, "no example"),
        (with_a_bare_argument, "no help for offset"),
        (with_a_bare_option, "no help for port"),
    ],
)
def test_an_undocumented_command_is_refused(monkeypatch, command, told):
    """Control: a command that lacks help, an example, or the help of a parameter cannot get onto the page."""
    planted = typer.Typer()
    planted.command("planted")(command)
    planted.command("other", hidden=True)(undocumented)
    monkeypatch.setattr("tools.cli_reference.app", planted)
    with pytest.raises(UndocumentedError, match=f"planted: {told}"):
        reference_text()
