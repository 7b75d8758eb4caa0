"""Options that several commands share, and how an identifier is written on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onefold.errors import UsageError
from onefold.model import Identifier, parse_profile_id

ProjectDir = Annotated[
    Path,
    typer.Option("--project", "-p", envvar="ONEFOLD_PROJECT", help="The project directory.", show_default="here"),
]
WorkspaceName = Annotated[
    str | None, typer.Option("--workspace", "-w", help="The workspace, where a project has several.")
]
Store = Annotated[
    str | None,
    typer.Option(
        "--store", envvar="ONEFOLD_STORE", show_default="as in onefold.yaml",
        help="Address of the PostgreSQL profile store: postgresql://…",
    ),
]  # fmt: skip
Json = Annotated[bool, typer.Option("--json", help="Print JSON, one document a line.")]


def identifier(text: str) -> Identifier:
    """Read `email:ann@example.org`, or a bare profile id.

    Raises:
        UsageError: There is no type before a colon.
    """
    if parse_profile_id(text) is not None:
        return Identifier("profile", text)
    kind, colon, value = text.partition(":")
    if not colon or not value:
        raise UsageError("Write an identifier as type:value, such as email:ann@example.org, or give a profile id.")
    return Identifier(kind.strip(), value.strip())


Chart = Annotated[
    Path | None,
    typer.Option(
        "--chart", help="Also draw it: a file *.html, *.svg, *.png, or *.json for the Vega-Lite specification."
    ),
]
Dark = Annotated[bool, typer.Option("--dark", help="Draw the chart for a dark page.")]
