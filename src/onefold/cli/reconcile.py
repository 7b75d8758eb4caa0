"""The command `reconcile`: whether the warehouse says what the store of the stream says."""

from __future__ import annotations

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output


def reconcile(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Compare profiles and warehouse person by person: counters, attributes, consents, identifiers.

    Example: onefold reconcile
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace, start=False) as opened:
        found = bootstrap.reconcile(opened)
    if as_json:
        out.result(msgspec.to_builtins(found))
    out.say(f"{found.people:,} people, {found.differing:,} differ.")
    for column, many in found.columns.items():
        out.say(f"  {column}: {many:,}")
    for person in found.examples:
        out.say(f"  onefold profile profile:{person}")
    if found.moving and found.differing:
        out.say("Events came in meanwhile, which may be why; try again when it is quiet.")
    if found.differing:
        raise typer.Exit(1)
