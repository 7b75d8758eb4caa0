"""Commands about accounts: who may sign in to the console, and as what."""

from __future__ import annotations

from typing import Annotated

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output

ROLES = "owner, engineer, marketer, steward or read-only"
Name = Annotated[str, typer.Argument(help="The name they sign in with, or the account's id.")]

app = typer.Typer(help="Accounts: people who sign in to the console.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="What they sign in with, such as an e-mail address.")],
    role: Annotated[str, typer.Option("--role", help=f"What they may do and see: {ROLES}.")] = "read-only",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Add an account and show its one-time link: whoever opens it within a day chooses the password.

    Example: onefold accounts add ann@example.org --role marketer
    """
    out = Output(as_json=as_json)
    made = bootstrap.add_account(project, workspace, name, role)
    out.say(made["link"], style="bold")
    out.say("Pass this link on: it works once, for a day, and is shown only now.")
    if as_json:
        out.result(made)


@app.command("list")
def list_(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """List accounts.

    Example: onefold accounts list
    """
    out = Output(as_json=as_json)
    found = bootstrap.list_accounts(project, workspace)
    if as_json:
        for account in found:
            out.result(account)
        return
    columns = ("id", "workspace", "name", "role", "status", "signed_in_at")
    out.table("Accounts", columns, ([account[c] for c in columns] for account in found))


@app.command()
def role(
    name: Name,
    new: Annotated[str, typer.Argument(help=f"The new role: {ROLES}.", metavar="ROLE")],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Give an account another role; sessions under way have it with their next request.

    Example: onefold accounts role ann@example.org steward
    """
    _changed(bootstrap.change_account(project, workspace, name, role=new), Output(as_json=as_json))


@app.command()
def disable(
    name: Name,
    enable: Annotated[bool, typer.Option("--undo", help="Enable it again.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Disable an account: its sessions end, and nobody signs in with it.

    Example: onefold accounts disable ann@example.org
    """
    _changed(bootstrap.change_account(project, workspace, name, disabled=not enable), Output(as_json=as_json))


@app.command()
def reset(
    name: Name, project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False
) -> None:
    """End an account's sessions, and show a one-time link for a new password.

    Example: onefold accounts reset ann@example.org
    """
    out = Output(as_json=as_json)
    made = bootstrap.reset_account(project, workspace, name)
    out.say(made["link"], style="bold")
    out.say("Pass this link on: it works once, for a day. The password so far holds until then.")
    if as_json:
        out.result(made)


def _changed(account: dict[str, str], out: Output) -> None:
    out.say(f"{account['name']}: {account['role']}, {account['status']}.")
    if out.as_json:
        out.result(account)
