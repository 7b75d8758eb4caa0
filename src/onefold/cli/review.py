"""The commands `review`: pairs to judge side by side, decisions, undo, agreement, labels."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Literal

import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.errors import UsageError
from onefold.model import results

app = typer.Typer(help="Judge pairs that may be one person, the most telling first.")
View = Literal["open", "unsure", "disputed", "second", "decided"]
Verdict = Literal["same", "different", "unsure"]
KEYS: dict[str, Verdict] = {"y": "same", "n": "different", "?": "unsure"}
Status = Annotated[View, typer.Option(help="Which pairs; `second` hides the answer of who decided first.")]
Why = Annotated[str, typer.Option("--reason", "-r", help="Why; kept, encrypted, with the decision.")]


@app.callback(invoke_without_command=True)
def review(
    context: typer.Context,
    status: Status = "open",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
) -> None:
    """Go through the pairs with the keyboard: y same, n different, ? unsure, s skip, u undo, q quit.

    Example: onefold review
    """
    if context.invoked_subcommand is not None:
        return
    if not has_keyboard():
        raise UsageError("There is no keyboard here; see `onefold review list` and `onefold review decide`.")
    out, by = Output(as_json=False), getpass.getuser()
    with bootstrap.opened(project, workspace) as opened:
        cursor: str | None = None
        while (page := opened.service.review.pairs(status, reviewer=by, cursor=cursor, limit=1)).pairs:
            one = page.pairs[0]
            show(out, one)
            key = typer.prompt("y/n/?/s/u/q", default="s")
            if key == "q":
                return
            if key in KEYS:
                opened.service.review.decide([one.pair], KEYS[key], by=by)
                bootstrap.catch_up(opened)
            elif key == "u":
                opened.service.review.undo(by=by)
                bootstrap.catch_up(opened)
                continue
            cursor = f"{one.priority!r}~{one.pair}"
    out.say("No more pairs.")


@app.command("list")
def listed(
    status: Status = "open",
    cursor: Annotated[str | None, typer.Option(help="Go on from here: `next` of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="Most pairs to show.", min=1, max=1_000)] = 20,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List pairs to judge, the most telling first.

    Example: onefold review list --limit 5
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.review.pairs(status, reviewer=getpass.getuser(), cursor=cursor, limit=limit)
    if as_json:
        out.result(found)
        return
    for one in found.pairs:
        show(out, one)
    out.say(f"{found.counts.open:,} open, {found.counts.unsure:,} unsure, {found.counts.disputed:,} disputed.")
    if found.next is not None:
        out.say(f"More: --cursor {found.next}")


@app.command()
def decide(
    verdict: Annotated[Verdict, typer.Argument(help="same, different or unsure.")],
    pairs: Annotated[list[str], typer.Argument(help="Ids of pairs, as `onefold review list` shows them.")],
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Decide pairs; several at once are undone as one.

    Example: onefold review decide different 0a…-7c… --reason "father and son"
    """
    with bootstrap.opened(project, workspace) as opened:
        done, _ = opened.service.review.decide(pairs, verdict, by=getpass.getuser(), reason=reason)
        bootstrap.catch_up(opened)
    _told(done, as_json=as_json)


@app.command()
def undo(
    pair: Annotated[str | None, typer.Option(help="A pair; your latest decision if you name none.")] = None,
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Take your latest decision back, or what was said of a pair. The evidence decides again.

    Example: onefold review undo
    """
    with bootstrap.opened(project, workspace) as opened:
        done, _ = opened.service.review.undo(by=getpass.getuser(), pair=pair, reason=reason)
        bootstrap.catch_up(opened)
    _told(done, as_json=as_json)


@app.command()
def stats(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Show how far the review is, and how far reviewers agree.

    Example: onefold review stats
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.review.statistics()
    if as_json:
        out.result(found)
        return
    many = found.counts
    out.say(f"{many.open:,} open, {many.decided:,} decided, {many.unsure:,} unsure, {many.disputed:,} disputed.")
    rows = ((r.reviewer, r.same, r.different, r.unsure) for r in found.reviewers)
    out.table("Reviewers", ("reviewer", "same", "different", "unsure"), rows)
    if found.answered_twice:
        kappa = "" if found.kappa is None else f", Cohen's kappa {found.kappa:.2f}"
        out.say(f"{found.agreeing:,} of {found.answered_twice:,} pairs with two answers agree{kappa}.")


@app.command()
def labels(
    values: Annotated[bool, typer.Option("--values", help="With the values that were compared.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
) -> None:
    """Print the pairs with a known answer, a JSON document a line, by ids.

    Example: onefold review labels
    """
    out = Output(as_json=True)
    with bootstrap.reader(project, workspace) as service:
        for label in service.review.labels(values=values).labels:
            out.result(label)


def has_keyboard() -> bool:
    """Whether somebody can press keys."""
    return sys.stdin.isatty()


def show(out: Output, one: results.ReviewPair) -> None:
    """Print a pair side by side; what differs stands in brackets."""
    rows = ((f.field, f.agreement, marked(f.a, f.marks_a), marked(f.b, f.marks_b)) for f in one.fields)
    out.say(one.because)
    out.table(one.pair, ("field", "agreement", one.a.label, one.b.label), rows)


def marked(value: str | None, marks: tuple[tuple[int, int], ...]) -> str:
    """A value with these ranges of its characters in brackets."""
    text = value or ""
    for start, end in reversed(marks):
        text = f"{text[:start]}[{text[start:end]}]{text[end:]}"
    return text


def _told(done: results.ReviewDecided, *, as_json: bool) -> None:
    out = Output(as_json=as_json)
    if as_json:
        out.result(done)
    out.say(f"Recorded: {done.verdict}, {done.decided:,} pair{'' if done.decided == 1 else 's'}.")
