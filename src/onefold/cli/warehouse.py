"""Commands about the warehouse's files."""

from __future__ import annotations

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output

app = typer.Typer(help="The warehouse: its segment files.", no_args_is_help=True)


@app.command()
def load(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Load what waits in the feed into segment files. A server and `onefold process` do it by themselves.

    Queries see what is not loaded yet, too; loaded, it is faster to read and smaller.

    Example: onefold warehouse load
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        loaded = bootstrap.load_warehouse(opened)
    out.say(f"{loaded:,} rows loaded.")
    if as_json:
        out.result({"loaded": loaded})
