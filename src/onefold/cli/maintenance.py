"""Commands that keep a project healthy: sources, preview, rebuild, repair, verify, backup, restore."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from onefold import bootstrap, config
from onefold.cli import findings
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output


def sources(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Show each source's account: received = stored + duplicate + rejected + suppressed (+ pending), and its findings.

    Example: onefold sources
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.accounts()
        standstill = service.standstill()
    if as_json:
        for account in found:
            out.result(account)
        return
    columns = ("source", "received", "stored", "duplicate", "rejected", "suppressed", "pending", "balanced", "moving")
    out.table("Sources", columns, ([getattr(account, c) for c in columns] for account in found))
    findings.show(out, {account.source: account.findings for account in found})
    if standstill:
        out.say(standstill.capitalize(), style="bold red")


def preview(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d"],
            help="Only what was received since then (UTC), and what becomes of it instead of who would change.",
        ),
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Process the whole log again on the side, under today's configuration, and show who would change. Changes nothing.

    Example: onefold preview

    Example: onefold preview --since 2026-11-21T08:00:00
    """
    out = Output(as_json=as_json)
    if since is not None:
        _preview_since(out, project, workspace, since, as_json=as_json)
        return
    out.note("Processing the log again on the side …")
    with bootstrap.opened(project, workspace, start=False) as opened:
        found = bootstrap.preview(opened)
    if as_json:
        out.result(msgspec.to_builtins(found))
        return
    out.say(f"People: {found.people_before:,} now, {found.people_after:,} under today's configuration.")
    out.say(f"{found.joined:,} people would be merged from several; {found.parted:,} would be split.")
    for example in found.examples:
        out.say(f"  onefold history {example}")
    out.say("`onefold rebuild` applies it.")


def _preview_since(out: Output, project: Path, workspace: str | None, since: datetime, *, as_json: bool) -> None:
    time_us = int(since.replace(tzinfo=UTC).timestamp()) * 1_000_000
    with bootstrap.opened(project, workspace, start=False) as opened:
        worked, tallies = bootstrap.since(opened, time_us)
    if as_json:
        out.result({**msgspec.to_builtins(worked), "tallies": msgspec.to_builtins(tallies)})
        return
    out.say(f"{worked.read:,} entries since {since:%Y-%m-%d %H:%M:%S} UTC, under today's configuration:")
    rows = ([t.source, t.outcome, t.reason, t.count] for t in tallies)
    out.table("Since then", ("source", "outcome", "reason", "count"), rows)


def rebuild(
    accept_loss: Annotated[
        bool,
        typer.Option("--accept-loss", help="Also where the store knows what this log does not, and would forget it."),
    ] = False,
    content: Annotated[
        bool,
        typer.Option(
            "--content", help="Compare the warehouse's content before and after, which reads all of it twice."
        ),
    ] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Recompute the profile store from the log under today's configuration, and put it in place.

    Servers and workers must be stopped; collectors may go on. The previous store is kept until the next rebuild.

    Example: onefold rebuild
    """
    out = Output(as_json=as_json)
    out.note("Rebuilding from the log …")
    before = _content(project, workspace, adopt=accept_loss) if content else None
    with bootstrap.opened(project, workspace, checked=False, adopt=accept_loss) as opened:
        done = bootstrap.rebuild(opened, accept_loss=accept_loss)
    after = _content(project, workspace, adopt=accept_loss) if content else None
    out.say(f"Rebuilt from {done.entries:,} log entries. State {done.rebuilt[:16]}… (was {done.stored[:16]}…).")
    if content:
        out.say(f"Content of the warehouse {str(after)[:16]}… (was {str(before)[:16]}…).")
    if as_json:
        told = {"entries": done.entries, "state": done.rebuilt, "state_before": done.stored}
        out.result(told | ({"content": after, "content_before": before} if content else {}))


def _content(project: Path, workspace: str | None, *, adopt: bool) -> str | None:
    with bootstrap.opened(project, workspace, checked=False, adopt=adopt) as opened:
        found = bootstrap.content(opened)
    return None if found is None else found.hash


def repair(
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Go on over entries that the log lost, and with a log made anew.")
    ] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Bring log and store together again as far as nothing is lost by it, and say what is left. Exit code 1 if anything is.

    Servers and workers must be stopped. It brings back entries that no reader found, and removes what killed commands left.

    Example: onefold repair

    Example: Kafka deleted entries that were not processed yet: onefold repair --accept-loss
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace, checked=False, adopt=accept_loss) as opened:
        done = bootstrap.repair(opened, accept_loss=accept_loss)
    if as_json:
        out.result({"resumed": {str(p): o for p, o in done.resumed.items()}, "left": list(done.left)})
    for partition, offset in done.resumed.items():
        out.say(f"Partition {partition} goes on after {offset}.")
    for sentence in done.left:
        out.say(sentence, style="bold red")
    if done.left:
        raise typer.Exit(1)
    out.say("Log and store belong together, and every entry can be read.", style="green")


def verify(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Recompute the state from the log on the side and compare it with the store. Exit code 1 if they differ.

    Example: onefold verify
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace, start=False, checked=False) as opened:
        done = bootstrap.verify(opened)
    if as_json:
        out.result({
            "equal": done.equal, "entries": done.entries, "stored": done.stored, "rebuilt": done.rebuilt,
            "wrong": list(done.wrong),
        })  # fmt: skip
    elif done.wrong:
        out.say("Log and store cannot be compared, and the store must not be rebuilt from this log:", style="bold red")
        for sentence in done.wrong:
            out.say(f"  {sentence}")
    elif done.equal:
        out.say(
            f"The store is what the log implies: {done.entries:,} entries, state {done.stored[:16]}…", style="green"
        )
    else:
        out.say("The store is NOT what the log implies under today's configuration.", style="bold red")
        out.say(f"stored {done.stored[:16]}… rebuilt {done.rebuilt[:16]}…")
        out.say("If the configuration changed, `onefold preview` shows how; `onefold rebuild` puts it right.")
    if not done.equal:
        raise typer.Exit(1)


def backup(
    to: Annotated[Path, typer.Argument(help="A directory that does not exist yet.")],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Copy log, store, wrapped and issued keys while the server runs. The root key is not included: keep it elsewhere.

    Example: onefold backup backups/2026-11-21
    """
    out = Output(as_json=as_json)
    read = config.read_project(project)
    bootstrap.check_backup(read)
    with bootstrap.opened(project, workspace, start=False) as opened:
        made = bootstrap.backup(read, opened, to)
    out.say(f"Backed up to {to}: {made['bytes']:,} bytes. It needs this project's root key to be read.")
    if as_json:
        out.result(made)


def restore(
    source: Annotated[Path, typer.Argument(help="A directory that `onefold backup` made.", exists=True)],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Put a backup in place, here or on an empty machine that has the project's files and its root key.

    Every process must be stopped; existing data is set aside, not deleted.

    Example: onefold restore backups/2026-11-21
    """
    out = Output(as_json=as_json)
    restored = bootstrap.restore(project, workspace, source)
    out.say(f"Restored from {source}.")
    if as_json:
        out.result(restored)
