"""The command `match`: which records of a file are the same person, without a project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from onefold import bootstrap
from onefold.cli.options import Json
from onefold.cli.output import Output
from onefold.cli.sql import waiting
from onefold.errors import UsageError

if TYPE_CHECKING:  # only for who has the extra installed
    from onefold.matching.accuracy import Accuracy
    from onefold.matching.explanation import Explanation
    from onefold.matching.fields import Field


def match(  # noqa: PLR0913, PLR0917  each is an option
    file: Annotated[
        str,
        typer.Argument(help="Records of people: CSV, JSON lines or Parquet; with --engine, a table there."),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            "--out",
            "-o",
            help="Write who is who here (.parquet or .csv; with --engine, also a table there), and the pairs beside it.",
            metavar="FILE",
        ),
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Write a report as one HTML page.")] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Settings (identity.yaml).", exists=True, dir_okay=False)
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option("--truth", help="A column that knows who is who: measure against it.", metavar="COLUMN"),
    ] = None,
    decisions: Annotated[
        Path | None,
        typer.Option(
            "--decisions", help="CSV of record_a, record_b, verdict (same, different).", exists=True, dir_okay=False
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", help="Show what speaks for and against two records: ID,ID.", metavar="ID,ID"),
    ] = None,
    save_model: Annotated[
        Path | None,
        typer.Option(
            "--save-model", help="Write what was learned here (.json), and its key beside it (.key).", metavar="FILE"
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            help="Match by a saved model (its key beside it) instead of learning.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    engine: Annotated[
        str | None,
        typer.Option(
            "--engine",
            help="Match a table of Spark where it stands, by a saved model: sc://HOST:PORT, or env:NAME of a variable.",
            metavar="ADDRESS",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Find which records of a file are the same person. No project and no labels are needed.

    What each column holds is guessed and shown; state it under `fields` in the configuration where the guess is wrong.

    Example: onefold match people.csv --out matches.parquet --report report.html
    """
    output = Output(as_json=as_json)
    if engine is not None:
        refused = {"--report": report, "--truth": truth, "--explain": explain, "--save-model": save_model}
        named = next((name for name, given in refused.items() if given is not None), None)
        if named is not None:
            raise UsageError(f"{named} needs the records here; leave it out, or match a file of a part of the table.")
        _match_on_engine(output, engine, file, out=out, config=config, decisions=decisions, model=model)
        return
    path, results = Path(file), None if out is None else Path(out)
    if not path.is_file():
        raise UsageError(f"There is no file {file}. A table of an engine is matched with --engine.")
    if results is not None and results.suffix not in (".parquet", ".csv"):
        raise UsageError(f"{results.name}: a result is written as .parquet or .csv.")
    if model is not None and save_model is not None:
        raise UsageError("--model learns nothing that --save-model could save; give one of them.")
    with waiting(output, "Matching"):
        known = None if model is None else bootstrap.load_model(model, model.with_suffix(".key"))
        found = bootstrap.match_file(
            path,
            config=config,
            truth=truth,
            decisions=decisions,
            known=known,
            tell=output.note,
            show=_shown(output, as_json=as_json),
        )
        written = found.write(results, report)
        if save_model is not None:
            key_file = save_model.with_suffix(".key")
            version = bootstrap.save_model(found.matched, save_model, key_file)
            output.note(f"model {version}; keep {key_file} apart from it")
            written += (save_model,)
    sizes = found.sizes()
    told = found.explain(*_pair(explain)) if explain is not None else None
    if as_json:
        output.result(
            {
                "records": found.matched.records.count,
                "people": len(sizes),
                "largest": sizes[0],
                "pairs_compared": found.matched.looked_at,
                "fields": {field.column: field.kind for field in found.matched.fields},
                "accuracy": None if found.accuracy is None else msgspec.to_builtins(found.accuracy),
                "explanation": None if told is None else msgspec.to_builtins(told),
            }
        )
        return
    joined = sum(size for size in sizes if size > 1)
    output.say(
        f"{found.matched.records.count:,} records are {len(sizes):,} people; {joined:,} records share a person with another, "
        f"the largest has {sizes[0]:,}."
    )
    if found.accuracy is not None:
        _tell_accuracy(output, found.accuracy)
    if told is not None:
        _tell_explanation(output, told)
    for made in written:
        output.note(f"wrote {made}")


def _match_on_engine(
    output: Output,
    engine: str,
    table: str,
    *,
    out: str | None,
    config: Path | None,
    decisions: Path | None,
    model: Path | None,
) -> None:
    if model is None:
        raise UsageError(
            "A table of an engine is matched by a model: learn one from a file of a part of its rows, "
            "onefold match part.parquet --save-model people.json, and give it with --model people.json."
        )
    known = bootstrap.load_model(model, model.with_suffix(".key"))
    with waiting(output, "Matching"):
        done = bootstrap.match_on_engine(
            engine, table, known=known, config=config, decisions=decisions, out=out, tell=output.note
        )
    found = done.found
    if output.as_json:
        output.result(
            {
                "records": found.count,
                "people": found.people,
                "largest": found.largest,
                "pairs_compared": found.matched.looked_at,
                "written": list(done.written),
            }
        )
        return
    output.say(f"{found.count:,} records are {found.people:,} people; the largest has {found.largest:,}.")
    for name in done.written:
        output.note(f"wrote {name}")


def _pair(text: str) -> tuple[str, str]:
    one, comma, other = text.partition(",")
    if not comma or not one.strip() or not other.strip():
        raise UsageError("Name two record ids with a comma between them: --explain crm-23,events-24")
    return one.strip(), other.strip()


def _shown(output: Output, *, as_json: bool) -> Callable[[tuple[Field, ...]], None]:
    def show(fields: tuple[Field, ...]) -> None:
        if not as_json:
            output.table(
                "Columns",
                ("column", "holds", "why"),
                ((f.column, f.kind.replace("_", " "), f.why or "stated") for f in fields),
            )

    return show


def _tell_accuracy(output: Output, accuracy: Accuracy) -> None:
    names = ("precision", "recall", "f1", "b3_precision", "b3_recall", "b3")
    shown = [(name, f"{getattr(accuracy, name):.4f}") for name in names]
    shown += [
        ("people", f"{accuracy.people:,} (in truth {accuracy.true_people:,})"),
        ("largest", f"{accuracy.largest:,} (in truth {accuracy.true_largest:,})"),
    ]
    output.table("Accuracy", ("measure", "value"), shown)


def _tell_explanation(output: Output, told: Explanation) -> None:
    end = "one person" if told.one_person else "two people"
    output.table(
        f"{told.record_a} and {told.record_b}: {end}, pair {told.probability:.1%}, else {told.instead}",
        ("field", "level", "weight", "sum"),
        ((step.field, step.level, f"{step.weight:+.2f}", f"{step.sum:+.2f}") for step in told.steps),
    )
