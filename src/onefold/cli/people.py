"""Commands about people: profile, explain, history, split, link, share, undo."""

from __future__ import annotations

import getpass
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from onefold import bootstrap, charts
from onefold.cli.households import show_household
from onefold.cli.options import Chart, Dark, Json, ProjectDir, WorkspaceName, identifier
from onefold.cli.output import Output, data
from onefold.config import blocking
from onefold.errors import NotFoundError, UnavailableError, UsageError, nearest
from onefold.ingest.findings import FINDINGS
from onefold.model import Identifier, Verdict, results
from onefold.pipelines.service import Service

Who = Annotated[str, typer.Argument(help="An identifier as type:value, or a profile id.", metavar="IDENTIFIER")]
Why = Annotated[str, typer.Option("--reason", "-r", help="Why; kept, encrypted, with the judgement.")]


def profile(
    who: Who, project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False
) -> None:
    """Show one person's profile.

    Example: onefold profile email:ann@example.org
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        try:
            found = service.profile(identifier(who))
        except NotFoundError as missing:
            near = _near_type(who, service.identifier_types)
            raise NotFoundError(f"{str(missing).rstrip('.')}{near or '.'}") from None
    if as_json:
        out.result(found)
        return
    show_profile(out, found)


def _near_type(who: str, types: Iterable[str]) -> str:
    """Which type was meant, when the one before the colon is nobody's."""
    kind = who.partition(":")[0]
    return "" if kind in types else nearest(kind, types)


def show_profile(out: Output, found: results.Profile) -> None:
    """Print a profile for a person to read."""
    out.say(f"Profile {found.id}", style="bold")
    counters = found.counters
    out.say(
        f"{found.lifecycle.stage} · seen {found.first_seen} to {found.last_seen} · "
        f"{counters.events:,} events · {counters.sessions:,} sessions · "
        f"{counters.purchases:,} purchases · revenue {counters.revenue}"
    )
    _show_identifiers(out, found.identifiers, found.identifiers_total)
    out.table(
        "Attributes",
        ("field", "value", "source", "rule", "other values"),
        (
            (name, data(a.value), a.source, a.rule, "; ".join(f"{data(o.value)} ({o.source})" for o in a.others))
            for name, a in found.attributes.items()
        ),
    )
    if found.traits:
        out.table(
            "Computed traits",
            ("trait", "value", "until", "note"),
            ((name, data(t.value), t.changes_at or "", _note(t)) for name, t in found.traits.items()),
        )
    if found.segments:
        out.table(
            "Segments",
            ("segment", "since", "because", "at least until"),
            ((name, one.since, one.because, one.until or "") for name, one in found.segments.items()),
        )
    if found.household is not None:
        show_household(out, found.household)
    if found.groups:
        out.table(
            "Groups",
            ("type", "id", "last seen", "traits"),
            (
                (g.type, g.id, g.last_seen, "; ".join(f"{k}: {data(v)}" for k, v in g.traits.items()))
                for g in found.groups
            ),
        )
    if found.consent:
        out.table("Consent", ("purpose", "granted"), ((purpose, c.granted) for purpose, c in found.consent.items()))
    if found.findings:
        out.table(
            "Findings",
            ("finding", "events", "last", "what it means"),
            ((code, f.count, f.last, FINDINGS.get(code, "")) for code, f in found.findings.items()),
        )


