"""Commands about checks: run them, propose some for a relation."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.cli.printable import printable, printable_json
from onefold.governance.checks import Check, CheckResult, kind_name, sentence
from onefold.governance.checks.expectations import Unsupported
from onefold.profiles.profile import iso

app = typer.Typer(help="Data-quality checks over the warehouse: run them, propose some.", invoke_without_command=True)
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="Write it to this file.", dir_okay=False, show_default="print it")
]
_MARKS = {"passed": "✔", "warned": "!", "failed": "✖"}


@app.callback()
def check(
    context: typer.Context,
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="Only checks of this name; `*` is any text. Repeatable.")
    ] = None,
    relation: Annotated[str | None, typer.Option(help="Only checks of this relation.")] = None,
    gate: Annotated[int | None, typer.Option(min=2, max=3, help="Only checks of this gate, 2 or 3.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Whether results are kept and failing rows put in quarantine.")
    ] = True,
    list_: Annotated[bool, typer.Option("--list", help="Show what would be checked, and run nothing.")] = False,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Run data-quality checks: the project's, and gates 2 and 3. Exit code 1 if one of severity `error` fails.

    Example: onefold check --gate 2
    """
    if context.invoked_subcommand is not None:
        return
    out = Output(as_json=as_json)
    if list_:
        _list(bootstrap.list_checks(project), out)
        return
    outcome = bootstrap.run_checks(project, workspace, select=select or (), relation=relation, gate=gate, keep=keep)
    results = outcome.report.results
    if as_json:
        for result in results:
            out.result(_document(result))
    for name in dict.fromkeys(result.relation for result in results):
        rows = [_line(result) for result in results if result.relation == name]
        out.table(name, ("", "check", "observed", "expected", "severity", "rows"), rows)
    for name, count in outcome.missing.items():
        out.note(f"{name} is not there yet: {count} checks of it were left out.")
    for name in outcome.report.truncated:
        out.note(f"{name} has more failing rows than a run reads; the first of them are in quarantine.")
    failed = sum(result.status == "failed" for result in results)
    warned = sum(result.status == "warned" for result in results)
    out.say(f"{len(results)} checks: {failed} failed, {warned} warned.", style="bold red" if failed else "bold")
    if outcome.held or outcome.released:
        out.say(
            f"Quarantine: {outcome.held:,} entries more, {outcome.released:,} released; "
            "`onefold dlq list --reason check_failed` shows them."
        )
    if outcome.report.failed:
        raise typer.Exit(1)


@app.command()
def history(
    select: Annotated[
        list[str] | None, typer.Option("--select", "-s", help="Only checks of this name; `*` is any text. Repeatable.")
    ] = None,
    relation: Annotated[str | None, typer.Option(help="Only checks of this relation.")] = None,
    runs: Annotated[int, typer.Option(min=1, max=10_000, help="So many runs of each check.")] = 10,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Show what checks found run by run, the latest first.

    Example: onefold check history --select completeness
    """
    out = Output(as_json=as_json)
    found = bootstrap.check_history(project, workspace, select=select or (), relation=relation, runs=runs)
    if as_json:
        for result in found:
            out.result(_document(result))
        return
    if not found:
        out.say("No results are kept: `onefold check` makes some.")
        return
    rows = [
        (
            iso(one.at_us),
            one.relation,
            one.check,
            one.status,
            one.detail,
            "" if one.share is None else f"{one.share:.2%}",
        )
        for one in found
    ]
    out.table("Results", ("run", "relation", "check", "status", "found", "share failing"), rows)


@app.command()
def propose(
    relation: Annotated[str, typer.Argument(help="The relation, such as staging.event.")],
    output: OutputFile = None,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
) -> None:
    """Profile a relation and print a check file of what holds now, to review.

    Example: onefold check propose staging.event --output checks/events.yaml
    """
    _write(printable(bootstrap.propose_checks(project, workspace, relation)), output)


@app.command("export")
def export_(
    relation: Annotated[str, typer.Argument(help="The relation whose checks are exported.")],
    output: OutputFile = None,
    project: ProjectDir = bootstrap.HERE,
) -> None:
    """Print a relation's checks as a Great Expectations suite; what a suite cannot say is named on standard error.

    Example: onefold check export staging.event --output suite.json
    """
    out = Output(as_json=True)
    document, left_out = bootstrap.export_suite(project, relation)
    _write(printable_json(json.dumps(document, ensure_ascii=False, indent=2)) + "\n", output)
    _tell(left_out, out)


@app.command("import")
def import_(
    suite: Annotated[Path, typer.Argument(help="A Great Expectations suite, as JSON.", exists=True, dir_okay=False)],
    relation: Annotated[str, typer.Argument(help="The relation that the checks are about.")],
    output: OutputFile = None,
) -> None:
    """Print a check file out of a Great Expectations suite; expectations without a counterpart are named on standard error.

    Example: onefold check import suite.json staging.event --output checks/events.yaml
    """
    out = Output(as_json=False)
    text, left_out = bootstrap.import_suite(suite, relation)
    _write(printable(text), output)
    _tell(left_out, out)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        sys.stdout.write(text)
        return
    # Written when it is there as a whole: a shell's `>` would empty a check file before the project is read.
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text, encoding="utf-8")


def _tell(left_out: Sequence[Unsupported], out: Output) -> None:
    for one in left_out:
        out.note(f"left out: {one.name}: {one.why}")


def _list(checks: list[Check], out: Output) -> None:
    if out.as_json:
        for one in checks:
            out.result(
                {"relation": one.relation, "check": one.name, "kind": kind_name(one.kind), "gate": one.gate,
                 "severity": one.severity, "owner": one.owner, "asks": sentence(one), "description": one.description}
            )  # fmt: skip
    rows = (
        (c.relation, c.name, sentence(c), c.severity, "" if c.gate is None else str(c.gate), c.owner) for c in checks
    )
    out.table("Checks", ("relation", "check", "expected", "severity", "gate", "owner"), rows)


def _line(result: CheckResult) -> tuple[str, ...]:
    return (
        _MARKS[result.status], result.check, result.detail, result.expected, result.severity, " ".join(result.sample),
    )  # fmt: skip


def _document(result: CheckResult) -> dict[str, Any]:
    return {**msgspec.to_builtins(result), "share": result.share}
