"""Commands about models and what columns tell: run, lineage, classify."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.warehouse.models.lineage import Tree

_USES = {
    "value": "",
    "presence": "  (only whether it is there, or its order)",
    "rows": "  (decides which rows there are)",
}


def run(
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            "-s",
            help="A model, tag:… or owner:…; + before it adds what it reads, + after it what reads it.",
        ),
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    full: Annotated[bool, typer.Option("--full", help="Build incremental models anew.")] = False,
    as_json: Json = False,
) -> None:
    """Build the project's models (`models/*.sql`) in its warehouse, each after those it reads.

    Example: onefold run --select tag:membership
    """
    out = Output(as_json=as_json)

    def starting(name: str) -> None:
        if not as_json:
            out.note(f"{name} …")

    many = rows = 0
    for made in bootstrap.run_models(project, workspace, select or (), whole=full, starting=starting):
        many, rows = many + 1, rows + made.rows
        if as_json:
            out.result(msgspec.to_builtins(made) | {"seconds": round(made.seconds, 3)})
            continue
        told = {
            "checked": "view, works",
            "built": f"{made.rows:,} rows",
            "unchanged": f"{made.rows:,} rows, as they were",
            "increment": f"{made.rows:,} rows of {made.keys or 0:,} keys that changed",
        }[made.how]
        out.say(f"{made.model}: {told}, {made.seconds:.1f} s")
    out.say(f"{many:,} models, {rows:,} rows written or compared." if many else "There are no models.", style="bold")


def lineage(
    column: Annotated[str, typer.Argument(help="A column, such as profile.email or membership.total_given.")],
    project: ProjectDir = bootstrap.HERE,
    rows: Annotated[bool, typer.Option("--rows", help="Also what decides on rows: joins, filters, grouping.")] = False,
    as_json: Json = False,
) -> None:
    """Where a column comes from, back to fields of sources, and what comes from it, down to marts.

    Example: onefold lineage profile.email
    """
    out = Output(as_json=as_json)
    up, down = bootstrap.lineage(project, column, rows_too=rows)
    if as_json:
        out.result({"column": f"{up.relation}.{up.column}", "upstream": _json(up), "downstream": _json(down)})
        return
    out.say(f"{up.relation}.{up.column}", style="bold")
    for direction, tree in (("comes from", up), ("goes into", down)):
        out.say(f"  {direction}:" if tree.beneath else f"  {direction} nothing")
        for line in _lines(tree, "    "):
            out.say(line)


def classify(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Guess what attributes and properties tell of people, from names and values, as YAML for `privacy.yaml`.

    Values are looked at and never shown. What the project says already is left as it is.

    Example: onefold classify
    """
    out = Output(as_json=as_json)
    found: dict[str, list[str]] = defaultdict(list)
    for where, name, said, guess in bootstrap.classified(project, workspace):
        if as_json:
            out.result({"where": where, "name": name, "class": said, "guess": guess.personal, "because": guess.because})
            continue
        because = "as privacy.yaml says" if said is not None else guess.because
        doubt = "" if said is not None or guess.sure else " ?"
        found[where].append(f"  {_key(name)}: {said or guess.personal}  # {because}{doubt}")
    if as_json:
        return
    if not found:
        out.say("No event has attributes or properties yet.")
    for where, lines in found.items():
        out.say(f"{where}:")
        for line in lines:
            out.say(line)


def _lines(tree: Tree, indent: str) -> Iterator[str]:
    for below in tree.beneath:
        again = "  (as above)" if below.again else ""
        what = "rows" if below.column == "*" else below.column
        yield f"{indent}{below.relation}.{what}{_USES[below.use]}{again}"
        yield from _lines(below, indent + "  ")


def _json(tree: Tree) -> list[dict[str, Any]]:
    return [
        {"relation": one.relation, "column": one.column, "use": one.use, "again": one.again, "beneath": _json(one)}
        for one in tree.beneath
    ]


def _key(name: str) -> str:
    plain = name.replace("_", "").replace("-", "").isalnum() and name.isascii()
    return name if plain else msgspec.json.encode(name).decode()
