"""The reference page of the command line, generated from the commands themselves."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from onefold.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
_EXAMPLE = "Example: "
_INTRODUCTION = """\
# Command line

Every command, its arguments and its options, as `--help` shows them.
An option that names an environment variable takes its value from there when it is not given.

Exit codes: 0 done, 1 handled failure, 2 wrong use or configuration.
Results go to standard output, everything else to standard error.

`make cli-reference` writes this page from the code.
"""


class UndocumentedError(Exception):
    """A command, an argument or an option without the words its reader needs."""


def reference_text() -> str:
    """The page: every listed command, in the order in which `onefold --help` lists them.

    Raises:
        UndocumentedError: A command has no help or example, or one of its parameters no help; the message names all.
    """
    commands = list(_leaves(get_command(app), ("onefold",)))
    lacking = [f"{name}: {what}" for name, command in commands for what in _lacking(command)]
    if lacking:
        raise UndocumentedError("; ".join(lacking))
    return "\n".join([_INTRODUCTION, *(_section(name, command) for name, command in commands)])


# Any: the command classes are those of a library that typer brings, under names that its versions change.
def _leaves(command: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    subcommands = getattr(command, "commands", None)
    if subcommands is None:
        yield " ".join(path), command
        return
    for name, subcommand in subcommands.items():
        if not subcommand.hidden:
            yield from _leaves(subcommand, (*path, name))


def _lacking(command: Any) -> Iterator[str]:
    summary, examples = _told(command)
    if not summary:
        yield "no help"
    if not examples:
        yield "no example"
    yield from (f"no help for {parameter.name}" for parameter in command.params if not parameter.help)


def _told(command: Any) -> tuple[str, list[str]]:
    """(what the command does, examples of its use), either of them empty where it is missing."""
    paragraphs = (command.help or "").split("\n\n")
    shown = [text.removeprefix(_EXAMPLE) for text in paragraphs if text.startswith(_EXAMPLE)]
    examples = [line.strip() for text in shown for line in text.splitlines() if line.strip()]
    return "\n\n".join(text for text in paragraphs if not text.startswith(_EXAMPLE)), examples


def _section(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = " ".join([name, *(["[OPTIONS]"] if options else []), *map(_argument, arguments)])
    summary, examples = _told(command)
    lines = [f"## {name}", "", summary, "", "```text", usage, "```", ""]
    lines += [f"Example: {' · '.join(f'`{example}`' for example in examples)}", ""]
    if arguments:
        lines += ["| argument | meaning |", "| --- | --- |"]
        lines += [f"| `{_argument(p)}` | {_cell(p.help)} |" for p in arguments]
        lines += [""]
    if options:
        lines += ["| option | meaning | default |", "| --- | --- | --- |"]
        lines += [f"| {_option(p)} | {_cell(p.help)}{_environment(p)} | {_default(p)} |" for p in options]
        lines += [""]
    return "\n".join(lines)


def _argument(parameter: Any) -> str:
    word = parameter.metavar or parameter.name.upper()
    word += "..." if parameter.nargs == -1 else ""
    return word if parameter.required else f"[{word}]"


def _option(parameter: Any) -> str:
    value = "" if parameter.is_flag else f" {parameter.metavar or parameter.name.upper()}"
    return ", ".join(f"`{name}{value}`" for name in (*parameter.opts, *parameter.secondary_opts))


def _environment(parameter: Any) -> str:
    return f" Environment variable: `{parameter.envvar}`." if parameter.envvar else ""


def _default(parameter: Any) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.show_default, str):
        return parameter.show_default
    if parameter.is_flag:
        if not parameter.secondary_opts:
            return ""
        return f"`{(parameter.opts if parameter.default else parameter.secondary_opts)[0]}`"
    return "" if parameter.default in (None, "", [], ()) else f"`{parameter.default}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    try:
        PAGE.write_text(reference_text(), encoding="utf-8")
    except UndocumentedError as lacking:
        sys.exit(f"Document these commands: {lacking}")
