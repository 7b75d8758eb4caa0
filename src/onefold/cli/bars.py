"""Bars: how far something is, on a terminal; elsewhere nothing is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from onefold.cli.output import Output


@contextmanager
def progress_bar(out: Output, what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, told how far something is and how far it will be."""
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(),
        console=out.aside, disable=not out.aside.is_terminal, transient=True,
    ) as progress:  # fmt: skip
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
