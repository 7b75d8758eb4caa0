"""The documentation as the tests read it: pages, their blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import msgspec
from typer.main import get_command

from onefold.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCE = re.compile(
    r'^```(?P<language>\w*)(?: title="(?P<title>[^"]+)")?\n(?P<text>.*?)^```$', re.DOTALL | re.MULTILINE
)
_INLINE = re.compile(r"(?<!`)`([^`]+)`(?!`)")
_ENDS = {"|", "||", "&&", ";", ">", ">>", "2>", "&"}
_PLACEHOLDER = re.compile(r"[A-Z][A-Z_]*")


class Block(msgspec.Struct, frozen=True):
    """A block of code; `title` is the file that it is the text of, or empty."""

    page: str
    line: int
    language: str
    title: str
    text: str

    @property
    def commands(self) -> list[str]:
        """The lines after a prompt, with the lines that continue them."""
        found: list[str] = []
        for line in self.text.splitlines():
            if line.startswith("$ "):
                found.append(line.removeprefix("$ "))
            elif found and found[-1].endswith("\\"):
                found[-1] = found[-1][:-1] + line
        return found


def name_of(page: Path) -> str:
    """The page's path from the root of the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text("utf-8")
    return [
        Block(
            name_of(page),
            text.count("\n", 0, found.start()) + 1,
            found["language"],
            found["title"] or "",
            found["text"],
        )
        for found in _FENCE.finditer(text)
    ]


def mentions(page: Path) -> Iterator[str]:
    """Every command that a page names: those in its blocks, and those in its sentences and tables."""
    for block in blocks(page):
        if block.language == "console":
            yield from block.commands
    for found in _INLINE.finditer(_FENCE.sub("", page.read_text("utf-8"))):
        yield " ".join(found[1].split())


def wrong_with(command: str) -> str | None:
    """What is wrong with a command line of ours (`onefold`, `make`, `python -m`); None if nothing is, or it is not ours."""
    try:
        words = shlex.split(command, comments=True)
    except ValueError:
        return None
    while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
        del words[0]
    end = next((at for at, word in enumerate(words) if word in _ENDS), len(words))
    match words[:end]:
        case ["onefold", first, *rest] if not first.startswith(("[", "…")):
            return _wrong_with_ours([first, *rest])
        case ["make", *goals]:
            known = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
            lacking = [goal for goal in goals if "=" not in goal and goal not in known]
            return f"no recipe {lacking}" if lacking else None
        case ["python", "-m", module, *_]:
            path = ROOT.joinpath(*module.split("."))
            return (
                None if path.with_suffix(".py").is_file() or (path / "__main__.py").is_file() else f"no module {module}"
            )
    return None


def _wrong_with_ours(words: list[str]) -> str | None:
    command, path = get_command(app), ["onefold"]
    while words and hasattr(command, "commands") and not words[0].startswith("-"):
        if _PLACEHOLDER.fullmatch(words[0]):
            return None
        if words[0] not in command.commands:
            return f"no command {' '.join([*path, words[0]])}"
        path.append(words[0])
        command = command.commands[words.pop(0)]
    options = {
        name: p for p in command.params if p.param_type_name == "option" for name in (*p.opts, *p.secondary_opts)
    }
    options |= dict.fromkeys(("--help", "-h"))
    left = iter(words)
    positional = 0
    for word in left:
        if word.startswith("-") and word != "-":
            name, _, value = word.partition("=")
            if name not in options:
                return f"{' '.join(path)} has no option {name}"
            option = options[name]
            if option is not None and not option.is_flag and not value and next(left, None) is None:
                return f"{name} of {' '.join(path)} needs a value"
        else:
            positional += 1
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    if positional > len(arguments) and not any(p.nargs == -1 for p in arguments):
        return f"{' '.join(path)} takes {len(arguments)} arguments, not {positional}"
    return None
