"""Commands about segments: which there are, who is in them and why, and how they change."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from onefold import bootstrap
from onefold.audiences.definition import Definition
from onefold.cli import segment_history, segment_list
from onefold.cli.bars import progress_bar
from onefold.cli.options import Json, ProjectDir, WorkspaceName, identifier
from onefold.cli.output import Output
from onefold.cli.plan import told, way
from onefold.errors import NotFoundError, UsageError
from onefold.model import results
from onefold.pipelines.audiences.asking import Chosen

app = typer.Typer(help="Segments: who is in them, why and until when.", no_args_is_help=True)
app.command()(segment_history.history)
app.command()(segment_history.growth)
app.command()(segment_list.upload)
Slug = Annotated[str, typer.Argument(help="The segment's slug.", metavar="SEGMENT")]
Audience = Annotated[
    str, typer.Argument(help="The segment's slug, or `stage.` and a lifecycle stage.", metavar="SEGMENT")
]
RuleText = Annotated[str | None, typer.Option("--rule", "-r", help="The rule, as text.")]
RuleFile = Annotated[
    Path | None, typer.Option("--rule-file", help="A file with the rule in its JSON form.", dir_okay=False, exists=True)
]


@app.command("list")
def list_(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """List all segments, and how many people are in them and in each lifecycle stage.

    Example: onefold segment list
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        found = segments.audiences.segments()
    if as_json:
        out.result(found)
        return
    out.table(
        "Segments",
        ("segment", "kind", "status", "members", "not applied", "owner", "description"),
        ((s.slug, s.kind, s.status, s.members, s.pending, s.owner, s.description) for s in found.segments),
    )
    if found.stages:
        out.table("Lifecycle stages", ("stage", "members"), found.stages.items())
    if any(s.pending for s in found.segments):
        out.note("Some files are not applied: `onefold plan` shows what they change, `onefold apply` does it.")
    if found.evaluating:
        out.note("Memberships are being brought up to date.")


@app.command()
def show(
    slug: Slug, project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False
) -> None:
    """Show one segment: its rule, as text and in English, and how many people are in it.

    Example: onefold segment show high_intent_mba_prospect
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        found = segments.audiences.segment(slug)
    if as_json:
        out.result(found)
        return
    out.say(f"{found.slug} ({found.kind}, {found.status})", style="bold")
    if found.description:
        out.say(found.description)
    out.say(f"Who: {found.sentence}.")
    if isinstance(found.rule, str):
        out.say(f"Rule: {found.rule}")
    members = "not applied yet" if found.members is None else f"{found.members:,} people"
    out.say(f"{members}; version {found.version}, fingerprint {found.fingerprint}, applied {found.applied_at}")
    if found.entries is not None:
        out.say(f"{found.entries:,} identifiers on the list")
    if found.refreshed_at is not None:
        out.say(f"last worked out {found.refreshed_at}" + (f"; the top begins at {found.cut}" if found.cut else ""))
    if found.pending:
        out.say(f"The file is not applied: {found.pending}. `onefold plan` shows what it changes.")
    if found.file:
        out.say(f"{found.file}:{found.line}")


@app.command()
def create(
    slug: Slug,
    rule: RuleText = None,
    rule_file: RuleFile = None,
    kind: Annotated[str, typer.Option(help="realtime or static; others are written by hand.")] = "realtime",
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    draft: Annotated[bool, typer.Option("--draft", help="Save it without members.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Save without asking.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Write a segment to `segments/SEGMENT.yaml`, after showing who would be in it. `onefold apply` lets it hold.

    Example: onefold segment create lapsed_buyers --rule "purchases >= 1 and days_since(last_active) > 90" --yes
    """
    out = Output(as_json=as_json)
    if kind not in {"realtime", "static"}:
        raise UsageError("`--kind` is realtime or static; write a scheduled segment to segments/*.yaml by hand.")
    definition = Definition(
        slug=slug,
        rule=None if kind == "static" else _rule(rule, rule_file),
        kind="static" if kind == "static" else "realtime",
        status="draft" if draft else "active",
        description=description,
    )
    found = None
    if definition.status == "active":
        with contextlib.suppress(NotFoundError), _evaluating(out, project, workspace) as segments:
            found = segments.audiences.preview(definition)
    if found is not None and not as_json:
        _show_preview(out, found)
    if not yes and not as_json:
        typer.confirm("Save?", abort=True, err=True)
    path = bootstrap.save_segment(project, definition)
    out.say(f"Written: {path.parent.name}/{path.name}. `onefold apply` lets it hold.")
    if as_json:
        out.result({"file": f"{path.parent.name}/{path.name}", "preview": found})


