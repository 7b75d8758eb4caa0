"""Commands about who is who as a whole: match the records of a project, and how well that goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer

from onefold import bootstrap, charts
from onefold.cli.options import Chart, Dark, Json, ProjectDir, WorkspaceName, identifier
from onefold.cli.output import Output
from onefold.cli.sql import waiting
from onefold.errors import UsageError
from onefold.model import results

app = typer.Typer(help="Who is who: match the records of a project.", no_args_is_help=True)


@app.callback()
def _identity() -> None:
    pass


@app.command()
def accuracy(
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="A CSV file with the columns type, value and person that says who is who."),
    ] = None,
    chart: Chart = None,
    dark: Dark = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Report how well people are found: against a truth, else against what reviewers decided, and by probabilities alone.

    Example: onefold identity accuracy --truth truth.csv --chart curve.html
    """
    out = Output(as_json=as_json)
    known = None if truth is None else list(bootstrap.read_truth(truth))
    with bootstrap.reader(project, workspace) as service:
        found = service.accuracy(known)
        now = found.measured.join_from if found.measured else 0.0
    if chart is not None:
        if not found.curve:
            raise UsageError("Without a truth or decisions of reviewers there is no curve to draw.")
        points = [
            charts.Point(m.join_from, name, value)
            for m in found.curve
            for name, value in (("precision", m.precision), ("recall", m.recall), ("F1", m.f1), ("B-cubed", m.b3))
            if value is not None
        ]
        charts.write(charts.threshold_curve("Accuracy by threshold", points, now, dark=dark), chart)
        out.note(f"Chart: {chart}")
    if as_json:
        out.result(found)
        return
    _show(out, found)


def _show(out: Output, found: results.IdentityAccuracy) -> None:
    if found.measured is None:
        out.say("Neither a truth nor decisions of reviewers; `onefold review` makes some, --truth names a file.")
    else:
        what = "identifiers of the truth" if found.basis == "truth" else "pairs that reviewers decided, the hard ones"
        m = found.measured
        out.say(f"Against {found.known:,} {what}:", style="bold")
        out.say(
            f"precision {m.precision:.1%}, recall {m.recall:.1%}, F1 {m.f1:.1%}" + (f", B³ {m.b3:.1%}" if m.b3 else "")
        )
        if m.over_merged is not None:
            out.say(
                f"{m.over_merged:,} of {m.people:,} people hold several true ones; the largest has {m.largest:,} identifiers."
            )
        rows = ((f"{c.join_from:g}", *(f"{v:.1%}" for v in (c.precision, c.recall, c.f1))) for c in found.curve)
        out.table("At other thresholds", ("join_from", "precision", "recall", "F1"), rows)
    if found.estimated_precision is not None and found.estimated_recall is not None:
        out.say(
            f"By probabilities alone, among {found.scored_pairs:,} scored pairs: precision {found.estimated_precision:.1%}, "
            f"recall {found.estimated_recall:.1%}."
        )
    out.table("People by identifiers", ("from", "people"), ((size.identifiers, size.people) for size in found.sizes))


@app.command()
def links(
    who: Annotated[str, typer.Argument(help="An identifier as type:value, or a profile id.", metavar="IDENTIFIER")],
    use: Annotated[
        str | None, typer.Option(help="By the threshold of this use: a name under `uses` of `match` in identity.yaml.")
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List the identifiers of a person, as they are or with the care that a use takes; nobody is joined or parted by it.

    Example: onefold identity links email:ann@example.org --use marketing
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.uses.links(identifier(who), use)
    if as_json:
        out.result(found)
        return
    out.say(f"Person {found.profile_id}, joined from {found.join_from:g}" + (f" ({use})" if use else "") + ":")
    for one in found.identifiers:
        out.say(f"  {one}" + ("  (another person otherwise)" if one in found.besides else ""))
    for one in found.without:
        out.say(f"  not {one}, which is the person's otherwise")


@app.command()
def uses(
    a: Annotated[
        str, typer.Argument(help="An identifier as type:value, or a profile id.", metavar="[IDENTIFIER]")
    ] = "",
    b: Annotated[str, typer.Argument(help="Another one.", metavar="[IDENTIFIER]")] = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List the uses that have a threshold of their own; of two identifiers, say for which uses they are one person.

    Example: onefold identity uses email:ann@example.org crm_id:0042
    """
    out = Output(as_json=as_json)
    if a and not b:
        raise UsageError("Name two identifiers, or none.")
    with bootstrap.reader(project, workspace) as service:
        named = service.uses.named()
        pair = service.uses.pair(identifier(a), identifier(b)) if a else None
    if as_json:
        out.result(named if pair is None else pair)
    elif not named.uses:
        out.say("No use has a threshold of its own; `uses` of `match` in identity.yaml names them.")
    elif pair is None:
        out.table("Uses", ("use", "joined from"), ((use.name, f"{use.join_from:g}") for use in named.uses))
    else:
        one = {True: "one person", False: "two people"}
        rows = ((verdict.use, f"{verdict.join_from:g}", one[verdict.one_person]) for verdict in pair.uses)
        out.table(f"As people are: {one[pair.one_person]}", ("use", "joined from", "they are"), rows)


@app.command()
def match(
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
    incremental: Annotated[
        bool, typer.Option("--incremental", help="Only what is new or changed, by the model of the latest full run.")
    ] = False,
) -> None:
    """Match a project's records by names, addresses and dates of birth, and let the scores join people.

    Scores go into the log; what a run no longer scores is taken back. `match` in identity.yaml says how.

    Without a model at hand, and where a record is gone, an incremental run is a full one.

    Example: onefold identity match --incremental
    """
    out = Output(as_json=as_json)
    with bootstrap.opened(project, workspace) as opened:
        with waiting(out, "Matching"):
            bootstrap.catch_up(opened)
            before = opened.service.counts().people
            run = bootstrap.match_records(opened, out.note, incremental=incremental)
            reached = bootstrap.catch_up(opened)
        people = opened.service.counts().people
    if as_json:
        out.result({**msgspec.to_builtins(run), "people_before": before, "people": people})
        return
    out.say(
        f"{run.records:,} records: {run.scored:,} pairs scored, {run.changed:,} new or changed, {run.withdrawn:,} taken back"
        f" (run {run.id}, model {run.model})."
    )
    if reached:
        out.say(f"{before:,} people before, {people:,} now.", style="bold")
    else:
        out.say("The scores hold once the running server has processed them.")
