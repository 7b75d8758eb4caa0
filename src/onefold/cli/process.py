"""The commands `process`, for workers beside the server, and `migrate`, for the tables they share."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from onefold import bootstrap, config, telemetry
from onefold.cli.options import Json, ProjectDir, Store
from onefold.cli.output import Output
from onefold.errors import UsageError


def process(
    project: ProjectDir = bootstrap.HERE,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that share the partitions of the log.")] = 1,
    store: Store = None,
) -> None:
    """Process what is collected, in separate processes, until Ctrl-C or SIGTERM; batches under way are finished.

    Several workers need the store on PostgreSQL, and as many partitions of the log: `log: {partitions: 4}`.

    Example: onefold process --workers 2 --store postgresql://onefold@db/onefold
    """
    read = bootstrap.with_store(config.read_project(project), store)
    telemetry.configure()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if workers > 1 and bootstrap.store_address(read) is None:
        raise UsageError(
            "The embedded store has one worker. Several need PostgreSQL: --store postgresql://…, or `store` in onefold.yaml."
        )
    if read.log.partitions < workers:
        raise UsageError(
            f"The log has {read.log.partitions} partition(s), so {workers} workers could not share it: "
            f"say `log: {{partitions: {workers}}}` in onefold.yaml, or more."
        )
    code = bootstrap.supervise(read, workers, stop)
    if code:
        raise typer.Exit(code)


def migrate(
    project: ProjectDir = bootstrap.HERE,
    store: Store = None,
    grant: Annotated[
        str | None, typer.Option(help="The role that `serve` and `process` use: it gets what they need, and no more.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Bring stored data to this version and to what onefold.yaml says of the log. Repeating it is harmless.

    Files of the log and the store must not be in use. Tables of a PostgreSQL store are created if they are missing: run it
    as their owner; workers may go on meanwhile. If it is stopped, it resumes there the next time.

    Example: onefold migrate --store postgresql://onefold_owner@db/onefold --grant onefold
    """
    read = bootstrap.with_store(config.read_project(project), store)
    out = Output(as_json=as_json)
    done = bootstrap.migrate(
        read, role=grant,
        progress=lambda number, rows: out.note(f"migration {number}: {rows:,} rows so far"),
    )  # fmt: skip
    if as_json:
        out.result({"workspaces": done})
        return
    if not done:
        out.say("The files are up to date.")
    for workspace, numbers in done.items():
        out.say(f"{workspace}: " + (f"applied {', '.join(map(str, numbers))}" if numbers else "up to date"))
