"""Commands about dead letters: list, show, replay."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.errors import UsageError

OFFSET_MAX = 2**63 - 1


class Status(enum.StrEnum):
    """Dead letters by what became of them."""

    OPEN = "open"
    REPLAYED = "replayed"
    ALL = "all"


app = typer.Typer(help="Dead letters: what was rejected and why; mend it and send it again.", no_args_is_help=True)


@app.command("list")
def list_(
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    reason: Annotated[str | None, typer.Option(help="Only this reason, such as check_failed.")] = None,
    status: Annotated[Status, typer.Option(help="Which ones.")] = Status.OPEN,
    after: Annotated[int, typer.Option(min=0, max=OFFSET_MAX, help="Only offsets after this one.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most this many.")] = 50,
    as_json: Json = False,
) -> None:
    """List dead letters.

    Example: onefold dlq list --source website
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        wanted = None if status is Status.ALL else status.value
        found = service.dead_letters(status=wanted, source=source, reason=reason, after=after, limit=limit)
    if as_json:
        for letter in found:
            out.result(letter)
        return
    if not found:
        out.say("No dead letters.")
        return
    rows = ((str(d.offset), d.received_at, d.source, d.reason, d.detail, d.status) for d in found)
    out.table("Dead letters", ("offset", "received", "source", "reason", "what is wrong", "status"), rows)
    out.say(f"`onefold dlq show {found[0].offset}` shows a payload; `onefold dlq replay` sends again.")


@app.command()
def show(
    offset: Annotated[
        int, typer.Argument(min=0, max=OFFSET_MAX, help="The dead letter, as `onefold dlq list` names it.")
    ],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show one dead letter with its payload.

    Example: onefold dlq show 1042
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        letter = service.dead_letter(offset)
    if as_json:
        out.result(letter)
        return
    for name, value in msgspec.to_builtins(letter).items():
        out.say(f"{name}: " + (json.dumps(value, ensure_ascii=False, indent=2) if name == "payload" else str(value)))


@app.command()
def replay(
    offset: Annotated[
        int | None, typer.Argument(min=0, max=OFFSET_MAX, help="The dead letter; without it, all open ones.")
    ] = None,
    payload: Annotated[Path | None, typer.Option(help="Send this file's content in its place.", exists=True)] = None,
    reason: Annotated[str | None, typer.Option(help="Only those rejected for this reason.")] = None,
    source: Annotated[str | None, typer.Option(help="Only this source.")] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Send dead letters again, as they were or with a mended payload.

    Example: onefold dlq replay 1042 --payload mended.json
    """
    if payload is not None and offset is None:
        raise UsageError("--payload mends one dead letter; name its offset.")
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        service = opened.service
        if offset is None:
            sent = service.replay_all(reason=reason, source=source)
        else:
            service.replay(offset, body=payload.read_bytes() if payload else None)
            sent = 1
        bootstrap.catch_up(opened)
        left = len(service.dead_letters(limit=1_000))
    out.say(f"Sent {sent:,} again; {left:,} dead letters are open.")
    if as_json:
        out.result({"replayed": sent, "open": left})
