"""Commands about keys: create, list, revoke."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output


class May(Enum):
    """What a key may be allowed."""

    READ = "read"
    ADMIN = "admin"
    QUERY = "query"
    PERSONAL = "personal"


app = typer.Typer(help="Keys: write-only ones for sources, secret ones for reading.", no_args_is_help=True)


@app.command()
def create(
    source: Annotated[
        str | None, typer.Argument(help="The source that will send with it; none for a read key.")
    ] = None,
    may: Annotated[
        list[May] | None,
        typer.Option(
            "--may",
            help="What a key that is no source's may do: read, admin, query (the warehouse, personal data masked), "
            "personal (unmasked). Can be given several times.",
            show_default="read and admin",
        ),
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            "--role",
            help="What it may do and see: owner, engineer, marketer, steward or read-only. With --may, which says what it "
            "may do: the role of privacy.yaml that says what it sees.",
        ),
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Create a key and show it once: only its hash is kept. A source may have two live keys, to rotate without loss.

    Example: onefold keys create website
    """
    out = Output(as_json=as_json)
    made = bootstrap.create_key(project, workspace, source, may=[each.value for each in may or ()], role=role)
    out.say(made["key"], style="bold")
    out.say("This is the only time it is shown." if source is None else f"Write-only, for source {source}. Shown once.")
    if as_json:
        out.result(made)


@app.command("list")
def list_(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """List keys; never the keys themselves.

    Example: onefold keys list
    """
    out = Output(as_json=as_json)
    found = bootstrap.list_keys(project, workspace)
    if as_json:
        for key in found:
            out.result(key)
        return
    columns = ("id", "kind", "workspace", "name", "hint", "revoked")
    out.table("Keys", columns, ([key[c] for c in columns] for key in found))


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="As `onefold keys list` shows it.", metavar="ID")],
    project: ProjectDir = bootstrap.HERE,
    as_json: Json = False,
) -> None:
    """Revoke a key; a running server refuses it within a second.

    Example: onefold keys revoke 9f86d081884c7d65
    """
    out = Output(as_json=as_json)
    bootstrap.revoke_key(project, key_id)
    out.say("Revoked.")
    if as_json:
        out.result({"revoked": key_id})
