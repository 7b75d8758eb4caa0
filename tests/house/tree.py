"""The tracked tree: what Git would commit, and the syntax of every module in it."""

import ast
import functools
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


@functools.cache
def tracked() -> tuple[Path, ...]:
    """Every file that is committed or would be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return tuple(path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file())


@functools.cache
def texts() -> tuple[tuple[str, str], ...]:
    """(path relative to the root, text) of every tracked file that is text."""
    found = []
    for path in tracked():
        try:
            found.append((path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return tuple(found)


@functools.cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    """(path relative to the root, syntax tree) of every module of the product."""
    return tuple(
        (name, ast.parse(text)) for name, text in texts() if name.startswith("src/onefold/") and name.endswith(".py")
    )
