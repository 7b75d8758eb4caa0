"""The commands `serve`, which collects, answers, and has a worker process beside it, and `collect`, which only collects."""

from __future__ import annotations

import contextlib
from typing import Annotated

import typer

from onefold import bootstrap, config, telemetry
from onefold.cli.options import ProjectDir, Store
from onefold.cli.output import Output
from onefold.errors import UnavailableError


def serve(
    project: ProjectDir = bootstrap.HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: as in onefold.yaml.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; default: as in onefold.yaml.")
    ] = None,
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Listen on an address that other machines reach.")
    ] = False,
    store: Store = None,
    processing: Annotated[
        bool, typer.Option(help="Process what is collected, in a worker process of its own; without it, others do.")
    ] = True,
    log_requests: Annotated[bool, typer.Option(help="A log line for each API request.")] = True,
) -> None:
    """Serve SDKs and look-ups over HTTP, with a worker that processes. Stops gracefully on Ctrl-C or SIGTERM.

    Example: onefold serve --port 8484
    """
    from onefold.cli import http  # noqa: PLC0415  the web framework takes half a second to load, which no other command needs

    read = bootstrap.with_store(config.read_project(project), store)
    telemetry.configure()
    # Before anything is open or runs: it is a fork of this process.
    worker = bootstrap.WorkerProcess(read) if processing else None
    with contextlib.ExitStack() as leaving:
        if worker is not None:
            leaving.callback(worker.close)
        opened = bootstrap.Opened(
            read, lambda w: None if worker is None else worker.share(w.context.name), alone=processing
        )
        leaving.callback(opened.close)
        application = http.application(opened, read, log_requests=log_requests)
        _invite(read, host, port)
        http.run(application, read.server, host=host, port=port, allow_public=allow_public)
    if worker is not None and worker.died:
        raise UnavailableError("The worker and its keeper ended, so the server did. Nothing is lost: start it again.")


def _invite(read: config.Project, host: str | None, port: int | None) -> None:
    """Show how the first owner of each workspace that has none signs in to the console."""
    out = Output(as_json=False)
    stated = None if host is None and port is None else f"http://{host or read.server.host}:{port or read.server.port}"
    for name, link in bootstrap.owner_links(read, read.server.public_url or stated).items():
        which = f" of {name}" if len(read.workspaces) > 1 else ""
        out.say(f"The first owner{which} signs in to the console by this link; it works once, for a day:")
        out.say(f"  {link}", style="bold")


def collect(
    project: ProjectDir = bootstrap.HERE,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: as in onefold.yaml.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; default: as in onefold.yaml.")
    ] = None,
    allow_public: Annotated[
        bool, typer.Option("--allow-public", help="Listen on an address that other machines reach.")
    ] = False,
    log_requests: Annotated[bool, typer.Option(help="A log line for each request to the probes' server.")] = True,
) -> None:
    """Only collect: SDKs send to it, and it appends to the log. Other processes process and answer.

    It needs the project's keys and its log, but no profile store. Any number may run, on other ports or machines.

    Example: onefold collect --port 8485
    """
    from onefold.cli import http  # noqa: PLC0415  as above

    read = config.read_project(project)
    telemetry.configure()
    opened = bootstrap.CollectingOnly(read)
    try:
        application = http.application(opened, read, log_requests=log_requests)
        http.run(application, read.server, host=host, port=port, allow_public=allow_public)
    finally:
        opened.close()
