"""The command `load`: records from files, through the one pipeline."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from onefold import bootstrap
from onefold.bootstrap import file_report
from onefold.cli import findings
from onefold.cli.options import Json, ProjectDir, WorkspaceName
from onefold.cli.output import Output
from onefold.model import results

_WORTH_A_PROCESS = 8 << 20
"""Bytes from which reading, preparing and resolving get a process each: another Python takes half a second to begin."""


def load(
    files: Annotated[
        list[Path],
        typer.Argument(help="CSV, TSV, JSON or Parquet, also compressed.", exists=True, dir_okay=False),
    ],
    source: Annotated[str, typer.Option("--source", "-s", help="The source these records belong to.")],
    mapping: Annotated[
        str | None,
        typer.Option("--mapping", "-m", help="A mapping file, or a preset's name; without it, one is guessed."),
    ] = None,
    show_mapping: Annotated[
        bool, typer.Option("--show-mapping", help="Print the guessed mapping and stop; save it, adapt it, use it.")
    ] = False,
    new_source: Annotated[
        bool, typer.Option("--new-source", help="The source is new, although its name is close to one that exists.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Use the guessed mapping although it does not fit every row.")
    ] = False,
    process: Annotated[bool, typer.Option(help="Process what was loaded, unless a server does.")] = True,
    project: ProjectDir = bootstrap.HERE,
    workspace: WorkspaceName = None,
    as_json: Json = False,
) -> None:
    """Load records from files: each row becomes an event. Rows that cannot be read become dead letters.

    Loading the same file again adds nothing.

    Example: onefold load people.csv --source crm --mapping crm.yaml
    """
    out = Output(as_json=as_json)
    if show_mapping:
        for file in files:
            out.say(bootstrap.guess_mapping(file))
        return
    started = time.perf_counter()
    wanted = _Wanted(files, source, mapping, bootstrap.ids_of(project, source), sure=yes)
    apart = process and (os.cpu_count() or 1) > 1 and sum(file.stat().st_size for file in files) >= _WORTH_A_PROCESS
    with (
        bootstrap.opened(project, workspace) as opened,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[note]}"),
            TimeRemainingColumn(),
            console=out.aside,
            disable=not out.aside.is_terminal,
        ) as progress,
    ):
        if not new_source and not bootstrap.is_known_source(opened, project, source):
            out.note(f"{source} is a new source.")
        before = _account(opened, source)
        if apart:
            named = ["--workspace", opened.context.name, "--project", str(project)]
            rows, reports = _in_several_processes(opened, wanted, named, progress)
        else:
            rows, reports = _in_one_process(opened, wanted, progress, process=process)
        if process:
            bootstrap.load_backlog(opened)
        account = _account(opened, source)
        for report in reports:
            file_report.add_findings(report, opened.context.finding_lines.of(source, report["file"]))
        gained = _gained(before, account)
    seconds = time.perf_counter() - started
    if as_json:
        out.result(
            {
                "rows": rows,
                "files": reports,
                "seconds": round(seconds, 3),
                "rows_per_s": round(rows / seconds),
                "account": account or {},
                "findings": gained,
            }
        )
        return
    out.say(f"{rows:,} rows in {seconds:,.1f} s ({rows / seconds:,.0f}/s).")
    for report in reports:
        for sentence in file_report.sentences(report):
            out.say(sentence)
    out.say(
        f"Source {source}: nothing was received."
        if account is None
        else f"Source {source}: {account.stored:,} stored, {account.duplicate:,} duplicate, "
        f"{account.rejected:,} rejected, {account.pending:,} pending."
    )
    findings.show(out, {source: gained})
    if account is not None and account.rejected:
        out.say(f"`onefold dlq list --source {source}` says what was wrong.")


def _account(opened: bootstrap.Workspace, source: str) -> results.Account | None:
    return next((a for a in opened.service.accounts() if a.source == source), None)


def _gained(before: results.Account | None, after: results.Account | None) -> dict[str, int]:
    """By code, how many findings were added."""
    known = {} if before is None else before.findings
    found = {} if after is None else after.findings
    return {code: n - known.get(code, 0) for code, n in found.items() if n != known.get(code, 0)}


class _Wanted(NamedTuple):
    """What is to be loaded, and how: see `bootstrap.load_file`."""

    files: list[Path]
    source: str
    mapping: str | None
    ids: str
    sure: bool


def _in_one_process(
    opened: bootstrap.Workspace, wanted: _Wanted, progress: Progress, *, process: bool
) -> tuple[int, list[file_report.Report]]:
    """Append all rows, then process them; returns how many rows there were, and the report on each file."""
    rows = 0
    reports: list[file_report.Report] = []
    for file in wanted.files:
        task = progress.add_task(f"reading {file.name}", total=bootstrap.rows_of(file) or None, note="")
        read, last = 0, None
        for done in bootstrap.load_file(
            opened.context, file, source=wanted.source, mapping=wanted.mapping, ids=wanted.ids, sure=wanted.sure
        ):
            read, rate = done.rows, done.rows / max(done.seconds, 1e-9)
            progress.update(task, completed=read, note=f"{read:,} rows · {rate:,.0f}/s")
            last = done
        rows += read
        reports += [last.report] if last else []
    if process:
        task = progress.add_task("resolving", total=bootstrap.pending(opened), note="")
        for entries in bootstrap.work_off(opened):
            progress.update(task, advance=max(entries, 0))
    return rows, reports


def _in_several_processes(
    opened: bootstrap.Workspace, wanted: _Wanted, named: list[str], progress: Progress
) -> tuple[int, list[file_report.Report]]:
    """Process rows while others append them and prepare the next batch; returns the same."""
    for file in wanted.files:
        bootstrap.check_file(file, mapping=wanted.mapping, sure=wanted.sure)
    total = sum(bootstrap.rows_of(file) for file in wanted.files) or None
    reading = progress.add_task("reading", total=total, note="")
    resolving = progress.add_task("resolving", total=total, note="")
    command = ["load", *map(str, wanted.files), "--source", wanted.source, *named, "--no-process", "--json"]
    command += ["--mapping", wanted.mapping] if wanted.mapping is not None else []
    command += ["--yes"] if wanted.sure else []
    begun = time.perf_counter()
    with bootstrap.prefetched_by_process(opened, ["serve-prefetch", *named]) as helped:
        working = bootstrap.load_with_prefetch(helped, command, wanted.source)
        while True:
            try:
                appended, processed = next(working)
            except StopIteration as ended:
                told = json.loads(ended.value)
                return int(told["rows"]), told["files"]
            except bootstrap.AppendingError as error:
                raise typer.Exit(error.code) from error
            progress.update(reading, completed=appended, note=f"{appended:,} rows")
            rate = processed / (time.perf_counter() - begun)
            progress.update(resolving, completed=processed, note=f"{processed:,} rows · {rate:,.0f}/s")


def serve_prefetch(project: ProjectDir = bootstrap.HERE, workspace: WorkspaceName = None) -> None:
    """Gate batches for the process that started this one: a part of `load` on several cores, not a command of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches us too, and it is for the other process to say when
    bootstrap.serve_prefetch(project, workspace, sys.stdin.buffer, sys.stdout.buffer)
