"""The command that changes the list of a static segment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output


def upload(
    slug: Annotated[str, typer.Argument(help="The segment's slug.", metavar="SEGMENT")],
    file: Annotated[Path, typer.Argument(help="A file with one identifier a line, or `-` for standard input.")],
    kind: Annotated[
        str | None, typer.Option("--type", help="The type of identifiers that are written without one, such as email.")
    ] = None,
    remove: Annotated[bool, typer.Option("--remove", help="Take them from the list.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Put identifiers on a static segment's list, `type:value` a line; refused as a whole where one cannot be read.

    Example: onefold segment upload no_contact do-not-contact.txt --type email
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace, start=True) as segments:
        found = segments.upload(slug, file, kind=kind, remove=remove)
    if as_json:
        out.result(found)
        return
    verb = "taken from" if remove else "added to"
    out.say(f"{found.read:,} identifiers read, {found.changed:,} {verb} {slug}.")
