"""Commands that keep a project healthy: sources, preview, rebuild, verify, backup, restore."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from onefold import bootstrap
from onefold.cli import findings
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.pipelines.reading import balances


def sources(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Show each source's account: received = stored + duplicate + rejected + suppressed (+ pending), and its findings.

    Example: onefold sources
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as parts:
        found = balances.sources(parts)
    if as_json:
        for account in found:
            out.result(account)
        return
    columns = ("source", "received", "stored", "duplicate", "rejected", "suppressed", "pending", "balanced")
    out.table("Sources", columns, ([account[c] for c in columns] for account in found))
    findings.show(out, {account["source"]: account["findings"] for account in found})


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
    with bootstrap.opened(project, workspace) as opened:
        found = bootstrap.preview(opened)
    if as_json:
        out.result(msgspec.to_builtins(found))
        return
    out.say(f"People: {found.people_before:,} now, {found.people_after:,} under today's configuration.")
    out.say(f"{found.joined:,} people would be joined out of several; {found.parted:,} would be parted.")
    for example in found.examples:
        out.say(f"  onefold history {example}")
    out.say("`onefold rebuild` applies it.")


def _preview_since(out: Output, project: Path, workspace: str | None, since: datetime, *, as_json: bool) -> None:
    time_us = int(since.replace(tzinfo=UTC).timestamp()) * 1_000_000
    with bootstrap.opened(project, workspace) as opened:
        worked, tallies = bootstrap.since(opened, time_us)
    if as_json:
        out.result({**msgspec.to_builtins(worked), "tallies": msgspec.to_builtins(tallies)})
        return
    out.say(f"{worked.read:,} entries since {since:%Y-%m-%d %H:%M:%S} UTC, under today's configuration:")
    rows = ([t.source, t.outcome, t.reason, t.count] for t in tallies)
    out.table("Since then", ("source", "outcome", "reason", "count"), rows)


def rebuild(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Recompute the profile store from the log under today's configuration, and put it in place.

    The server must be stopped. The previous store is kept beside the new one until the next rebuild.

    Example: onefold rebuild
    """
    out = Output(as_json=as_json)
    out.note("Rebuilding from the log …")
    with bootstrap.opened(project, workspace) as opened:
        done = bootstrap.rebuild(opened)
    out.say(f"Rebuilt from {done.entries:,} log entries. State {done.rebuilt[:16]}… (was {done.stored[:16]}…).")
    if as_json:
        out.result({"entries": done.entries, "state": done.rebuilt, "state_before": done.stored})


def verify(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Recompute the state from the log on the side and compare it with the store. Exit code 1 if they differ.

    Example: onefold verify
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        done = bootstrap.verify(opened)
    if as_json:
        out.result({"equal": done.equal, "entries": done.entries, "stored": done.stored, "rebuilt": done.rebuilt})
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
    """Copy the log, the store and the wrapped keys while the server runs. The root key is not included: keep it elsewhere.

    Example: onefold backup backups/2026-11-21
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        made = bootstrap.backup(opened, to)
    out.say(f"Backed up to {to}: {made['bytes']:,} bytes. It needs this project's root key to be read.")
    if as_json:
        out.result(made)


def restore(
    source: Annotated[Path, typer.Argument(help="A directory that `onefold backup` made.", exists=True)],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Put a backup in place. The server must be stopped; existing data is set aside, not deleted.

    Example: onefold restore backups/2026-11-21
    """
    out = Output(as_json=as_json)
    restored = bootstrap.restore(project, workspace, source)
    out.say(f"Restored from {source}.")
    if as_json:
        out.result(restored)
