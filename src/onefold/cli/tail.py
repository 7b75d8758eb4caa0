"""The command `tail`: the live debugger."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.pretty import Pretty
from rich.text import Text

from onefold import bootstrap
from onefold.cli import findings
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import styled
from onefold.cli.printable import printable_json
from onefold.errors import UsageError
from onefold.pipelines.reading import tail as log_tail
from onefold.pipelines.service import Service

_LOOK_SECONDS = 0.2
_PAGE = 500
_HELD_MOST = 10_000
_COLOURS = {"stored": "green", "duplicate": "yellow", "rejected": "red", "suppressed": "magenta", "pending": "cyan"}


def tail(  # noqa: PLR0913, PLR0917  each is an option of the command
    position: Annotated[
        str | None, typer.Argument(help="PARTITION:OFFSET: show this one entry in full, stage by stage.")
    ] = None,
    source: Annotated[str, typer.Option("--source", "-s", help="Only from this source.")] = "",
    name: Annotated[str, typer.Option(help="Only events whose name contains this.")] = "",
    verdict: Annotated[str, typer.Option(help=f"Only {', '.join(_COLOURS)}.")] = "",
    finding: Annotated[str, typer.Option(help="Only events with this finding (docs/reference/findings.md).")] = "",
    grep: Annotated[str, typer.Option(help="Only where this text is shown anywhere.")] = "",
    last: Annotated[int, typer.Option(min=0, max=10_000_000, help="Begin with about so many from before.")] = 20,
    follow: Annotated[bool, typer.Option(help="Go on as entries come, until Ctrl-C.")] = True,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show identifiers and payloads in full.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Watch entries as they are received, normalised, validated and resolved, with or without a running server.

    On a terminal, space pauses and resumes, / searches, q quits. Identifiers are masked unless you pass --reveal.

    Example: onefold tail --source web --verdict rejected

    Example: onefold tail --finding email_invalid --last 100000 --no-follow
    """
    if verdict and verdict not in _COLOURS:
        raise UsageError(f"There is no verdict {verdict}; choose one of {', '.join(_COLOURS)}.")
    wanted = log_tail.Wanted(source, name, verdict, findings.code(finding), grep)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with bootstrap.reader(project, workspace) as service:
        if position is not None:
            _inspect(service, console, position, as_json=as_json)
            return
        screen = _Screen(console, wanted, as_json=as_json)
        positions = service.newest(last)
        with _keys(enabled=follow and not as_json) as pressed:
            try:
                while not screen.ended:
                    grew = False
                    for sight in service.after(positions, _PAGE, whole=reveal):
                        partition, _, offset = sight.position.partition(":")
                        if sight.verdict == "pending" and follow and _young(sight):
                            break  # in a moment there is more to say of it; the order stays
                        positions[int(partition)] = int(offset)
                        screen.take(sight)
                        grew = True
                    if not follow and not grew:
                        return
                    if not grew:
                        _pause(pressed, screen)
            except KeyboardInterrupt:
                return


