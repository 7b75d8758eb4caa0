"""The report on a file that was loaded: its form, what was noticed by line, and what to do next. It shows no values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from onefold.ingest.reasons import REASONS
from onefold.pipelines.stream.finding_lines import FindingLine

Report = Mapping[str, Any]
"""What `bootstrap.Loaded.report` says of a file."""

_FORMATS = {"csv": "delimited", "jsonl": "JSON lines", "json": "JSON document", "whitespace": "columns apart by blanks",
            "parquet": "Parquet"}  # fmt: skip
_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}
_PACKED = {"gzip": "gz", "bzip2": "bz2", "xz": "xz", "zip": "zip"}
_ENCODINGS = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8 with a byte-order mark"}
_PASSED = {"blank_row": "blank rows", "repeated_header": "headers that came again"}


def add_findings(report: Report, lines: Mapping[str, FindingLine]) -> None:
    """Add what was found of the file's rows only when they were processed, such as what its identifiers are."""
    for code, found in lines.items():
        known = report["findings"].setdefault(code, {"count": 0, "lines": [], "columns": {}})
        known["where"] = [where for where in found.where if where not in known["columns"]]
        if found.count >= known["count"]:
            # What the reader noticed came with the rows.
            known |= {"count": found.count, "lines": found.lines}


def sentences(report: Report) -> Iterator[str]:
    """What to say of one file, most important first; the first sentence names it and how it was read."""
    yield f"{report['file']}: {', '.join(_form(report))}."
    if report["system"]:
        yield f"  recognised: {report['system']}"
    form = report["dialect"] or {}
    if form and not form["encoding_sure"]:
        others = " or ".join(form["encoding_others"]) or "another"
        yield (
            f"  The encoding is not certain: it may be {others}. Look at a name you know (`onefold tail`). If it is wrong, "
            "state `encoding:` in the mapping, raise its `version:`, and load again."
        )
    if report["one_page"]:
        yield "  The file says that it is one page of several: fetch the others, too, and load them."
    for column, forms in report["dates"].items():
        yield f"  Dates in {column!r}: {', '.join(forms)}."
    for name in report["columns_repeated"]:
        yield f"  The header states {name!r} twice; the second column is {name + ' (2)'!r}."
    for reason, tally in report["rejected"].items():
        yield f"  {tally['count']:,} rejected, {reason}, {_lines(tally)}. {REASONS.get(reason, '')}".rstrip()
    for code, tally in report["findings"].items():
        at = [f"column {name!r}" for name in list(tally["columns"])[:5]] + tally.get("where", [])[:5]
        yield f"  {tally['count']:,} with {code}, {', '.join((_lines(tally), *at))}."
    for what, tally in report["passed"].items():
        yield f"  {tally['count']:,} {_PASSED.get(what, what)} passed over, {_lines(tally)}."
    for because, count in report["skipped"].items():
        yield f"  {count:,} rows skipped: {because}."


def _form(report: Report) -> Iterator[str]:
    form = report["dialect"]
    if not form:
        return
    yield f"{report['rows']:,} rows"
    yield _FORMATS[form["format"]]
    if form["format"] == "csv":
        mark = form["delimiter"]
        yield f"divided by {_DELIMITERS.get(mark, repr(mark))}"
    if form["inside"]:
        yield f"the records under {form['inside']!r}"
    if form["escaped"]:
        yield "quotation marks escaped by backslashes"
    if form["format"] != "parquet":
        yield f"encoding {_ENCODINGS.get(form['encoding'], form['encoding'])}"
    if form["compression"]:
        yield f"unpacked from {_PACKED[form['compression']]}"
    if not form["header"]:
        yield "no header"
    elif form["skip_lines"]:
        yield f"header in line {form['skip_lines'] + 1}"


def _lines(tally: Mapping[str, Any]) -> str:
    lines = tally["lines"]
    more = ", …" if tally["count"] > len(lines) else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(map(str, lines))}{more}"