@app.command()
def preview(
    slug: Annotated[
        str | None, typer.Argument(help="A segment of the project; or give a rule.", metavar="SEGMENT")
    ] = None,
    rule: RuleText = None,
    rule_file: RuleFile = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show who would be in a segment, exactly how many and some of them, without saving or applying anything.

    Example: onefold segment preview --rule "revenue >= 100 and consent.email"
    """
    out = Output(as_json=as_json)
    with _evaluating(out, project, workspace) as segments:
        if slug is not None and rule is None and rule_file is None:
            definition = _of(segments, slug)
        else:
            definition = Definition(slug=slug or "preview", rule=_rule(rule, rule_file))
        found = segments.audiences.preview(definition)
    if as_json:
        out.result(found)
        return
    _show_preview(out, found)


@app.command()
def members(
    audience: Audience,
    cursor: Annotated[str | None, typer.Option(help="Go on from here: `next` of the page before.")] = None,
    limit: Annotated[int, typer.Option(help="Most members to show.", min=1, max=10_000)] = 100,
    because: Annotated[str | None, typer.Option(help="Only those who entered for this reason: event, time, …")] = None,
    export: Annotated[
        Path | None,
        typer.Option(help="Write all members to this file instead: .csv, .parquet or .arrow.", dir_okay=False),
    ] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """List who is in a segment, since when and why; or export all of them.

    Example: onefold segment members high_intent_mba_prospect --limit 20
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        if export is not None:
            rows = bootstrap.export_members(segments.audiences, audience, export)
            out.say(f"{rows:,} members written to {export}")
            if as_json:
                out.result({"segment": audience, "members": rows, "file": str(export)})
            return
        found = segments.audiences.members(audience, cursor=cursor, limit=limit, chosen=Chosen(because))
    if as_json:
        out.result(found)
        return
    out.table(
        f"Members of {audience}",
        ("profile", "identifier", "since", "because"),
        (
            (m.profile_id, "" if m.identifier is None else f"{m.identifier.type}:{m.identifier.value}", m.since,
             reason(m.reason))
            for m in found.members
        ),
    )  # fmt: skip
    if found.next is not None:
        out.say(f"More: --cursor {found.next}")


@app.command()
def why(
    slug: Slug,
    who: Annotated[str, typer.Argument(help="An identifier as type:value, or a profile id.", metavar="IDENTIFIER")],
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Explain why somebody is in a segment or not, until when, and what would end it.

    Example: onefold segment why lapsed_buyers email:ann@example.org
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        found = segments.audiences.standing(slug, identifier(who))
    if as_json:
        out.result(found)
        return
    out.say(f"{'In' if found.member else 'Not in'} {slug}: {found.sentence}.", style="bold")
    if found.reason is not None:
        out.say(f"Since {found.since}, because of {reason(found.reason)}.")
    out.table("Conditions", ("condition", "now"), ((c.condition, c.value) for c in found.conditions))
    if found.until is None:
        out.say("Time alone does not change that.")
        return
    out.say(f"Until {found.until}, if nothing happens" + ("; then:" if found.then else "."))
    for change in found.then:
        out.say(f"  {change.condition}: {change.before} → {change.now}")


@app.command()
def overlap(
    among: Annotated[list[str] | None, typer.Argument(help="Segments; all when left out.", metavar="SEGMENT")] = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show how many people each two segments have in common.

    Example: onefold segment overlap
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        found = segments.audiences.overlaps(among or ())
    if as_json:
        out.result(found)
        return
    out.table(
        "Overlap",
        ("segment", "members", "segment", "members", "both", "of either"),
        ((o.a, o.a_members, o.b, o.b_members, o.both, f"{o.share:.1%}") for o in found.overlaps),
    )


@app.command()
def diff(
    slug: Slug,
    before: Annotated[
        int | None, typer.Option("--from", help="A version that held; default: the one that holds.")
    ] = None,
    after: Annotated[int | None, typer.Option("--to", help="The other version; default: what the file says.")] = None,
    limit: Annotated[int, typer.Option(help="Most people to show.", min=1, max=1_000_000)] = 100,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show person by person who is in one of two versions of a segment only.

    Example: onefold segment diff lapsed_buyers --from 1
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        audiences = segments.audiences
        old = None if before is None else audiences.version(slug, before)
        new = _of(segments, slug) if after is None else audiences.version(slug, after)
        found = audiences.diff(slug, old, new, limit=limit)
    if as_json:
        out.result(found)
        return
    out.say(f"{slug}: {found.both:,} stay, {found.entering:,} enter, {found.leaving:,} leave.", style="bold")
    for person in found.people:
        out.say(f"  {'+' if person.change == 'entering' else '-'} {told(person.profile_id, person.identifier)}")


@app.command()
def delete(
    slug: Slug,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Delete without asking.")] = False,
    project: ProjectDir = bootstrap.HERE,
    as_json: Json = False,
) -> None:
    """Take a segment out of its file, and the file away if it holds no other. `onefold apply` lets its members leave.

    Refused while another segment reads it.

    Example: onefold segment delete lapsed_buyers --yes
    """
    out = Output(as_json=as_json)
    if not yes:
        typer.confirm(f"Delete {slug}?", abort=True, err=True)
    path = bootstrap.delete_segment(project, slug)
    out.say(f"Deleted from {path.parent.name}/{path.name}. `onefold apply` lets its members leave.")
    if as_json:
        out.result({"deleted": f"{path.parent.name}/{path.name}"})


@app.command()
def reconcile(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None, as_json: Json = False) -> None:
    """Compare memberships with an evaluation of everybody and with the warehouse. Exit code 1 if anybody differs.

    Example: onefold segment reconcile
    """
    out = Output(as_json=as_json)
    with bootstrap.project_segments(project, workspace) as segments:
        found = segments.reconcile()
    if as_json:
        out.result(found)
    out.table(
        f"{found.people:,} people",
        ("segment", "members", "evaluated", "warehouse", "differing", "explained"),
        ((s.audience, s.members, s.evaluated, s.warehouse, s.differing, s.waiting) for s in found.segments),
    )
    for one in found.segments:
        for person in one.people:
            said = "" if person.warehouse is None else f", by the warehouse {_in(person.warehouse)}"
            out.say(
                f"  {one.audience}: {person.profile_id} is {_in(person.member)}, evaluated {_in(person.evaluated)}{said}. "
                f"{person.because}"
            )
    for reason_ in sorted({one.unsaid for one in found.segments} - {""}):
        unsaid = ", ".join(one.audience for one in found.segments if one.unsaid == reason_)
        out.say(f"The warehouse was not asked about {unsaid}: {reason_}")
    out.say(f"{found.differing:,} people differ, of {found.waiting:,} it is known why.", style="bold")
    if found.differing:
        raise typer.Exit(1)


def _in(inside: bool) -> str:
    return "in" if inside else "out"


def reason(why: results.MembershipReason) -> str:
    """A reason on a line."""
    entry = "" if why.offset is None else f" ({why.partition}:{why.offset})"
    if why.because in {"merged", "split"} or not why.conditions:
        return f"{why.because}{entry}"
    conditions = "; ".join(f"{c.condition} is {c.now}" for c in why.conditions)
    return f"{why.because}{entry}: {conditions}"


def _show_preview(out: Output, found: results.SegmentPreview) -> None:
    out.say(f"Who: {found.sentence}.")
    out.say(f"{found.members:,} of {found.people:,} people; {found.entering:,} enter, {found.leaving:,} leave.")
    for sample in found.samples:
        out.say(f"  {told(sample.profile_id, sample.identifier)}")
    out.note(way(found.way, found.because, found.sequence))


@contextlib.contextmanager
def _evaluating(out: Output, project: Path, workspace: str | None) -> Iterator[bootstrap.ProjectSegments]:
    with (
        progress_bar(out, "evaluating") as progress,
        bootstrap.project_segments(project, workspace, progress=progress) as segments,
    ):
        yield segments


def _of(segments: bootstrap.ProjectSegments, slug: str) -> Definition:
    found = next((d for d in segments.wanted if d.slug == slug), None)
    if found is None:
        raise NotFoundError(f"There is no segment `{slug}` in the project's files.")
    return found


def _rule(text: str | None, file: Path | None) -> Any:
    if (text is None) == (file is None):
        raise UsageError("Give the rule: --rule TEXT, or --rule-file FILE with its JSON form.")
    if text is not None:
        return text
    assert file is not None  # noqa: S101  one of the two is given
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise UsageError(f"{file} is not JSON.") from None