def _young(sight: log_tail.TailedEntry) -> bool:
    """Whether the processor may still be at it, rather than not running."""
    received = time.mktime(time.strptime(sight.received_at[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
    return time.time() - received < 2


def _pause(pressed: Iterator[str] | None, screen: _Screen) -> None:
    if pressed is None:
        time.sleep(_LOOK_SECONDS)
        return
    for key in pressed:
        screen.key(key)
        return


def _inspect(service: Service, console: Console, position: str, *, as_json: bool) -> None:
    partition, colon, offset = position.partition(":")
    if not colon or not partition.isdigit() or not offset.isdigit():
        raise UsageError("Write the position as PARTITION:OFFSET, as `onefold tail` shows it.")
    sight = msgspec.to_builtins(service.entry(int(partition), int(offset)))
    if as_json:
        console.print(printable_json(msgspec.json.encode(sight).decode()))
        return
    keys = (
        ("normalised", ("kind", "name", "message_id", "timestamp", "skew_ms", "findings", "event")),
        ("validated", ("verdict", "reason", "detail", "emq")),
        ("resolved", ("identifiers", "nodes", "profile", "changes")),
    )
    about = {"at": sight["received_at"], "source": sight["source"], "shape": sight["shape"]}
    stages = {"received": about | sight.get("received", {})}
    stages |= {stage: {key: sight[key] for key in named if key in sight} for stage, named in keys}
    for stage, shown in stages.items():
        console.print(styled(stage, "bold"))
        console.print(Pretty(shown, expand_all=True))


class _Screen:
    """What is shown, what is held back while paused, and what is searched for."""

    def __init__(self, console: Console, wanted: log_tail.Wanted, *, as_json: bool) -> None:
        self._console = console
        self._wanted = wanted
        self._as_json = as_json
        self._held: deque[log_tail.TailedEntry] | None = None
        self._typed: str | None = None
        self.ended = False

    def take(self, sight: log_tail.TailedEntry) -> None:
        if not self._wanted.passes(sight):
            return
        if self._held is not None:
            self._held.append(sight)
            return
        self._show(sight)

    def key(self, key: str) -> None:
        if not key:
            return
        if self._typed is not None:
            self._type(key)
        elif key == " ":
            self._toggle()
        elif key == "/":
            self._typed = ""
            self._say("search for (empty: everything), then Enter:")
        elif key in ("q", "\x04"):
            self.ended = True

    def _type(self, key: str) -> None:
        typed = self._typed or ""
        if key in ("\r", "\n"):
            self._wanted, self._typed = msgspec.structs.replace(self._wanted, text=typed), None
            self._say(f"showing what contains {typed!r}" if typed else "showing everything")
        elif key in ("\x7f", "\b"):
            self._typed = typed[:-1]
        elif key.isprintable():
            self._typed = typed + key

    def _toggle(self) -> None:
        if self._held is None:
            self._held = deque(maxlen=_HELD_MOST)
            self._say("paused; space goes on")
            return
        held, self._held = self._held, None
        self._say(f"going on, {len(held)} came meanwhile")
        for sight in held:
            self._show(sight)

    def _say(self, text: str) -> None:
        self._console.print(styled(f"-- {text}", "dim"))

    def _show(self, sight: log_tail.TailedEntry) -> None:
        if self._as_json:
            sys.stdout.write(printable_json(msgspec.json.encode(sight).decode()) + "\n")
            sys.stdout.flush()
            return
        who = " ".join(f"{kind}:{value}" for kind, values in sight.identifiers.items() for value in values)
        parts = [
            styled(sight.received_at[11:23], "dim"),
            styled(f"{sight.position:>9}", "dim"),
            styled(f"{sight.source:<8}"),
            styled(f"{sight.verdict:<10}", _COLOURS[sight.verdict]),
            styled(sight.name or sight.shape, "bold"),
            styled(who),
        ]
        if sight.reason:
            parts += [styled(sight.reason, "red"), styled(sight.detail)]
        parts += [styled(found, "yellow") for found in sight.findings]
        if sight.profile:
            parts.append(styled(f"→ {sight.profile[:8]}"))
        parts += [styled(change, "bold yellow") for change in sight.changes]
        if sight.emq is not None:
            parts.append(styled(f"emq {sight.emq:.2f}", "dim"))
        self._console.print(Text(" ").join(parts))


@contextmanager
def _keys(*, enabled: bool) -> Iterator[Iterator[str] | None]:
    """Keys as they are pressed, without Enter; None where there is no keyboard."""
    if not enabled or not sys.stdin.isatty() or not sys.stdout.isatty():
        yield None
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield _pressed(descriptor)
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _pressed(descriptor: int) -> Iterator[str]:
    """The next key, or an empty text when none came for a moment."""
    while True:
        ready, _, _ = select.select([descriptor], [], [], _LOOK_SECONDS)
        yield os.read(descriptor, 1).decode("utf-8", "replace") if ready else ""