def identifiers(
    who: Who,
    cursor: Annotated[str | None, typer.Option(help="Go on from here: `next` of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="Most identifiers to show.", min=1, max=10_000)] = 100,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List one person's identifiers, the strongest first. A profile shows the first hundred; this goes on.

    Example: onefold identifiers user_id:u-1001 --limit 500
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        found = service.identifiers(identifier(who), cursor=cursor, limit=limit)
    if as_json:
        out.result(found)
        return
    _show_identifiers(out, found.identifiers, found.identifiers_total)
    if found.next is not None:
        out.say(f"More: --cursor {found.next}")


def _note(trait: results.ComputedTrait) -> str:
    notes = ["backfilling"] if trait.status == "backfilling" else []
    return ", ".join([*notes, *(["more than is kept"] if trait.full else [])])


def _show_identifiers(out: Output, shown: Sequence[results.ProfileIdentifier], total: int) -> None:
    out.table(
        "Identifiers" if len(shown) == total else f"Identifiers ({len(shown):,} of {total:,})",
        ("type", "value", "first seen", "note"),
        ((i.type, i.value, i.first_seen, "shared" if i.shared else "primary" if i.primary else "") for i in shown),
    )


def explain(
    a: Who,
    b: Annotated[
        str, typer.Argument(help="The other identifier; without, the person as a whole.", metavar="[IDENTIFIER]")
    ] = "",
    records: Annotated[
        bool,
        typer.Option("--records", help="Compare the records of the two, field by field, and try what would change it."),
    ] = False,
    chart: Chart = None,
    dark: Dark = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Explain why two identifiers are, or are not, the same person: each step of evidence with its event and rule.

    Of one identifier alone it tells what holds the person together. With --records, or a chart, the records of the two are
    compared: what each field says for and against, and what would change the decision.

    Example: onefold explain email:ann@example.org crm_id:0042 --records --chart why.html
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        if not b:
            if records or chart is not None:
                raise UsageError("Name two identifiers: records are compared with each other.")
            _say(out, service.cohesion(identifier(a)))
            return
        if not records and chart is None:
            _say(out, service.explain(identifier(a), identifier(b)))
            return
        found = service.evidence(identifier(a), identifier(b))
    _say(out, found)
    if chart is not None:
        weights = [charts.Weight(step.field, step.level, step.weight, step.sum) for step in found.steps]
        charts.write(charts.waterfall("Evidence for one person", weights, dark=dark), chart)
        out.note(f"Chart: {chart}")


def _say(out: Output, told: results.Explanation | results.PairEvidence | results.PersonEvidence) -> None:
    if out.as_json:
        out.result(told)
        return
    for sentence in told.sentences:
        out.say(sentence)


def history(
    who: Who, project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False
) -> None:
    """Show the merges, splits and judgements behind a person.

    Example: onefold history user_id:u-1001
    """
    out = Output(as_json=as_json)
    with bootstrap.reader(project, workspace) as service:
        told = service.history(identifier(who))
    if as_json:
        out.result(told)
        return
    out.table(
        f"History of {told.profile_id}",
        ("at", "what", "profile", "was", "identifiers moved"),
        ((c.at, c.kind, c.profile_id, c.before, ", ".join(c.identifiers)) for c in told.changes),
    )
    out.table(
        "Judgements",
        ("at", "verdict", "about", "by", "reason"),
        ((j.at, j.verdict, " | ".join(j.subjects), j.by, j.reason) for j in told.judgements),
    )


def split(
    who: Who,
    apart_from: Annotated[
        str | None,
        typer.Option("--from", help="Separate it from this identifier; default: the person's strongest other one."),
    ] = None,
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """State that two identifiers are different people. `onefold undo` takes it back exactly.

    Example: onefold split email:family@example.org --from user_id:u-1001 --reason "shared mailbox"
    """
    with bootstrap.reader(project, workspace) as service:
        a = identifier(who)
        b = identifier(apart_from) if apart_from else service.counterpart(a)
    _judge("different", a, b, reason, project, workspace, Output(as_json=as_json))


def link(
    who: Who,
    other: Annotated[str, typer.Argument(help="The other identifier.", metavar="IDENTIFIER")],
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """State that two identifiers are the same person.

    Example: onefold link email:ann@example.org crm_id:0042
    """
    _judge("same", identifier(who), identifier(other), reason, project, workspace, Output(as_json=as_json))


def share(
    who: Who,
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """State that several people use an identifier, so that it links nobody.

    Example: onefold share phone:+13125550100 --reason "studio switchboard"
    """
    _judge("shared", identifier(who), None, reason, project, workspace, Output(as_json=as_json))


def block(
    who: Who,
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Make an identifier identify nobody: it stops linking at once, and is added to `blocked.values` in identity.yaml.

    New events no longer state it once the server is started again. `onefold rebuild` takes it from those that are stored.

    Example: onefold block crm_id:N/K --reason "typed in at the till"
    """
    found = identifier(who)
    with bootstrap.reader(project, workspace) as service:
        value = service.value_of(found)
    _judge("shared", found, None, reason, project, workspace, Output(as_json=as_json))
    blocking.block(project, value)
    Output(as_json=as_json).say(
        "Added to `blocked.values` in identity.yaml. `onefold rebuild` applies it to what is stored."
    )


def undo(
    who: Who,
    other: Annotated[
        str | None, typer.Argument(help="The other identifier, for a split or link.", metavar="[IDENTIFIER]")
    ] = None,
    reason: Why = "",
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Withdraw what was last stated about a pair (split, link) or an identifier (share). The evidence decides again.

    Example: onefold undo email:family@example.org user_id:u-1001
    """
    b = identifier(other) if other else None
    _judge("withdrawn", identifier(who), b, reason, project, workspace, Output(as_json=as_json))


def _judge(
    verdict: Verdict,
    a: Identifier,
    b: Identifier | None,
    reason: str,
    project: Path,
    workspace: str | None,
    out: Output,
) -> None:
    with bootstrap.opened(project, workspace) as opened:
        service = opened.service
        position = service.judge(verdict, a, b, by=getpass.getuser(), reason=reason)
        if not bootstrap.catch_up(opened) and not service.settle(position):
            raise UnavailableError("The judgement is recorded, but the running server has not processed it yet.")
        people = {f"{i.type}:{i.value}": found for i in (a, b) if i is not None and (found := _id_of(service, i))}
    out.say(f"Recorded: {verdict}.")
    for subject, profile_id in people.items():
        out.say(f"  {subject} is in profile {profile_id}")
    if out.as_json:
        out.result({"verdict": verdict, "offset": position[1], "profiles": people})


def _id_of(service: Service, who: Identifier) -> str | None:
    try:
        return service.profile(who).id
    except NotFoundError:
        return None
