"""Commands about the project itself: init, doctor."""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

import onefold
from onefold import bootstrap, config
from onefold.cli.options import Json, ProjectDir
from onefold.cli.output import Output
from onefold.errors import OnefoldError

PYTHON_MIN = (3, 11)


def init(
    directory: Annotated[Path, typer.Argument(help="Where to write the project.")] = Path(),
    template: Annotated[str, typer.Option("--template", "-t", help="media, education or shop.")] = "media",
    as_json: Json = False,
) -> None:
    """Write a project directory: commented configuration, a root key, and a first key for each source.

    Example: onefold init my-project --template shop
    """
    out = Output(as_json=as_json)
    made = bootstrap.init(directory, template)
    out.say(f"Project written to {directory}.", style="bold")
    out.say("The root key is in onefold.key: keep a copy somewhere else, and keep it out of Git.")
    for key in made["keys"]:
        out.say(f"  {key['kind']} key for {key['name']}: {key['key']}")
    out.say("Keys are shown once. Next: `onefold serve`.")
    if as_json:
        out.result(made)


def doctor(project: ProjectDir = bootstrap.HERE, as_json: Json = False) -> None:
    """Check that everything Onefold needs is there. Each failure says how to fix it. Exit code 1 if any check fails.

    Example: onefold doctor
    """
    out = Output(as_json=as_json)
    checks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("onefold", lambda: onefold.__version__),
        ("configuration", lambda: f"{len(config.read_project(project).sources)} sources"),
        ("port", lambda: _port(project)),
        *((name, check) for name, check in bootstrap.checks(project)),
    ]
    failed = 0
    for name, check in checks:
        try:
            found, fine = check(), True
        except OnefoldError as error:
            found, fine, failed = str(error), False, failed + 1
        if as_json:
            out.result({"check": name, "ok": fine, "detail": found})
        else:
            out.say(f"{'✔' if fine else '✖'} {name}: {found}", style="" if fine else "bold red")
    if failed:
        raise typer.Exit(1)


def _python() -> str:
    if sys.version_info < PYTHON_MIN:
        raise OnefoldError(f"Python {platform.python_version()} is too old; install 3.11 or later.")
    return platform.python_version()


def _port(project: Path) -> str:
    server = config.read_project(project).server
    with socket.socket() as probe:
        probe.settimeout(0.5)
        if probe.connect_ex((server.host, server.port)) == 0:
            return f"{server.port} is in use: a server is running, or choose another in onefold.yaml"
    return f"{server.port} is free"
