"""The command `households`: people of one family name at one address."""

from __future__ import annotations

from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.model import results


def households(
    who: Annotated[
        str,
        typer.Argument(help="Whose household: an identifier as type:value, or a profile id.", metavar="[IDENTIFIER]"),
    ] = "",
    cursor: Annotated[str | None, typer.Option(help="Go on from here: `next` of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="Most households to show.", min=1, max=1_000)] = 20,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List households: people of one family name at one address. `onefold identity match` reads the addresses.

    Example: onefold households email:ann@example.org
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.households.page(who, cursor=cursor, limit=limit)
    if as_json:
        out.result(found)
        return
    if not found.households and found.next is None:
        out.say("No household." if who else "No households; `onefold identity match` reads addresses.")
    for one in found.households:
        show_household(out, one)
    if found.next is not None:
        out.say(f"More: --cursor {found.next}")


def show_household(out: Output, one: results.Household) -> None:
    """Print a household for a person to read."""
    out.table(
        f"Household {one.id}",
        ("person", "name", "identifier", "records of it"),
        (
            (
                member.profile_id,
                member.name or "",
                "" if member.identifier is None else f"{member.identifier.type}:{member.identifier.value}",
                f"{member.records_here:,} of {member.records:,}",
            )
            for member in one.members
        ),
    )
